"""The keys that let clients in, each with the role that it gives."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence

from frontdesk.given_keys import given_keys
from frontdesk.ports import is_loopback
from frontdesk.roles import GIVEN, Role
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

    def __init__(self, keys: Mapping[str, Role]) -> None:
        self._roles = {_hash(key): role for key, role in keys.items()}

    def __len__(self) -> int:
        return len(self._roles)

    @property
    def roles(self) -> list[Role]:
        """Of each key, in order."""
        return list(self._roles.values())

    def role(self, key: str) -> Role | None:
        """What this key may, None when it is not one of them. Takes the same time for any key."""
        presented, found = _hash(key), None
        for known, role in self._roles.items():
            found = role if hmac.compare_digest(presented, known) else found
        return found

    def fingerprint(self, key: str) -> str:
        """A short mark of a key, from which it cannot be had back."""
        return hashlib.sha256(b"fingerprint" + _hash(key)).hexdigest()[:16]

    def role_of(self, fingerprint: str) -> Role | None:
        """What the key with this mark may, as long as it is one of them."""
        marks = {
            hashlib.sha256(b"fingerprint" + known).hexdigest()[:16]: role
            for known, role in self._roles.items()
        }
        return marks.get(fingerprint)


def new_key() -> str:
    """A fresh one, of 256 random bits, that also fits where only HTTP tokens do."""
    return f"fd-{secrets.token_hex(32)}"


def load_keys(settings: Settings) -> dict[str, Role]:
    """All keys of the settings, in order, each with its role: ``view:KEY``, ``approve:KEY``,
    ``full:KEY``; a plain one is ``full``.

    Raises :class:`KeysError` when one is too short or no key, has no role that there is, or two;
    when the file cannot be read, and when there is none but the host is open to other machines.
    """
    keys: dict[str, Role] = {}
    file = settings.api_keys_file
    for source, found in given_keys("FRONTDESK_API_KEYS", settings.api_keys, file, KeysError):
        for number, given in enumerate(found, 1):
            key, role = _read(f"{source}: key {number}", given)
            if keys.setdefault(key, role) is not role:
                raise KeysError(f"{source}: key {number} was given before, with another role")
    if not keys and not is_loopback(settings.host):
        raise KeysError(
            f"{settings.host} can be reached from other machines, so callers need a key: {MEND}. "
            "Or listen on 127.0.0.1, which needs none."
        )
    return keys


def without_keys(settings: Settings) -> Settings:
    """What the rest of the process may know."""
    return settings.model_copy(update={"api_keys": None, "api_keys_file": None, "api_key": None})


def described(roles: Sequence[Role]) -> str:
    """How many keys there are, and of which role, in words."""
    if not roles:
        return "none: open to this machine alone"
    counts = ", ".join(f"{roles.count(role)} {role}" for role in reversed(Role) if role in roles)
    return f"{len(roles)} known: {counts}"


def client_key(settings: Settings, *, ours: bool) -> str | None:
    """The key that our own commands call with: the one they are given, or else, but only to a
    server of ``ours``, the first of those that may most. Raises :class:`KeysError`."""
    if settings.api_key:
        return settings.api_key.get_secret_value()
    keys = load_keys(settings) if ours else {}
    return max(keys, key=lambda key: keys[key], default=None)


def _read(where: str, given: str) -> tuple[str, Role]:
    """A key of the settings, and its role. Raises :class:`KeysError`, which says neither."""
    name, colon, rest = given.partition(":")
    has_role = bool(colon) and re.fullmatch(r"[A-Za-z]{1,12}", name)
    if has_role and name not in GIVEN:
        raise KeysError(
            f"{where} begins with a word and a colon that is no role; there are: {', '.join(GIVEN)}"
        )
    key, role = (rest, GIVEN[name]) if has_role else (given, Role.FULL)
    if not re.fullmatch(r"[!-~]+", key):
        raise KeysError(f"{where} has a space or a letter that headers lack")
    if key.startswith("ek_"):
        raise KeysError(f"{where} begins with ek_, as client secrets do")
    if len(key) < SHORTEST:
        raise KeysError(
            f"{where} has {len(key)} characters and can be guessed; {SHORTEST} is the least. "
            "`frontdesk key` makes a good one"
        )
    return key, role


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()
