"""From a turn's spans to the rows of its waterfall, and from its stages to a stacked bar."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]

MAX_ROWS = 1000
"""Rows drawn for one turn. A runaway loop of tools must not freeze the reader's browser."""

STAGES = {
    "end_of_turn": "End of turn",
    "speech_to_text": "Speech to text",
    "model": "Model",
    "tools": "Tools",
    "text_to_speech": "Text to speech",
}
"""The stages of a turn's latency, in the order in which they pass, with their labels."""


@dataclass(frozen=True, slots=True)
class Row:
    """A span as drawn: ``x`` and ``width`` in percent of the turn, ``offset_ms`` from its start."""

    span: Record
    depth: int
    children: int
    x: float
    width: float
    offset_ms: float
    ms: float | None


@dataclass(frozen=True, slots=True)
class Waterfall:
    """All rows in reading order; ``start`` and ``end`` in unix seconds; ``hidden``: rows cut."""

    rows: tuple[Row, ...]
    start: float
    end: float
    hidden: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One stage in a stacked bar; ``x`` and ``width`` in percent of the widest bar."""

    stage: str
    label: str
    ms: float
    x: float
    width: float


def waterfall(spans: Sequence[Record], limit: int = MAX_ROWS) -> Waterfall:
    """The spans as a tree, parents before children, siblings by start.

    A span whose parent is missing (lost, or in another process that sent nothing) stands at the
    top level. A running span (``end`` is None) reaches to the end of what is known.
    """
    if not spans:
        return Waterfall((), 0.0, 0.0, 0)
    start = min(span["start"] for span in spans)
    end = max(max(span["start"], span["end"] or 0.0) for span in spans)
    length = max(end - start, 1e-6)
    ordered = _in_tree_order(spans)
    rows = tuple(
        _row(span, depth, children, start, end, length) for span, depth, children in ordered[:limit]
    )
    return Waterfall(rows, start, end, max(0, len(ordered) - limit))


def _row(span: Record, depth: int, children: int, start: float, end: float, length: float) -> Row:
    until = end if span["end"] is None else max(span["start"], span["end"])
    return Row(
        span=span,
        depth=depth,
        children=children,
        x=round(100 * (span["start"] - start) / length, 3),
        width=round(100 * max(0.0, until - span["start"]) / length, 3),
        offset_ms=1000 * (span["start"] - start),
        ms=None if span["end"] is None else 1000 * (until - span["start"]),
    )


def _in_tree_order(spans: Sequence[Record]) -> list[tuple[Record, int, int]]:
    known = {span["span_id"] for span in spans}
    children: dict[str, list[Record]] = {}
    roots: list[Record] = []
    for span in sorted(spans, key=lambda each: (each["start"], -(each["end"] or each["start"]))):
        parent = span["parent_id"]
        if parent in known and parent != span["span_id"]:
            children.setdefault(parent, []).append(span)
        else:
            roots.append(span)
    ordered: list[tuple[Record, int, int]] = []
    done: set[str] = set()
    # Spans in a ring of parents (only a broken sender makes one) hang on no root: start at each.
    for root in [*roots, *spans]:
        waiting = [(root, 0)]
        while waiting:
            span, depth = waiting.pop()
            if span["span_id"] in done:
                continue
            done.add(span["span_id"])
            below = children.get(span["span_id"], [])
            ordered.append((span, depth, len(below)))
            waiting.extend((child, depth + 1) for child in reversed(below))
    return ordered


def stacked(stages: Mapping[str, float | None], widest_ms: float) -> tuple[Segment, ...]:
    """A turn's latency by stage, end to end. ``widest_ms`` is the bar that fills the width."""
    segments: list[Segment] = []
    x = 0.0
    for stage, label in STAGES.items():
        ms = stages.get(stage) or 0.0
        if ms <= 0:
            continue
        width = 100 * ms / max(widest_ms, 1e-6)
        segments.append(Segment(stage, label, ms, round(x, 3), round(width, 3)))
        x += width
    return tuple(segments)


def widest(turns: Iterable[Record]) -> float:
    """The longest latency among turns, ms, by their stages or as a whole."""
    lengths = [
        max(turn["latency_ms"] or 0.0, sum(ms or 0.0 for ms in turn["stages"].values()))
        for turn in turns
    ]
    return max(lengths, default=0.0) or 1.0
