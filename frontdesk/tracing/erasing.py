"""Erasing a caller from the disk: rows, words in the search index, sound. Nothing of it is left in
the bytes of the files.

Rows are overwritten (``secure_delete``), the search index is merged, as it only marks what is
deleted, and the write-ahead log is cut. What a file system keeps of files that were cut or removed
is out of reach.
"""

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from frontdesk.tracing import schema
from frontdesk.tracing.audio import AudioStore, mixes
from frontdesk.tracing.store import StoreError, TraceStore

MOST = 500
"""Values in one statement."""


@dataclass(frozen=True, slots=True)
class Gone:
    """How much was erased."""

    calls: int = 0
    traces: int = 0
    audio: int = 0


def erase(
    store: TraceStore, audio: AudioStore, caller: str, calls: Iterable[str], until: float
) -> Gone:
    """Erase ``calls``, and all calls of ``caller`` that were opened until then (unix seconds). They
    must be over here; what is still said of them later is not kept. Blocks. May be repeated.
    Raises :class:`StoreError` when it is not done, or not all of it."""
    if not store.path.exists():
        return Gone()
    store.refused |= (ids := set(calls))
    if not store.flush():
        raise StoreError(f"{store.path}: what waits to be written is not yet")
    try:
        with closing(schema.connect(store.path)) as database:
            found = database.execute(
                "SELECT call_id FROM caller WHERE caller = ? AND opened <= ?", (caller, until)
            )
            ids |= {call_id for (call_id,) in found}
            store.refused |= ids
            return _erase(store, audio, database, sorted(ids))
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{store.path}: {error}") from error


def _erase(
    store: TraceStore, audio: AudioStore, database: sqlite3.Connection, ids: list[str]
) -> Gone:
    traces = _select(database, "SELECT id, trace_id FROM trace WHERE call_id IN", ids)
    keys = [key for (key,) in _select(database, "SELECT key FROM audio WHERE call_id IN", ids)]
    store.refused |= {trace_id for _, trace_id in traces}
    # Files first: their keys are known as long as the rows are there.
    for key in keys:
        path = audio.locate(key)
        path.unlink(missing_ok=True)
        path.with_suffix(".part").unlink(missing_ok=True)
    for call_id in ids:
        shutil.rmtree(mixes(audio.root, call_id), ignore_errors=True)
    database.execute("BEGIN IMMEDIATE")
    _delete(database, "doc", "rowid", [row for row, _ in traces])
    _delete(database, "span", "trace_id", [trace_id for _, trace_id in traces])
    for table in ("trace", "audio", "call", "caller"):
        _delete(database, table, "call_id", ids)
    database.execute("COMMIT")
    if traces:
        database.execute("INSERT INTO doc (doc) VALUES ('optimize')")
    busy, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StoreError(f"{store.path}: somebody reads it: its log is not cut yet")
    return Gone(len(ids), len(traces), len(keys))


def _select(database: sqlite3.Connection, query: str, values: list[str]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for part in _parts(values):
        found += database.execute(f"{query} ({','.join('?' * len(part))})", part).fetchall()
    return found


def _delete(database: sqlite3.Connection, table: str, column: str, values: list[str]) -> None:
    for part in _parts(values):
        marks = ",".join("?" * len(part))
        database.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", part)


def _parts(values: list[str]) -> list[list[str]]:
    return [values[at : at + MOST] for at in range(0, len(values), MOST)]
