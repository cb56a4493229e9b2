"""Reads from the trace store, in the shapes of the API. Times are unix seconds."""

import re
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

import orjson

from frontdesk.tracing import names, scores
from frontdesk.tracing.pricing import UNIT
from frontdesk.tracing.rows import unpack
from frontdesk.tracing.stages import Interval, breakdown, wait

MOST_SPANS = 5_000
"""Spans of one trace that are read at most."""
ABANDONED = 900.0
"""Seconds after which a turn that never ended no longer counts as live: its process died."""
PEAKS = 50
"""Peaks a second of audio."""

_CALLS = """
SELECT *, EXISTS (SELECT 1 FROM audio WHERE audio.call_id = call.call_id) AS recorded,
       (SELECT count(*) FROM score WHERE score.call_id = call.call_id) AS scores FROM call
"""
# From the newest call on, and not from the words found (`+` sees to it): a common word is in half
# of all turns, and fifty calls are soon together.
_SAID = """
EXISTS (SELECT 1 FROM trace WHERE trace.call_id = call.call_id
        AND +trace.id IN (SELECT rowid FROM doc WHERE doc MATCH ?))
"""
_SEALED = "(typeof(caller) = 'blob' OR typeof(answer) = 'blob')"
_ANY_SEALED = f"SELECT 1 FROM trace WHERE {_SEALED} LIMIT 1"
_SAID_SEALED = f"""
EXISTS (SELECT 1 FROM trace WHERE trace.call_id = call.call_id
        AND (+trace.id IN (SELECT rowid FROM doc WHERE doc MATCH ?)
             OR {_SEALED} AND said(caller, answer, ?)))
"""


