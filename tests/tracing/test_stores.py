"""What a trace store does, whichever engine is behind it: each test runs on SQLite and, where chdb
is installed, on ClickHouse."""

import threading
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from frontdesk.settings import Settings
from frontdesk.tracing import names
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.erasing import Gone, erase
from frontdesk.tracing.messages import agent, user
from frontdesk.tracing.opening import open_store
from frontdesk.tracing.retention import DAY
from frontdesk.tracing.scores import THUMB, Score
from frontdesk.tracing.stores import Elsewhere

NOW = time.time()
TRACE = f"{5:032x}"


@pytest.fixture(params=["sqlite", "clickhouse"])
def chosen(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    url = None
    if request.param == "clickhouse":
        url = request.getfixturevalue("clickhouse").new_database()
    return Settings(data=tmp_path, traces_url=url)


@pytest.fixture
async def kept(chosen: Settings) -> AsyncIterator[Tracing]:
    tracing = Tracing(chosen)
    tracing.start()
    yield tracing
    await tracing.aclose()
    assert tracing.lost["store"] == 0


def span(
    name: str,
    start: float,
    end: float | None,
    *,
    trace: int = 5,
    identity: int = 7,
    parent: int | None = None,
    failed: str | None = None,
    **attributes: Any,
) -> ReadableSpan:
    """Seconds from now on; names of attributes have ``__`` for a dot."""

    def context(number: int) -> SpanContext:
        return SpanContext(trace, number, False, TraceFlags(TraceFlags.SAMPLED))

    return ReadableSpan(
        name=name,
        context=context(identity),
        parent=context(parent) if parent else None,
        attributes={key.replace("__", "."): value for key, value in attributes.items()},
        start_time=int((NOW + start) * 1e9),
        end_time=None if end is None else int((NOW + end) * 1e9),
        status=Status(StatusCode.ERROR, failed) if failed else Status(),
    )


def root(
    start: float = -10, end: float | None = -8, trace: int = 5, call: str = "call", **more: Any
) -> ReadableSpan:
    said = {names.GEN_AI_CONVERSATION_ID: call, names.GEN_AI_WORKFLOW_NAME: "support"}
    said |= {names.VOICE_TURN_INDEX: 0, **more}
    return span("invoke_workflow support", start, end, trace=trace, **said)


async def talk(tracing: Tracing, call: str, words: str = "", caller: str = "", **turn: Any) -> str:
    """A turn of a call, with a piece of sound. Returns its id."""
    if caller:
        tracing.whose(call, caller, turn.pop("opened", 1.0))
    made = tracing.turn(
        call_id=call,
        index=0,
        team=turn.pop("team", "support"),
        team_version="1",
        agent=turn.pop("agent", "frontdesk"),
        transport="websocket",
        start=NOW + turn.pop("start", -60.0),
    )
    made.record(
        "chat fast",
        start=NOW - 59,
        end=NOW - 58,
        error=turn.pop("error", None),
        attributes={names.GEN_AI_USAGE_INPUT_TOKENS: 30, names.GEN_AI_USAGE_OUTPUT_TOKENS: 7},
    )
    latency = {names.VOICE_TURN_LATENCY: turn.pop("latency", 0.5)}
    made.set(**{names.GEN_AI_INPUT_MESSAGES: user(words), **latency})
    made.set(**{names.GEN_AI_OUTPUT_MESSAGES: agent("It comes on Tuesday.")})
    made.end(reason="completed", end=NOW - 50)
    noise = np.sin(np.arange(2400) / 9).astype(np.float32)
    tracing.audio.put(
        call_id=call, role="caller", samples=noise, rate=24_000, offset_ms=0, item_id="i"
    )
    assert not turn
    await tracing.flush()
    return made.trace_id


def ids(found: Sequence[dict[str, Any]]) -> list[str]:
    return [call["call_id"] for call in found]


async def test_the_same_span_again_replaces_it(kept: Tracing) -> None:
    store = kept.store
    for words in ("first", "second"):
        store.begin(root(end=None))
        store.add(root(**{names.VOICE_TURN_END_REASON: words}))
        assert store.flush()
    store.begin(root(end=None))  # late news of its start
    assert store.flush()
    [call] = store.calls()
    assert call["turns"] == 1 and call["live"] is False
    found = store.trace(TRACE)
    assert found and len(found["spans"]) == 1
    assert found["trace"]["end_reason"] == "second"


async def test_what_runs_can_be_seen_before_it_is_over(kept: Tracing) -> None:
    store, seen = kept.store, threading.Event()
    now = time.time() - NOW  # what began long before is not taken to be under way
    kept.store.begin(root(start=now - 1, end=None))
    late = span("chat fast", now - 0.5, now - 0.2, identity=8, parent=7)
    store.add(late, lambda _: seen.set())
    assert seen.wait(30)  # with no flush
    while not (found := store.trace(TRACE)) or len(found["spans"]) < 2:
        pass  # the first may be written before the second
    assert {each["name"]: each["status"] for each in found["spans"]} == {
        "invoke_workflow support": "open",
        "chat fast": "ok",
    }
    [call] = store.calls()
    assert call["live"] and call["call_id"] == "call"
    assert store.summaries(["call"])[0]["live"]
    store.flush()
    whole = store.call("call")
    assert whole and whole["turns"][0]["end_reason"] is None
    assert ids(store.calls(errors=True)) == []


async def test_spans_in_any_order_from_anybody_sum_up_to_one_turn(
    kept: Tracing, chosen: Settings
) -> None:
    other = open_store(chosen)  # another worker
    other.start()
    inner = span("tools/call find", -9.5, -9, identity=8, parent=7, failed="not found")
    other.add(inner)
    assert other.flush()
    kept.store.add(root())
    assert kept.store.flush()
    other.add(root(trace=6, start=-5, end=-4))
    assert other.flush()
    for store in (kept.store, other):
        [call] = store.calls()
        assert (call["turns"], call["errors"]) == (2, 1)
        found = store.trace(TRACE)
        assert found and [each["error"] for each in found["spans"]] == [None, "not found"]
    other.close()


async def test_the_list_is_newest_first_and_goes_on_behind_the_last(kept: Tracing) -> None:
    for number in range(1, 6):
        kept.store.add(root(trace=number, call=f"call_{number}", start=-100 + number))
    assert kept.store.flush()
    page = kept.store.calls(limit=2)
    assert ids(page) == ["call_5", "call_4"]
    assert ids(kept.store.calls(limit=2, before=page[-1]["started"])) == ["call_3", "call_2"]


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["call_b", "call_a"]),
    ({"agent": "orders"}, ["call_b"]),
    ({"agent": "order"}, []),
    ({"team": "sales"}, ["call_b"]),
    ({"errors": True}, ["call_a"]),
    ({"caller": "me"}, ["call_a"]),
    ({"latency_min": 0.6}, ["call_b"]),
    ({"latency_max": 0.6}, ["call_a"]),
    ({"since": NOW - 50}, ["call_b"]),
    ({"until": NOW - 50}, ["call_a"]),
    ({"cost_min": 0.0}, []),
    ({"text": "wher ord"}, ["call_a"]),
    ({"text": "ORDER where"}, ["call_a"]),
    ({"text": "rder"}, []),
    ({"text": "tuesday"}, ["call_b", "call_a"]),
    ({"text": "cafe"}, ["call_b"]),
    ({"text": "100%"}, []),
    ({"text": "_"}, []),
    ({"text": "%"}, ["call_b", "call_a"]),
    ({"text": "한"}, ["call_b"]),
    ({"text": "하"}, []),
    ({"text": "' OR 1 \\"}, []),
]


