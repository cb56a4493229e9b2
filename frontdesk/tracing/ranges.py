"""A part of what is in memory, as RFC 9110, 14 asks for it."""

import re
from collections.abc import Mapping

from starlette.responses import Response

_ONE = re.compile(r"bytes=(\d*)-(\d*)")


def ranged(
    data: bytes, wanted: str | None, media_type: str, headers: Mapping[str, str]
) -> Response:
    """``data``, or the one range of it that the header ``wanted`` asks for. What is no range of
    bytes, or several, gets all, as the RFC allows; one that begins behind the end gets 416."""
    told = {**headers, "accept-ranges": "bytes"}
    found = _ONE.fullmatch(wanted or "")
    if not found or not any(found.groups()):
        return Response(data, 200, told, media_type)
    first, last = found.groups()
    size = len(data)
    begin = int(first) if first else max(0, size - int(last))
    end = min(int(last) + 1, size) if first and last else size
    if first and last and int(last) < begin:  # no range at all: 14.1.1
        return Response(data, 200, told, media_type)
    if begin >= end:
        return Response(b"", 416, {**told, "content-range": f"bytes */{size}"})
    told["content-range"] = f"bytes {begin}-{end - 1}/{size}"
    return Response(data[begin:end], 206, told, media_type)
