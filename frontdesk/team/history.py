"""Puts a call's history into a form that every model accepts."""

from typing import Any, cast

from agents import TResponseInputItem

NO_OUTPUT_YET = "No result has come back yet."
UNSEEN = "(The caller sent an image, which you cannot see.)"


def complete(history: list[TResponseInputItem]) -> list[TResponseInputItem]:
    """``history`` with each tool call directly followed by its output.

    Models refuse a call without an output and an output without a call, and many servers also
    refuse words between the two. A client may answer its tool late or never: its output is moved
    up to the call, and a call without one gets a placeholder. Outputs of unknown calls go.

    An empty history (the agent speaks first) becomes one note that the call has begun.
    """
    if not history:
        note = "(The call has just begun. The caller has not said anything yet.)"
        return [{"role": "developer", "content": note}]
    items = cast("list[dict[str, Any]]", history)
    outputs = {
        item["call_id"]: item for item in items if item.get("type") == "function_call_output"
    }
    completed: list[Any] = []
    for item in items:
        kind = item.get("type")
        if kind == "function_call_output":
            continue
        completed.append(item)
        if kind == "function_call":
            call_id = item["call_id"]
            completed.append(outputs.get(call_id) or output_item(call_id, NO_OUTPUT_YET))
    return completed


def without_images(items: str | list[TResponseInputItem]) -> str | list[TResponseInputItem]:
    """``items`` for a model that cannot see: it is told of images in words."""
    return items if isinstance(items, str) else [_in_words(item) for item in items]


def _in_words(item: TResponseInputItem) -> TResponseInputItem:
    content: Any = _fields(item).get("content")
    if not isinstance(content, list):
        return item
    parts = [
        {"type": "input_text", "text": UNSEEN} if part.get("type") == "input_image" else part
        for part in cast("list[dict[str, Any]]", content)
    ]
    return cast("TResponseInputItem", {**_fields(item), "content": parts})


def call_item(call_id: str, name: str, arguments: str) -> TResponseInputItem:
    """A tool call as input. No item id: it would refer to state at one provider."""
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def output_item(call_id: str, output: str) -> TResponseInputItem:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def _fields(item: TResponseInputItem) -> dict[str, Any]:
    return cast("dict[str, Any]", item)