async def test_the_list_is_filtered(kept: Tracing) -> None:
    await talk(kept, "call_a", "Where is my order?", "me", error="no such order")
    more: dict[str, Any] = {"agent": "orders", "team": "sales", "latency": 0.9, "start": -40.0}
    await talk(kept, "call_b", "Ein Café, 한국에", "you", **more)
    got = [(filters, ids(kept.store.calls(**filters))) for filters, _ in FILTERS]
    assert got == FILTERS
    assert kept.store.choices() == {
        "agents": ["frontdesk", "orders"],
        "teams": ["sales", "support"],
    }


async def test_a_trace_is_found_by_its_beginning_if_it_is_the_only_one(kept: Tracing) -> None:
    for number in (0xAB << 120, 0xAC << 120):
        kept.store.add(root(trace=number))
    assert kept.store.flush()
    assert kept.store.find_trace("ab") == f"{0xAB << 120:032x}"
    assert kept.store.find_trace("a") is None
    assert kept.store.find_trace("b") is None


async def test_a_caller_is_erased_and_nobody_else(kept: Tracing) -> None:
    mine = await talk(kept, "call_mine", "xylophone", "me")
    await talk(kept, "call_other", "other words", "you")
    [told] = kept.store.calls_of("me")
    assert told == {"call_id": "call_mine", "opened": 1.0, "turns": 1, "pieces": 1}
    gone = erase(kept.store, kept.audio, "me", [], until=2.0)
    assert gone == Gone(calls=1, traces=1, audio=1)
    assert ids(kept.store.calls()) == ["call_other"]
    assert kept.store.calls(text="xylophone") == []
    assert kept.store.trace(mine) is None and kept.store.call("call_mine") is None
    assert kept.store.calls_of("me") == [] and kept.store.pieces("call_mine") == []
    assert len([*kept.audio.root.rglob("*.flac")]) == 1
    assert erase(kept.store, kept.audio, "me", [], until=2.0) == Gone()


