"""Batches into ClickHouse: spans, audio and callers, then what lists read of them."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from frontdesk.tracing.clickhouse import tables
from frontdesk.tracing.clickhouse.assembly import Assembly
from frontdesk.tracing.clickhouse.client import Client
from frontdesk.tracing.clickhouse.reading import SPANS, TIMES
from frontdesk.tracing.clickhouse.spans import decode
from frontdesk.tracing.clickhouse.waiting import Batch
from frontdesk.tracing.stores import Kept

TRACES = 200
"""Traces that are summed up at once."""
IDS = 1_000
"""Ids in one statement."""
MOST = 50_000
"""Spans that are read to sum up so many traces."""

_KNOWN = f"""
SELECT TraceId, SpanId FROM otel_traces WHERE TraceId IN {{ids}} AND {TIMES}
"""
_OF_CALLS = "SELECT summary, delegation FROM frontdesk_turns FINAL WHERE call_id IN {ids}"
_NOW = "SELECT toUnixTimestamp64Micro(now64(6)) AS version"
_BY_TRACE = {"otel_traces": "TraceId", "otel_traces_trace_id_ts": "TraceId",
             "frontdesk_turns": "trace_id"}  # fmt: skip
_BY_CALL = ("frontdesk_turns", "frontdesk_audio", "frontdesk_calls", "frontdesk_callers")


class Writing:
    """Used by one thread, but for :meth:`delete`. Methods raise ``OSError``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._made = False

    def write(self, batch: Batch) -> list[str]:
        """Write all of it; the same again replaces itself. Returns the ids of the calls that it
        changed. Raises :class:`Unfit`, too."""
        if not self._made:
            tables.make(self._client)
            self._made = True
        try:
            return self._write(batch)
        except BaseException:
            self._made = False  # somebody may have dropped the tables
            raise

    def _write(self, batch: Batch) -> list[str]:
        traces = [*dict.fromkeys(row.trace_id for row in batch.spans)]
        self._replace(traces, {(row.trace_id, row.span_id) for row in batch.spans})
        version = self._now()
        pieces = [_line(_piece(each._asdict()), version) for each in batch.pieces]
        names = ("call_id", "caller", "opened")
        callers = [_line(dict(zip(names, c, strict=True)), version) for c in batch.callers]
        for table, lines in (
            ("otel_traces", batch.lines),
            ("frontdesk_audio", pieces),
            ("frontdesk_callers", callers),
        ):
            if lines:
                self._client.insert(table, lines)
        changed: dict[str, None] = {}
        for part in parts(traces, TRACES):
            changed |= dict.fromkeys(self._sum_up(part))
        return [*changed]

    def _replace(self, traces: Sequence[str], spans: set[tuple[str, str]]) -> None:
        """Take out what the batch brings again."""
        for part in parts(traces, IDS):
            rows = self._client.rows(_KNOWN, ids=part)
            found = {(row["TraceId"], row["SpanId"]) for row in rows}
            for again in parts(sorted(found & spans), IDS):
                self._client.run(
                    "DELETE FROM otel_traces WHERE (TraceId, SpanId) IN {pairs}", pairs=again
                )

    def _sum_up(self, traces: list[str]) -> list[str]:
        """The time is taken before spans are read. Of two workers that write the same turn or call,
        whoever reads last has read the other's spans and turns, and so it has the later version."""
        with Assembly() as assembly:
            version = self._now()
            found = self._client.rows(SPANS, ids=traces, most=MOST)
            assembly.add_spans(map(decode, found))
            turns = assembly.turns(traces)
            self._client.insert("frontdesk_turns", [_line(turn, version) for turn in turns])
            if calls := [*dict.fromkeys(turn["call_id"] for turn in turns if turn["call_id"])]:
                version = self._now()
                assembly.sum_up(self._client.rows(_OF_CALLS, ids=calls))
                lines = [_line(call, version) for call in assembly.calls(calls)]
                self._client.insert("frontdesk_calls", lines)
            return calls

    def _now(self) -> int:
        return self._client.rows(_NOW)[0]["version"]

    def delete(self, kept: Kept) -> None:
        """No query finds it any more, and its bytes go when ClickHouse has written the parts anew,
        which it is asked for."""
        for part in parts(kept.traces, IDS):
            for table, column in _BY_TRACE.items():
                self._client.run(f"DELETE FROM {table} WHERE {column} IN {{ids}}", ids=part)
        for part in parts(kept.calls, IDS):
            for table in _BY_CALL:
                self._client.run(f"DELETE FROM {table} WHERE call_id IN {{ids}}", ids=part)
        for table in {*_BY_TRACE, *_BY_CALL} if kept.calls else ():
            self._client.run(f"ALTER TABLE {table} APPLY DELETED MASK SETTINGS mutations_sync = 0")


def _line(row: dict[str, Any], version: int) -> bytes:
    return orjson.dumps({**row, "version": version})


def _piece(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "peaks": base64.b64encode(row["peaks"]).decode()}


def parts(values: Sequence[Any], most: int) -> Iterator[list[Any]]:
    """As many at once."""
    for at in range(0, len(values), most):
        yield [*values[at : at + most]]
