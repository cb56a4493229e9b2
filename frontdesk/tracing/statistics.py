"""How long callers waited, where, and what failed, over a stretch of time. Unix seconds; waits in
milliseconds.

Percentiles come from the raw rows: fetched from a covering index and sorted here, which is five
times as quick as SQL window functions in the SQLite that Python 3.11 brings (measured on a million
spans).
"""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson

from frontdesk.tracing import names
from frontdesk.tracing.stages import STAGES

PERIODS: dict[str, tuple[float, float]] = {
    "1h": (3_600.0, 120.0),
    "24h": (86_400.0, 3_600.0),
    "7d": (604_800.0, 21_600.0),
    "30d": (2_592_000.0, 86_400.0),
}
"""Periods that can be asked for: their length, and the length of one point on a chart."""

SLOWEST = 10
MOST_GROUPS = 100

_TURNS = """
SELECT trace_id, call_id, started, latency, interrupted_at, errors, agents, caller
FROM trace WHERE started >= ? AND started < ? AND turn IS NOT NULL
"""
_SPANS = "SELECT start, end - start FROM span WHERE stage = ? AND start >= ? AND start < ?"
_DEAD_AIR = """
SELECT name, count(*) AS count, sum(end - start) AS seconds, max(end - start) AS longest
FROM span WHERE stage = ? AND start >= ? AND start < ? AND end IS NOT NULL AND name LIKE ?
GROUP BY name ORDER BY seconds DESC
"""
# The errors of containers and of MCP spans only repeat those of the work inside them.
_ERRORS = """
SELECT name, stage, opened(error) AS error, count(*) AS count, count(DISTINCT trace_id) AS turns,
       max(start) AS last, trace_id, span_id
FROM span
WHERE error IS NOT NULL AND start >= ? AND start < ?
      AND stage NOT IN ('mcp', 'agent', 'turn', 'step')
GROUP BY name, opened(error) ORDER BY count DESC, last DESC LIMIT ?
"""


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile of sorted values; None of no values."""
    if not ordered:
        return None
    rank = -(-len(ordered) * share // 1)
    return ordered[max(0, min(len(ordered), int(rank)) - 1)]


def latency(database: sqlite3.Connection, period: str, now: float) -> dict[str, Any]:
    """Waits, barge-ins and errors of the turns of a period, over time and in all; p50 and p95 of
    each stage; dead air by what held the answer up; the turns that took longest. Raises
    ``KeyError`` for an unknown period."""
    length, step = PERIODS[period]
    since = (now - length) // step * step
    turns = database.execute(_TURNS, (since, now)).fetchall()
    points: dict[int, list[sqlite3.Row]] = defaultdict(list)
    for turn in turns:
        points[int((turn["started"] - since) // step)].append(turn)
    count = int(-(-(now - since) // step))
    silent = database.execute(
        _DEAD_AIR, (names.STAGES[names.DEAD_AIR], since, now, f"{names.DEAD_AIR} %")
    )
    waited = sorted(
        (turn for turn in turns if turn["latency"] is not None),
        key=lambda turn: turn["latency"],
        reverse=True,
    )
    return {
        "period": period,
        "since": since,
        "until": now,
        "step": step,
        "total": _waits(turns),
        "points": [{"start": since + n * step, **_waits(points[n])} for n in range(count)],
        "stages": {stage: _stage(database, stage, since, now, step) for stage in STAGES},
        "dead_air": [dead_air(row) for row in silent],
        "slowest": [_slow(turn) for turn in waited[:SLOWEST]],
    }


def _waits(turns: Sequence[sqlite3.Row]) -> dict[str, Any]:
    waits = sorted(turn["latency"] for turn in turns if turn["latency"] is not None)
    return {
        "turns": len(turns),
        "p50_ms": _ms(percentile(waits, 0.5)),
        "p95_ms": _ms(percentile(waits, 0.95)),
        "interrupted": sum(turn["interrupted_at"] is not None for turn in turns),
        "failed": sum(turn["errors"] > 0 for turn in turns),
    }


def _stage(
    database: sqlite3.Connection, stage: str, since: float, until: float, step: float
) -> dict[str, Any]:
    found = [
        (start, seconds)
        for start, seconds in database.execute(_SPANS, (stage, since, until))
        if seconds is not None
    ]
    every = sorted(seconds for _, seconds in found)
    points: dict[int, list[float]] = defaultdict(list)
    for start, seconds in found:
        points[int((start - since) // step)].append(seconds)
    count = int(-(-(until - since) // step))
    return {
        "count": len(every),
        "p50_ms": _ms(percentile(every, 0.5)),
        "p95_ms": _ms(percentile(every, 0.95)),
        "points": [_ms(percentile(sorted(points[n]), 0.95)) for n in range(count)],
    }


def dead_air(row: Any) -> dict[str, Any]:
    """How often, and for how long, callers were left in silence by a stage: of the spans with this
    name (``count``; ``seconds`` in sum; ``longest``)."""
    return {
        "stage": row["name"].removeprefix(f"{names.DEAD_AIR} "),
        "count": row["count"],
        "seconds": round(row["seconds"], 3),
        "longest_ms": _ms(row["longest"]),
    }


def _slow(turn: sqlite3.Row) -> dict[str, Any]:
    return {
        "trace_id": turn["trace_id"],
        "call_id": turn["call_id"],
        "started": turn["started"],
        "latency_ms": _ms(turn["latency"]),
        "agents": orjson.loads(turn["agents"]),
        "caller": turn["caller"],
        "errors": turn["errors"],
    }


def errors(database: sqlite3.Connection, period: str, now: float) -> dict[str, Any]:
    """What failed in a period, grouped by what it was and how it failed, the most frequent first,
    each with its newest place. Raises ``KeyError`` for an unknown period."""
    length, _ = PERIODS[period]
    # SQLite takes the bare columns of a group from the row that has its max().
    found = database.execute(_ERRORS, (now - length, now, MOST_GROUPS)).fetchall()
    calls = {
        row["trace_id"]: row["call_id"]
        for row in database.execute(
            "SELECT trace_id, call_id FROM trace WHERE trace_id IN "
            "(SELECT value FROM json_each(?))",
            (orjson.dumps([row["trace_id"] for row in found]).decode(),),
        )
    }
    return {
        "period": period,
        "since": now - length,
        "until": now,
        "groups": [{**dict(row), "call_id": calls.get(row["trace_id"])} for row in found],
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
