"""Live events of calls as lines for a terminal."""

import shutil
import sys
from datetime import UTC, datetime
from typing import Any

from frontdesk.tracing import names
from frontdesk.tracing.formats import format_ms

_BEGAN, _ENDED, _FAILED = "▸", "■", "x"
_CALL = 13
"""Columns for a call's id: enough to tell those apart that run at one time."""
MOST_OPEN = 10_000


Line = tuple[str, str | None]
"""Its text, and its colour if it has one."""


class Lines:
    """Makes one line of an event, or none. Spans are indented by their place in the tree."""

    def __init__(self) -> None:
        self._live: set[str] = set()
        self._depths: dict[str, int] = {}

    def of(self, kind: str, data: dict[str, Any]) -> Line | None:
        if kind == "call":
            return self._call(data)
        return self._span(data) if kind == "span" else None

    def _call(self, call: dict[str, Any]) -> Line | None:
        """When it begins and when it is over."""
        identity, known = call["call_id"], call["call_id"] in self._live
        if call["live"] == known:
            return None
        if call["live"]:
            self._live.add(identity)
            return _line(call["started"], identity, f"call {identity}, team {call['team']}", "cyan")
        self._live.discard(identity)
        facts = [format_ms(call["seconds"] * 1000), _count(call["turns"], "turn")]
        if call["errors"]:
            facts.append(_count(call["errors"], "error"))
        at = call["started"] + call["seconds"]
        return _line(at, identity, f"call {identity} is over: {', '.join(facts)}", "cyan")

    def _span(self, span: dict[str, Any]) -> Line:
        depth = self._depths.get(span["parent_id"] or "", -1) + 1
        self._depths[span["span_id"]] = depth
        if len(self._depths) > MOST_OPEN:
            self._depths.pop(next(iter(self._depths)))
        name = _turn(span) if span["stage"] == "turn" and not span["parent_id"] else span["name"]
        what, colour = f"{_BEGAN} {name}", "bright_black"
        if span["end"] is not None:
            took = format_ms(1000 * (span["end"] - span["start"]))
            mark, colour = (_FAILED, "red") if span["error"] else (_ENDED, None)
            told = span["error"] or _told(span["attributes"])
            what = f"{mark} {name}  {took}{f'  {told}' if told else ''}"
        at = span["start"] if span["end"] is None else span["end"]
        return _line(at, span["call_id"] or "", f"{'  ' * depth}{what}", colour)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _turn(span: dict[str, Any]) -> str:
    index = span["attributes"].get(names.VOICE_TURN_INDEX)
    return f"{span['name'] if index is None else f'turn {index}'}  trace_{span['trace_id']}"


def _told(attributes: dict[str, Any]) -> str:
    """What is worth a glance at the end of a span."""
    latency = attributes.get(names.VOICE_TURN_LATENCY)
    heard = attributes.get(names.VOICE_INTERRUPTED_AT)
    facts = [
        f"first sound after {format_ms(1000 * latency)}" if latency is not None else "",
        f"interrupted at {heard:.1f} s" if isinstance(heard, int | float) else "",
        str(attributes.get(names.VOICE_TURN_END_REASON, "")),
    ]
    return ", ".join(fact for fact in facts if fact)


def _line(at: float, call_id: str, what: str, colour: str | None) -> Line:
    when = datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
    return f"{when}  {clean(call_id)[:_CALL]:{_CALL}}  {clean(what)}", colour


def columns() -> int | None:
    """Of the terminal; none where lines go elsewhere, and are not to be cut."""
    return shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else None


def clean(text: str) -> str:
    """Text without control characters: what callers and tools say must not drive the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
