"""What the conversation upstream has of ours, and what it takes to make them the same.

Our log is the truth: what was heard, withheld, summed up or left out is so there first. Before each
answer the conversation upstream is brought up to it. What it has in sound it keeps in sound, for as
long as our words of it are the same.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from agents import TResponseInputItem

_BLANKS = re.compile(r"\s+")


def unworded(item_id: str) -> str:
    """What stands in a history for speech whose words are not known yet."""
    return f"(speech {item_id})"


@dataclass(slots=True, eq=False)
class Entry:
    """An item upstream. ``text`` are its words, or what tells a tool call or an output from all
    others; ``speech`` the item of ours that it is the sound of; ``answer`` the number of the answer
    that said it, 0 if it was not said upstream; ``cut``: no more than a part of it was heard."""

    item_id: str
    kind: str
    text: str
    speech: str | None = None
    answer: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Creation:
    """An item to create upstream; ``after`` None: at the end."""

    item: dict[str, Any]
    after: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What makes the two the same, in this order."""

    deleted: list[str] = field(default_factory=list[str])
    created: list[Creation] = field(default_factory=list[Creation])


class Mirror:
    """``new_id`` gives ids for the items that we create."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._entries: list[Entry] = []

    def added(self, entry: Entry) -> Entry:
        """The item has come to be upstream, at the end."""
        self._entries.append(entry)
        return entry

    def get(self, item_id: str) -> Entry | None:
        """The item upstream of this id."""
        return next((entry for entry in self._entries if entry.item_id == item_id), None)

    def remove(self, entry: Entry) -> None:
        """The item is gone upstream."""
        if entry in self._entries:
            self._entries.remove(entry)

    def worded(self, speech: str, words: str) -> None:
        """The words of what was sent as sound."""
        for entry in self._entries:
            if entry.speech == speech:
                entry.text = _plain(words)

    def follow(self, history: Iterable[TResponseInputItem]) -> Changes:
        """Take on ``history``; what has to be done upstream for it."""
        unused, line = [*self._entries], list[Entry]()
        made: dict[str, dict[str, Any]] = {}
        for item in history:
            wanted = cast("dict[str, Any]", item)
            kind, text = _named(wanted)
            if not kind:
                continue
            found = _taken(unused, kind, text)
            if not found:
                found = [Entry(self._new_id(), kind, text)]
                made[found[0].item_id] = _as_item(wanted, kind, found[0].item_id)
            line += found
        self._entries = line
        return Changes([entry.item_id for entry in unused], _creations(line, made))


def _creations(line: list[Entry], made: dict[str, dict[str, Any]]) -> list[Creation]:
    created: list[Creation] = []
    last_kept = max((at for at, entry in enumerate(line) if entry.item_id not in made), default=-1)
    for at, entry in enumerate(line):
        if entry.item_id in made:
            before = line[at - 1].item_id if at else "root"
            created.append(Creation(made[entry.item_id], before if at < last_kept else None))
    return created


def _taken(unused: list[Entry], kind: str, text: str) -> list[Entry]:
    """What upstream is already the item wanted; it is no longer unused."""
    if kind == "assistant":
        found = _answer(unused, text)
    else:
        same = (entry for entry in unused if entry.kind == kind and _is(entry, text))
        found = [*itertools.islice(same, 1)]
    for entry in found:
        unused.remove(entry)
    return found


def _is(entry: Entry, text: str) -> bool:
    return entry.text == text or (entry.speech is not None and text == unworded(entry.speech))


def _answer(unused: list[Entry], text: str) -> list[Entry]:
    """The messages of one answer. Ours is one item; upstream it may be several, between tool calls,
    and what we said ourselves in between is not upstream."""
    for entry in unused:
        if entry.kind == "assistant":
            whole = [e for e in unused if e.kind == entry.kind and e.answer == entry.answer]
            whole = whole if entry.answer else [entry]
            if _says(whole, text):
                return whole
    return []


def _says(messages: list[Entry], text: str) -> bool:
    """Whether the messages are in ``text``, in their order, one that was cut to its part."""
    rest = text
    for message in messages:
        said = _plain(message.text)
        at = rest.find(said)
        if at >= 0:
            rest = rest[at + len(said) :]
        elif not (message.cut and _ends_within(rest, said)):
            return False
    return any(message.text for message in messages)


def _ends_within(heard: str, said: str) -> bool:
    """Whether what was heard ends with a beginning of what was said."""
    tail = heard.strip()
    return not tail or any(
        said.startswith(tail[at:]) for at in range(len(tail)) if not at or tail[at - 1] == " "
    )


def _named(item: dict[str, Any]) -> tuple[str, str]:
    """What kind of item it is, nothing for one that has no place upstream, and what tells it from
    others of its kind."""
    match item.get("type", "message"):
        case "function_call":
            return "call", item["call_id"]
        case "function_call_output":
            return "output", f"{item['call_id']} {_output(item['output'])}"
        case "message":
            kind = item["role"] if item["role"] in ("user", "assistant") else "system"
            parts = _parts(item["content"])
            return kind, _plain(" ".join(part.get("image_url") or part["text"] for part in parts))
        case _:
            return "", ""


def _as_item(item: dict[str, Any], kind: str, item_id: str) -> dict[str, Any]:
    """The item as it is created upstream."""
    match kind:
        case "call":
            kept = {key: item[key] for key in ("call_id", "name", "arguments")}
            return {"id": item_id, "type": "function_call", **kept}
        case "output":
            output = _output(item["output"])
            called = {"call_id": item["call_id"], "output": output}
            return {"id": item_id, "type": "function_call_output", **called}
        case _:
            parts = _parts(item["content"])
            if kind == "assistant":
                parts = [{"type": "output_text", "text": part["text"]} for part in parts]
            return {"id": item_id, "type": "message", "role": kind, "content": parts}


def _parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A message's words and images."""
    if isinstance(content, str):
        return [{"type": "input_text", "text": content}]
    return [
        {"type": "input_image", "image_url": part["image_url"]}
        if part["type"] == "input_image"
        else {"type": "input_text", "text": part.get("text") or part.get("refusal") or ""}
        for part in content
    ]


def _output(output: Any) -> str:
    return output if isinstance(output, str) else json.dumps(output)


def _plain(text: str) -> str:
    return _BLANKS.sub(" ", text).strip()
