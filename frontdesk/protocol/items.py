"""Conversation items as plain dicts: made, read and checked. None is ever altered in place."""

from collections.abc import Callable
from typing import Any, cast

from frontdesk.protocol import images, wire
from frontdesk.protocol.commands import Item
from frontdesk.protocol.errors import invalid_value
from frontdesk.protocol.input_audio import check_size
from frontdesk.protocol.schema import ITEM
from frontdesk.protocol.validation import check


def from_client(given: dict[str, Any], ids: Callable[[str], str], prefix: str) -> Item:
    """A whole item from what a client sent: id given or made, status ``completed``.

    Raises :class:`ProtocolError` naming the bad field under ``prefix``.
    """
    item = _without_nulls(given)
    check(ITEM, item, prefix)
    given_id = item.pop("id", None)
    if item["type"] == "mcp_approval_response":  # MCP items have no status
        kept = {key: value for key, value in item.items() if key not in ("object", "status")}
        return {"id": given_id or ids("item"), **kept}
    item = {"id": given_id or ids("item"), **item, "object": "realtime.item", "status": "completed"}
    if item["type"] == "function_call":
        item.setdefault("call_id", ids("call"))
    if item["type"] == "message":
        parts = cast(list[dict[str, Any]], item["content"])
        item["content"] = [
            _content(part, f"{prefix}.content[{index}]") for index, part in enumerate(parts)
        ]
    return item


def _without_nulls(given: dict[str, Any]) -> Item:
    """Clients that dump whole models send null for fields of other content types."""
    item = {key: value for key, value in given.items() if value is not None}
    if isinstance(item.get("content"), list):
        item["content"] = [
            {k: v for k, v in cast(dict[str, Any], part).items() if v is not None}
            if isinstance(part, dict)
            else part
            for part in cast(list[object], item["content"])
        ]
    return item


def _content(part: dict[str, Any], param: str) -> dict[str, Any]:
    if part["type"] == "input_audio":
        if "audio" not in part and "transcript" not in part:
            raise invalid_value(param, "give 'audio' or 'transcript'.")
        if "audio" in part:
            check_size(len(part["audio"]), f"{param}.audio")
            wire.decode_base64(part["audio"], f"{param}.audio")
        # A JavaScript client crashes on audio without the key.
        return {"transcript": None, **part}
    if part["type"] == "input_image":
        images.check(part["image_url"], f"{param}.image_url")
        return {"detail": "auto", **part}
    if part["type"] == "output_audio":
        return {"type": "output_audio", "transcript": part.get("transcript", "")}
    return part


def given_audio(item: Item) -> bytes | None:
    """The sound of a user message that came without its words."""
    for part in item.get("content", ()):
        if part["type"] == "input_audio" and part.get("audio") and part.get("transcript") is None:
            return wire.decode_base64(part["audio"], "audio")
    return None


def is_written(item: Item) -> bool:
    """Whether a user message says something by itself: not one whose words are still to come from
    the audio that was committed."""
    return any(
        part["type"] != "input_audio" or part.get("audio") or part.get("transcript")
        for part in item.get("content", ())
    )


def without_audio(item: Item) -> Item:
    """The item as it is kept and shown: audio is passed on once, then dropped."""
    if not any("audio" in part for part in item.get("content", ())):
        return item
    parts = [{k: v for k, v in part.items() if k != "audio"} for part in item["content"]]
    return {**item, "content": parts}


def user_audio(item_id: str) -> Item:
    """The user message that a committed input buffer becomes."""
    return {
        "id": item_id,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }


def is_committed(item: Item) -> bool:
    """Whether this is a user message made of the input buffer, its words still to come."""
    content: list[dict[str, Any]] = item.get("content") or []
    return item.get("role") == "user" and content == [{"type": "input_audio", "transcript": None}]


def with_transcript(item: Item, index: int, transcript: str) -> Item:
    """The item with the words of content part ``index`` replaced."""
    parts = list(item["content"])
    parts[index] = {**parts[index], "transcript": transcript}
    return {**item, "content": parts}


def audio_index(item: Item, kind: str) -> int | None:
    """Where the first content part of ``kind`` (``input_audio``, ``output_audio``) stands."""
    for index, part in enumerate(item.get("content", ())):
        if part["type"] == kind:
            return index
    return None


def is_spoken(item: Item) -> bool:
    """Whether this is an assistant message in audio."""
    return audio_index(item, "output_audio") is not None
