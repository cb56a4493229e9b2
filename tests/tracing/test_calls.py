"""The facade that the call uses, and what of it the API gives back."""

from typing import Any

import httpx2
import pytest

from frontdesk.settings import Settings
from frontdesk.tracing import messages, names
from frontdesk.tracing.calls import Tracing, TurnTrace

T0 = 1_800_000_000.0


def begin(tracing: Tracing, call_id: str = "call_1", index: int = 0, at: float = T0) -> TurnTrace:
    return tracing.turn(
        call_id=call_id,
        index=index,
        team="support",
        team_version="v1",
        agent="frontdesk",
        transport="websocket",
        start=at,
    )


def spoken(tracing: Tracing, call_id: str = "call_1", index: int = 0, at: float = T0) -> TurnTrace:
    """A spoken turn as the call room writes it: 2 s of speech, first sound 0.6 s later."""
    turn = begin(tracing, call_id, index, at)
    turn.record(
        "user_speech",
        start=at,
        end=at + 2.0,
        attributes={
            names.GEN_AI_INPUT_MESSAGES: messages.user("Where is my order?", "/api/audio/a")
        },
    )
    turn.record("end_of_turn", start=at + 2.0, end=at + 2.2, attributes={"voice.eou.delay": 0.2})
    turn.record("speech_to_text moonshine", start=at + 2.0, end=at + 2.25)
    with turn.use():
        turn.record("chat fast", start=at + 2.25, end=at + 2.9)
    turn.record("text_to_speech hibari", start=at + 2.5, end=at + 3.5)
    turn.record(
        "playback",
        start=at + 2.6,
        end=at + 3.6,
        attributes={
            names.GEN_AI_AGENT_NAME: "frontdesk",
            names.GEN_AI_OUTPUT_MESSAGES: messages.agent("It is on"),
        },
    )
    turn.set(
        **{
            names.VOICE_TURN_LATENCY: 0.6,
            names.VOICE_INTERRUPTED_AT: 1.0,
            names.VOICE_AUDIO_OFFSET_MS: 1000.0 + (at - T0) * 1000,
            names.GEN_AI_INPUT_MESSAGES: messages.user("Where is my order?"),
            names.GEN_AI_OUTPUT_MESSAGES: messages.agent("It is on"),
        }
    )
    turn.end(reason="interrupted", end=at + 3.6)
    return turn


async def get(api: httpx2.AsyncClient, path: str, **query: Any) -> Any:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_list_shows_a_call_as_it_was(tracing: Tracing, api: httpx2.AsyncClient) -> None:
    spoken(tracing)
    spoken(tracing, index=1, at=T0 + 10)
    await tracing.flush()
    (call,) = (await get(api, "/api/calls"))["calls"]
    assert call == {
        "call_id": "call_1",
        "team": "support",
        "agents": ["frontdesk"],
        "flow": ["frontdesk"],
        "started": T0 - 1,
        "seconds": pytest.approx(14.6),
        "turns": 2,
        "tools": [],
        "tool_calls": {},
        "handoffs": 0,
        "errors": 0,
        "first_audio_ms": pytest.approx(600),
        "slowest_ms": pytest.approx(600),
        "tokens": 0,
        "tokens_in": 0,
        "cost": None,
        "currency": None,
        "unpriced": ["chat fast", "speech_to_text moonshine", "text_to_speech hibari"],
        "recorded": False,
        "scores": 0,
        "live": False,
        "text": "Where is my order?",
    }


async def test_the_stages_stack_up_to_the_wait(tracing: Tracing, api: httpx2.AsyncClient) -> None:
    spoken(tracing)
    await tracing.flush()
    (turn,) = (await get(api, "/api/calls/call_1"))["turns"]
    assert turn["latency_ms"] == pytest.approx(600)
    assert turn["stages"] == {
        "end_of_turn": pytest.approx(200, abs=0.1),
        "speech_to_text": pytest.approx(50, abs=0.1),
        "model": pytest.approx(250, abs=0.1),
        "tools": 0,
        "text_to_speech": pytest.approx(100, abs=0.1),
    }
    assert sum(turn["stages"].values()) == pytest.approx(600, abs=0.5)
    assert turn["interrupted_at"] == 1.0
    assert turn["caller"] == "Where is my order?" and turn["agent"] == "It is on"


async def test_the_transcript_is_on_the_calls_clock(
    tracing: Tracing, api: httpx2.AsyncClient
) -> None:
    turn = spoken(tracing)
    await tracing.flush()
    found = await get(api, "/api/calls/call_1")
    line = {"trace_id": turn.trace_id}
    assert found["transcript"] == [
        {**line, "role": "caller", "agent": None, "text": "Where is my order?",
         "start_ms": 1000, "end_ms": 3000},
        {**line, "role": "agent", "agent": "frontdesk", "text": "It is on",
         "start_ms": 3600, "end_ms": 4600},
    ]  # fmt: skip


async def test_a_turn_without_spoken_spans_still_reads(
    tracing: Tracing, api: httpx2.AsyncClient
) -> None:
    turn = begin(tracing)
    turn.set(
        **{
            names.GEN_AI_INPUT_MESSAGES: messages.user("Hello"),
            names.GEN_AI_OUTPUT_MESSAGES: messages.agent("Hi"),
        }
    )
    turn.record("chat fast", start=T0 + 0.1, end=T0 + 0.4)
    turn.end(reason="completed", end=T0 + 0.5)
    await tracing.flush()
    found = await get(api, "/api/calls/call_1")
    assert [(line["role"], line["text"]) for line in found["transcript"]] == [
        ("caller", "Hello"),
        ("agent", "Hi"),
    ]
    assert found["turns"][0]["latency_ms"] is None
    assert found["turns"][0]["stages"]["model"] == pytest.approx(300, abs=0.1)


