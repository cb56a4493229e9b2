"""What the items of a call are to models: what was *heard*, as Responses input."""

from typing import Any

from frontdesk.state.entries import CallState, StoredItem
from frontdesk.team.history import UNSEEN

UNFINISHED = "(no result yet: it still runs, or waits for the user's approval)"
NO_RESULT = "(no result was given)"
WITHHELD = "(What the caller said here was withheld by a guardrail.)"


def newest(state: CallState) -> dict[str, Any] | None:
    """The last item of the conversation that is on the wire, but for the answer being made."""
    items = (stored.item for stored in reversed(state.items) if not stored.hidden)
    return next((item for item in items if not being_made(item)), None)


def being_made(item: dict[str, Any]) -> bool:
    """Whether it is the answer under way: the caller may have been told already that it takes
    longer, but nobody asks with that."""
    return item.get("role") == "assistant" and item.get("status") == "in_progress"


def message_text(item: dict[str, Any]) -> str:
    """The words of a message item: its text, or the transcript of its audio."""
    parts: list[dict[str, Any]] = item.get("content") or []
    words: list[str] = [part.get("text") or part.get("transcript") or "" for part in parts]
    return " ".join(word.strip() for word in words if word.strip())


def words_heard(stored: StoredItem) -> str:
    """Of an answer, what the caller heard, or read, as far as is known."""
    return message_text(stored.item) if stored.heard is None else stored.heard


def is_answer(stored: StoredItem) -> bool:
    """Whether it is an answer that the caller heard to its end."""
    item, words = stored.item, message_text(stored.item)
    if item.get("role") != "assistant" or item.get("status") != "completed" or not words:
        return False
    return stored.heard is None or stored.heard.strip() == words.strip()


def input_items(stored: StoredItem, sees: bool) -> list[dict[str, Any]]:
    """What an item is to a model, which ``sees`` images or is told of them in words.

    Assistant messages are cut to what the caller heard; messages nobody heard are nothing. A call
    to an MCP server of the client is two things.
    """
    if stored.item.get("type") == "mcp_call":
        return _mcp_call(stored.item)
    found = _input_item(stored, sees)
    return [] if found is None else [found]


def _mcp_call(item: dict[str, Any]) -> list[dict[str, Any]]:
    error: dict[str, Any] | None = item["error"]
    output: str | None = item["output"]
    if output is None:
        output = f"Error: {error['message']}" if error else UNFINISHED
    called = {"call_id": item["id"], "name": item["name"], "arguments": item["arguments"] or "{}"}
    return [
        {"type": "function_call", **called},
        {"type": "function_call_output", "call_id": item["id"], "output": output},
    ]


def shows_image(item: dict[str, Any]) -> bool:
    """Whether a message item has an image in it."""
    return any(part["type"] == "input_image" for part in item.get("content") or ())


def _content(item: dict[str, Any], sees: bool) -> str | list[dict[str, Any]]:
    """The words of a message, or its words and images in their order."""
    if not shows_image(item):
        return message_text(item)
    content: list[dict[str, Any]] = []
    for part in item["content"]:
        if part["type"] == "input_image" and sees:
            content.append(part)
        elif part["type"] == "input_image":
            content.append({"type": "input_text", "text": UNSEEN})
        elif words := part.get("text") or part.get("transcript"):
            content.append({"type": "input_text", "text": words})
    return content


def _input_item(stored: StoredItem, sees: bool) -> dict[str, Any] | None:
    item = stored.item
    if stored.hidden:  # its id is the log's own, not the model's
        return {key: value for key, value in item.items() if key != "id"}
    if stored.withheld:
        return {"role": item["role"], "content": WITHHELD}
    match item.get("type"):
        case "message" if not being_made(item):
            content = _content(item, sees) if stored.heard is None else stored.heard
            return {"role": item["role"], "content": content} if content else None
        case "function_call":
            kept = ("type", "call_id", "name", "arguments")
            return {key: item[key] for key in kept if key in item}
        case "function_call_output":
            return {key: item[key] for key in ("type", "call_id", "output")}
        case _:
            return None
