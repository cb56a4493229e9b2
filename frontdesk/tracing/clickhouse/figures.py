"""How long callers waited, where, and what failed: the answers of
:mod:`frontdesk.tracing.statistics`, counted by ClickHouse.

``quantilesExactWeighted`` with a weight of one takes the nearest rank, as the other engine does.
"""

from typing import Any

import orjson

from frontdesk.tracing import names
from frontdesk.tracing.clickhouse.client import Client
from frontdesk.tracing.rows import OTHER_ERROR
from frontdesk.tracing.stages import STAGES
from frontdesk.tracing.statistics import MOST_GROUPS, PERIODS, SLOWEST, dead_air

_STAGE = """
if(mapContains(SpanAttributes, {mcp}), 'mcp',
   transform(splitByChar(' ', toString(SpanName))[1], {operations}, {stages}, 'other'))
"""
_START = "toUnixTimestamp64Nano(Timestamp) / 1e9"
_END = "(toUnixTimestamp64Nano(Timestamp) + toInt64(Duration)) / 1e9"
_DURING = f"""
Timestamp >= toDateTime(toUInt32({{since}})) AND {_START} >= {{since}} AND {_START} < {{until}}
"""
_POINT = "toInt64(floor((%s - {since}) / {step}))"
_QUANTILES = "quantilesExactWeighted(0.5, 0.95)(%s, 1)"

_TURNS = f"""
SELECT grouping(point) AS total, {_POINT % "started"} AS point, count() AS turns,
       countIf(latency IS NOT NULL) AS waits,
       quantilesExactWeightedIf(0.5, 0.95)(assumeNotNull(latency), 1, latency IS NOT NULL) AS q,
       countIf(interrupted) AS cut, countIf(errors > 0) AS failed
FROM frontdesk_turns FINAL
WHERE started >= {{since}} AND started < {{until}} AND turn IS NOT NULL
GROUP BY GROUPING SETS ((), (point))
"""
_SLOWEST = """
SELECT summary FROM frontdesk_turns FINAL
WHERE started >= {since} AND started < {until} AND turn IS NOT NULL AND latency IS NOT NULL
ORDER BY latency DESC, started LIMIT {most}
"""
_SPANS = f"""
SELECT {_STAGE} AS stage, grouping(point) AS total, {_POINT % _START} AS point, count() AS spans,
       {_QUANTILES % f"{_END} - {_START}"} AS q
FROM otel_traces WHERE {_DURING} AND stage IN {{wanted}}
GROUP BY GROUPING SETS ((stage), (stage, point))
"""
_DEAD_AIR = f"""
SELECT SpanName AS name, count() AS count, sum(toInt64(Duration)) / 1e9 AS seconds,
       max(toInt64(Duration)) / 1e9 AS longest
FROM otel_traces WHERE {_DURING} AND startsWith(toString(SpanName), {{dead_air}})
GROUP BY name ORDER BY seconds DESC
"""
_ERRORS = f"""
SELECT SpanName AS name, argMax({_STAGE}, at) AS stage,
       multiIf(StatusMessage != '', StatusMessage, SpanAttributes[{{error_type}}] != '',
               SpanAttributes[{{error_type}}], {{other}}) AS error,
       uniqExact(TraceId, SpanId) AS count, uniqExact(TraceId) AS turns,
       max(toUnixTimestamp64Nano(Timestamp) AS at) AS last,
       argMax(TraceId, at) AS trace_id, argMax(SpanId, at) AS span_id
FROM otel_traces
WHERE {_DURING} AND StatusCode IN ('Error', 'STATUS_CODE_ERROR') AND {_STAGE} NOT IN {{repeated}}
GROUP BY name, error ORDER BY count DESC, last DESC LIMIT {{most}}
"""
_REPEATED = ["mcp", "agent", "turn", "step"]
"""Errors of containers and of MCP spans only repeat those of the work inside them."""
_CALL_OF = "SELECT trace_id, call_id FROM frontdesk_turns FINAL WHERE trace_id IN {ids}"


def latency(client: Client, period: str, now: float) -> dict[str, Any]:
    """See :func:`frontdesk.tracing.statistics.latency`."""
    length, step = PERIODS[period]
    since = (now - length) // step * step
    count = int(-(-(now - since) // step))
    values: dict[str, Any] = {"since": since, "until": now, "step": step}
    turns = {_at(row): _waits(row) for row in client.rows(_TURNS, **values)}
    rows = client.rows(_SPANS, wanted=list(STAGES), **_stages(), **values)
    spans = {(row["stage"], _at(row)): row for row in rows}
    nothing = _waits({"turns": 0, "waits": 0, "q": [], "cut": 0, "failed": 0})
    return {
        "period": period,
        "since": since,
        "until": now,
        "step": step,
        "total": turns.get(None, nothing),
        "points": [{"start": since + n * step, **turns.get(n, nothing)} for n in range(count)],
        "stages": {
            stage: _stage(spans.get((stage, None)), [spans.get((stage, n)) for n in range(count)])
            for stage in STAGES
        },
        "dead_air": [
            dead_air(row) for row in client.rows(_DEAD_AIR, dead_air=f"{names.DEAD_AIR} ", **values)
        ],
        "slowest": [_slow(row) for row in client.rows(_SLOWEST, most=SLOWEST, **values)],
    }


def _at(row: dict[str, Any]) -> int | None:
    return None if row["total"] else row["point"]


def _waits(row: dict[str, Any]) -> dict[str, Any]:
    p50, p95 = row["q"] if row["waits"] else (None, None)
    return {
        "turns": row["turns"],
        "p50_ms": _ms(p50),
        "p95_ms": _ms(p95),
        "interrupted": row["cut"],
        "failed": row["failed"],
    }


def _stage(total: dict[str, Any] | None, points: list[dict[str, Any] | None]) -> dict[str, Any]:
    return {
        "count": total["spans"] if total else 0,
        "p50_ms": _ms(total["q"][0]) if total else None,
        "p95_ms": _ms(total["q"][1]) if total else None,
        "points": [_ms(point["q"][1]) if point else None for point in points],
    }


def _slow(row: dict[str, Any]) -> dict[str, Any]:
    turn = orjson.loads(row["summary"])
    return {
        **{key: turn[key] for key in ("trace_id", "call_id", "started", "caller", "errors")},
        "latency_ms": _ms(turn["latency"]),
        "agents": orjson.loads(turn["agents"]),
    }


def errors(client: Client, period: str, now: float) -> dict[str, Any]:
    """See :func:`frontdesk.tracing.statistics.errors`."""
    since = now - PERIODS[period][0]
    groups = client.rows(
        _ERRORS, since=since, until=now, error_type=names.ERROR_TYPE, other=OTHER_ERROR,
        repeated=_REPEATED, most=MOST_GROUPS, **_stages(),
    )  # fmt: skip
    known = client.rows(_CALL_OF, ids=[group["trace_id"] for group in groups])
    calls = {row["trace_id"]: row["call_id"] or None for row in known}
    return {
        "period": period,
        "since": since,
        "until": now,
        "groups": [
            # Divided here, as Python does it exactly: the file's times are such quotients.
            {**group, "last": int(group["last"]) / 10**9, "call_id": calls.get(group["trace_id"])}
            for group in groups
        ],
    }


def _stages() -> dict[str, Any]:
    operations = [*names.STAGES]
    return {
        "mcp": names.MCP_METHOD_NAME,
        "operations": operations,
        "stages": [names.STAGES[each] for each in operations],
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
