"""What the team's models see of a call: the conversation as it was *heard*, as Responses input."""

from collections.abc import Iterable
from typing import Any, cast

from agents import TResponseInputItem
from frontdesk.call.context import Limits, fitted
from frontdesk.state.entries import CallState, StoredItem
from frontdesk.team.history import UNSEEN

UNFINISHED = "(no result yet: it still runs, or waits for the user's approval)"
NO_RESULT = "(no result was given)"
WITHHELD = "(What the caller said here was withheld by a guardrail.)"


def model_input(
    state: CallState,
    *,
    extra: Iterable[dict[str, Any]] = (),
    sees: bool = True,
    limits: Limits | None = None,
) -> list[TResponseInputItem]:
    """The conversation as SDK input items, oldest first, ``extra`` wire items at the end.

    Assistant messages are cut to what the caller heard; messages nobody heard are left out. A
    call without its output gets one that says so, since models refuse an orphan. A model that
    does not see is told of images in words. Raises
    :class:`~frontdesk.call.context.ContextTooLong` where ``limits`` say so.
    """
    return placed_input(state, (), extra=extra, sees=sees, limits=limits)[0]


def placed_input(
    state: CallState,
    places: Iterable[int],
    *,
    extra: Iterable[dict[str, Any]] = (),
    sees: bool = True,
    limits: Limits | None = None,
) -> tuple[list[TResponseInputItem], list[int]]:
    """As :func:`model_input`, and where in it that begins which stands in ``state.items`` from each
    of ``places`` on."""
    found = [(at, item) for at, s in enumerate(state.items) for item in _input_items(s, sees)]
    items = [item for _, item in found]
    items += [made for item in extra for made in _input_items(StoredItem(item), sees)]
    items = fitted(_paired(items), limits or Limits())
    # By identity, as outputs move up to their calls and the oldest items may be gone.
    origin = {id(item): at for at, item in found if item.get("type") != "function_call_output"}
    begins = [
        next((n for n, item in enumerate(items) if origin.get(id(item), -1) >= place), len(items))
        for place in places
    ]
    return cast("list[TResponseInputItem]", items), begins


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


def _input_items(stored: StoredItem, sees: bool) -> list[dict[str, Any]]:
    """What an item is to a model: a call to an MCP server of the client is two things."""
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


def _paired(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outputs right behind their calls, and one made up for a call that never got any."""
    outputs = {
        item["call_id"]: item for item in items if item.get("type") == "function_call_output"
    }
    paired: list[dict[str, Any]] = []
    run: list[dict[str, Any]] = []  # calls made side by side stay side by side

    def close_run() -> None:
        for call in run:
            missing = {
                "type": "function_call_output",
                "call_id": call["call_id"],
                "output": NO_RESULT,
            }
            paired.append(outputs.get(call["call_id"], missing))
        run.clear()

    for item in items:
        kind = item.get("type")
        if kind == "function_call_output":
            close_run()
            continue
        if kind != "function_call":
            close_run()
        else:
            run.append(item)
        paired.append(item)
    close_run()
    return paired
