"""What is read from ClickHouse's tables."""

import re
from typing import Any

from frontdesk.tracing.clickhouse.assembly import searchable
from frontdesk.tracing.clickhouse.spans import COLUMNS
from frontdesk.tracing.pricing import UNIT
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
SELECT * EXCEPT (version, folder) FROM frontdesk_audio FINAL WHERE call_id IN {calls}
ORDER BY version
"""
CALLERS = "SELECT call_id, caller, opened FROM frontdesk_callers FINAL WHERE call_id IN {calls}"
RECORDED = "SELECT DISTINCT call_id FROM frontdesk_audio WHERE call_id IN {calls}"
SCORES = """
SELECT * EXCEPT version FROM frontdesk_scores FINAL
WHERE call_id IN {calls} OR trace_id IN {traces} ORDER BY created, version
"""
SCORED = "SELECT call_id FROM frontdesk_scores FINAL WHERE id = {id}"
_NEWEST = "(SELECT team, agents FROM frontdesk_calls FINAL ORDER BY started DESC LIMIT 1000)"
CHOICES = f"""
SELECT arraySort(groupUniqArrayArray(agents)) AS agents,
       arraySort(groupUniqArrayIf(team, team != '')) AS teams
FROM {_NEWEST}
"""
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
    "since": "started >= {since}",
    "until": "started < {until}",
    "latency_min": "slowest >= {latency_min}",
    "latency_max": "slowest <= {latency_max}",
    "cost_min": "cost >= {cost_min}",
    "cost_max": "cost <= {cost_max}",
    "team": "team = {team}",
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
    given = {key: value for key, value in filters.items() if value is not False and value != ""}
    wanted = {key: value for key, value in given.items() if value is not None}
    if unknown := wanted.keys() - _FILTERS.keys():
        raise StoreError(f"the list in ClickHouse has no filter {', '.join(sorted(unknown))}")
    for name in wanted.keys() & {"cost_min", "cost_max"}:
        wanted[name] = round(wanted[name] * UNIT)
    where = ["(call_id NOT LIKE 'sess\\_%\\_%' OR startsWith(call_id, {here}))"]
    values: dict[str, Any] = {**wanted, "here": f"sess_{region or ''}_", "most": limit}
    where += [_FILTERS[name] for name in wanted]
    if without:
        where.append("call_id NOT IN {without}")
        values["without"] = without
    if text and re.search(r"\w", text):
        words = searchable(text).split()
        said = [f"words LIKE {{word{n}}}" for n in range(len(words))] or ["false"]
        values |= {f"word{n}": f"% {word}%" for n, word in enumerate(words)}
        where.append(f"call_id IN (SELECT call_id FROM frontdesk_turns WHERE {' AND '.join(said)})")
    query = (
        f"SELECT summary FROM frontdesk_calls FINAL WHERE {' AND '.join(where)} "
        "ORDER BY started DESC LIMIT {most}"
    )
    return query, values
