"""Keeps the ``trace`` and ``call`` tables true to the spans, within the writer's transaction.

A summary is always made anew from its spans, so it does not matter in which order, how often or
from which process they came.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import orjson

from frontdesk.tracing import messages, names
from frontdesk.tracing.rows import SpanRow, number, pack, text

LONGEST_FLOW = 20
"""Changes of agents that a summary tells."""
_SAYING = frozenset(("turn", "user_speech", "speech_to_text"))
"""Stages whose spans may tell what was said in a turn."""

_SPAN = """
INSERT INTO span (trace_id, span_id, parent_id, name, stage, agent, subject, start, end, error,
                  tokens, words, attributes, events, cost, currency, unpriced, tokens_in)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, seal(?), ?, seal(?), seal(?), seal(?), ?, ?, ?, ?)
ON CONFLICT (trace_id, span_id) DO UPDATE SET
    name = excluded.name, agent = excluded.agent, subject = excluded.subject, end = excluded.end,
    error = excluded.error, tokens = excluded.tokens, words = excluded.words,
    attributes = excluded.attributes, events = excluded.events, cost = excluded.cost,
    currency = excluded.currency, unpriced = excluded.unpriced, tokens_in = excluded.tokens_in
WHERE excluded.end IS NOT NULL
"""

_ROOT = """
INSERT INTO trace (trace_id, call_id, team, team_version, agent, transport, turn, started, ended,
                   origin, latency, end_reason, interrupted_at, interrupted_of, error, caller,
                   answer)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, seal(?), seal(?), seal(?))
ON CONFLICT (trace_id) DO UPDATE SET
    call_id = excluded.call_id, team = excluded.team, team_version = excluded.team_version,
    agent = excluded.agent, transport = excluded.transport, turn = excluded.turn,
    started = excluded.started, ended = coalesce(excluded.ended, ended), origin = excluded.origin,
    latency = coalesce(excluded.latency, latency),
    end_reason = coalesce(excluded.end_reason, end_reason),
    interrupted_at = coalesce(excluded.interrupted_at, interrupted_at),
    interrupted_of = coalesce(excluded.interrupted_of, interrupted_of),
    error = coalesce(excluded.error, error),
    caller = CASE WHEN excluded.caller != '' THEN excluded.caller ELSE caller END,
    answer = CASE WHEN excluded.answer != '' THEN excluded.answer ELSE answer END
"""

_ORPHAN = """
INSERT OR IGNORE INTO trace (trace_id, call_id, started)
VALUES (?, ?, ?)
"""

# Errors of containers and of MCP spans only repeat those of the work inside them. Models that do
# not report tokens leave it to the run.
_TOTALS = """
SELECT count(*) AS spans, max(coalesce(end, start)) AS last,
       coalesce(nullif(sum(iif(stage = 'model', tokens, 0)), 0),
                sum(iif(stage = 'step', tokens, 0))) AS tokens,
       sum(stage = 'handoff') AS handoffs, sum(error IS NOT NULL) AS all_errors,
       sum(error IS NOT NULL AND stage NOT IN ('mcp', 'agent', 'turn', 'step')) AS errors,
       iif(sum(iif(stage = 'model', tokens, 0)) > 0, sum(iif(stage = 'model', tokens_in, 0)),
           sum(iif(stage = 'step', tokens_in, 0))) AS tokens_in,
       sum(cost), min(currency), max(currency),
       json_group_array(DISTINCT coalesce(subject, name)) FILTER (WHERE unpriced)
FROM span WHERE trace_id = ?
"""
_NAMES = """
SELECT stage, agent, subject, words FROM span
WHERE trace_id = ? AND stage IN ('agent', 'tools', 'user_speech', 'speech_to_text')
ORDER BY start, rowid
"""
_TURNS = """
SELECT team, coalesce(origin, started), coalesce(last, started),
       iif(ended IS NULL AND turn IS NOT NULL, started, NULL),
       tokens, handoffs, errors, latency, agents, tools,
       turn IS NULL AND EXISTS (SELECT * FROM span WHERE span.trace_id = trace.trace_id
                                AND stage = 'delegation' AND parent_id IS NULL),
       cost, currency, unpriced, tokens_in, flow, tool_calls
