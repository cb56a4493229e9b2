"""The trace store in one SQLite file, behind :class:`frontdesk.tracing.stores.Store`."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from opentelemetry.sdk.trace import ReadableSpan

from frontdesk.encryption import Cipher
from frontdesk.region import is_elsewhere
from frontdesk.tracing import deleting, pruning, queries, schema, scores, statistics, summaries
from frontdesk.tracing.cells import Cells
from frontdesk.tracing.pricing import Pricing
from frontdesk.tracing.rows import SpanRow, row
from frontdesk.tracing.scores import Score
from frontdesk.tracing.stores import Clean, Kept, Piece, StoreError, Used, check_region, unchanged
from frontdesk.tracing.writer import Job, Writer

Found = TypeVar("Found")
FILE = "traces.db"
STEP = 30.0
"""Seconds that a step of keeping house may wait for the disk."""
PATIENCE = 1.0
"""Seconds that a reader waits for what is just being written."""


@dataclass(slots=True)
class _SpanJob:
    span: ReadableSpan | None
    clean: Clean
    seen: Callable[[SpanRow], None]
    begun: bool
    refused: set[str]
    pricing: Pricing
    soon: bool
    size: int = 0
    row: SpanRow | None = field(default=None)

    def prepare(self) -> bool:
        span, self.span = self.span, None
        if span is None or (self.begun and span.end_time):
            return False  # ended while it waited: the job of its end follows
        self.row = row(self.clean(span), self.pricing)
        if not self.refused.isdisjoint((self.row.call_id, self.row.trace_id)):
            return False
        self.seen(self.row)
        return True

    def write(self, database: sqlite3.Connection) -> None:
        if self.row is not None:
            summaries.insert(database, self.row)


@dataclass(slots=True)
class _CloseJob:
    trace_id: str
    ended: float
    size: int = 0
    soon: bool = True

    def prepare(self) -> bool:
        return True

    def write(self, database: sqlite3.Connection) -> None:
        database.execute(
            "UPDATE span SET end = max(start, ?) WHERE trace_id = ? AND end IS NULL",
            (self.ended, self.trace_id),
        )


@dataclass(slots=True)
class _StepJob:
    """A step of keeping house. ``more``: whether there is more to do."""

    step: Callable[[sqlite3.Connection], bool]
    size: int = 0
    soon: bool = True
    more: bool = False

    def prepare(self) -> bool:
        return True

    def write(self, database: sqlite3.Connection) -> None:
        self.more = self.step(database)


@dataclass(slots=True)
class _CallerJob:
    values: tuple[str, str, float]
    size: int = 0
    soon: bool = False

    def prepare(self) -> bool:
        return True

    def write(self, database: sqlite3.Connection) -> None:
        database.execute("INSERT OR IGNORE INTO caller VALUES (?, ?, ?)", self.values)


class _PieceJob:
    soon = False

    def __init__(self, piece: Piece) -> None:
        self.prepare = piece.prepare
        self.size = piece.size
        self._row = piece.row

    def write(self, database: sqlite3.Connection) -> None:
        database.execute(
            "INSERT OR REPLACE INTO audio (key, call_id, item_id, role, offset_ms, seconds, rate, "
            "peaks) VALUES (?, ?, ?, ?, ?, ?, ?, seal(?))",
            self._row(),
        )


def _ignore(_: Any) -> None:
    pass


class TraceStore:
    """Spans and audio in one SQLite file.

    ``cipher`` seals what was said; calls of regions other than ``region`` are not shown.
    ``clean`` makes spans what may be kept of them, ``pricing`` says what they cost, ``on_span``
    sees each begin and end, and ``on_calls`` the ids of calls whose summary changed, all in the
    writer's thread.
    """

    def __init__(
        self,
        path: Path,
        *,
        clean: Clean = unchanged,
        cipher: Cipher | None = None,
        region: str | None = None,
        pricing: Pricing | None = None,
        on_span: Callable[[SpanRow], None] = _ignore,
        on_calls: Callable[[Sequence[str]], None] = _ignore,
    ) -> None:
        self.path = path
        self._clean = clean
        self._on_span = on_span
        self._on_calls = on_calls
        self._pricing = pricing or Pricing()
        self._changed: list[str] = []
        self._cells = Cells(cipher)
        self._region = region
        self.refused: set[str] = set()
        """Ids of calls and traces of which nothing is kept any more."""
        self._tidying = False
        self._writer = Writer(path, self._summarize, self._committed, cells=self._cells)

    @property
    def where(self) -> str:
        """The file."""
        return str(self.path)

    @property
    def dropped(self) -> int:
        """Spans and pieces of audio that could not be kept."""
        return self._writer.dropped

    def start(self) -> None:
        self._writer.start()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until what was added can be read. Blocks; False when time ran out."""
        return self._writer.flush(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, within ``timeout`` seconds. Blocks."""
        self._writer.close(timeout)

    def begin(self, span: ReadableSpan) -> None:
        """Note a span that has started. Returns at once, never raises."""
        self._writer.submit(self._job(span, self._clean, self._on_span, begun=True))

    def add(
        self,
        span: ReadableSpan,
        seen: Callable[[SpanRow], None] | None = None,
        clean: Clean | None = None,
    ) -> bool:
        """Keep a span that has ended. Returns at once, never raises; False when it was dropped.
        ``seen`` is told of it in place of ``on_span``, ``clean`` is used in place of the store's.
        """
        job = self._job(span, clean or self._clean, seen or self._on_span, begun=False)
        return self._writer.submit(job)

    def _job(
        self, span: ReadableSpan, clean: Clean, seen: Callable[[SpanRow], None], begun: bool
    ) -> _SpanJob:
        root = span.parent is None  # as it begins, too: its page is linked to
        return _SpanJob(span, clean, seen, begun, self.refused, self._pricing, soon=root)

    def close_open(self, trace_id: str, ended: float) -> None:
        """End the spans of a trace whose process is gone (unix seconds). Returns at once."""
        self._writer.submit(_CloseJob(trace_id, ended))

    def whose(self, call_id: str, caller: str, opened: float) -> None:
        """Note that a call is this caller's. Returns at once, never raises."""
        self._writer.submit(_CallerJob((call_id, caller, opened)))

    def add_piece(self, piece: Piece) -> bool:
        """Keep a piece of audio. Returns at once; False when it was dropped."""
        return self._writer.submit(_PieceJob(piece))

    def _summarize(self, database: sqlite3.Connection, batch: list[Job]) -> None:
        rows = (job.row for job in batch if isinstance(job, _SpanJob) and job.row)
        self._changed = summaries.summarize(database, summaries.place(database, rows))

    def _committed(self) -> None:
        changed, self._changed = self._changed, []
        if changed:
            self._on_calls(changed)

    def calls(self, **filters: Any) -> list[dict[str, Any]]:
        """See :func:`frontdesk.tracing.queries.calls`. Raises :class:`StoreError`."""
        return self._read(
            lambda database: queries.calls(database, region=self._region, **filters), []
        )

    def choices(self) -> dict[str, list[str]]:
        """See :func:`frontdesk.tracing.queries.choices`. Raises :class:`StoreError`."""
        return self._read(queries.choices, {"agents": [], "teams": []})

    def summaries(
        self, call_ids: Sequence[str], live: frozenset[str] = frozenset()
    ) -> list[dict[str, Any]]:
        """The list's entries for some calls. Raises :class:`StoreError`."""
        mine = [call_id for call_id in call_ids if not is_elsewhere(call_id, self._region)]
        return self._read(lambda database: queries.summaries(database, mine, live), [])

    def call(self, call_id: str, live: frozenset[str] = frozenset()) -> dict[str, Any] | None:
        """One call, or None. Raises :class:`StoreError`."""
        check_region(call_id, self._region)
        return self._read_all(lambda database: queries.call(database, call_id, live))

    def trace(self, trace_id: str) -> dict[str, Any] | None:
        """One turn (32 hex digits), or None. Raises :class:`StoreError`."""
        found = self._read_all(lambda database: queries.trace(database, trace_id))
        if found is not None:
            check_region(found["trace"]["call_id"], self._region)
        return found

    def find_trace(self, prefix: str) -> str | None:
        """The one trace whose id begins so, or None. Raises :class:`StoreError`."""
        return self._read(lambda database: queries.find_trace(database, prefix), None)

    def pieces(self, call_id: str) -> list[dict[str, Any]]:
        """A call's audio: rows of the ``audio`` table. Raises :class:`StoreError`."""
        check_region(call_id, self._region)
        return self._read(
            lambda database: [dict(row) for row in queries.pieces(database, call_id)], []
        )

    def check_piece(self, key: str) -> None:
        """Raise :class:`Elsewhere` for a piece of audio of another region's call."""
        call_id = self._read(lambda database: queries.call_of(database, key), None)
        check_region(call_id, self._region)

    def calls_of(self, caller: str) -> list[dict[str, Any]]:
        """A caller's calls, and how much is kept of each: ``turns``, ``pieces`` of audio. Raises
        :class:`StoreError`."""
        return self._read(lambda database: queries.calls_of(database, caller), [])

    def latency(self, period: str, now: float) -> dict[str, Any] | None:
        """See :func:`frontdesk.tracing.statistics.latency`; None of an empty store. Raises
        :class:`StoreError`."""
        return self._read(lambda database: statistics.latency(database, period, now), None)

    def errors(self, period: str, now: float) -> dict[str, Any] | None:
        """See :func:`frontdesk.tracing.statistics.errors`; None of an empty store. Raises
        :class:`StoreError`."""
        return self._read(lambda database: statistics.errors(database, period, now), None)

    def add_score(self, score: Score) -> bool:
        """Keep a score; False when there is no such turn or span. Raises :class:`StoreError`."""
        return self._change("trace_id", score.trace_id, lambda base: scores.insert(base, score))

    def delete_score(self, score_id: str) -> bool:
        """Take a score back; False when there is none. Raises :class:`StoreError`."""
        return self._change("id", score_id, lambda base: scores.delete(base, score_id))

    def _change(
        self, column: str, value: str, change: Callable[[sqlite3.Connection], bool]
    ) -> bool:
        """Change a score at once: whoever asks waits for it, and is told."""
        call_id = self._read(lambda database: scores.call_of(database, column, value), None)
        check_region(call_id, self._region)
        if not self.path.exists():
            return False
        try:
            with closing(schema.connect(self.path, self._cells)) as database:
                changed = change(database)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self.path}: {error}") from error
        if changed and call_id:
            self._on_calls([call_id])
        return changed

    def kept(self, calls: Sequence[str], caller: str = "", until: float = 0.0) -> Kept:
        """What is kept of these calls, and of those that ``caller`` opened until then. Raises
        :class:`StoreError`."""
        return self._read(lambda database: deleting.find(database, calls, caller, until), Kept())

    def delete(self, kept: Kept) -> None:
        """Delete it from the bytes of the file, too. Raises :class:`StoreError`."""
        if not self.path.exists():
            return
        try:
            with closing(schema.connect(self.path)) as database:
                deleting.delete(database, kept)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self.path}: {error}") from error

    def used(self) -> Used:
        """How much is kept. Raises :class:`StoreError`, as do the others that follow."""
        return self._read(pruning.used, Used())

    def expired(self, until: float, spare: frozenset[str], calls: int, turns: int) -> Kept:
        """The oldest calls that ended before then, or a part of one."""
        return self._read(
            lambda database: pruning.expired(database, until, spare, calls, turns), Kept()
        )

    def prune(self, kept: Kept) -> None:
        """Remove it in the writer's thread, and wait for that."""
        self._step(lambda database: pruning.prune(database, kept))

    def tidy(self) -> bool:
        """One step of merging the index and of cutting the file; whether more are needed."""
        first = not self._tidying
        self._tidying = self.path.exists() and self._step(
            lambda database: pruning.tidy(database, first=first)
        )
        return self._tidying

    def _step(self, step: Callable[[sqlite3.Connection], bool]) -> bool:
        job = _StepJob(step)
        if not (self._writer.submit(job) and self._writer.flush(STEP)):
            raise StoreError(f"{self.path} cannot be written to now")
        return job.more

    def _read_all(self, query: Callable[[sqlite3.Connection], Found | None]) -> Found | None:
        """What a query finds. Where that is nothing, what still waits is written first: whoever was
        given a link may be quicker than the writer."""
        waits = not self._writer.idle  # asked first: it may be written while we look
        found = self._read(query, None)
        if found is None and waits:
            self._writer.flush(PATIENCE)
            found = self._read(query, None)
        return found

    def _read(self, query: Callable[[sqlite3.Connection], Found], empty: Found) -> Found:
        if not self.path.exists():
            return empty
        try:
            with closing(schema.connect_to_read(self.path, self._cells)) as database:
                return query(database)
        except (sqlite3.Error, OSError) as error:
            if "no such table" in str(error):  # the file was made this moment
                return empty
            raise StoreError(f"{self.path} cannot be read: {error}") from error
