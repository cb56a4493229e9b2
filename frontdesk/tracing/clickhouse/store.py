"""The trace store in ClickHouse, behind :class:`frontdesk.tracing.stores.Store`."""

import base64
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from frontdesk.folder import name_of
from frontdesk.region import is_elsewhere
from frontdesk.tracing import queries, scores
from frontdesk.tracing.clickhouse import figures, keeping, reading, writing
from frontdesk.tracing.clickhouse.address import Address
from frontdesk.tracing.clickhouse.assembly import Assembly
from frontdesk.tracing.clickhouse.client import Client, NoTable, Unfit
from frontdesk.tracing.clickhouse.shipping import Shipping
from frontdesk.tracing.clickhouse.spans import decode, encode
from frontdesk.tracing.clickhouse.waiting import Batch, Waiting
from frontdesk.tracing.clickhouse.writing import Writing, parts
from frontdesk.tracing.pricing import Pricing
from frontdesk.tracing.rows import SpanRow, row
from frontdesk.tracing.scores import Score
from frontdesk.tracing.stores import (
    Clean,
    Kept,
    Piece,
    PieceRow,
    StoreError,
    Used,
    check_region,
    unchanged,
)


def _ignore(_: Any) -> None:
    pass


class ClickHouseStore:
    """Spans and what lists need of them in ClickHouse; what is not written yet, and spans that are
    open, in the memory of this process. ``data`` is the folder with the files of audio. The other
    arguments are as of :class:`frontdesk.tracing.store.TraceStore`."""

    def __init__(
        self,
        address: Address,
        data: Path,
        *,
        clean: Clean = unchanged,
        region: str | None = None,
        pricing: Pricing | None = None,
        on_span: Callable[[SpanRow], None] = _ignore,
        on_calls: Callable[[Sequence[str]], None] = _ignore,
    ) -> None:
        self.where = address.shown
        self.refused: set[str] = set()
        self._clean = clean
        self._region = region
        self._pricing = pricing or Pricing()
        self._on_span = on_span
        self._on_calls = on_calls
        self._client = Client(address)
        self._data = data
        self._writing = Writing(self._client, data)
        self._waiting = Waiting()
        self._changed: dict[str, None] = {}
        self._one_at_a_time = threading.Lock()
        self._shipping = Shipping(self._waiting, self.where, self._write, self._tell)

    @property
    def dropped(self) -> int:
        """Spans and pieces of audio that could not be kept."""
        return self._shipping.dropped

    def start(self) -> None:
        self._shipping.start()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until what was added is written. Blocks; False when time ran out."""
        return self._shipping.flush(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, within ``timeout`` seconds. Blocks."""
        self._shipping.close(timeout)
        self._client.close()

    def begin(self, span: ReadableSpan) -> None:
        """Note a span that has started. Returns at once, never raises."""

        def take() -> None:
            if not span.end_time and (found := self._row(self._clean(span))):
                self._waiting.begin(found)
                self._on_span(found)

        self._shipping.submit(take)

    def add(
        self,
        span: ReadableSpan,
        seen: Callable[[SpanRow], None] | None = None,
        clean: Clean | None = None,
    ) -> bool:
        """Keep a span that has ended. Returns at once, never raises; False when it was dropped.
        ``seen`` is told of it in place of ``on_span``, ``clean`` is used in place of the store's.
        """

        def take() -> None:
            kept = (clean or self._clean)(span)
            if found := self._row(kept):
                self._waiting.end(found, encode(kept, found))
                (seen or self._on_span)(found)

        return self._shipping.submit(take)

    def _row(self, span: ReadableSpan) -> SpanRow | None:
        found = row(span, self._pricing)
        if not self.refused.isdisjoint((found.call_id, found.trace_id)):
            return None
        if found.call_id:
            self._changed[found.call_id] = None
        return found

    def add_piece(self, piece: Piece) -> bool:
        """Keep a piece of audio. Returns at once; False when it was dropped."""

        def take() -> None:
            if piece.prepare():
                self._waiting.add_piece(piece.row())

        return self._shipping.submit(take, piece.size)

    def close_open(self, trace_id: str, ended: float) -> None:
        """Forget the spans of a trace that a lost process left open: nobody else has them."""
        self._shipping.submit(lambda: self._waiting.forget_open(trace_id))

    def whose(self, call_id: str, caller: str, opened: float) -> None:
        """Note that a call is this caller's. Returns at once, never raises."""
        self._shipping.submit(lambda: self._waiting.add_caller((call_id, caller, opened)))

    def _write(self, batch: Batch) -> None:
        with self._one_at_a_time:
            wanted = batch.without(self.refused)
            changed = self._writing.write(wanted, self._waiting.under_way())
        self._changed |= dict.fromkeys(changed)
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = [*self._changed], {}
        if changed:
            self._on_calls(changed)

    def calls(
        self, *, limit: int = 50, live: frozenset[str] = frozenset(), **filters: Any
    ) -> list[dict[str, Any]]:
        """See :func:`frontdesk.tracing.queries.calls`. Raises :class:`StoreError`."""
        most: dict[str, Any] = {"limit": limit, "region": self._region}
        with self._reading(), Assembly() as assembly:
            mine = self._add_waiting(assembly)
            found = queries.calls(assembly.database, live=live, **most, **filters)
            query, values = reading.listed(without=mine, **most, **filters)
            rows = self._rows(query, **values)
            written = assembly.add_calls(rows)
            self._add_extras(assembly, written)
            found += queries.summaries(assembly.database, written, live)
        return sorted(found, key=lambda each: each["started"], reverse=True)[:limit]

    def choices(self) -> dict[str, list[str]]:
        """See :func:`frontdesk.tracing.queries.choices`. Raises :class:`StoreError`."""
        with self._reading():
            rows = self._rows(reading.CHOICES)
        return rows[0] if rows else {"agents": [], "teams": []}

    def summaries(
        self, call_ids: Sequence[str], live: frozenset[str] = frozenset()
    ) -> list[dict[str, Any]]:
        """The list's entries for some calls. Raises :class:`StoreError`."""
        ids = [call_id for call_id in call_ids if not is_elsewhere(call_id, self._region)]
        with self._reading(), Assembly() as assembly:
            waiting = self._add_waiting(assembly, {*ids})
            written = [call_id for call_id in ids if call_id not in waiting]
            assembly.add_calls(self._rows(reading.CALLS, calls=written))
            self._add_extras(assembly, written)
            return queries.summaries(assembly.database, ids, live)

    def call(self, call_id: str, live: frozenset[str] = frozenset()) -> dict[str, Any] | None:
        """One call, or None. Raises :class:`StoreError`."""
        check_region(call_id, self._region)
        with self._reading(), Assembly() as assembly:
            waiting = self._waiting.all()
            rows = self._rows(reading.TRACES, calls=[call_id])
            traces = {row["trace_id"] for row in rows}
            traces |= {row.trace_id for row in waiting.spans if row.call_id == call_id}
            assembly.add_spans(self._spans(traces, waiting))
            assembly.add_pieces(self._pieces(call_id))
            assembly.add_scores(self._rows(reading.SCORES, calls=[call_id], traces=[]))
            return queries.call(assembly.database, call_id, live)

    def trace(self, trace_id: str) -> dict[str, Any] | None:
        """One turn (32 hex digits), or None. Raises :class:`StoreError`."""
        with self._reading(), Assembly() as assembly:
            assembly.add_spans(self._spans({trace_id}, self._waiting.all()))
            assembly.add_scores(self._rows(reading.SCORES, calls=[], traces=[trace_id]))
            found = queries.trace(assembly.database, trace_id)
        if found is not None:
            check_region(found["trace"]["call_id"], self._region)
        return found

    def find_trace(self, prefix: str) -> str | None:
        """The one trace whose id begins so, or None. Raises :class:`StoreError`."""
        with self._reading():
            rows = self._rows(reading.BEGINNING, prefix=prefix)
            ids = {row["trace_id"] for row in rows}
            ids |= {row.trace_id for row in self._waiting.all().spans}
        found = [each for each in ids if each.startswith(prefix)]
        return found[0] if len(found) == 1 else None

    def pieces(self, call_id: str) -> list[dict[str, Any]]:
        """A call's audio: the fields of a piece's row. Raises :class:`StoreError`."""
        check_region(call_id, self._region)
        with self._reading(), Assembly() as assembly:
            assembly.add_pieces(self._pieces(call_id))
            return [dict(row) for row in queries.pieces(assembly.database, call_id)]

    def check_piece(self, key: str) -> None:
        """Raise :class:`Elsewhere` for a piece of audio of another region's call."""
        with self._reading():
            rows = self._rows(reading.PIECE, key=key)
            ids = [row["call_id"] for row in rows]
            ids += [piece.call_id for piece in self._waiting.all().pieces if piece.key == key]
        check_region(next(iter(ids), None), self._region)

    def calls_of(self, caller: str) -> list[dict[str, Any]]:
        """A caller's calls, and how much is kept of each: ``turns``, ``pieces`` of audio. Raises
        :class:`StoreError`."""
        with self._reading():
            rows = self._rows(reading.CALLS_OF, caller=caller)
            calls = [row["call_id"] for row in rows]
            for name, query in reading.COUNTS.items():
                counts = {row["call_id"]: row["n"] for row in self._rows(query, calls=calls)}
                for row in rows:
                    row[name] = counts.get(row["call_id"], 0)
            return rows

    def latency(self, period: str, now: float) -> dict[str, Any] | None:
        """See :func:`frontdesk.tracing.statistics.latency`; None of an empty store. Raises
        :class:`StoreError`."""
        return self._figures(lambda: figures.latency(self._client, period, now))

    def errors(self, period: str, now: float) -> dict[str, Any] | None:
        """See :func:`frontdesk.tracing.statistics.errors`; None of an empty store. Raises
        :class:`StoreError`."""
        return self._figures(lambda: figures.errors(self._client, period, now))

    def _figures(self, read: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        with self._reading():
            try:
                return read()
            except NoTable:
                return None

    def add_score(self, score: Score) -> bool:
        """Keep a score; False when there is no such turn or span. Raises :class:`StoreError`."""
        with self._reading(), self._one_at_a_time, Assembly() as assembly:
            assembly.add_spans(self._spans({score.trace_id}, self._waiting.all()))
            call_id = scores.call_of(assembly.database, "trace_id", score.trace_id)
            check_region(call_id, self._region)
            refused = not self.refused.isdisjoint((call_id, score.trace_id))
            if refused or not scores.insert(assembly.database, score):
                return False
            self._writing.score(score, call_id or "")
        if call_id:
            self._on_calls([call_id])
        return True

    def delete_score(self, score_id: str) -> bool:
        """Take a score back; False when there is none. Raises :class:`StoreError`."""
        with self._reading():
            if not (found := self._rows(reading.SCORED, id=score_id)):
                return False
            call_id = found[0]["call_id"]
            check_region(call_id, self._region)
            self._writing.delete_score(score_id)
        if call_id:
            self._on_calls([call_id])
        return True

    def kept(self, calls: Sequence[str], caller: str = "", until: float = 0.0) -> Kept:
        """What is kept of these calls, and of those that ``caller`` opened until then. Raises
        :class:`StoreError`."""
        with self._reading():
            waiting = self._waiting.all()
            found = self._rows(reading.CALLS_UNTIL, caller=caller, until=until)
            ids = {*calls, *(row["call_id"] for row in found)}
            ids |= {call for call, who, at in waiting.callers if who == caller and at <= until}
            traces = self._rows(reading.TRACES, calls=[*ids])
            pieces = self._rows(reading.KEYS, calls=[*ids])
        late = [row.trace_id for row in waiting.spans if row.call_id in ids]
        heard = [piece.key for piece in waiting.pieces if piece.call_id in ids]
        return Kept(
            sorted(ids),
            sorted({*(row["trace_id"] for row in traces), *late}),
            sorted({*(row["key"] for row in pieces), *heard}),
        )

    def delete(self, kept: Kept) -> None:
        """Delete it; its bytes go when ClickHouse has written the parts anew, which it is asked
        for. Raises :class:`StoreError`."""
        with self._reading(), self._one_at_a_time:
            self._waiting.forget(kept)
            self._writing.delete(kept)

    def used(self) -> Used:
        """How much is kept, without what waits. Raises :class:`StoreError`, as do the others."""
        with self._reading():
            return keeping.used(self._client)

    def expired(self, until: float, spare: frozenset[str], calls: int, turns: int) -> Kept:
        """The oldest calls that ended before then, whole: ClickHouse deletes any number at once."""
        with self._reading():
            found = keeping.oldest(self._client, until, spare, calls)
            if found:
                return self.kept(found)
            return keeping.strays(self._client, until, turns, name_of(self._data))

    def prune(self, kept: Kept) -> None:
        """Remove it. Raises :class:`StoreError`."""
        self.delete(kept)

    def tidy(self) -> bool:
        """There is nothing left to do."""
        return False

    def _add_waiting(self, assembly: Assembly, of: set[str] | None = None) -> list[str]:
        """Calls of which something waits (of those in ``of`` only), whole. Returns their ids."""
        waiting = self._waiting.all()
        traces = {row.trace_id for row in waiting.spans if of is None or row.call_id in of}
        if not traces:
            return []
        calls = {row.call_id for row in waiting.spans if row.call_id and row.trace_id in traces}
        assembly.add_turns(self._rows(reading.TURNS, calls=[*calls], traces=[*traces]))
        found = assembly.add_spans(self._spans(traces, waiting))
        rows = self._rows(reading.CALLERS, calls=found)
        assembly.add_callers((row["call_id"], row["caller"], row["opened"]) for row in rows)
        assembly.add_callers(waiting.callers)
        self._add_extras(assembly, found)
        return found

    def _add_extras(self, assembly: Assembly, calls: list[str]) -> None:
        """What the list says of calls beside what their spans sum up to."""
        assembly.add_scores(self._rows(reading.SCORES, calls=calls, traces=[]))
        recorded = {row["call_id"] for row in self._rows(reading.RECORDED, calls=calls)}
        late = {piece.call_id for piece in self._waiting.all().pieces}
        assembly.add_recorded(recorded | late.intersection(calls))

    def _spans(self, traces: set[str], waiting: Batch) -> Iterable[SpanRow]:
        """Those of some traces: what is written, then what waits."""
        for part in parts(sorted(traces), writing.TRACES):
            found = self._rows(reading.SPANS, ids=part, most=writing.MOST)
            yield from map(decode, found)
        yield from (span for span in waiting.spans if span.trace_id in traces)

    def _pieces(self, call_id: str) -> Iterable[PieceRow]:
        for found in self._rows(reading.PIECES, calls=[call_id]):
            found["peaks"] = base64.b64decode(found["peaks"])
            yield PieceRow(**found)
        yield from (piece for piece in self._waiting.all().pieces if piece.call_id == call_id)

    def _rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        try:
            return self._client.rows(query, **values)
        except NoTable:  # nothing was ever written
            return []

    @contextmanager
    def _reading(self) -> Generator[None]:
        try:
            yield
        except (OSError, Unfit) as error:
            raise StoreError(str(error)) from error
