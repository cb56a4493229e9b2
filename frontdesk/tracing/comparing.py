"""Two turns side by side: what was said, who answered, how long it took, which tools were used."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from frontdesk.tracing import names
from frontdesk.tracing.reading import pretty
from frontdesk.tracing.waterfall import STAGES

Record = Mapping[str, Any]
MOST_WORDS = 2_000
"""Words of a text that are compared one by one; the time for it grows with their square."""


ALIKE = 0.5
"""Share of words that two texts must have in common to be compared word by word."""


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of a text, and whether the other text lacks it."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One fact of both turns."""

    label: str
    a: tuple[Words, ...]
    b: tuple[Words, ...]
    code: bool = False

    @property
    def differs(self) -> bool:
        return any(each.differs for each in (*self.a, *self.b))


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of both turns, in ``unit`` (``ms``, ``tokens`` or a currency); None where it is not
    known. ``stage`` colours it."""

    label: str
    a: float | None
    b: float | None
    unit: str
    stage: str = ""

    @property
    def change(self) -> float | None:
        """How much more ``b`` is."""
        return None if self.a is None or self.b is None else self.b - self.a

    @property
    def differs(self) -> bool:
        """Whether by so much that it is worth a look: a tenth, and not a hair's breadth."""
        if self.change is None:
            return self.a != self.b
        least = 5.0 if self.unit == "ms" else 0.0
        return abs(self.change) > max(least, 0.1 * max(abs(self.a or 0), abs(self.b or 0)))


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    arguments: str
    result: str
    error: str
    ms: float | None
    span_id: str


@dataclass(frozen=True, slots=True)
class Pair:
    """The same tool call in both turns, as far as there are two; ``differs`` in what went in or
    came out."""

    a: ToolCall | None
    b: ToolCall | None
    differs: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    facts: tuple[Row, ...]
    amounts: tuple[Amount, ...]
    tools: tuple[Pair, ...]


def compare(a: Record, b: Record) -> Comparison:
    """Two traces as the API gives them."""
    return Comparison(tuple(_facts(a, b)), tuple(_amounts(a, b)), tuple(_tools(a, b)))


def _facts(a: Record, b: Record) -> Iterable[Row]:
    turns = a["trace"], b["trace"]

    def row(label: str, *values: str, code: bool = False) -> Row:
        return Row(label, *differences(*values), code=code)  # pyright: ignore[reportArgumentType]

    yield row("Caller", *(turn.get("caller") or "" for turn in turns))
    yield row("Answer, as heard", *(turn.get("agent") or "" for turn in turns))
    yield row("Agents", *(" \u2192 ".join(turn["agents"]) for turn in turns))
    yield row("Models", *(", ".join(_models(each["spans"])) for each in (a, b)))
    yield row("Guardrails that tripped", *(", ".join(_tripped(each["spans"])) for each in (a, b)))
    yield row("Ended", *(turn.get("end_reason") or "" for turn in turns))
    yield row("Error", *(turn.get("error") or "" for turn in turns))
    yield row("Team version", *(turn.get("team_version") or "" for turn in turns), code=True)


def _amounts(a: Record, b: Record) -> Iterable[Amount]:
    first, second = a["trace"], b["trace"]
    yield Amount("First audio", first["latency_ms"], second["latency_ms"], "ms")
    for stage, label in STAGES.items():
        before, after = (turn["stages"].get(stage) or None for turn in (first, second))
        yield Amount(label, before, after, "ms", stage)
    yield Amount("Whole turn", 1000 * first["seconds"], 1000 * second["seconds"], "ms")
    for label, name in (
        ("Tokens in", names.GEN_AI_USAGE_INPUT_TOKENS),
        ("of them cached", names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS),
        ("Tokens out", names.GEN_AI_USAGE_OUTPUT_TOKENS),
    ):
        yield Amount(label, _total(a["spans"], name), _total(b["spans"], name), "tokens")
    if first.get("cost") is not None or second.get("cost") is not None:
        unit = first.get("currency") or second.get("currency") or "cost"
        yield Amount("Cost", first.get("cost"), second.get("cost"), unit)


def _total(spans: Sequence[Record], name: str) -> float | None:
    found = [span["attributes"].get(name) for span in spans if span["stage"] == "model"]
    counted = [value for value in found if isinstance(value, int | float)]
    return sum(counted) if counted else None


def _models(spans: Sequence[Record]) -> list[str]:
    asked = [span for span in spans if span["stage"] == "model"]
    found = (span["attributes"].get(names.GEN_AI_REQUEST_MODEL) for span in asked)
    return list(dict.fromkeys(str(model) for model in found if model))


def _tripped(spans: Sequence[Record]) -> list[str]:
    tripped = names.VOICE_GUARDRAIL_TRIGGERED
    return [span["name"].partition(" ")[2] for span in spans if span["attributes"].get(tripped)]


def _tools(a: Record, b: Record) -> Iterable[Pair]:
    """Paired by their names, in the order of the calls."""
    first, second = _calls(a["spans"]), _calls(b["spans"])
    by_name = SequenceMatcher(
        None, [call.name for call in first], [call.name for call in second], autojunk=False
    )
    for _, a1, a2, b1, b2 in by_name.get_opcodes():
        for one, other in zip_longest(first[a1:a2], second[b1:b2]):
            if one and other and one.name != other.name:
                yield Pair(one, None, True)
                yield Pair(None, other, True)
            else:
                yield Pair(one, other, _what(one) != _what(other))


def _what(call: ToolCall | None) -> tuple[str, ...]:
    return (call.arguments, call.result, call.error) if call else ()


def _calls(spans: Sequence[Record]) -> list[ToolCall]:
    found = sorted(
        (span for span in spans if span["stage"] == "tools"), key=lambda span: span["start"]
    )
    return [
        ToolCall(
            name=str(span["attributes"].get(names.GEN_AI_TOOL_NAME) or span["name"]),
            arguments=pretty(span["attributes"].get(names.GEN_AI_TOOL_CALL_ARGUMENTS)),
            result=pretty(span["attributes"].get(names.GEN_AI_TOOL_CALL_RESULT)),
            error=pretty(span["error"]),
            ms=None if span["end"] is None else 1000 * (span["end"] - span["start"]),
            span_id=span["span_id"],
        )
        for span in found
    ]


def _whole(text: str) -> tuple[Words, ...]:
    return (Words(text, True),) if text else ()


def differences(a: str, b: str) -> tuple[tuple[Words, ...], tuple[Words, ...]]:
    """Both texts in pieces, with what only one of them has marked, word by word."""
    first, second = (re.findall(r"\S+\s*|\s+", text) for text in (a, b))
    if max(len(first), len(second)) > MOST_WORDS:
        return ((Words(a, False),), (Words(b, False),)) if a == b else (_whole(a), _whole(b))
    plain = [[word.strip().casefold() for word in words] for words in (first, second)]
    matcher = SequenceMatcher(None, *plain, autojunk=False)
    if matcher.ratio() < ALIKE:
        return _whole(a), _whole(b)
    left, right = list[Words](), list[Words]()
    for kind, a1, a2, b1, b2 in matcher.get_opcodes():
        if a2 > a1:
            left.append(Words("".join(first[a1:a2]), kind != "equal"))
        if b2 > b1:
            right.append(Words("".join(second[b1:b2]), kind != "equal"))
    return tuple(left), tuple(right)
