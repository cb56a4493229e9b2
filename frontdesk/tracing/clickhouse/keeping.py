"""How much ClickHouse holds, and what of it is the oldest."""

from typing import Any

from frontdesk.tracing.clickhouse.client import Client, NoTable
from frontdesk.tracing.stores import Kept, Used

_USED = """
SELECT (SELECT sum(bytes_on_disk) FROM system.parts
        WHERE active AND database = currentDatabase()) AS bytes,
       (SELECT count() FROM frontdesk_calls FINAL) AS calls,
       (SELECT countIf(turn IS NOT NULL) FROM frontdesk_turns FINAL) AS turns,
       (SELECT count() FROM otel_traces) AS spans,
       (SELECT minOrNull(started) FROM frontdesk_calls FINAL) AS oldest
"""
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
AND call_id NOT IN (SELECT call_id FROM frontdesk_calls) LIMIT {turns}
"""


def used(client: Client) -> Used:
    """How much there is of what. Raises :class:`Away`, as does :func:`oldest`."""
    try:
        [found] = client.rows(_USED)
    except NoTable:
        return Used()
    return Used(**{name: value or 0 for name, value in found.items() if name != "oldest"})._replace(
        oldest=found["oldest"]
    )


def oldest(client: Client, until: float, spare: frozenset[str], calls: int) -> list[str]:
    """The oldest calls that ended ``until`` then."""
    return _column(client, _OLDEST, until=until, spare=[*spare], calls=calls)


def strays(client: Client, until: float, turns: int) -> Kept:
    """What belongs to no call."""
    limits = {"until": until, "turns": turns}
    return Kept(_column(client, _CALLERS, **limits), _column(client, _STRAYS, **limits))


def _column(client: Client, query: str, **values: Any) -> list[str]:
    try:
        return [value for row in client.rows(query, **values) for value in row.values()]
    except NoTable:  # nothing was ever written
        return []
