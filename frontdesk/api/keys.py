"""The keys that let clients in."""

import hashlib
import hmac
import re
import secrets

from frontdesk.given_keys import given_keys
from frontdesk.ports import is_loopback
from frontdesk.settings import Settings

SHORTEST = 16
"""Characters. What is shorter can be guessed."""

MEND = (
    "make a key with `frontdesk key`, put it into FRONTDESK_API_KEYS (or a file that "
    "FRONTDESK_API_KEYS_FILE names), and give it to your clients"
)


class KeysError(Exception):
    """The keys of the settings cannot be used; the message says what to do, and names no key."""


class Keys:
    """Known by their hashes only. When there are none, this machine's clients come in without."""

    def __init__(self, keys: list[str]) -> None:
        self._hashes = [_hash(key) for key in keys]

    def __len__(self) -> int:
        return len(self._hashes)

    def accept(self, key: str) -> bool:
        """Whether this is one of them. Takes the same time for any key."""
        presented, accepted = _hash(key), False
        for known in self._hashes:
            accepted |= hmac.compare_digest(presented, known)
        return accepted

    def fingerprint(self, key: str) -> str:
        """A short mark of a key, from which it cannot be had back."""
        return hashlib.sha256(b"fingerprint" + _hash(key)).hexdigest()[:16]

    def knows(self, fingerprint: str) -> bool:
        """Whether the key with this mark is still one of them."""
        return fingerprint in {
            hashlib.sha256(b"fingerprint" + known).hexdigest()[:16] for known in self._hashes
        }


def new_key() -> str:
    """A fresh one, of 256 random bits, that also fits where only HTTP tokens do."""
    return f"fd-{secrets.token_hex(32)}"


def load_keys(settings: Settings) -> list[str]:
    """All keys of the settings, in order.

    Raises :class:`KeysError` when one is too short or no key, when the file cannot be read, and
    when there is none but the host is open to other machines.
    """
    keys: list[str] = []
    file = settings.api_keys_file
    for source, found in given_keys("FRONTDESK_API_KEYS", settings.api_keys, file, KeysError):
        _check(source, found)
        keys += found
    if not keys and not is_loopback(settings.host):
        raise KeysError(
            f"{settings.host} can be reached from other machines, so callers need a key: {MEND}. "
            "Or listen on 127.0.0.1, which needs none."
        )
    return list(dict.fromkeys(keys))


def without_keys(settings: Settings) -> Settings:
    """What the rest of the process may know."""
    return settings.model_copy(update={"api_keys": None, "api_keys_file": None, "api_key": None})


def client_key(settings: Settings, *, ours: bool) -> str | None:
    """The key that our own commands call with: the one they are given, or else, but only to a
    server of ``ours``, one of those it lets in. Raises :class:`KeysError`."""
    if settings.api_key:
        return settings.api_key.get_secret_value()
    return next(iter(load_keys(settings)), None) if ours else None


def _check(source: str, keys: list[str]) -> None:
    for number, key in enumerate(keys, 1):
        if not re.fullmatch(r"[!-~]+", key):
            raise KeysError(f"{source}: key {number} has a space or a letter that headers lack")
        if key.startswith("ek_"):
            raise KeysError(f"{source}: key {number} begins with ek_, as client secrets do")
        if len(key) < SHORTEST:
            raise KeysError(
                f"{source}: key {number} has {len(key)} characters and can be guessed; "
                f"{SHORTEST} is the least. `frontdesk key` makes a good one"
            )


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()