async def test_an_open_turn_is_live_and_readable(tracing: Tracing, api: httpx2.AsyncClient) -> None:
    turn = tracing.turn(
        call_id="call_1", index=0, team="t", team_version="1", agent="a", transport="text"
    )
    turn.open("end_of_turn")
    await tracing.flush()
    assert (await get(api, "/api/calls"))["calls"][0]["live"] is True
    found = await get(api, f"/api/traces/{turn.trace_id}")
    assert [span["status"] for span in found["spans"]] == ["open", "open"]
    turn.end(reason="session_closed")
    await tracing.flush()
    assert (await get(api, "/api/calls"))["calls"][0]["live"] is False


async def test_an_opened_call_is_live_between_its_turns(
    tracing: Tracing, api: httpx2.AsyncClient
) -> None:
    tracing.call_opened("call_1")
    spoken(tracing)
    await tracing.flush()
    assert (await get(api, "/api/calls"))["calls"][0]["live"] is True
    tracing.call_closed("call_1")
    assert (await get(api, "/api/calls"))["calls"][0]["live"] is False


async def test_the_list_filters_by_agent_errors_words_and_time(
    tracing: Tracing, api: httpx2.AsyncClient
) -> None:
    spoken(tracing, "plain", at=T0)
    other = begin(tracing, "odd", at=T0 + 100)
    other.record("invoke_agent orders", start=T0 + 101, end=T0 + 102,
                 attributes={names.GEN_AI_AGENT_NAME: "orders"})  # fmt: skip
    other.record("execute_tool refund", start=T0 + 101, end=T0 + 102, error="closed",
                 attributes={names.GEN_AI_TOOL_NAME: "refund"})  # fmt: skip
    other.set(**{names.GEN_AI_INPUT_MESSAGES: messages.user('환불해 주세요, it\'s a "gift"')})
    other.end(reason="completed", end=T0 + 103)
    await tracing.flush()

    async def ids(**query: Any) -> list[str]:
        return [call["call_id"] for call in (await get(api, "/api/calls", **query))["calls"]]

    assert await ids() == ["odd", "plain"]
    assert await ids(agent="orders") == ["odd"]
    assert await ids(errors=1) == ["odd"]
    assert await ids(before=T0 + 50) == ["plain"]
    assert await ids(limit=1) == ["odd"]
    assert await ids(q="where order") == ["plain"]
    assert await ids(q="환불") == ["odd"]
    assert await ids(q='"gift" OR NEAR(') == []
    assert await ids(q="'\"*") == ["odd", "plain"]


async def test_a_trace_is_found_under_both_spellings_of_its_id(
    tracing: Tracing, api: httpx2.AsyncClient
) -> None:
    turn = spoken(tracing)
    await tracing.flush()
    plain = await get(api, f"/api/traces/{turn.trace_id}")
    assert plain == await get(api, f"/api/traces/{turn.sdk_trace_id}")
    assert plain["trace"]["call_id"] == "call_1"
    assert plain["trace"]["end_reason"] == "interrupted"
    first = plain["spans"][0]
    assert first["name"] == "invoke_workflow support" and first["parent_id"] is None
    assert {span["parent_id"] for span in plain["spans"][1:]} == {first["span_id"]}


@pytest.mark.parametrize(
    "path",
    [
        "/api/calls/none",
        "/api/calls/none/audio",
        "/api/traces/" + "0" * 32,
        "/api/traces/trace_x",
        "/api/audio/" + "0" * 32,
        "/api/audio/x",
        "/api/audio/" + "A" * 32,
    ],
)
async def test_what_is_not_there_is_404_with_a_message(api: httpx2.AsyncClient, path: str) -> None:
    answer = await api.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/api/traces/..%2f..%2fetc", "/api/audio/..%2f..%2ftraces.db"])
async def test_paths_do_not_lead_out_of_the_store(api: httpx2.AsyncClient, path: str) -> None:
    assert (await api.get(path)).status_code == 404


async def test_hostile_attributes_never_raise(tracing: Tracing) -> None:
    turn = begin(tracing)
    odd = {"a": None, "b": {"x": 1}, "c": [1, {"y": object()}], "d": "\ud800", "e": float("nan")}
    turn.record("user_speech \ud800", start=T0, end=T0 - 5, attributes=odd, error="\ud800")
    turn.set(**odd)
    turn.end(reason="completed")
    turn.end(reason="failed")
    turn.set(late=1)
    turn.record("playback", start=T0, end=T0 + 1)
    await tracing.flush()
    found = tracing.store.trace(turn.trace_id)
    assert found and found["trace"]["end_reason"] == "completed"
    assert len(found["spans"]) == 3 and tracing.lost == {"store": 0, "otlp": 0}
    speech = next(span for span in found["spans"] if span["name"] == "user_speech ?")
    assert speech["attributes"]["b"] == '{"x":1}' and speech["attributes"]["d"] == "?"


async def test_a_turn_before_start_is_refused_clearly(settings: Settings) -> None:
    with pytest.raises(RuntimeError, match="start"):
        begin(Tracing(settings))
