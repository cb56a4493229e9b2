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
from frontdesk.tracing import deleting, queries, schema, statistics, summaries
from frontdesk.tracing.cells import Cells
from frontdesk.tracing.pricing import Pricing
from frontdesk.tracing.rows import SpanRow, row
from frontdesk.tracing.stores import Kept, Piece, StoreError, check_region
from frontdesk.tracing.writer import Job, Writer

Found = TypeVar("Found")
FILE = "traces.db"


@dataclass(slots=True)
class _SpanJob:
    span: ReadableSpan | None
    content: bool
    seen: Callable[[SpanRow], None]
    begun: bool
    refused: set[str]
    pricing: Pricing
    size: int = 0
    row: SpanRow | None = field(default=None)

    def prepare(self) -> bool:
        span, self.span = self.span, None
        if span is None or (self.begun and span.end_time):
            return False  # ended while it waited: the job of its end follows
        self.row = row(span, self.content, self.pricing)
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

    def prepare(self) -> bool:
        return True

    def write(self, database: sqlite3.Connection) -> None:
        database.execute(
            "UPDATE span SET end = max(start, ?) WHERE trace_id = ? AND end IS NULL",
            (self.ended, self.trace_id),
        )


@dataclass(slots=True)
class _CallerJob:
    values: tuple[str, str, float]
    size: int = 0

    def prepare(self) -> bool:
        return True

    def write(self, database: sqlite3.Connection) -> None:
        database.execute("INSERT OR IGNORE INTO caller VALUES (?, ?, ?)", self.values)


class _PieceJob:
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
    ``content`` False leaves words and tool data out. ``pricing`` says what spans cost. ``on_span``
    sees each span begin and end, ``on_calls`` the ids of calls whose summary changed; both run in
    the writer's thread.
    """

    def __init__(
        self,
        path: Path,
        *,
        content: bool = True,
        cipher: Cipher | None = None,
        region: str | None = None,
        pricing: Pricing | None = None,
        on_span: Callable[[SpanRow], None] = _ignore,
        on_calls: Callable[[Sequence[str]], None] = _ignore,
    ) -> None:
        self.path = path
        self._content = content
        self._on_span = on_span
        self._on_calls = on_calls
        self._pricing = pricing or Pricing()
        self._changed: list[str] = []
        self._cells = Cells(cipher)
        self._region = region
        self.refused: set[str] = set()
        """Ids of calls and traces of which nothing is kept any more."""
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
        self._writer.submit(self._job(span, self._on_span, begun=True))

    def add(self, span: ReadableSpan, seen: Callable[[SpanRow], None] | None = None) -> bool:
        """Keep a span that has ended. Returns at once, never raises; False when it was dropped.
        ``seen`` is told of it in place of ``on_span``."""
        return self._writer.submit(self._job(span, seen or self._on_span, begun=False))

    def _job(self, span: ReadableSpan, seen: Callable[[SpanRow], None], begun: bool) -> _SpanJob:
        return _SpanJob(span, self._content, seen, begun, self.refused, self._pricing)

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
        rows = [job.row for job in batch if isinstance(job, _SpanJob) and job.row]
        self._changed = summaries.summarize(database, (row.trace_id for row in rows))

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
        return self._read(lambda database: queries.call(database, call_id, live), None)

    def trace(self, trace_id: str) -> dict[str, Any] | None:
        """One turn (32 hex digits), or None. Raises :class:`StoreError`."""
        found = self._read(lambda database: queries.trace(database, trace_id), None)
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
