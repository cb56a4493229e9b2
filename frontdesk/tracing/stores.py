"""What a trace store does, whichever engine is behind it: everything else knows only this.

:class:`frontdesk.tracing.store.TraceStore` is SQLite.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from opentelemetry.sdk.trace import ReadableSpan

from frontdesk.region import is_elsewhere, refusal, region_of
from frontdesk.tracing.rows import SpanRow
from frontdesk.tracing.scores import Score

Clean = Callable[[ReadableSpan], ReadableSpan]
"""Makes a span what may be kept of it. May take long; never raises."""


def unchanged(span: ReadableSpan) -> ReadableSpan:
    """All of it."""
    return span


class StoreError(Exception):
    """The store cannot be read or changed now; the message says why."""


class Elsewhere(StoreError):
    """What is asked for is kept in a region that this process is not in."""


def check_region(call_id: str | None, here: str | None) -> None:
    """Raise :class:`Elsewhere` for a call that is kept in another region than ``here``."""
    if call_id and is_elsewhere(call_id, here):
        raise Elsewhere(refusal(f"Call {call_id}", region_of(call_id) or "", here))


class PieceRow(NamedTuple):
    """A piece of a call's audio: all but its sound, which is a file."""

    key: str
    call_id: str
    item_id: str
    role: str
    offset_ms: int
    seconds: float
    rate: int
    peaks: bytes


class Piece(Protocol):
    """Audio on its way to the store."""

    size: int
    """Bytes it holds on to while it waits."""

    def prepare(self) -> bool:
        """Write the file; False when there is nothing to keep. Runs in the writer's thread."""
        ...

    def row(self) -> PieceRow:
        """What the store keeps of it, once it is prepared."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of some calls, by ids and keys."""

    calls: Sequence[str] = ()
    traces: Sequence[str] = ()
    pieces: Sequence[str] = ()


class Used(NamedTuple):
    """How much a store holds; ``oldest`` is when its oldest call began (unix seconds)."""

    bytes: int = 0
    calls: int = 0
    turns: int = 0
    spans: int = 0
    oldest: float | None = None


class Store(Protocol):
    """Spans and audio go in at once, summaries come out. Writes return at once and never raise;
    reads, ``flush``, ``close`` and ``delete`` block. Shapes are those of the API."""

    refused: set[str]
    """Ids of calls and traces of which nothing is kept any more."""

    @property
    def where(self) -> str:
        """The file or the address, for people: without a password."""
        ...

    @property
    def dropped(self) -> int:
        """Spans and pieces of audio that could not be kept."""
        ...

    def start(self) -> None: ...

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until what was added can be read. False when time ran out."""
        ...

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, within ``timeout`` seconds."""
        ...

    def begin(self, span: ReadableSpan) -> None:
        """Note a span that has started."""
        ...

    def add(
        self,
        span: ReadableSpan,
        seen: Callable[[SpanRow], None] | None = None,
        clean: Clean | None = None,
    ) -> bool:
        """Keep a span that has ended; the same span again replaces it. False when it was dropped.
        ``seen`` is told of it in place of the store's own watcher, and ``clean`` used in place of
        its own."""
        ...

    def add_piece(self, piece: Piece) -> bool:
        """Keep a piece of audio; False when it was dropped."""
        ...

    def close_open(self, trace_id: str, ended: float) -> None:
        """End the spans of a trace whose process is gone (unix seconds)."""
        ...

    def whose(self, call_id: str, caller: str, opened: float) -> None:
        """Note that a call is this caller's (a hash), opened then."""
        ...

    def calls(self, **filters: Any) -> list[dict[str, Any]]:
        """The list; see :func:`frontdesk.tracing.queries.calls` for the filters. This and all
        that follow raise :class:`StoreError`."""
        ...

    def choices(self) -> dict[str, list[str]]:
        """``agents`` and ``teams`` of the newest calls, to choose from."""
        ...

    def summaries(
        self, call_ids: Sequence[str], live: frozenset[str] = frozenset()
    ) -> list[dict[str, Any]]:
        """The list's entries for some calls."""
        ...

    def call(self, call_id: str, live: frozenset[str] = frozenset()) -> dict[str, Any] | None:
        """One call, or None."""
        ...

    def trace(self, trace_id: str) -> dict[str, Any] | None:
        """One turn (32 hex digits), or None."""
        ...

    def find_trace(self, prefix: str) -> str | None:
        """The one trace whose id begins so, or None."""
        ...

    def pieces(self, call_id: str) -> list[dict[str, Any]]:
        """A call's audio: the fields of :class:`PieceRow`."""
        ...

    def check_piece(self, key: str) -> None:
        """Raise :class:`Elsewhere` for a piece of audio of another region's call."""
        ...

    def calls_of(self, caller: str) -> list[dict[str, Any]]:
        """A caller's calls, and how much is kept of each: ``turns``, ``pieces`` of audio."""
        ...

    def latency(self, period: str, now: float) -> dict[str, Any] | None:
        """See :func:`frontdesk.tracing.statistics.latency`; None of an empty store."""
        ...

    def errors(self, period: str, now: float) -> dict[str, Any] | None:
        """See :func:`frontdesk.tracing.statistics.errors`; None of an empty store."""
        ...

    def add_score(self, score: Score) -> bool:
        """Keep what somebody thinks of a turn or a span; False when there is no such one. It goes
        when its trace goes. Blocks."""
        ...

    def delete_score(self, score_id: str) -> bool:
        """Take it back; False when there is none. Blocks."""
        ...

    def kept(self, calls: Sequence[str], caller: str = "", until: float = 0.0) -> Kept:
        """What is kept of these calls, and of those that ``caller`` opened until then."""
        ...

    def delete(self, kept: Kept) -> None:
        """Delete it, so that it is gone from the disk. May be repeated."""
        ...

    def used(self) -> Used:
        """How much is kept."""
        ...

    def expired(self, until: float, spare: frozenset[str], calls: int, turns: int) -> Kept:
        """Of what ended before then, the oldest ``calls`` without those to ``spare``, whole, or a
        part of one: ``turns`` at most."""
        ...

    def prune(self, kept: Kept) -> None:
        """Remove it, beside what is being written, in one short step."""
        ...

    def tidy(self) -> bool:
        """Take one short step to give back what was pruned; whether there is more to do."""
        ...
