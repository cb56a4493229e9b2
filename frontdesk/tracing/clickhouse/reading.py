"""What is read from ClickHouse's tables."""

from typing import Any

from frontdesk.tracing.clickhouse.assembly import searchable
from frontdesk.tracing.clickhouse.spans import COLUMNS
from frontdesk.tracing.stores import StoreError

TIMES = """
Timestamp >= (SELECT min(Start) FROM otel_traces_trace_id_ts WHERE TraceId IN {ids})
AND Timestamp <= (SELECT max(End) + 1 FROM otel_traces_trace_id_ts WHERE TraceId IN {ids})
"""
"""Bounds that keep a query for the spans of a few traces from reading all days."""
SPANS = f"""
SELECT {COLUMNS} FROM otel_traces WHERE TraceId IN {{ids}} AND {TIMES}
ORDER BY Timestamp, ParentSpanId != '', SpanName, Duration DESC
LIMIT 1 BY TraceId, SpanId LIMIT {{most}}
"""
TURNS = """
SELECT summary, delegation, trace_id FROM frontdesk_turns FINAL
WHERE call_id IN {calls} OR (call_id != '' AND call_id IN
    (SELECT call_id FROM frontdesk_turns WHERE trace_id IN {traces}))
"""
CALLS = "SELECT summary FROM frontdesk_calls FINAL WHERE call_id IN {calls}"
PIECES = """
SELECT * EXCEPT version FROM frontdesk_audio FINAL WHERE call_id IN {calls} ORDER BY version
"""
CALLERS = "SELECT call_id, caller, opened FROM frontdesk_callers FINAL WHERE call_id IN {calls}"
TRACES = "SELECT trace_id FROM frontdesk_turns FINAL WHERE call_id IN {calls}"
BEGINNING = """
SELECT DISTINCT trace_id FROM frontdesk_turns WHERE startsWith(trace_id, {prefix}) LIMIT 2
"""
PIECE = "SELECT call_id FROM frontdesk_audio WHERE key = {key} LIMIT 1"
KEYS = "SELECT DISTINCT key FROM frontdesk_audio WHERE call_id IN {calls}"
CALLS_OF = """
SELECT call_id, opened FROM frontdesk_callers FINAL WHERE caller = {caller} ORDER BY opened
"""
CALLS_UNTIL = """
SELECT call_id FROM frontdesk_callers FINAL WHERE caller = {caller} AND opened <= {until}
"""
COUNTS = {
    "turns": "SELECT call_id, count() AS n FROM frontdesk_turns FINAL "
    "WHERE turn IS NOT NULL AND call_id IN {calls} GROUP BY call_id",
    "pieces": "SELECT call_id, count() AS n FROM frontdesk_audio FINAL "
    "WHERE call_id IN {calls} GROUP BY call_id",
}
_FILTERS = {
    "before": "started < {before}",
    "agent": "has(agents, {agent})",
    "errors": "errors > 0",
    "caller": "call_id IN (SELECT call_id FROM frontdesk_callers FINAL WHERE caller = {caller})",
}


def listed(
    *,
    limit: int,
    region: str | None,
    without: list[str],
    text: str | None = None,
    **filters: Any,
) -> tuple[str, dict[str, Any]]:
    """Rows of ``frontdesk_calls``, newest first, of calls that match; those in ``without`` are left
    out. Raises :class:`StoreError` for a filter that is not known here."""
    wanted = {name: value for name, value in filters.items() if value}
    if unknown := wanted.keys() - _FILTERS.keys():
        raise StoreError(f"the list in ClickHouse has no filter {', '.join(sorted(unknown))}")
    where = ["(call_id NOT LIKE 'sess\\_%\\_%' OR startsWith(call_id, {here}))"]
    values: dict[str, Any] = {**wanted, "here": f"sess_{region or ''}_", "most": limit}
    where += [_FILTERS[name] for name in wanted]
    if without:
        where.append("call_id NOT IN {without}")
        values["without"] = without
    if text and (words := searchable(text).split()):
        said = [f"words LIKE {{word{n}}}" for n in range(len(words))]
        values |= {f"word{n}": f"% {word}%" for n, word in enumerate(words)}
        where.append(f"call_id IN (SELECT call_id FROM frontdesk_turns WHERE {' AND '.join(said)})")
    query = (
        f"SELECT summary FROM frontdesk_calls FINAL WHERE {' AND '.join(where)} "
        "ORDER BY started DESC LIMIT {most}"
    )
    return query, values
