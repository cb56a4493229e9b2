"""Reads a conversation out of Responses input items: the model itself remembers nothing."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from frontdesk.team.summary import NOTED

Item = Mapping[str, Any]
_LONGEST = 1000  # characters: a minute of speech, and a bound on the work of one decision


@dataclass
class ToolUse:
    """A tool call (or handoff) and what came back; ``output`` is None while it runs."""

    call_id: str
    name: str
    arguments: dict[str, Any]
    output: str | None = None


@dataclass
class UserTurn:
    """What the caller said, and all that followed until they spoke again."""

    text: str
    uses: list[ToolUse] = field(default_factory=list[ToolUse])
    replies: list[str] = field(default_factory=list[str])
    unanswered: list[ToolUse] = field(default_factory=list[ToolUse])
    """Uses that came back after the last words of the assistant."""


def read_history(given: str | Iterable[Any]) -> list[UserTurn]:
    """The user turns, oldest first. Utterances with nothing between them are one."""
    if isinstance(given, str):
        return [UserTurn(given.strip()[-_LONGEST:])]
    turns: list[UserTurn] = []
    for raw in given:
        if isinstance(raw, Mapping):
            _add(turns, cast(Item, raw))
    if turns and turns[-1].replies[:1] in ([head] for head in NOTED):
        turns.pop()  # the caller has said nothing since
    return turns


def _add(turns: list[UserTurn], item: Item) -> None:
    kind = item.get("type") or "message"
    told = _text(item.get("content")) if item.get("role") == "developer" else ""
    if head := next((head for head in NOTED if told.startswith(head)), None):
        # What it says was said, though nobody knows by whom.
        turns.append(UserTurn(told.removeprefix(head).strip()[-_LONGEST:], replies=[head]))
    elif kind == "message" and item.get("role") == "user":
        text = _text(item.get("content"))[-_LONGEST:]
        if turns and not turns[-1].uses and not turns[-1].replies:
            turns[-1].text = f"{turns[-1].text} {text}".strip()
        else:
            turns.append(UserTurn(text))
    elif kind == "message" and item.get("role") == "assistant":
        text = _text(item.get("content"))
        if turns and text:
            turns[-1].replies.append(text)
            turns[-1].unanswered.clear()
    elif kind == "function_call" and turns:
        use = ToolUse(
            str(item.get("call_id", "")), str(item.get("name", "")), _object(item.get("arguments"))
        )
        turns[-1].uses.append(use)
        turns[-1].unanswered.append(use)
    elif kind == "function_call_output":
        for use in (use for turn in reversed(turns) for use in reversed(turn.uses)):
            if use.call_id == item.get("call_id"):
                use.output = _text(item.get("output"))
                return


def _text(content: object) -> str:
    """The words of a message or an output, whatever parts it is made of."""
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, Mapping):
        content = [cast(object, content)]
    if not isinstance(content, list):
        return ""
    words: list[str] = []
    for part in cast(list[object], content):
        if isinstance(part, str):
            words.append(part)
        elif isinstance(part, Mapping):
            piece = cast(Item, part)
            words.append(str(piece.get("text") or piece.get("transcript") or ""))
    return " ".join(word.strip() for word in words if word.strip())


def _object(arguments: object) -> dict[str, Any]:
    try:
        value = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return {}
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}
