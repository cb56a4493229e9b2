"""Spans and summaries of a few calls put together in memory, in SQLite's tables: what they sum up
to, and how a call or a turn is shown, is said in one place for both engines.
"""

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from frontdesk.tracing import schema, summaries
from frontdesk.tracing.cells import Cells
from frontdesk.tracing.rows import SpanRow
from frontdesk.tracing.stores import PieceRow

_IDENTITY = "id"
"""SQLite's own key of a turn, which nobody else knows."""


class Assembly:
    """Turns (as they were summed up before), then spans, then :meth:`summarize`. Close it."""

    def __init__(self) -> None:
        self.database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        cells = Cells()
        cells.install_to_write(self.database)
        cells.install_to_read(self.database)
        self.database.executescript(schema.TABLES)
        self._columns: dict[str, set[str]] = {}

    def __enter__(self) -> "Assembly":
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    def add_turns(self, rows: Iterable[Mapping[str, Any]], but: Sequence[str] = ()) -> None:
        """Rows of ``frontdesk_turns`` with ``summary`` and ``delegation``."""
        for row in rows:
            turn: dict[str, Any] = orjson.loads(row["summary"])
            if turn["trace_id"] in but:
                continue
            self._insert("trace", turn)
            if row["delegation"]:  # its span says so, and is not read for this
                self._insert("span", {**_SPAN, "trace_id": turn["trace_id"], "start": 0.0})
            if words := f"{turn['caller']}\n{turn['answer']}".strip():
                self.database.execute(
                    "INSERT INTO doc (rowid, words) SELECT id, ? FROM trace WHERE trace_id = ?",
                    (words, turn["trace_id"]),
                )

    def add_spans(self, spans: Iterable[SpanRow]) -> list[str]:
        """Adds and sums up; returns the ids of their calls."""
        ordered = sorted(spans, key=lambda row: (row.start, row.parent_id is not None))
        traces = dict.fromkeys(row.trace_id for row in ordered)
        marks = ",".join("?" * len(traces))
        self.database.execute(
            f"DELETE FROM span WHERE span_id = '' AND trace_id IN ({marks})", (*traces,)
        )
        for row in ordered:
            summaries.insert(self.database, row)
        return summaries.summarize(self.database, summaries.place(self.database, ordered))

    def sum_up(self, turns: Iterable[Mapping[str, Any]]) -> None:
        """Sum up the calls of the spans anew, with their other turns."""
        mine = [row["trace_id"] for row in self.database.execute("SELECT trace_id FROM trace")]
        self.add_turns(turns, but=mine)
        summaries.summarize(self.database, dict.fromkeys(mine, True))

    def add_pieces(self, pieces: Iterable[PieceRow]) -> None:
        for piece in pieces:
            self._insert("audio", piece._asdict())

    def add_recorded(self, call_ids: Iterable[str]) -> None:
        """Of these calls there is sound, whichever."""
        self.add_pieces(PieceRow(call_id, call_id, "", "", 0, 0.0, 0, b"") for call_id in call_ids)

    def add_scores(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Rows of ``frontdesk_scores``."""
        for row in rows:
            self._insert("score", row)

    def add_callers(self, callers: Iterable[tuple[str, str, float]]) -> None:
        for caller in callers:
            self.database.execute("INSERT OR IGNORE INTO caller VALUES (?, ?, ?)", caller)

    def turns(self, trace_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Rows for ``frontdesk_turns``, but for their version."""
        return [self._turn(row) for row in self._rows("trace", "trace_id", trace_ids)]

    def calls(self, call_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Rows for ``frontdesk_calls``, but for their version."""
        return [
            {
                "call_id": row["call_id"],
                "agents": orjson.loads(row["agents"]),
                "team": row["team"] or "",
                **{key: row[key] for key in ("started", "errors", "slowest", "cost")},
                "summary": orjson.dumps(row).decode(),
            }
            for row in self._rows("call", "call_id", call_ids)
        ]

    def add_calls(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Rows of ``frontdesk_calls`` with ``summary``; returns their ids."""
        calls = [orjson.loads(row["summary"]) for row in rows]
        for call in calls:
            self._insert("call", call)
        return [call["call_id"] for call in calls]

    def _turn(self, row: dict[str, Any]) -> dict[str, Any]:
        delegations = self.database.execute(
            "SELECT 1 FROM span WHERE trace_id = ? AND stage = 'delegation' AND parent_id IS NULL",
            (row["trace_id"],),
        )
        return {
            **{key: row[key] for key in ("trace_id", "started", "turn", "latency", "errors")},
            "call_id": row["call_id"] or "",
            "delegation": delegations.fetchone() is not None,
            "interrupted": row["interrupted_at"] is not None,
            "words": searchable(f"{row['caller']} {row['answer']}"),
            "summary": orjson.dumps(row).decode(),
        }

    def _rows(self, table: str, key: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        found = self.database.execute(
            f"SELECT * FROM {table} WHERE {key} IN (SELECT value FROM json_each(?))",
            (orjson.dumps(list(ids)).decode(),),
        )
        return [{k: row[k] for k in row.keys() if k != _IDENTITY} for row in found]  # noqa: SIM118

    def _insert(self, table: str, values: Mapping[str, Any]) -> None:
        """What this version knows of them: another one may have written the row."""
        if (known := self._columns.get(table)) is None:
            info = self.database.execute(f"PRAGMA table_info({table})")
            known = self._columns[table] = {row["name"] for row in info}
        fit = {key: value for key, value in values.items() if key in known}
        self.database.execute(
            f"INSERT OR REPLACE INTO {table} ({', '.join(fit)}) "
            f"VALUES ({', '.join('?' * len(fit))})",
            (*fit.values(),),
        )


_SPAN: dict[str, Any] = {"span_id": "", "name": "", "stage": "delegation", "tokens": 0, "words": ""}


def searchable(text: str) -> str:
    """Each word behind a blank, without case and accents, as SQLite's index has them."""
    apart = unicodedata.normalize("NFD", text.casefold())
    bare = "".join(char for char in apart if not unicodedata.combining(char))
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", bare))
    return "".join(f" {word}" for word in words)