async def test_what_is_said_of_an_erased_call_later_is_not_kept(kept: Tracing) -> None:
    kept.whose("call_late", "me", 1.0)
    turn = kept.turn(
        call_id="call_late", index=0, team="t", team_version="v", agent="a", transport="x"
    )
    await kept.flush()
    erase(kept.store, kept.audio, "me", [], until=2.0)
    turn.record("chat fast", start=NOW - 1, end=NOW)
    turn.end(reason="completed")
    await kept.flush()
    assert kept.store.calls() == [] and kept.store.trace(turn.trace_id) is None


async def test_a_turn_is_scored_and_the_score_taken_back(kept: Tracing) -> None:
    trace_id = await talk(kept, "call_a", "hello", "me")
    found = kept.store.trace(trace_id)
    assert found
    inner = found["spans"][1]["span_id"]

    def score(identity: str, **more: Any) -> Score:
        values = {"trace_id": trace_id, "span_id": None, "value": 1.0, "label": None}
        given: dict[str, Any] = {**values, "comment": None, "author": "somebody", **more}
        return Score(id=identity, name=THUMB, created=NOW, **given)

    assert kept.store.add_score(score("one"))
    assert kept.store.add_score(score("two", span_id=inner, value=None, comment="it's 'fine'\n"))
    assert not kept.store.add_score(score("three", span_id="0" * 16))
    assert not kept.store.add_score(score("four", trace_id="0" * 32))
    found, call = kept.store.trace(trace_id), kept.store.call("call_a")
    assert found and call and found["scores"] == call["scores"]
    told = [(each["id"], each["span_id"], each["comment"]) for each in found["scores"]]
    assert told == [("one", None, None), ("two", inner, "it's 'fine'\n")]
    assert kept.store.calls()[0]["scores"] == 2
    assert kept.store.delete_score("one") and not kept.store.delete_score("one")
    assert kept.store.calls()[0]["scores"] == 1
    erase(kept.store, kept.audio, "me", [], until=2.0)
    assert not kept.store.delete_score("two")