def calls(
    database: sqlite3.Connection,
    *,
    limit: int = 50,
    before: float | None = None,
    agent: str | None = None,
    team: str | None = None,
    errors: bool = False,
    text: str | None = None,
    latency_min: float | None = None,
    latency_max: float | None = None,
    cost_min: float | None = None,
    cost_max: float | None = None,
    since: float | None = None,
    until: float | None = None,
    caller: str | None = None,
    region: str | None = None,
    live: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """Calls, newest first, of everybody or of one ``caller``. ``text`` finds calls in which all its
    words were said; ``before`` is the ``started`` of the last one seen. A call is as late as its
    slowest turn (seconds to first audio), and costs as much as is known; one of which nothing is
    known is in no range. ``live`` are the calls known to be open; those that are pinned to another
    ``region`` are left out."""
    where = ["(call_id NOT GLOB 'sess_*_*' OR call_id GLOB ?)"]
    values: list[Any] = [f"sess_{region or ''}_*"]
    ranges = (
        ("started < ?", before),
        ("started >= ?", since),
        ("started < ?", until),
        ("slowest >= ?", latency_min),
        ("slowest <= ?", latency_max),
        ("cost >= ?", None if cost_min is None else round(cost_min * UNIT)),
        ("cost <= ?", None if cost_max is None else round(cost_max * UNIT)),
        ("team = ?", team or None),
        ("instr(agents, ?) > 0", orjson.dumps(agent).decode() if agent else None),
        ("call_id IN (SELECT call_id FROM caller WHERE caller = ?)", caller or None),
    )
    for condition, value in ranges:
        if value is not None:
            where.append(condition)
            values.append(value)
    if errors:
        where.append("errors > 0")
    if text and (query := _match(text)):
        sealed = database.execute(_ANY_SEALED).fetchone() is not None
        where.append(_SAID_SEALED if sealed else _SAID)
        values += [query, text] if sealed else [query]
    found = database.execute(
        f"{_CALLS} WHERE {' AND '.join(where)} ORDER BY started DESC LIMIT ?", (*values, limit)
    )
    return [_call(row, live) for row in found]


def choices(database: sqlite3.Connection) -> dict[str, list[str]]:
    """``agents`` and ``teams`` of the newest calls, to choose from."""
    newest = "(SELECT team, agents FROM call ORDER BY started DESC LIMIT 1000)"
    agents = f"SELECT DISTINCT value FROM {newest}, json_each(agents) ORDER BY value"
    teams = f"SELECT DISTINCT team FROM {newest} WHERE team IS NOT NULL ORDER BY team"
    return {
        "agents": [name for (name,) in database.execute(agents)],
        "teams": [name for (name,) in database.execute(teams)],
    }


def _match(text: str) -> str:
    """An FTS5 query for every word as a prefix; nothing the caller typed is syntax."""
    return " ".join(f'"{word}"*' for word in re.findall(r"\w+", text))


def _call(row: sqlite3.Row, live: frozenset[str]) -> dict[str, Any]:
    now = time.time()
    opened = row["open_since"]
    is_live = row["call_id"] in live or (opened is not None and now - opened < ABANDONED)
    return {
        "call_id": row["call_id"],
        "team": row["team"],
        "agents": orjson.loads(row["agents"]),
        "flow": orjson.loads(row["flow"]) or orjson.loads(row["agents"]),
        "started": row["started"],
        "seconds": round((now if is_live else row["last"]) - row["started"], 3),
        "turns": row["turns"],
        "tools": orjson.loads(row["tools"]),
        "tool_calls": orjson.loads(row["tool_calls"]),
        "handoffs": row["handoffs"],
        "errors": row["errors"],
        "first_audio_ms": _ms(row["latency"]),
        "slowest_ms": _ms(row["slowest"]),
        "tokens": row["tokens"],
        "tokens_in": row["tokens_in"],
        **_cost(row),
        "recorded": bool(row["recorded"]),
        "scores": row["scores"],
        "live": is_live,
        "text": row["text"],
    }


def _cost(row: sqlite3.Row) -> dict[str, Any]:
    """``cost`` as far as it is known, in ``currency``; ``unpriced`` are models whose is not."""
    cost = row["cost"]
    return {
        "cost": None if cost is None else cost / UNIT,
        "currency": row["currency"],
        "unpriced": orjson.loads(row["unpriced"]),
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def summaries(
    database: sqlite3.Connection, call_ids: Sequence[str], live: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    """The list's entries for some calls."""
    marks = ",".join("?" * len(call_ids))
    found = database.execute(f"{_CALLS} WHERE call_id IN ({marks})", tuple(call_ids))
    return [_call(row, live) for row in found]


def call(
    database: sqlite3.Connection, call_id: str, live: frozenset[str] = frozenset()
) -> dict[str, Any] | None:
    """One call with its turns, background work, audio and transcript; None when there is no such
    call."""
    found = summaries(database, [call_id], live)
    if not found:
        return None
    work = delegations(database, call_id)
    turns = database.execute(
        "SELECT * FROM trace WHERE call_id = ? AND trace_id NOT IN (SELECT value FROM json_each(?))"
        " ORDER BY started, id",
        (call_id, orjson.dumps([each["trace_id"] for each in work]).decode()),
    ).fetchall()
    started = found[0]["started"]
    transcript: list[dict[str, Any]] = []
    handoffs: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for turn in turns:
        spoken = database.execute(
            "SELECT stage, agent, subject, start, end, words FROM span WHERE trace_id = ? "
            "AND stage IN ('user_speech', 'end_of_turn', 'speech_to_text', 'model', 'tools', "
            "'text_to_speech', 'playback', 'handoff') ORDER BY start, rowid LIMIT ?",
            (turn["trace_id"], MOST_SPANS),
        ).fetchall()
        entries.append(_turn(turn, spoken))
        transcript += _lines(turn, spoken, started)
        handoffs += [_handoff(turn, span, started) for span in spoken if span["stage"] == "handoff"]
    return {
        "call": found[0],
        "turns": entries,
        "delegations": work,
        "audio": [_piece(row) for row in pieces(database, call_id)],
        "scores": scores.of_call(database, call_id),
        "transcript": sorted(transcript, key=lambda line: line["start_ms"]),
        "handoffs": handoffs,
    }


def calls_of(database: sqlite3.Connection, caller: str) -> list[dict[str, Any]]:
    """What is kept of a caller's calls, oldest first."""
    found = database.execute(
        "SELECT call_id, opened, (SELECT count(*) FROM trace WHERE trace.call_id = caller.call_id "
        "AND turn IS NOT NULL) AS turns, (SELECT count(*) FROM audio "
        "WHERE audio.call_id = caller.call_id) AS pieces FROM caller WHERE caller = ? "
        "ORDER BY opened",
        (caller,),
    )
    return [dict(row) for row in found]


def delegations(database: sqlite3.Connection, call_id: str) -> list[dict[str, Any]]:
    """A call's background work, each in a trace of its own."""
    found = database.execute(
        "SELECT span.* FROM trace JOIN span USING (trace_id) WHERE trace.call_id = ? "
        "AND span.stage = 'delegation' AND span.parent_id IS NULL ORDER BY span.start",
        (call_id,),
    )
    return [_delegation(row) for row in found]


def _delegation(row: sqlite3.Row) -> dict[str, Any]:
    attributes: dict[str, Any] = unpack(row["attributes"]) or {}
    return {
        "trace_id": row["trace_id"],
        "id": attributes.get(names.VOICE_DELEGATION_ID),
        "tool": row["subject"],
        "agent": row["agent"],
        "asked_in": attributes.get(names.VOICE_DELEGATION_TRACE),
        "status": attributes.get(names.VOICE_DELEGATION_STATUS, "running"),
        "progress": attributes.get(names.VOICE_DELEGATION_PROGRESS),
        "started": row["start"],
        "seconds": None if row["end"] is None else round(row["end"] - row["start"], 3),
    }


def _turn(turn: sqlite3.Row, spans: list[sqlite3.Row]) -> dict[str, Any]:
    started, last = turn["started"], turn["ended"] or turn["last"] or turn["started"]
    intervals: list[Interval] = [
        (span["stage"], span["start"], span["end"] or last) for span in spans
    ]
    begin, end = wait(intervals, started, last, turn["latency"])
    return {
        "trace_id": turn["trace_id"],
        "index": turn["turn"],
        "started": started,
        "seconds": round(last - started, 3),
        "agents": orjson.loads(turn["agents"]),
        "latency_ms": _ms(turn["latency"]),
        "stages": breakdown(intervals, begin, end),
        "caller": turn["caller"],
        "agent": turn["answer"],
        "interrupted_at": turn["interrupted_at"],
        "interrupted_of": turn["interrupted_of"],
        "errors": turn["errors"],
        "end_reason": turn["end_reason"],
        **_cost(turn),
    }


def _lines(turn: sqlite3.Row, spans: list[sqlite3.Row], zero: float) -> list[dict[str, Any]]:
    """The turn's part of the transcript, on the call's clock: as spoken, where spans say when."""

    def line(role: str, agent: str | None, text: str, start: float, end: float) -> dict[str, Any]:
        begin, stop = round((start - zero) * 1000), round((end - zero) * 1000)
        return {"role": role, "agent": agent, "text": text, "start_ms": begin, "end_ms": stop,
                "trace_id": turn["trace_id"]}  # fmt: skip

    last = turn["ended"] or turn["last"] or turn["started"]
    speech = [span for span in spans if span["stage"] == "user_speech"]
    heard = [span for span in spans if span["stage"] == "playback"]
    lines: list[dict[str, Any]] = []
    if any(span["words"] for span in speech):
        for span in speech:
            if span["words"]:
                end = span["end"] or last
                lines.append(line("caller", None, span["words"], span["start"], end))
    elif turn["caller"]:
        start = speech[0]["start"] if speech else turn["started"]
        end = (speech[-1]["end"] or last) if speech else turn["started"]
        lines.append(line("caller", None, turn["caller"], start, end))
    if any(span["words"] for span in heard):
        for span in heard:
            if span["words"]:
                end = span["end"] or last
                lines.append(line("agent", span["agent"], span["words"], span["start"], end))
    elif turn["answer"]:
        agent = orjson.loads(turn["agents"])[-1:] or [turn["agent"]]
        start = heard[0]["start"] if heard else last
        lines.append(line("agent", agent[0], turn["answer"], start, last))
    return lines


def _handoff(turn: sqlite3.Row, span: sqlite3.Row, zero: float) -> dict[str, Any]:
    return {
        "from": span["agent"],
        "to": span["subject"],
        "start_ms": round((span["start"] - zero) * 1000),
        "trace_id": turn["trace_id"],
    }


def pieces(database: sqlite3.Connection, call_id: str) -> list[sqlite3.Row]:
    """A call's pieces of audio, by their place on its clock."""
    return database.execute(
        "SELECT * FROM audio WHERE call_id = ? ORDER BY offset_ms, rowid", (call_id,)
    ).fetchall()


def call_of(database: sqlite3.Connection, key: str) -> str | None:
    """The call that a piece of audio is of."""
    found = database.execute("SELECT call_id FROM audio WHERE key = ?", (key,)).fetchone()
    return found["call_id"] if found else None


def _piece(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "item_id": row["item_id"],
        "role": row["role"],
        "uri": f"/api/audio/{row['key']}",
        "offset_ms": row["offset_ms"],
        "seconds": row["seconds"],
        "peaks": [round(peak / 255, 3) for peak in row["peaks"]],
    }


def trace(database: sqlite3.Connection, trace_id: str) -> dict[str, Any] | None:
    """One turn with its spans in order of start; None when there is no such trace."""
    turn = database.execute("SELECT * FROM trace WHERE trace_id = ?", (trace_id,)).fetchone()
    if turn is None:
        return None
    spans = database.execute(
        "SELECT * FROM span WHERE trace_id = ? ORDER BY start, parent_id IS NOT NULL, rowid "
        "LIMIT ?",
        (trace_id, MOST_SPANS),
    ).fetchall()
    extra = ("call_id", "team", "team_version", "transport", "tokens", "handoffs", "error")
    return {
        "trace": {
            **_turn(turn, spans),
            **{key: turn[key] for key in extra},
            "tools": orjson.loads(turn["tools"]),
            "spans": turn["spans"],
        },
        "spans": [_span(row) for row in spans],
        "scores": scores.of_trace(database, trace_id),
    }


def _span(row: sqlite3.Row) -> dict[str, Any]:
    error, end = row["error"], row["end"]
    return {
        "span_id": row["span_id"],
        "parent_id": row["parent_id"],
        "name": row["name"],
        "stage": row["stage"],
        "agent": row["agent"],
        "start": row["start"],
        "end": end,
        "status": "error" if error else "ok" if end is not None else "open",
        "error": error,
        "attributes": unpack(row["attributes"]) or {},
        "events": unpack(row["events"]) or [],
    }


def find_trace(database: sqlite3.Connection, prefix: str) -> str | None:
    """The trace whose id begins with ``prefix`` (hex), if exactly one does."""
    found = database.execute(
        "SELECT trace_id FROM trace WHERE substr(trace_id, 1, ?) = ? LIMIT 2", (len(prefix), prefix)
    ).fetchall()
    return found[0]["trace_id"] if len(found) == 1 else None
