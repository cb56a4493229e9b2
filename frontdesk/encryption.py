"""Encryption of what is kept of conversations: Fernet keys, the newest first.

New values are sealed with the first key; any of them opens. What is sealed is Fernet's token before
its base64, so that it begins with the byte 0x80 (https://github.com/fernet/spec) and takes a
quarter less room.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from frontdesk.given_keys import given_keys
from frontdesk.settings import Settings

SEALED = b"\x80"
"""First byte of every sealed value. Neither UTF-8 nor JSON, zlib or FLAC begin with it."""

FIELD = "FRONTDESK_ENCRYPTION_KEYS"


class KeysUnfit(Exception):
    """The keys of the settings cannot be used; the message says what to do, and names no key."""


class KeyGone(Exception):
    """A value is sealed with a key that is not known here, or was tampered with."""

    def __init__(self) -> None:
        super().__init__(
            f"it is encrypted, and with none of the keys in {FIELD}: put the key it was written "
            "with back, behind the newest; nothing is lost"
        )


class Cipher:
    """Seals with the first of its keys, opens with any. Without keys it opens nothing and is
    false: what has one need not be sealed."""

    def __init__(self, keys: list[str] | None = None) -> None:
        self._fernets = [Fernet(key) for key in keys or ()]
        self._all = MultiFernet(self._fernets) if self._fernets else None

    def __bool__(self) -> bool:
        return self._all is not None

    def seal(self, data: bytes) -> bytes:
        """``data`` encrypted and signed: 57 to 72 bytes longer. Without keys, as it is."""
        if self._all is None:
            return data
        return base64.urlsafe_b64decode(self._fernets[0].encrypt(data))

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises :class:`KeyGone`."""
        if self._all is None:
            raise KeyGone
        try:
            return self._all.decrypt(base64.urlsafe_b64encode(sealed))
        except InvalidToken:
            raise KeyGone from None

    def is_newest(self, sealed: bytes) -> bool:
        """Whether a value is sealed with the first key, so that the others need not stay for it."""
        try:
            self._fernets[0].decrypt(base64.urlsafe_b64encode(sealed))
        except (IndexError, InvalidToken):
            return False
        return True


def is_sealed(data: bytes) -> bool:
    """Whether a value is encrypted."""
    return data[:1] == SEALED


def new_key() -> str:
    """A fresh one: 256 random bits, half for AES-128-CBC, half for HMAC-SHA256."""
    return Fernet.generate_key().decode()


def load_cipher(settings: Settings) -> Cipher:
    """With the keys of the settings, those of the file behind the others. Raises
    :class:`KeysUnfit` when one is none, or the file cannot be read."""
    keys: list[str] = []
    file = settings.encryption_keys_file
    for source, found in given_keys(FIELD, settings.encryption_keys, file, KeysUnfit):
        _check(source, found)
        keys += found
    return Cipher(list(dict.fromkeys(keys)))


def _check(source: str, keys: list[str]) -> None:
    if not keys:  # or encryption would be off without a word
        raise KeysUnfit(f"{source}: there is no key in it; `frontdesk key --encryption` makes one")
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:
            raise KeysUnfit(
                f"{source}: key {number} is no Fernet key (32 bytes in URL-safe base64, 44 "
                "characters); `frontdesk key --encryption` makes one"
            ) from None