FROM trace WHERE call_id = ? ORDER BY started, id
"""
_FIRST_WORDS = """
SELECT caller FROM trace WHERE call_id = ? AND caller != '' ORDER BY started, id LIMIT 1
"""
_CALL = """
INSERT INTO call (call_id, team, started, last, open_since, turns, tokens, handoffs, errors,
                  latency, agents, tools, text, slowest, cost, currency, unpriced, tokens_in, flow,
                  tool_calls)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, seal(?), ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (call_id) DO UPDATE SET
    team = excluded.team, started = excluded.started, last = excluded.last,
    open_since = excluded.open_since, turns = excluded.turns, tokens = excluded.tokens,
    handoffs = excluded.handoffs, errors = excluded.errors, latency = excluded.latency,
    agents = excluded.agents, tools = excluded.tools, text = excluded.text,
    slowest = excluded.slowest, cost = excluded.cost, currency = excluded.currency,
    unpriced = excluded.unpriced, tokens_in = excluded.tokens_in, flow = excluded.flow,
    tool_calls = excluded.tool_calls
"""


def insert(database: sqlite3.Connection, row: SpanRow) -> None:
    """Store one span, open or ended; the same span twice is one."""
    database.execute(
        _SPAN,
        (
            row.trace_id,
            row.span_id,
            row.parent_id,
            row.name,
            row.stage,
            row.agent,
            row.subject,
            row.start,
            row.end,
            row.error,
            row.tokens,
            row.words,
            pack(row.attributes),
            pack(row.events) if row.events else None,
            row.cost,
            row.currency,
            row.unpriced,
            row.tokens_in,
        ),
    )
    if row.stage == "turn" and row.parent_id is None:
        database.execute(_ROOT, _root(row))


def _root(row: SpanRow) -> tuple[Any, ...]:
    get = row.attributes.get
    offset = number(get(names.VOICE_AUDIO_OFFSET_MS))
    return (
        row.trace_id,
        row.call_id or f"trace_{row.trace_id}",
        text(get(names.GEN_AI_WORKFLOW_NAME)),
        text(get(names.VOICE_TEAM_VERSION)),
        row.agent,
        text(get(names.VOICE_TRANSPORT)),
        number(get(names.VOICE_TURN_INDEX)),
        row.start,
        row.end,
        None if offset is None else row.start - offset / 1000,
        number(get(names.VOICE_TURN_LATENCY)),
        text(get(names.VOICE_TURN_END_REASON)),
        number(get(names.VOICE_INTERRUPTED_AT)),
        number(get(names.VOICE_INTERRUPTED_OF)),
        row.error,
        row.words,
        messages.text(get(names.GEN_AI_OUTPUT_MESSAGES)),
    )


def place(database: sqlite3.Connection, rows: Iterable[SpanRow]) -> dict[str, bool]:
    """Have a turn for each trace of these rows, whose root may come later or never; returns the
    traces' ids, and whether what was said in them may be new."""
    first: dict[str, SpanRow] = {}
    said: dict[str, bool] = {}
    for row in rows:
        known = first.setdefault(row.trace_id, row)
        if known.call_id is None and row.call_id is not None:
            first[row.trace_id] = row
        said[row.trace_id] = said.get(row.trace_id, False) or row.stage in _SAYING
    database.executemany(
        _ORPHAN, [(row.trace_id, row.call_id, row.start) for row in first.values()]
    )
    return said


def summarize(database: sqlite3.Connection, traces: Mapping[str, bool]) -> list[str]:
    """Bring the summaries of ``traces`` and of their calls up to date, and the index of those in
    which what was said may be new; returns the calls' ids."""
    found = [_trace(database, trace_id, said) for trace_id, said in traces.items()]
    calls = [call_id for call_id in dict.fromkeys(found) if call_id]
    for call_id in calls:
        _call(database, call_id)
    return calls