async def test_a_call_of_another_region_is_not_shown(kept: Tracing) -> None:
    far = f"sess_us_{1:024x}"
    kept.store.add(root(call=far))
    kept.store.add(root(call=f"sess_{2:024x}", trace=6))
    await talk(kept, far)
    assert ids(kept.store.calls()) == [f"sess_{2:024x}"]
    for ask in (kept.store.call, kept.store.pieces):
        with pytest.raises(Elsewhere):
            ask(far)
    with pytest.raises(Elsewhere):
        kept.store.trace(TRACE)
    [sound] = kept.audio.root.rglob("*.flac")
    with pytest.raises(Elsewhere):
        kept.store.check_piece(sound.stem)


async def test_what_is_too_old_is_removed_and_live_calls_are_not(kept: Tracing) -> None:
    await talk(kept, "call", "an old word", "me")
    await talk(kept, "live", "another", "you", start=-30)
    kept.call_opened("live")
    used = kept.store.used()
    assert (used.calls, used.turns, used.spans) == (2, 2, 4)
    assert used.bytes > 1000 and used.oldest == pytest.approx(NOW - 60)
    kept.retention.run(NOW + 29 * DAY)
    assert len(ids(kept.store.calls())) == 2
    kept.retention.run(NOW + 31 * DAY)
    assert ids(kept.store.calls()) == ["live"]
    assert kept.store.calls_of("me") == [] and len(kept.store.calls_of("you")) == 1
    assert len([*kept.audio.root.rglob("*.flac")]) == len(kept.store.pieces("live")) == 1
    kept.call_closed("live")
    kept.retention.run(NOW + 31 * DAY)
    assert kept.store.calls() == [] and not [*kept.audio.root.rglob("*.flac")]
    removed = kept.retention.removed
    assert (removed.calls, removed.turns, removed.pieces) == (2, 2, 2)
    assert kept.store.used()[1:] == (0, 0, 0, None)


async def test_an_empty_store_has_nothing(kept: Tracing) -> None:
    store = kept.store
    assert store.calls() == [] and store.call("x") is None and store.trace("0" * 32) is None
    assert store.find_trace("0") is None and store.calls_of("me") == []
    assert store.choices() == {"agents": [], "teams": []}
    assert store.pieces("x") == [] and store.summaries(["x"]) == []
    for figures in (store.latency("1h", NOW), store.errors("1h", NOW)):
        assert figures is None
    assert erase(store, kept.audio, "me", [], until=2.0) == Gone()


async def test_without_content_no_words_are_kept(chosen: Settings) -> None:
    tracing = Tracing(chosen.model_copy(update={"trace_content": False}))
    tracing.start()
    trace_id = await talk(tracing, "call", "xylophone", error="the secret reason")
    assert tracing.store.calls(text="xylophone") == []
    told = repr([tracing.store.call("call"), tracing.store.trace(trace_id)])
    assert "xylophone" not in told and "secret" not in told and "_OTHER" in told
    await tracing.aclose()


async def test_waits_and_errors_are_counted_alike(kept: Tracing) -> None:
    for number, wait in enumerate((0.2, 0.4, 0.6, 1.0)):
        failed = "no such order" if wait > 0.5 else None
        await talk(kept, f"call_{number}", latency=wait, error=failed)
    found = kept.store.latency("1h", NOW + 1)
    assert found and found["total"] == {
        "turns": 4,
        "p50_ms": 400,
        "p95_ms": 1000,
        "interrupted": 0,
        "failed": 2,
    }
    assert [slow["latency_ms"] for slow in found["slowest"]] == [1000, 600, 400, 200]
    model = found["stages"]["model"]
    assert (model["count"], model["p50_ms"]) == (4, 1000)
    assert [point["turns"] for point in found["points"] if point["turns"]] == [4]
    assert [each for each in model["points"] if each] == [1000]
    errors = kept.store.errors("1h", NOW + 1)
    assert errors
    [group] = errors["groups"]
    assert (group["name"], group["error"], group["count"], group["turns"]) == (
        "chat fast",
        "no such order",
        2,
        2,
    )
    assert group["call_id"] in ("call_2", "call_3")
    with pytest.raises(KeyError):
        kept.store.latency("1y", NOW)
