"""Random ids set apart from the JSON they stand in, for what has hundreds of them.

Half of a long call's snapshot is ids of 24 and 32 hex digits: deflate cannot pack them, and they
break what it could match around them. Each is taken out once, as bytes; in its place stands a mark,
and where it comes again, how far back the first was. A call of 600 items takes 43 KiB so, and 56
without (docs/performance.md). Marks are control characters, which JSON never has in it raw.
"""

import re
from binascii import hexlify, unhexlify

_MARKS = (b"\x01", b"\x02", b"\x03", b"\x04")
_SHORT, _LONG, _AGAIN, _STOP = _MARKS
_SIZES = {_SHORT: 12, _LONG: 16}  # in bytes, so 24 or 32 digits

_ID = re.compile(rb'([_/])([0-9a-f]{24}(?:[0-9a-f]{8})?)(?=")')
_MARK = re.compile(rb"[\x01\x02]|\x03([0-9a-f]+)\x04")


def pool(data: bytes) -> tuple[bytes, bytes]:
    """``data`` with marks for ids, and the ids. No mark and no ids where it is not raw JSON."""
    if any(mark in data for mark in _MARKS):
        return data, b""
    known: dict[bytes, int] = {}

    def mark(found: re.Match[bytes]) -> bytes:
        before, digits = found.groups()
        place = known.get(digits)
        if place is not None:
            return b"%b%b%x%b" % (before, _AGAIN, len(known) - 1 - place, _STOP)
        known[digits] = len(known)
        return before + (_SHORT if len(digits) == 24 else _LONG)

    marked = _ID.sub(mark, data)
    return marked, unhexlify(b"".join(known))


def unpool(marked: bytes, ids: bytes) -> bytes:
    """The inverse of :func:`pool`. Raises ``ValueError`` or ``LookupError`` when they do not
    belong together."""
    if not ids:
        return marked
    known: list[bytes] = []
    at = 0

    def digits(found: re.Match[bytes]) -> bytes:
        nonlocal at
        if found[1]:
            return known[-1 - int(found[1], 16)]
        size = _SIZES[found[0]]
        known.append(hexlify(ids[at : at + size]))
        at += size
        return known[-1]

    data = _MARK.sub(digits, marked)
    if at != len(ids):
        raise ValueError("its ids are cut short")
    return data
