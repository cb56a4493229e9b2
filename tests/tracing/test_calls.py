"""The facade that the call uses, and what of it the API gives back."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import numpy as np
import pytest
import soundfile
from fastapi import FastAPI

from frontdesk.settings import Settings
from frontdesk.tracing import messages, names
from frontdesk.tracing.api import router
from frontdesk.tracing.calls import Tracing, TurnTrace

T0 = 1_800_000_000.0


@pytest.fixture
async def api(tracing: Tracing) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    app.include_router(router(tracing))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://frontdesk") as client:
        yield client


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
        "started": T0 - 1,
        "seconds": pytest.approx(14.6),
        "turns": 2,
        "tools": [],
        "handoffs": 0,
        "errors": 0,
        "first_audio_ms": pytest.approx(600),
        "tokens": 0,
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


def tone(seconds: float, rate: int, pitch: float = 440.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)).astype("f4")


async def test_audio_comes_back_as_it_went_in(
    tracing: Tracing, api: httpx2.AsyncClient, tmp_path: Any
) -> None:
    spoken(tracing)
    samples = tone(1.01, 16_000)
    reference = tracing.audio.put(
        call_id="call_1", role="caller", samples=samples, rate=16_000, offset_ms=1000, item_id="i1"
    )
    samples[:] = 0  # the call may use its buffer again
    await tracing.flush()
    assert reference.uri == f"/api/audio/{reference.key}" and reference.seconds == 1.01
    answer = await api.get(reference.uri)
    assert answer.headers["content-type"] == "audio/flac"
    path = tmp_path / "back.flac"
    path.write_bytes(answer.content)
    back, rate = soundfile.read(path, dtype="float32")
    assert rate == 16_000
    assert np.abs(back - tone(1.01, 16_000)).max() < 1 / 32_000
    (piece,) = (await get(api, "/api/calls/call_1"))["audio"]
    assert piece["item_id"] == "i1" and piece["offset_ms"] == 1000
    assert len(piece["peaks"]) == 51
    assert all(0.45 < peak <= 0.51 for peak in piece["peaks"])


async def test_audio_is_served_in_ranges(tracing: Tracing, api: httpx2.AsyncClient) -> None:
    reference = tracing.audio.put(
        call_id="c", role="agent", samples=tone(0.5, 24_000), rate=24_000, offset_ms=0, item_id="i"
    )
    await tracing.flush()
    whole = (await api.get(reference.uri)).content
    part = await api.get(reference.uri, headers={"range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    assert part.content == whole[10:20]


async def test_a_whole_call_is_stereo_with_the_caller_left(
    tracing: Tracing, api: httpx2.AsyncClient, tmp_path: Any
) -> None:
    spoken(tracing)
    put = tracing.audio.put
    put(
        call_id="call_1",
        role="caller",
        samples=tone(1, 16_000),
        rate=16_000,
        offset_ms=500,
        item_id="a",
    )
    put(
        call_id="call_1",
        role="agent",
        samples=tone(9, 24_000),
        rate=24_000,
        offset_ms=2000,
        item_id="b",
    )
    await tracing.flush()
    answer = await api.get("/api/calls/call_1/audio")
    path = tmp_path / "call.flac"
    path.write_bytes(answer.content)
    mixed, rate = soundfile.read(path)
    assert rate == 24_000 and len(mixed) == 11 * 24_000
    left, right = np.abs(mixed[:, 0]), np.abs(mixed[:, 1])
    assert left[:11_900].max() == 0 and left[14_000:34_000].max() > 0.45
    assert left[36_500:].max() == 0
    assert right[:47_900].max() == 0 and right[48_100:].max() > 0.45
    assert np.abs(mixed[48_000:, 1] - tone(9, 24_000)).max() < 1e-3  # across the mixer's blocks
    part = await api.get("/api/calls/call_1/audio", headers={"range": "bytes=0-3"})
    assert part.status_code == 206 and part.content == b"fLaC"


async def test_a_longer_call_is_mixed_anew(tracing: Tracing, api: httpx2.AsyncClient) -> None:
    sound = tone(1, 16_000)
    for index in range(2):
        tracing.audio.put(
            call_id="c", role="caller", samples=sound, rate=16_000,
            offset_ms=index * 2000, item_id="a",
        )  # fmt: skip
        await tracing.flush()
        assert (await api.get("/api/calls/c/audio")).status_code == 200
    mixes = list(tracing.audio.root.glob("calls/*/*.flac"))
    assert len(mixes) == 1 and soundfile.info(mixes[0]).duration == 3.0


async def test_broken_numbers_in_audio_are_kept_as_silence(
    tracing: Tracing, api: httpx2.AsyncClient
) -> None:
    samples = np.array([np.nan, np.inf, -np.inf, 2.0, -2.0] * 100, np.float32)
    reference = tracing.audio.put(
        call_id="c", role="agent", samples=samples, rate=8000, offset_ms=0, item_id="i"
    )
    await tracing.flush()
    assert (await api.get(reference.uri)).status_code == 200
    assert tracing.lost["store"] == 0


async def test_no_audio_is_kept_when_switched_off(settings: Settings) -> None:
    tracing = Tracing(settings.model_copy(update={"trace_audio": False}))
    tracing.start()
    reference = tracing.audio.put(
        call_id="c", role="agent", samples=tone(1, 8000), rate=8000, offset_ms=0, item_id="i"
    )
    await tracing.aclose()
    assert (reference.uri, reference.key, reference.seconds) == ("", "", 1.0)
    assert not tracing.audio.root.exists()
    assert json.loads(messages.agent("hi", reference.uri)) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "hi"}]}
    ]


async def test_watchers_see_spans_and_calls_as_they_happen(tracing: Tracing) -> None:
    with tracing.live.subscribe() as subscription:
        events = subscription.events(idle=20)
        turn = begin(tracing)
        kind, data = await anext(events) or ("", {})
        assert (kind, data["name"], data["end"]) == ("span", "invoke_workflow support", None)
        assert data["call_id"] == "call_1" and data["trace_id"] == turn.trace_id
        seen = [event async for event in take_until(events, "call")]
        assert seen[-1][1]["call_id"] == "call_1"
        turn.record("playback", start=T0, end=T0 + 1)
        turn.end(reason="completed", end=T0 + 2)
        seen = [event async for event in take_until(events, "call")]
        names_ = [data["name"] for kind, data in seen if kind == "span"]
        assert names_ == ["playback", "invoke_workflow support"]
        assert seen[-1][1]["live"] is False
    assert not tracing.live


async def take_until(events: Any, last: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    async for event in events:
        if event is not None:
            yield event
            if event[0] == last:
                return


async def test_the_live_stream_speaks_server_sent_events(tracing: Tracing) -> None:
    app = FastAPI()
    app.include_router(router(tracing))
    got: asyncio.Queue[bytes] = asyncio.Queue()
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        await got.put(message.get("body", b""))

    scope = {
        "type": "http", "method": "GET", "path": "/api/live", "query_string": b"", "headers": [],
        "http_version": "1.1", "root_path": "", "asgi": {"version": "3.0", "spec_version": "2.4"},
    }  # fmt: skip
    serving = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
    text = b""
    while b"connected" not in text:
        text += await got.get()
    spoken(tracing)
    while b"event: call" not in text:
        text += await got.get()
    assert b"event: span\ndata: {" in text
    tracing.live.close()
    gone.set()
    await serving


async def test_a_slow_watcher_loses_the_oldest_events(tracing: Tracing) -> None:
    with tracing.live.subscribe() as subscription:
        tracing.live.publish([("span", {"number": number}) for number in range(2000)])
        events = subscription.events(idle=20)
        first = await anext(events)
        assert first == ("span", {"number": 2000 - 512})


async def test_a_turn_before_start_is_refused_clearly(settings: Settings) -> None:
    with pytest.raises(RuntimeError, match="start"):
        begin(Tracing(settings))
