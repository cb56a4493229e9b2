"""How JSON is kept in the store: compressed where that pays, encrypted where there are keys.

The first byte says which, so that values of any age and of any worker stand side by side in one
log, and a desk can be given keys, or newer code, while calls live:

=========  =====================================================================================
``{ [``    JSON as it is: what is small, and what older versions wrote
``0x00``   other bytes as they are
``0x01``   raw deflate, with the dictionary of :mod:`frontdesk.state.dictionary`
``0x02``   ids set apart (:mod:`frontdesk.state.pooling`): their bytes' number, in four, then they
           themselves, then zlib over the rest
``0x78``   zlib, by older versions
``0x80``   a Fernet token (without its base64) over one of the above
=========  =====================================================================================
"""

import zlib
from collections.abc import Iterable

from frontdesk.encryption import Cipher, KeyGone, is_sealed
from frontdesk.state.dictionary import DICTIONARY
from frontdesk.state.errors import Unreadable
from frontdesk.state.pooling import pool, unpool

SMALL = 64
"""Bytes up to which there is nothing to gain."""
LARGE = 8 * 1024
"""Bytes from which on zlib's full window is worth the 30 µs that it takes to set up."""

_JSON = (b"{", b"[")
_RAW, _DEFLATED, _POOLED = b"\x00", b"\x01", b"\x02"
_WINDOW, _MEMORY = -12, 4

_PRIMED = zlib.compressobj(
    zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=DICTIONARY
)
"""A copy of it takes 3 µs less than to read the dictionary anew for each line, and 30 less than one
with the usual window."""


class Codec:
    """Turns content into what is stored, and back. Made for JSON; keeps any bytes."""

    def __init__(self, cipher: Cipher | None = None) -> None:
        self.cipher = cipher or Cipher()

    def encode(self, data: bytes) -> bytes:
        """What to store for ``data``."""
        return self.cipher.seal(_pack(data))

    def encode_all(self, values: Iterable[bytes]) -> list[bytes]:
        """What to store for each."""
        return [self.encode(value) for value in values]

    def decode(self, stored: bytes, whose: str) -> bytes:
        """What was encoded. Raises :class:`Unreadable`, saying of ``whose`` value what
        is wrong; the value is left as it is."""
        try:
            return _unpack(self.cipher.open(stored) if is_sealed(stored) else stored)
        except (KeyGone, LookupError, ValueError, zlib.error) as error:
            raise Unreadable(f"{whose} cannot be read: {error}") from error


def _pack(data: bytes) -> bytes:
    if len(data) >= LARGE:
        marked, ids = pool(data)
        return b"%b%b%b%b" % (_POOLED, len(ids).to_bytes(4), ids, zlib.compress(marked))
    if len(data) > SMALL:
        packer = _PRIMED.copy()
        packed = _DEFLATED + packer.compress(data) + packer.flush()
        if len(packed) < len(data):
            return packed
    return data if data[:1] in _JSON else _RAW + data


def _unpack(packed: bytes) -> bytes:
    first, rest = packed[:1], packed[1:]
    if first in _JSON:
        return packed
    if first == _RAW:
        return rest
    if first == _DEFLATED:
        return _inflated(rest, _WINDOW, DICTIONARY)
    if first == _POOLED:
        end = 4 + int.from_bytes(rest[:4])
        return unpool(_inflated(rest[end:]), rest[4:end])
    if first == b"\x78":
        return zlib.decompress(packed)
    raise ValueError(f"it begins with {first!r}, which this version does not know")


def _inflated(packed: bytes, window: int = zlib.MAX_WBITS, dictionary: bytes = b"") -> bytes:
    unpacker = zlib.decompressobj(window, dictionary)
    data = unpacker.decompress(packed)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("it is cut short")
    return data
