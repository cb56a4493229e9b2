"""JSON text frames in and out.

Two kinds of frame outnumber all others: audio appended by the client and audio sent to it. The
first is decoded straight into a struct, the second is put together from bytes; the rest goes
through a general JSON codec.
"""

from typing import Any, cast

import msgspec
import orjson
import pybase64

from frontdesk.protocol.errors import ProtocolError

MAX_DEPTH = 100
"""Nesting allowed in a client event; the encoder that echoes it gives up at 254."""


class Append(
    msgspec.Struct,
    tag_field="type",
    tag="input_audio_buffer.append",
    forbid_unknown_fields=True,
    gc=False,
):
    """The one client event that comes fifty times a second."""

    audio: str
    event_id: str | None = None


_decode_append = msgspec.json.Decoder(Append).decode


def decode(frame: str | bytes) -> Append | dict[str, Any]:
    """Parse one client frame. Raises :class:`ProtocolError` when it is not a JSON object."""
    return decode_append(frame) or _decode_any(frame)


def decode_append(frame: str | bytes) -> Append | None:
    """The one client event, if that is what the frame is."""
    try:
        return _decode_append(frame)
    except (msgspec.DecodeError, UnicodeError):
        return None


def _decode_any(frame: str | bytes) -> dict[str, Any]:
    try:
        event: object = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        kind = "binary frame" if isinstance(frame, bytes) else "text frame"
        raise ProtocolError(
            "invalid_event", f"This {kind} is not JSON: {error}. Send JSON text frames."
        ) from None
    if not isinstance(event, dict):
        raise ProtocolError("invalid_event", "An event must be a JSON object.")
    if _brackets(frame) > MAX_DEPTH and _deeper_than(MAX_DEPTH, event):  # pyright: ignore[reportUnknownArgumentType]
        raise ProtocolError("invalid_event", f"Nested deeper than {MAX_DEPTH} levels.")
    return cast(dict[str, Any], event)


def _brackets(frame: str | bytes) -> int:
    """An upper bound of the depth, cheap enough for every frame."""
    if isinstance(frame, bytes):
        return frame.count(b"{") + frame.count(b"[")
    return frame.count("{") + frame.count("[")


def _deeper_than(limit: int, value: object) -> bool:
    level: list[object] = [value]
    for _ in range(limit):
        deeper: list[object] = []
        for container in level:
            if isinstance(container, dict):
                deeper.extend(cast(dict[str, object], container).values())
            elif isinstance(container, list):
                deeper.extend(cast(list[object], container))
        level = [child for child in deeper if isinstance(child, (dict, list))]
        if not level:
            return False
    return True


def encode(value: Any) -> bytes:
    return orjson.dumps(value)


def audio_delta_parts(fields: dict[str, Any]) -> tuple[bytes, bytes]:
    """The bytes of a ``response.output_audio.delta`` around its event id and its audio."""
    body = encode(fields)
    return b'{"event_id":"', b'",' + body[1:-1] + b',"delta":"'


def audio_delta(parts: tuple[bytes, bytes], event_id: str, audio: bytes) -> bytes:
    """One ``response.output_audio.delta`` frame."""
    head, middle = parts
    return b"".join((head, event_id.encode(), middle, pybase64.b64encode(audio), b'"}'))


def decode_base64(text: str, param: str) -> bytes:
    """Audio from base64. Raises :class:`ProtocolError` naming ``param``."""
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        raise ProtocolError(
            "invalid_value", f"Invalid value for '{param}': not valid base64.", param
        ) from None
