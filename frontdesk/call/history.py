"""What the team's models see of a call: the conversation as it was *heard*, as Responses input."""

from collections.abc import Sequence
from itertools import chain, islice
from typing import Any, cast

from agents import TResponseInputItem
from frontdesk.state.entries import CallState, StoredItem

MAX_ITEMS = 120
"""Items passed to a model. The SDK's runner costs 0.12 to 0.15 ms for each earlier turn it is
given (measured, docs/performance.md), so the list is bounded; the log keeps everything."""

NO_RESULT = "(no result was given)"


def model_input(
    state: CallState, *, extra: Sequence[dict[str, Any]] = ()
) -> list[TResponseInputItem]:
    """The conversation as SDK input items, oldest first, ``extra`` wire items at the end.

    Assistant messages are cut to what the caller heard; messages nobody heard are left out. A
    call without its output gets one that says so, since models refuse an orphan.
    """
    newest_first = chain(map(StoredItem, reversed(extra)), reversed(state.items))
    seen = (found for stored in newest_first if (found := _input_item(stored)) is not None)
    items = [*islice(seen, MAX_ITEMS + 1)][::-1]  # of a long call, no more than is passed on
    return cast("list[TResponseInputItem]", _paired(_bounded(items)))


def newest(state: CallState) -> dict[str, Any] | None:
    """The last item of the conversation that is on the wire."""
    return next((stored.item for stored in reversed(state.items) if not stored.hidden), None)


def message_text(item: dict[str, Any]) -> str:
    """The words of a message item: its text, or the transcript of its audio."""
    parts: list[dict[str, Any]] = item.get("content") or []
    words: list[str] = [part.get("text") or part.get("transcript") or "" for part in parts]
    return " ".join(word.strip() for word in words if word.strip())


def _input_item(stored: StoredItem) -> dict[str, Any] | None:
    item = stored.item
    if stored.hidden:  # its id is the log's own, not the model's
        return {key: value for key, value in item.items() if key != "id"}
    match item.get("type"):
        case "message":
            text = message_text(item) if stored.heard is None else stored.heard
            return {"role": item["role"], "content": text} if text else None
        case "function_call":
            kept = ("type", "call_id", "name", "arguments")
            return {key: item[key] for key in kept if key in item}
        case "function_call_output":
            return {key: item[key] for key in ("type", "call_id", "output")}
        case _:
            return None


def _bounded(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last items, cut where a user speaks, so that no call is parted from its output."""
    if len(items) <= MAX_ITEMS:
        return items
    kept = items[-MAX_ITEMS:]
    starts = (place for place, item in enumerate(kept) if item.get("role") == "user")
    return kept[next(starts, 0) :]


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
