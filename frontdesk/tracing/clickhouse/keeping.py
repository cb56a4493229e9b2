"""How much ClickHouse holds, and what of it is the oldest."""

from typing import Any

from frontdesk.tracing.clickhouse.client import Client, NoTable
from frontdesk.tracing.stores import Kept, Used

_SIZES = """
SELECT table, sum(bytes_on_disk) / sum(rows) AS each FROM system.parts
WHERE active AND database = currentDatabase() AND rows > 0 GROUP BY table
"""
_COUNTS = """
SELECT (SELECT count() FROM frontdesk_calls FINAL) AS calls,
       (SELECT countIf(turn IS NOT NULL) FROM frontdesk_turns FINAL) AS turns,
       (SELECT sum(JSONExtractUInt(summary, 'spans')) FROM frontdesk_turns FINAL) AS spans,
       (SELECT count() FROM frontdesk_audio FINAL) AS pieces,
       (SELECT minOrNull(started) FROM frontdesk_calls FINAL) AS oldest
"""
_TABLES = {
    "otel_traces": "spans",
    "frontdesk_turns": "turns",
    "frontdesk_calls": "calls",
    "frontdesk_audio": "pieces",
}
_OLDEST = """
SELECT call_id FROM frontdesk_calls FINAL
WHERE started < {until} AND JSONExtractFloat(summary, 'last') < {until} AND call_id NOT IN {spare}
ORDER BY started LIMIT {calls}
"""
_STRAYS = """
SELECT trace_id FROM frontdesk_turns FINAL WHERE started < {until} AND call_id = '' LIMIT {turns}
"""
_CALLERS = """
SELECT call_id FROM frontdesk_callers FINAL WHERE opened < {until}
AND call_id NOT IN (SELECT call_id FROM frontdesk_calls)
AND call_id NOT IN (SELECT call_id FROM frontdesk_audio WHERE folder != {folder}) LIMIT {turns}
"""


def used(client: Client) -> Used:
    """How much there is of what. Bytes are reckoned from what a row takes: others may write into
    the same tables, and what was deleted takes its place for a while. Raises :class:`Away`, as does
    :func:`oldest`."""
    try:
        [counts] = client.rows(_COUNTS)
    except NoTable:
        return Used()
    sizes = {row["table"]: row["each"] for row in client.rows(_SIZES)}
    taken = sum(sizes.get(table, 0) * counts[what] for table, what in _TABLES.items())
    return Used(round(taken), counts["calls"], counts["turns"], counts["spans"], counts["oldest"])


def oldest(client: Client, until: float, spare: frozenset[str], calls: int) -> list[str]:
    """The oldest calls that ended ``until`` then."""
    return _column(client, _OLDEST, until=until, spare=[*spare], calls=calls)


def strays(client: Client, until: float, turns: int, folder: str) -> Kept:
    """What belongs to no call, but for whose call it was where sound of it lies in another folder:
    that is known until the sound is gone."""
    limits: dict[str, Any] = {"until": until, "turns": turns}
    callers = _column(client, _CALLERS, folder=folder, **limits)
    return Kept(callers, _column(client, _STRAYS, **limits))


def _column(client: Client, query: str, **values: Any) -> list[str]:
    try:
        return [value for row in client.rows(query, **values) for value in row.values()]
    except NoTable:  # nothing was ever written
        return []
