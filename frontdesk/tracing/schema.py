"""The trace store's tables, in one SQLite file.

``span`` is the truth; ``trace`` (a turn) and ``call`` are summaries that can be made from it, so
that lists never read spans. ``call.caller`` says whose a call is, by a hash of the caller's id: it
is there whether content is kept or not, so that it can be erased. What was said stands in
``error``, ``words``, ``attributes``, ``events``, ``trace.caller``, ``answer``, ``text``,
``score.comment`` and ``peaks``: sealed where there are keys (:mod:`frontdesk.tracing.cells`), and
then not in ``doc``.
"""

import sqlite3
from pathlib import Path

from frontdesk.tracing.cells import Cells

VERSION = 5
PATIENCE = 2.0
"""Seconds that a lock of another process is waited for."""

TABLES = """
CREATE TABLE IF NOT EXISTS span (
    trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT,
    name TEXT NOT NULL, stage TEXT NOT NULL, agent TEXT, subject TEXT,
    start REAL NOT NULL, end REAL, error TEXT, tokens INTEGER NOT NULL, words TEXT NOT NULL,
    attributes BLOB, events BLOB,
    cost INTEGER, currency TEXT, unpriced INTEGER NOT NULL DEFAULT 0, tokens_in INTEGER,
    UNIQUE (trace_id, span_id)
);
CREATE INDEX IF NOT EXISTS span_stage ON span (stage, start, end);
CREATE INDEX IF NOT EXISTS span_errors ON span (start) WHERE error IS NOT NULL;

CREATE TABLE IF NOT EXISTS trace (
    id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL UNIQUE, call_id TEXT,
    team TEXT, team_version TEXT, agent TEXT, transport TEXT, turn INTEGER,
    started REAL NOT NULL, ended REAL, last REAL, origin REAL,
    latency REAL, end_reason TEXT, interrupted_at REAL, interrupted_of REAL, error TEXT,
    caller TEXT NOT NULL DEFAULT '', answer TEXT NOT NULL DEFAULT '',
    spans INTEGER NOT NULL DEFAULT 0, errors INTEGER NOT NULL DEFAULT 0,
    tokens INTEGER NOT NULL DEFAULT 0, handoffs INTEGER NOT NULL DEFAULT 0,
    agents TEXT NOT NULL DEFAULT '[]', tools TEXT NOT NULL DEFAULT '[]',
    cost INTEGER, currency TEXT, unpriced TEXT NOT NULL DEFAULT '[]', tokens_in INTEGER,
    flow TEXT NOT NULL DEFAULT '[]', tool_calls TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS trace_call ON trace (call_id, started);
CREATE INDEX IF NOT EXISTS trace_started ON trace (started);
CREATE INDEX IF NOT EXISTS trace_sealed ON trace (id)
    WHERE typeof(caller) = 'blob' OR typeof(answer) = 'blob';

CREATE TABLE IF NOT EXISTS call (
    call_id TEXT PRIMARY KEY, team TEXT, started REAL NOT NULL, last REAL NOT NULL,
    open_since REAL, turns INTEGER NOT NULL, tokens INTEGER NOT NULL, handoffs INTEGER NOT NULL,
    errors INTEGER NOT NULL, latency REAL, agents TEXT NOT NULL, tools TEXT NOT NULL,
    text TEXT NOT NULL, slowest REAL, cost INTEGER, currency TEXT,
    unpriced TEXT NOT NULL DEFAULT '[]', tokens_in INTEGER,
    flow TEXT NOT NULL DEFAULT '[]', tool_calls TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS call_started ON call (started);
CREATE INDEX IF NOT EXISTS call_errors ON call (started) WHERE errors > 0;

CREATE TABLE IF NOT EXISTS audio (
    key TEXT PRIMARY KEY, call_id TEXT NOT NULL, item_id TEXT NOT NULL, role TEXT NOT NULL,
    offset_ms INTEGER NOT NULL, seconds REAL NOT NULL, rate INTEGER NOT NULL, peaks BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS audio_call ON audio (call_id, offset_ms);

CREATE TABLE IF NOT EXISTS caller (
    call_id TEXT PRIMARY KEY, caller TEXT NOT NULL, opened REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS caller_calls ON caller (caller);

CREATE TABLE IF NOT EXISTS score (
    id TEXT PRIMARY KEY, trace_id TEXT NOT NULL, call_id TEXT, span_id TEXT, name TEXT NOT NULL,
    value REAL, label TEXT, comment TEXT, author TEXT NOT NULL, created REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS score_trace ON score (trace_id);
CREATE INDEX IF NOT EXISTS score_call ON score (call_id);
CREATE TRIGGER IF NOT EXISTS score_goes_with_its_trace AFTER DELETE ON trace
BEGIN DELETE FROM score WHERE trace_id = OLD.trace_id; END;

CREATE VIRTUAL TABLE IF NOT EXISTS doc USING fts5 (words);
"""