def _trace(database: sqlite3.Connection, trace_id: str, said: bool) -> str | None:
    totals = database.execute(_TOTALS, (trace_id,)).fetchone()
    spans, last, tokens, handoffs, all_errors, errors, tokens_in, *costs, unpriced = totals
    cost, currency = _one_currency(*costs)
    found = database.execute(_NAMES, (trace_id,)).fetchall()
    identity, call_id, agent, caller, answer = database.execute(
        "SELECT id, call_id, agent, caller, answer FROM trace WHERE trace_id = ?", (trace_id,)
    ).fetchone()
    agents = [agent] + [agent for stage, agent, *_ in found if stage == "agent"]
    tools = [subject for stage, _, subject, _ in found if stage == "tools"]
    heard = {stage: words for stage, *_, words in found if words}
    caller = caller or heard.get("user_speech") or heard.get("speech_to_text") or ""
    database.execute(
        "UPDATE trace SET spans = ?, last = ?, tokens = ?, handoffs = ?, errors = ?, agents = ?, "
        "tools = ?, caller = seal(?), cost = ?, currency = ?, unpriced = ?, "
        "tokens_in = ?, flow = ?, tool_calls = ? WHERE id = ?",
        (
            spans,
            last,
            tokens,
            handoffs,
            errors or min(all_errors, 1),
            _unique(agents),
            _unique(tools),
            caller,
            cost,
            currency,
            _unique(sorted(orjson.loads(unpriced))),
            tokens_in,
            _flow(agents),
            _counted(Counter(tool for tool in tools if tool)),
            identity,
        ),
    )
    if said and (caller or answer):
        database.execute(
            "INSERT OR REPLACE INTO doc (rowid, words) SELECT ?, ? WHERE NOT sealing()",
            (identity, f"{caller}\n{answer}"),
        )
    return call_id


def _call(database: sqlite3.Connection, call_id: str) -> None:
    cursor = database.cursor()
    cursor.row_factory = None  # nothing of it is ever sealed
    turns = cursor.execute(_TURNS, (call_id,)).fetchall()
    columns = list(zip(*turns, strict=True))
    teams, started, last, opened, tokens, handoffs, errors, latencies, agents, tools = columns[:10]
    delegated, costs, currencies, unpriced, tokens_in, flows, tool_calls = columns[10:]
    latency, cost, read = _known(latencies), _known(costs), _known(tokens_in)
    words = database.execute(_FIRST_WORDS, (call_id,)).fetchone()
    price, currency = _one_currency(
        sum(cost) if cost else None,
        min(_known(currencies), default=None),
        max(_known(currencies), default=None),
    )
    loaded = _Loaded()
    used = Counter[str]()
    for counts, times in Counter(tool_calls).items():
        for name, number_of_calls in loaded[counts].items():
            used[name] += times * number_of_calls
    told = (each for each, apart in zip(flows, delegated, strict=True) if not apart)
    database.execute(
        _CALL,
        (
            call_id,
            next(iter(_known(teams)), None),
            min(started),
            max(last),
            max(_known(opened), default=None),
            len(turns) - sum(delegated),
            sum(tokens),
            sum(handoffs),
            sum(errors),
            sum(latency) / len(latency) if latency else None,
            _unique(name for each in dict.fromkeys(agents) for name in loaded[each]),
            _unique(name for each in dict.fromkeys(tools) for name in loaded[each]),
            words[0] if words else "",
            max(latency, default=None),
            price,
            currency,
            _unique(sorted(name for each in dict.fromkeys(unpriced) for name in loaded[each])),
            sum(read) if read else None,
            _flow(name for each in told for name in loaded[each]),
            _counted(used),
        ),
    )


class _Loaded(dict[str, Any]):
    """JSON texts as what they stand for: in the turns of a call they are mostly the same."""

    def __missing__(self, written: str) -> Any:
        found = self[written] = orjson.loads(written)
        return found


def _known(column: Iterable[Any]) -> list[Any]:
    return [value for value in column if value is not None]


def _one_currency(
    cost: int | None, least: str | None, most: str | None
) -> tuple[int | None, str | None]:
    """A sum and what it is in; nothing when it is of several currencies."""
    return (cost, least) if least == most else (None, None)


def _flow(agents: Iterable[str | None]) -> str:
    """Who had the floor, one after another, up to a number that can be shown."""
    changes = [name for name, _ in groupby(agent for agent in agents if agent)]
    return orjson.dumps(changes[:LONGEST_FLOW]).decode()


def _counted(found: Counter[str]) -> str:
    return orjson.dumps(dict(found.most_common())).decode()


def _unique(values: Iterable[str | None]) -> str:
    return orjson.dumps([value for value in dict.fromkeys(values) if value]).decode()
