"""What people think of a turn, or of one span in it: a thumb, a grade, a comment. Exported names
are those of the conventions, ``gen_ai.evaluation.*``."""

import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

THUMB = "thumb"
"""The name of a score that is only good (1) or bad (0)."""


@dataclass(frozen=True, slots=True)
class Score:
    """``span_id`` is None for the whole turn; ``created`` is unix seconds. At least one of
    ``value``, ``label`` and ``comment`` says something."""

    id: str
    trace_id: str
    span_id: str | None
    name: str
    value: float | None
    label: str | None
    comment: str | None
    author: str
    created: float

    def export(self) -> dict[str, Any]:
        """The score as the API gives it."""
        return asdict(self)


COLUMNS = "id, trace_id, span_id, name, value, label, comment, author, created"

_INSERT = """
INSERT INTO score (id, trace_id, call_id, span_id, name, value, label, comment, author, created)
SELECT :id, trace_id, call_id, :span_id, :name, :value, :label, seal(:comment), :author, :created
FROM trace WHERE trace_id = :trace_id AND (:span_id IS NULL OR EXISTS (
    SELECT 1 FROM span WHERE span.trace_id = trace.trace_id AND span.span_id = :span_id))
"""


def insert(database: sqlite3.Connection, score: Score) -> bool:
    """Keep a score; False when there is no such trace, or no such span of it."""
    return database.execute(_INSERT, asdict(score)).rowcount > 0


def delete(database: sqlite3.Connection, score_id: str) -> bool:
    """Delete a score; False when there is none."""
    return database.execute("DELETE FROM score WHERE id = ?", (score_id,)).rowcount > 0


def of_trace(database: sqlite3.Connection, trace_id: str) -> list[dict[str, Any]]:
    """A turn's scores, oldest first."""
    return _found(database, "trace_id", trace_id)


def of_call(database: sqlite3.Connection, call_id: str) -> list[dict[str, Any]]:
    """A call's scores, oldest first."""
    return _found(database, "call_id", call_id)


def call_of(database: sqlite3.Connection, column: str, value: str) -> str | None:
    """The call that a trace (``trace_id``) or a score (``id``) is of."""
    table = "trace" if column == "trace_id" else "score"
    query = f"SELECT call_id FROM {table} WHERE {column} = ?"
    found = database.execute(query, (value,)).fetchone()
    return found["call_id"] if found else None


def _found(database: sqlite3.Connection, column: str, value: str) -> list[dict[str, Any]]:
    rows = database.execute(
        f"SELECT {COLUMNS} FROM score WHERE {column} = ? ORDER BY created, rowid", (value,)
    )
    return [{name: row[name] for name in COLUMNS.split(", ")} for row in rows]
