"""Batches into ClickHouse: spans, audio and callers, then what lists read of them."""

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from frontdesk.folder import name_of
from frontdesk.tracing.clickhouse import tables
from frontdesk.tracing.clickhouse.assembly import Assembly
from frontdesk.tracing.clickhouse.client import Client
from frontdesk.tracing.clickhouse.reading import SPANS, TIMES
from frontdesk.tracing.clickhouse.spans import decode
from frontdesk.tracing.clickhouse.waiting import Batch
from frontdesk.tracing.scores import Score
from frontdesk.tracing.stores import Kept, PieceRow

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
             "frontdesk_turns": "trace_id", "frontdesk_scores": "trace_id"}  # fmt: skip
_PIECES_HERE = "DELETE FROM frontdesk_audio WHERE key IN {ids} AND folder = {folder}"
_BY_CALL = {
    "frontdesk_turns": "call_id IN {ids}",
    "frontdesk_calls": "call_id IN {ids}",
    "frontdesk_audio": "call_id IN {ids} AND folder = {folder}",
    "frontdesk_callers": "call_id IN {ids} AND call_id NOT IN "
    "(SELECT call_id FROM frontdesk_audio WHERE call_id IN {ids})",
}


class Writing:
    """Used by one thread, but for :meth:`delete`. Methods raise ``OSError``."""

    def __init__(self, client: Client, data: Path) -> None:
        self._client = client
        self._data = data
        self._made = False

    def write(self, batch: Batch, under_way: set[str]) -> list[str]:
        """Write all of it; the same again replaces itself. Traces that are ``under_way`` are not
        summed up yet, which would have to be done again each second. Returns the ids of the calls
        that it changed. Raises :class:`Unfit`, too."""
        if not self._made:
            tables.make(self._client)
            self._made = True
        try:
            self._write(batch)
            traces = [*dict.fromkeys(row.trace_id for row in batch.spans)]
            changed: dict[str, None] = {}
            for part in parts([each for each in traces if each not in under_way], TRACES):
                changed |= dict.fromkeys(self._sum_up(part))
            return [*changed]
        except BaseException:
            self._made = False  # somebody may have dropped the tables
            raise

    def _write(self, batch: Batch) -> None:
        traces = [*dict.fromkeys(row.trace_id for row in batch.spans)]
        self._replace(traces, {(row.trace_id, row.span_id) for row in batch.spans})
        version = self._now()
        ordered = enumerate(batch.pieces, version)  # as they came
        folder = name_of(self._data) if batch.pieces else ""
        pieces = [_line(_piece(each, folder), order) for order, each in ordered]
        names = ("call_id", "caller", "opened")
        callers = [_line(dict(zip(names, c, strict=True)), version) for c in batch.callers]
        for table, lines in (
            ("otel_traces", batch.lines),
            ("frontdesk_audio", pieces),
            ("frontdesk_callers", callers),
        ):
            if lines:
                self._client.insert(table, lines)

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

    def score(self, score: Score, call_id: str) -> None:
        """Write one score."""
        tables.make(self._client)
        row = {**score.export(), "call_id": call_id}
        self._client.insert("frontdesk_scores", [_line(row, self._now())])

    def delete_score(self, score_id: str) -> None:
        """Delete it."""
        self._client.run("DELETE FROM frontdesk_scores WHERE id = {id}", id=score_id)

    def delete(self, kept: Kept) -> None:
        """No query finds it any more, and its bytes go when ClickHouse has written the parts anew,
        which it is asked for. Rows of audio whose files lie in other folders stay, with whose calls
        they are, until a worker there has removed the files and asks for the same."""
        for part in parts(kept.traces, IDS):
            for table, column in _BY_TRACE.items():
                self._client.run(f"DELETE FROM {table} WHERE {column} IN {{ids}}", ids=part)
        here = {"folder": name_of(self._data)}
        for part in parts(kept.pieces, IDS):
            self._client.run(_PIECES_HERE, ids=part, **here)
        for part in parts(kept.calls, IDS):
            for table, where in _BY_CALL.items():
                self._client.run(f"DELETE FROM {table} WHERE {where}", ids=part, **here)
        for table in {*_BY_TRACE, *_BY_CALL} if kept.calls else ():
            self._client.run(f"ALTER TABLE {table} APPLY DELETED MASK SETTINGS mutations_sync = 0")


def _line(row: dict[str, Any], version: int) -> bytes:
    return orjson.dumps({**row, "version": version})


def _piece(piece: PieceRow, folder: str) -> dict[str, Any]:
    peaks = base64.b64encode(piece.peaks).decode()
    return {**piece._asdict(), "peaks": peaks, "folder": folder}


def parts(values: Sequence[Any], most: int) -> Iterator[list[Any]]:
    """As many at once."""
    for at in range(0, len(values), most):
        yield [*values[at : at + most]]
