"""Deleting calls from the SQLite file: nothing of them is left in its bytes.

Rows are overwritten (``secure_delete``), the search index is merged, as it only marks what is
deleted, and the write-ahead log is cut. What a file system keeps of files that were cut is out of
reach.
"""

import sqlite3
from collections.abc import Sequence

from frontdesk.tracing.stores import Kept

MOST = 500
"""Values in one statement."""


def find(database: sqlite3.Connection, calls: Sequence[str], caller: str, until: float) -> Kept:
    """What is kept of ``calls``, and of those that ``caller`` opened until then."""
    found = database.execute(
        "SELECT call_id FROM caller WHERE caller = ? AND opened <= ?", (caller, until)
    )
    ids = sorted({*calls, *(call_id for (call_id,) in found)})
    return Kept(
        ids,
        _select(database, "SELECT trace_id FROM trace WHERE call_id IN", ids),
        _select(database, "SELECT key FROM audio WHERE call_id IN", ids),
    )


def rows(database: sqlite3.Connection, kept: Kept) -> None:
    """Delete the rows, within the transaction under way."""
    documents = _select(database, "SELECT id FROM trace WHERE trace_id IN", kept.traces)
    _delete(database, "doc", "rowid", documents)
    for table in ("span", "trace"):
        _delete(database, table, "trace_id", kept.traces)
    _delete(database, "audio", "key", kept.pieces)
    for table in ("trace", "audio", "call", "caller"):
        _delete(database, table, "call_id", kept.calls)


def delete(database: sqlite3.Connection, kept: Kept) -> None:
    """Delete it in one transaction. Raises :class:`sqlite3.Error`, also when somebody reads so long
    that the log cannot be cut."""
    database.execute("BEGIN IMMEDIATE")
    rows(database, kept)
    database.execute("COMMIT")
    if kept.traces:
        database.execute("INSERT INTO doc (doc) VALUES ('optimize')")
    busy, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise sqlite3.OperationalError("somebody reads it: its log is not cut yet")


def _select(database: sqlite3.Connection, query: str, values: Sequence[str]) -> list[str]:
    found: list[str] = []
    for part in _parts(values):
        marks = ",".join("?" * len(part))
        found += (each for (each,) in database.execute(f"{query} ({marks})", part))
    return found


def _delete(database: sqlite3.Connection, table: str, column: str, values: Sequence[str]) -> None:
    for part in _parts(values):
        marks = ",".join("?" * len(part))
        database.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", part)


def _parts(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[at : at + MOST] for at in range(0, len(values), MOST)]