LATER = (
    ("span", "cost", "INTEGER"),
    ("span", "currency", "TEXT"),
    ("span", "unpriced", "INTEGER NOT NULL DEFAULT 0"),
    ("trace", "interrupted_of", "REAL"),
    ("trace", "cost", "INTEGER"),
    ("trace", "currency", "TEXT"),
    ("trace", "unpriced", "TEXT NOT NULL DEFAULT '[]'"),
    ("call", "cost", "INTEGER"),
    ("call", "currency", "TEXT"),
    ("call", "unpriced", "TEXT NOT NULL DEFAULT '[]'"),
    ("call", "slowest", "REAL"),
    ("span", "tokens_in", "INTEGER"),
    ("trace", "tokens_in", "INTEGER"),
    ("trace", "flow", "TEXT NOT NULL DEFAULT '[]'"),
    ("trace", "tool_calls", "TEXT NOT NULL DEFAULT '{}'"),
    ("call", "tokens_in", "INTEGER"),
    ("call", "flow", "TEXT NOT NULL DEFAULT '[]'"),
    ("call", "tool_calls", "TEXT NOT NULL DEFAULT '{}'"),
)
"""Columns that tables of earlier versions lack."""
SLOWEST = """
UPDATE call SET slowest = (SELECT max(latency) FROM trace WHERE trace.call_id = call.call_id)
WHERE latency IS NOT NULL;
"""


def connect(path: Path, cells: Cells | None = None) -> sqlite3.Connection:
    """Open the file for writing, made where it does not exist.

    Raises :class:`sqlite3.Error` or :class:`OSError`; the message of a file that a newer version
    wrote says so.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(
        path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
    )
    (cells or Cells()).install_to_write(database)
    try:
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if found > VERSION:
            raise sqlite3.OperationalError(f"{path} was written by a newer Frontdesk ({found})")
        if found < VERSION:  # before the first page is written
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # what is removed is given back
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA secure_delete = ON")  # what is erased is not to be found again
        if found < VERSION:
            database.executescript(
                f"BEGIN IMMEDIATE; {TABLES} {_additions(database)} "
                f"PRAGMA user_version = {VERSION}; COMMIT"
            )
        if 0 < found < VERSION:  # older files kept what was replaced, and never became smaller
            database.execute("VACUUM")
    except BaseException:
        database.close()
        raise
    return database


def _additions(database: sqlite3.Connection) -> str:
    """What brings the tables of an earlier version up to this one."""
    has = {
        (table, name)
        for table in dict.fromkeys(table for table, *_ in LATER)
        for (name,) in database.execute("SELECT name FROM pragma_table_info(?)", (table,))
    }
    known = {table for table, _ in has}
    lacking = [each for each in LATER if each[0] in known and each[:2] not in has]
    steps = [f"ALTER TABLE {table} ADD COLUMN {name} {kind};" for table, name, kind in lacking]
    if ("call", "slowest") in [each[:2] for each in lacking]:
        steps.append(SLOWEST)
    return " ".join(steps)


def connect_to_read(path: Path, cells: Cells | None = None) -> sqlite3.Connection:
    """Open the file for reading beside the writer; one of an earlier version is brought up first,
    as no writer may have come yet. Raises :class:`sqlite3.Error` or :class:`OSError`."""
    database = _open_to_read(path)
    (found,) = database.execute("PRAGMA user_version").fetchone()
    if 0 < found < VERSION:
        database.close()
        connect(path, cells).close()
        database = _open_to_read(path)
    (cells or Cells()).install_to_read(database)
    return database


def _open_to_read(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=PATIENCE, check_same_thread=False
    )
