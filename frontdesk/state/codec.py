"""How JSON is kept in the store: compressed where that pays, encrypted where there are keys.

The first byte says which, so that values of any age and of any worker stand side by side in one
log, and a desk can be given keys, or newer code, while calls live:

=========  =====================================================================================
``{ [``    JSON as it is: what is small, and what older versions wrote
``0x78``   zlib over JSON
``0x01``   raw deflate over JSON, with the dictionary of :mod:`frontdesk.state.dictionary`
``0x80``   a Fernet token (without its base64) over one of the above
=========  =====================================================================================
"""

import zlib

from frontdesk.encryption import Cipher, KeyGone, is_sealed
from frontdesk.state.dictionary import DICTIONARY
from frontdesk.state.errors import Unreadable

SMALL = 64
"""Bytes of JSON up to which there is nothing to gain."""
LARGE = 8 * 1024
"""Bytes from which on zlib's full window is worth the 30 µs that it takes to set up."""

_DEFLATED = b"\x01"
_WINDOW, _MEMORY = -12, 4

_PRIMED = zlib.compressobj(
    zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=DICTIONARY
)
"""A copy of it takes 3 µs less than to read the dictionary anew for each line, and 30 less than one
with the usual window."""


class Codec:
    """Turns JSON into what is stored, and back. Shared by all that keeps content in the store."""

    def __init__(self, cipher: Cipher | None = None) -> None:
        self.cipher = cipher or Cipher()

    def encode(self, data: bytes) -> bytes:
        """What to store for ``data``, a JSON object or array."""
        return self.cipher.seal(_pack(data))

    def decode(self, stored: bytes, whose: str) -> bytes:
        """The JSON that was encoded. Raises :class:`Unreadable`, saying of ``whose`` value what
        is wrong; the value is left as it is."""
        try:
            return _unpack(self.cipher.open(stored) if is_sealed(stored) else stored)
        except (KeyGone, ValueError, zlib.error) as error:
            raise Unreadable(f"{whose} cannot be read: {error}") from error


def _pack(data: bytes) -> bytes:
    if len(data) <= SMALL:
        return data
    if len(data) >= LARGE:
        return zlib.compress(data)
    packer = _PRIMED.copy()
    packed = _DEFLATED + packer.compress(data) + packer.flush()
    return packed if len(packed) < len(data) else data


def _unpack(packed: bytes) -> bytes:
    first = packed[:1]
    if first in (b"{", b"["):
        return packed
    if first == b"\x78":
        return zlib.decompress(packed)
    if first == _DEFLATED:
        unpacker = zlib.decompressobj(_WINDOW, DICTIONARY)
        data = unpacker.decompress(packed[1:])
        if not unpacker.eof:
            raise ValueError("it is cut short")
        return data
    raise ValueError(f"it begins with {first!r}, which this version does not know")
