"""The rows of a waterfall as they are written: what they say and in which colour, found here, as a
template takes ten times as long for it, and there are hundreds."""

from collections.abc import Iterator
from dataclasses import dataclass

from frontdesk.tracing.formats import format_ms
from frontdesk.tracing.reading import gist
from frontdesk.tracing.waterfall import Row

LONGEST = 120
"""Characters of what was said that a row shows."""
_SPEECH = ("speech_to_text", "text_to_speech")


@dataclass(frozen=True, slots=True)
class FallRow:
    """A span's row. ``x`` and ``width`` in percent of the turn, ``start`` and ``end`` in unix
    seconds; ``end`` is empty while it runs."""

    span_id: str
    name: str
    label: str
    gist: str
    stage: str
    depth: int
    children: int
    start: float
    end: float | str
    took: str
    x: float
    width: float
    failed: bool


def fall_rows(rows: tuple[Row, ...]) -> Iterator[FallRow]:
    """What each row shows, in their order."""
    for row in rows:
        span = row.span
        told, stage = gist(span), span["stage"] or "other"
        # The words of speech say more than the model's name, which the details have.
        spoken = told and stage in _SPEECH
        yield FallRow(
            span_id=span["span_id"],
            name=span["name"],
            label=span["name"].partition(" ")[0] if spoken else span["name"],
            gist=told if len(told) <= LONGEST else told[: LONGEST - 1].rstrip() + "…",
            stage=stage,
            depth=row.depth,
            children=row.children,
            start=span["start"],
            end="" if span["end"] is None else span["end"],
            took="running" if row.ms is None else format_ms(row.ms),
            x=row.x,
            width=row.width,
            failed=bool(span["error"]) or span["status"] == "error",
        )
