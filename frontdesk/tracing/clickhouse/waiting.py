"""What ClickHouse does not have yet: spans that are open, and what is to be written. Pages read it
beside what is written, so that a running call can be watched."""

import threading
import time
from dataclasses import dataclass, field
from itertools import islice

from frontdesk.tracing.queries import ABANDONED
from frontdesk.tracing.rows import SpanRow
from frontdesk.tracing.stores import Kept, PieceRow

OPEN = 20_000
"""Spans that may be open; of more, the oldest are forgotten until they end."""

Caller = tuple[str, str, float]
"""A call, whose it is, and when it was opened."""
_Key = tuple[str, str]


@dataclass(slots=True)
class Batch:
    """What is to be written, or, with ``spans`` also of open ones, all that waits."""

    spans: list[SpanRow] = field(default_factory=list[SpanRow])
    lines: list[bytes] = field(default_factory=list[bytes])
    pieces: list[PieceRow] = field(default_factory=list[PieceRow])
    callers: list[Caller] = field(default_factory=list[Caller])

    def __len__(self) -> int:
        return len(self.spans) + len(self.pieces) + len(self.callers)

    def without(self, refused: set[str]) -> "Batch":
        """The same but for these calls and traces."""
        if not refused:
            return self
        spans = [
            (row, line)
            for row, line in zip(self.spans, self.lines, strict=True)
            if refused.isdisjoint((row.call_id, row.trace_id))
        ]
        return Batch(
            [row for row, _ in spans],
            [line for _, line in spans],
            [piece for piece in self.pieces if piece.call_id not in refused],
            [caller for caller in self.callers if caller[0] not in refused],
        )

    def halves(self) -> "list[Batch]":
        """Smaller ones that make it up; none of a single row."""
        if len(self) < 2:
            return []
        kinds = [
            Batch(self.spans, self.lines),
            Batch(pieces=self.pieces),
            Batch(callers=self.callers),
        ]
        kinds = [kind for kind in kinds if len(kind)]
        if len(kinds) > 1:
            return kinds
        half = len(self) // 2
        return [self._part(slice(half)), self._part(slice(half, None))]

    def _part(self, part: slice) -> "Batch":
        return Batch(self.spans[part], self.lines[part], self.pieces[part], self.callers[part])


class Waiting:
    """Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[_Key, SpanRow] = {}
        self._ended: dict[_Key, tuple[SpanRow, bytes]] = {}
        self._pieces: dict[str, PieceRow] = {}
        self._callers: dict[str, Caller] = {}

    def __len__(self) -> int:
        """How much is to be written: open spans are not."""
        return len(self._ended) + len(self._pieces) + len(self._callers)

    def begin(self, row: SpanRow) -> None:
        with self._lock:
            key = (row.trace_id, row.span_id)
            if key not in self._ended:
                self._open[key] = row
            if len(self._open) > OPEN:
                del self._open[next(iter(self._open))]

    def end(self, row: SpanRow, line: bytes) -> None:
        with self._lock:
            key = (row.trace_id, row.span_id)
            self._open.pop(key, None)
            self._ended[key] = (row, line)

    def add_piece(self, piece: PieceRow) -> None:
        with self._lock:
            self._pieces[piece.key] = piece

    def add_caller(self, caller: Caller) -> None:
        with self._lock:
            self._callers.setdefault(caller[0], caller)

    def forget_open(self, trace_id: str) -> None:
        """Their process is gone: they never end."""
        with self._lock:
            self._open = {key: row for key, row in self._open.items() if key[0] != trace_id}

    def forget(self, kept: Kept) -> None:
        """All that waits of some calls and traces."""
        calls, traces = set(kept.calls), set(kept.traces)

        def gone(row: SpanRow) -> bool:
            return row.trace_id in traces or row.call_id in calls

        with self._lock:
            self._open = {key: row for key, row in self._open.items() if not gone(row)}
            self._ended = {key: each for key, each in self._ended.items() if not gone(each[0])}
            self._pieces = {
                k: each for k, each in self._pieces.items() if each.call_id not in calls
            }
            self._callers = {k: each for k, each in self._callers.items() if k not in calls}

    def under_way(self) -> set[str]:
        """Traces of which the root is open."""
        young = time.time() - ABANDONED
        with self._lock:
            rows = self._open.values()
            return {row.trace_id for row in rows if not row.parent_id and row.start > young}

    def all(self) -> Batch:
        """Open spans, too."""
        with self._lock:
            ended = [row for row, _ in self._ended.values()]
            spans = [*self._open.values(), *ended]
            return Batch(spans, [], [*self._pieces.values()], [*self._callers.values()])

    def batch(self, most: int) -> Batch:
        """The oldest that is to be written. It stays until it is :meth:`done`."""
        with self._lock:
            spans = [*islice(self._ended.values(), most)]
            return Batch(
                [row for row, _ in spans],
                [line for _, line in spans],
                [*islice(self._pieces.values(), most)],
                [*islice(self._callers.values(), most)],
            )

    def done(self, batch: Batch) -> None:
        """It is written, or given up. What came again meanwhile still waits."""
        with self._lock:
            for row in batch.spans:
                found = self._ended.get(key := (row.trace_id, row.span_id))
                if found is not None and found[0] is row:
                    del self._ended[key]
            for piece in batch.pieces:
                self._pieces.pop(piece.key, None)
            for caller in batch.callers:
                self._callers.pop(caller[0], None)
