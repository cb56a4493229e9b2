"""Keeping the SQLite file within bounds, in steps that are short: writers wait for each.

What is removed leaves pages that are written over; :func:`tidy` gives back those at the file's end,
and takes the words out of the search index, which only marks what is deleted.
"""

import sqlite3

import orjson

from frontdesk.tracing import deleting
from frontdesk.tracing.stores import Kept, Used

PAGES = 500
"""Pages (4 KiB) that a step of tidying writes at most."""


def size(database: sqlite3.Connection) -> int:
    """Bytes of the file that are in use: what was removed is written over."""
    pages, free, each = (
        database.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * each


def used(database: sqlite3.Connection) -> Used:
    """How much there is of what."""
    counts = database.execute(
        "SELECT (SELECT count(*) FROM call), (SELECT coalesce(sum(turns), 0) FROM call), "
        "(SELECT coalesce(sum(spans), 0) FROM trace), (SELECT min(started) FROM call)"
    ).fetchone()
    return Used(size(database), *counts)


def expired(
    database: sqlite3.Connection, until: float, spare: frozenset[str], calls: int, turns: int
) -> Kept:
    """The oldest calls that ended ``until`` then, whole, or a part of the oldest; and once there
    are none, what belongs to no call."""
    ids = [
        call_id
        for (call_id,) in database.execute(
            "SELECT call_id FROM call WHERE started < ? AND last < ? "
            "AND call_id NOT IN (SELECT value FROM json_each(?)) ORDER BY started LIMIT ?",
            (until, until, orjson.dumps([*spare]).decode(), calls),
        )
    ]
    whole: list[str] = []
    traces: list[str] = []
    for call_id in ids:
        found = deleting.find(database, [call_id], "", 0.0).traces
        if len(found) > turns and not whole:
            return Kept(traces=found[:turns])
        if len(traces) + len(found) > turns:
            break
        whole.append(call_id)
        traces += found
    return deleting.find(database, whole, "", 0.0) if whole else _strays(database, until, turns)


def _strays(database: sqlite3.Connection, until: float, most: int) -> Kept:
    traces = database.execute(
        "SELECT trace_id FROM trace WHERE started < ? AND call_id IS NULL LIMIT ?", (until, most)
    )
    callers = database.execute(
        "SELECT call_id FROM caller WHERE opened < ? "
        "AND NOT EXISTS (SELECT 1 FROM call WHERE call.call_id = caller.call_id) LIMIT ?",
        (until, most),
    )
    return Kept([each for (each,) in callers], [each for (each,) in traces])


def prune(database: sqlite3.Connection, kept: Kept) -> bool:
    """Remove rows, within the transaction under way. There is nothing more to do."""
    deleting.rows(database, kept)
    return False


def tidy(database: sqlite3.Connection, *, first: bool) -> bool:
    """A step, within the transaction under way; whether there is more to do. The ``first`` one has
    the whole index merged into one, those that follow go on with that."""
    before = database.total_changes
    pages = -PAGES if first else PAGES
    database.execute("INSERT INTO doc (doc, rank) VALUES ('merge', ?)", (pages,))
    merged = database.total_changes - before > 1  # so FTS5 tells that there was something to do
    (free,) = database.execute("PRAGMA freelist_count").fetchone()
    for _ in range(min(free, PAGES)):  # sqlite3 takes but the first step of a statement like this
        database.execute("PRAGMA incremental_vacuum(1)")
    (left,) = database.execute("PRAGMA freelist_count").fetchone()
    return merged or (0 < left < free)
