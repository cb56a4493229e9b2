"""A call whose answers come from a realtime model upstream: the Agents SDK's own scripted one."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pybase64
import pytest
import uvicorn
from agents.realtime import (
    RealtimeModelAudioEvent,
    RealtimeModelEndOfStreamEvent,
    RealtimeModelEvent,
    RealtimeModelInputAudioTranscriptionCompletedEvent,
    RealtimeModelInputTokensDetails,
    RealtimeModelOutputTextDeltaEvent,
    RealtimeModelOutputTokensDetails,
    RealtimeModelSendAudio,
    RealtimeModelSendEvent,
    RealtimeModelSendRawMessage,
    RealtimeModelSendSessionUpdate,
    RealtimeModelToolCallEvent,
    RealtimeModelTranscriptDeltaEvent,
    RealtimeModelTurnEndedEvent,
    RealtimeModelTurnStartedEvent,
    RealtimeModelUsageEvent,
)
from agents.realtime.model_events import RealtimeModelRawServerEvent
from agents.realtime.testing import RealtimeStep, ScriptedRealtimeModel
from agents.testing import assistant_message
from mcp.server import MCPServer

from agents import Usage
from frontdesk.mcp.config import HttpServer
from frontdesk.mcp.connections import McpConnections

REALTIME = {"engine": "realtime"}
TRANSCRIBED = {"input": {"transcription": {"model": "any"}}}


def sent(kind: str) -> Callable[[RealtimeModelSendEvent], bool]:
    """Whether a message of this type was sent upstream."""
    return lambda event: (
        isinstance(event, RealtimeModelSendRawMessage) and event.message["type"] == kind
    )


def words(text: str, item: str, milliseconds: int = 400) -> list[RealtimeModelEvent]:
    """Words and their sound, as a model upstream sends them."""
    sound = np.full(24 * milliseconds, 8000, "<i2").tobytes()
    return [
        RealtimeModelTranscriptDeltaEvent(item_id=item, delta=text, response_id="resp"),
        RealtimeModelAudioEvent(data=sound, response_id="resp", item_id=item, content_index=0),
    ]


def calls(name: str, arguments: str, call_id: str = "call_1") -> RealtimeModelEvent:
    return RealtimeModelToolCallEvent(
        name=name, call_id=call_id, arguments=arguments, id=f"fc_{call_id}"
    )


def used() -> RealtimeModelEvent:
    return RealtimeModelUsageEvent(
        usage=Usage(requests=1, input_tokens=50, output_tokens=30, total_tokens=80),
        input_tokens_details=RealtimeModelInputTokensDetails(text_tokens=10, audio_tokens=40),
        output_tokens_details=RealtimeModelOutputTokensDetails(text_tokens=5, audio_tokens=25),
    )


def answers(*events: RealtimeModelEvent, whole: bool = True) -> RealtimeStep:
    """A response upstream; one that is not ``whole`` is still under way."""
    begun = RealtimeModelTurnStartedEvent(response_id="resp")
    ended = [used(), RealtimeModelTurnEndedEvent(response_id="resp")] if whole else []
    return RealtimeStep(sent("response.create"), [begun, *events, *ended])


def hears(item: str) -> RealtimeStep:
    """What was said becomes an item upstream."""
    data = {"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": None}
    return RealtimeStep(sent("input_audio_buffer.commit"), [RealtimeModelRawServerEvent(data)])


class Scripted(ScriptedRealtimeModel):
    """Lets a test wait for what is sent, and go on with the script."""

    def __init__(self, *steps: RealtimeStep) -> None:
        super().__init__(steps, strict=False)
        self._sent = asyncio.Event()

    async def send_event(self, event: RealtimeModelSendEvent) -> None:
        self._sent.set()
        await super().send_event(event)

    async def until_told(self, kind: str) -> dict[str, Any]:
        """The newest message of a type, once there is one."""
        async with asyncio.timeout(30):
            while not (found := told(self, kind)):
                self._sent.clear()
                await self._sent.wait()
        return found[-1]

    def extend(self, *steps: RealtimeStep) -> None:
        self._steps += steps


def upstream(*steps: RealtimeStep) -> Scripted:
    return Scripted(*steps)


def told(model: ScriptedRealtimeModel, kind: str) -> list[dict[str, Any]]:
    """What was sent upstream of a type."""
    return [
        event.message.get("other_data", {})
        for event in model.sent_events
        if isinstance(event, RealtimeModelSendRawMessage) and event.message["type"] == kind
    ]


def sessions(model: ScriptedRealtimeModel) -> list[Any]:
    return [
        event.session_settings
        for event in model.sent_events
        if isinstance(event, RealtimeModelSendSessionUpdate)
    ]


@pytest.fixture
async def house(build_house: Any) -> Any:
    return await build_house(
        voice=REALTIME,
        agents={"frontdesk": {"tools": ["look_up"], "voice": {"style": "calm"}}},
        tools={"look_up": {"call": "tools.stage:look_up"}},
    )


async def test_the_callers_sound_goes_up_and_the_answers_sound_comes_back(house: Any) -> None:
    model = upstream(hears("item_u1"), answers(*words("Good ", "a1"), *words("morning.", "a1")))
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.say("hello")
    frames = await phone.until("response.done")
    assert frames[-1]["response"]["status"] == "completed"
    heard = b"".join(e.audio for e in model.sent_events if isinstance(e, RealtimeModelSendAudio))
    assert 0.4 < len(heard) / 48_000 < 1.5
    sound = [pybase64.b64decode(f["delta"]) for f in phone.of("response.output_audio.delta")]
    assert len(b"".join(sound)) == 48 * 800
    said = [f["transcript"] for f in phone.of("response.output_audio_transcript.done")]
    assert said == ["Good morning."]
    (session,) = sessions(model)
    assert session["instructions"] == "You are frontdesk.\n\nYour manner of speaking: calm"
    assert [tool.name for tool in session["tools"]] == ["look_up"]
    assert session["audio"]["input"]["turn_detection"] is None
    assert not told(model, "conversation.item.create")
    await phone.clock.advance(5)
    assert await phone.talk() == [("user", "hello"), ("assistant", "Good morning.")]


async def test_the_trace_of_an_answer_from_upstream_has_model_tokens_and_first_sound(
    house: Any,
) -> None:
    house.registry.next_dialled.append(upstream(hears("u1"), answers(*words("Hi.", "a1"))))
    phone = await house.place()
    await phone.say("hello")
    await phone.until("response.done")
    await phone.clock.advance(5)
    spans = {span["name"]: span["attributes"] for span in await phone.spans()}
    chat = spans["chat scripted-realtime"]
    assert chat["gen_ai.provider.name"] == "openai"
    assert chat["gen_ai.usage.input_tokens"] == 50
    assert chat["gen_ai.usage.audio.input_tokens"] == 40
    assert chat["gen_ai.usage.audio.output_tokens"] == 25
    root = next(s for s in await phone.spans() if s["parent_id"] is None)
    assert "voice.turn.latency" in root["attributes"]
    assert not any(name.startswith("text_to_speech") for name in spans)


async def test_a_tool_that_the_model_upstream_calls_is_ours(house: Any) -> None:
    model = upstream(
        hears("u1"),
        answers(*words("Let me look.", "a1"), calls("look_up", '{"what": "it"}')),
        answers(*words("It is here.", "a2")),
    )
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.say("where is it")
    await phone.until("response.done")
    await phone.clock.advance(5)
    (output,) = told(model, "conversation.item.create")
    assert output["item"]["call_id"] == "call_1"
    assert output["item"]["output"] == "found it"
    names = [span["name"] for span in await phone.spans()]
    assert "execute_tool look_up" in names
    assert names.count("chat scripted-realtime") == 2
    # What we have of the turn is what the model upstream has: nothing is made anew for the next.
    model.extend(hears("u2"), answers(*words("Yes.", "a3")))
    await phone.say("really")
    await phone.until("response.done")
    assert len(told(model, "conversation.item.create")) == 1
    assert not told(model, "conversation.item.delete")


CALLED_OFF = RealtimeStep(
    sent("response.cancel"), [RealtimeModelTurnEndedEvent(response_id="resp")]
)


async def test_a_barge_in_calls_the_model_off_and_tells_it_what_was_heard(house: Any) -> None:
    model = upstream(
        hears("u1"),
        answers(*words("One two three four five six seven eight.", "a1", 4000), whole=False),
        hears("u2"),
        CALLED_OFF,
        answers(*words("All right.", "a2")),
    )
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.say("count")
    await phone.until_sound(3900)
    await phone.clock.advance(1.0)
    await phone.say("stop that")
    await phone.until("response.done")
    assert [response["status"] for response in phone.done] == ["cancelled", "completed"]
    (cancel,) = told(model, "response.cancel")
    (cut,) = told(model, "conversation.item.truncate")
    assert cancel["response_id"] == "resp"
    assert cut["item_id"] == "a1"
    assert cut["audio_end_ms"] == pytest.approx(1000, abs=50)
    kinds = [e.message["type"] for e in model.sent_events if hasattr(e, "message")]
    assert kinds.index("response.cancel") < kinds.index("conversation.item.truncate")
    assert (await phone.talk())[:2] == [("user", "count"), ("assistant", "One two")]
    # The answer that was cut stays upstream as it was heard there.
    assert not told(model, "conversation.item.delete")
    assert not told(model, "conversation.item.create")


async def test_a_sign_of_listening_does_not_call_the_model_off(house: Any) -> None:
    model = upstream(
        hears("u1"),
        answers(*words("One two three four five six seven eight.", "a1", 4000), whole=False),
        hears("u2"),
    )
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.say("count")
    await phone.until_sound(3900)
    await phone.clock.advance(1.0)
    await phone.say("uh-huh")
    await model.emit(*words(" Nine.", "a1", 500), used())
    await model.emit(RealtimeModelTurnEndedEvent(response_id="resp"))
    await phone.until("response.done")
    said = [f["transcript"] for f in phone.of("response.output_audio_transcript.done")]
    assert said[-1] == "three four five six seven eight. Nine."
    assert not told(model, "response.cancel")
    assert len(told(model, "response.create")) == 1


async def test_an_answer_upstream_does_not_wait_for_the_words_of_what_was_said(house: Any) -> None:
    model = upstream(
        hears("u1"), answers(*words("Hi.", "a1")), hears("u2"), answers(*words("Ho.", "a2"))
    )
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.configure(audio=TRANSCRIBED)
    house.stage.words_may_come.clear()
    await phone.say("hello")
    await phone.until("response.done")
    house.stage.words_may_come.set()
    await phone.until("conversation.item.input_audio_transcription.completed")
    await phone.clock.advance(5)
    await phone.say("again")
    await phone.until("response.done")
    assert not told(model, "conversation.item.create")
    assert not told(model, "conversation.item.delete")
    await phone.clock.advance(5)
    assert await phone.talk() == [
        ("user", "hello"),
        ("assistant", "Hi."),
        ("user", "again"),
        ("assistant", "Ho."),
    ]


def heard_ms(model: Any) -> float:
    """Milliseconds of the caller's sound that the model was sent."""
    sound = [e.audio for e in model.sent_events if isinstance(e, RealtimeModelSendAudio)]
    return len(b"".join(sound)) / 48


async def test_the_model_upstream_hears_the_caller_while_they_speak(house: Any) -> None:
    model = upstream(hears("u1"), answers(*words("Hi.", "a1")))
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.call._parts.upstream.line._ready()  # sound is lost while the line is down
    await phone.begin_to_speak("hello", 1000)
    await phone.until("input_audio_buffer.speech_started")
    await phone.append(np.zeros(24 * 100, np.float32))
    while heard_ms(model) <= 900:  # noqa: ASYNC110 (a task of the line's own sends it)
        await asyncio.sleep(0)
    await phone.fall_silent()
    await phone.until("response.done")
    (committed,) = told(model, "input_audio_buffer.commit")
    assert committed
    assert not told(model, "input_audio_buffer.clear")
    sound = [e.audio for e in model.sent_events if isinstance(e, RealtimeModelSendAudio)]
    kept = phone.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"]
    began = phone.of("input_audio_buffer.speech_started")[0]["audio_start_ms"]
    assert len(b"".join(sound)) / 48 == pytest.approx(kept - began, abs=110)


async def test_the_words_of_the_model_upstream_are_the_callers(build_house: Any) -> None:
    house = await build_house(
        voice={**REALTIME, "realtime": {"transcription": "gpt-4o-mini-transcribe"}}
    )
    model = upstream(hears("u1"), answers(*words("Hi.", "a1")))
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.configure(audio=TRANSCRIBED)
    await phone.say("what our own ear would hear")
    await phone.until("response.done")
    understood = RealtimeModelInputAudioTranscriptionCompletedEvent(
        item_id="u1", transcript=" What they heard."
    )
    await model.emit(understood)
    completed = await phone.until("conversation.item.input_audio_transcription.completed")
    assert completed[-1]["transcript"] == "What they heard."
    assert house.stt.lines == deque(["what our own ear would hear"])
    (session,) = sessions(model)
    assert session["audio"]["input"]["transcription"] == {"model": "gpt-4o-mini-transcribe"}
    spans = {span["name"] for span in await phone.spans()}
    assert "speech_to_text gpt-4o-mini-transcribe" in spans


async def test_where_the_model_upstream_has_no_words_our_own_ear_listens(build_house: Any) -> None:
    house = await build_house(voice={**REALTIME, "realtime": {"transcription": "whisper-1"}})
    model = upstream(hears("u1"), answers(*words("Hi.", "a1")))
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.configure(audio=TRANSCRIBED)
    await phone.say("hello")
    await phone.until("response.done")
    kind = "conversation.item.input_audio_transcription.failed"
    await model.emit(RealtimeModelRawServerEvent({"type": kind, "item_id": "u1", "error": {}}))
    completed = await phone.until("conversation.item.input_audio_transcription.completed")
    assert completed[-1]["transcript"] == "hello"


async def test_a_handoff_upstream_changes_the_instructions_and_the_tools(build_house: Any) -> None:
    house = await build_house(
        voice=REALTIME,
        agents={
            "frontdesk": {"handoffs": [{"to": "orders", "say": "One moment."}]},
            "orders": {"tools": ["look_up"]},
        },
        tools={"look_up": {"call": "tools.stage:look_up"}},
    )
    model = upstream(
        hears("u1"), answers(calls("transfer_to_orders", "{}")), answers(*words("Orders.", "a1"))
    )
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.say("my order")
    await phone.until("response.done")
    first, second = sessions(model)
    assert first["instructions"] == "You are frontdesk."
    assert [edge.tool_name for edge in first["handoffs"]] == ["transfer_to_orders"]
    assert second["instructions"] == "You are orders."
    assert [tool.name for tool in second["tools"]] == ["look_up"]
    assert house.tts.said == [("One moment.", None)]
    assert phone.call.state.agent == "orders"


async def test_no_sound_gets_out_before_its_words_have_passed(build_house: Any) -> None:
    house = await build_house(
        voice=REALTIME,
        guardrails={"no_secrets": {"words": ["hunter"], "say": "I can't say that."}},
        agents={"frontdesk": {"guardrails": {"output": ["no_secrets"]}}},
    )
    model = upstream(
        hears("u1"),
        answers(
            *words("The weather is fine today. ", "a1", 1000),
            *words("The password is hunter.", "a1", 1000),
            *words(" So there.", "a1", 1000),
        ),
        hears("u2"),
        answers(*words("No.", "a2")),
    )
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.say("the password")
    done = (await phone.until("response.done"))[-1]["response"]
    assert done["status"] == "incomplete"
    said = phone.of("response.output_audio_transcript.done")[0]["transcript"]
    assert said == "The weather is fine today. I can't say that."
    sound = b"".join(
        pybase64.b64decode(f["delta"]) for f in phone.of("response.output_audio.delta")
    )
    own = 50 * len("I can't say that.")
    assert len(sound) / 48 == pytest.approx(1000 + own, abs=400)
    await phone.clock.advance(9)
    await phone.say("please")
    await phone.until("response.done")
    # What was never said does not stay upstream.
    assert [fields["item_id"] for fields in told(model, "conversation.item.delete")] == ["a1"]
    (made,) = told(model, "conversation.item.create")
    assert made["item"]["content"] == [{"type": "output_text", "text": said}]


async def test_words_that_a_guardrail_may_change_are_in_our_own_voice(
    build_house: Any,
) -> None:
    house = await build_house(
        voice=REALTIME,
        guardrails={
            "mild": {"words": ["damn"], "mode": "replace", "replacement": "very"},
        },
        agents={"frontdesk": {"guardrails": {"output": ["mild"]}}},
    )
    text = RealtimeModelOutputTextDeltaEvent(
        item_id="a1", delta="It is damn good.", response_id="resp"
    )
    model = upstream(hears("u1"), answers(text))
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.say("is it")
    await phone.until("response.done")
    assert told(model, "response.create")[0]["response"]["output_modalities"] == ["text"]
    assert "".join(text for text, _ in house.tts.said) == "It is very good."


async def test_an_approval_is_asked_and_read_aloud_around_the_model_upstream(
    build_house: Any,
) -> None:
    house = await build_house(
        voice=REALTIME,
        agents={"frontdesk": {"tools": ["charge"]}},
        tools={"charge": {"call": "tools.stage:charge", "approve": "spoken"}},
    )
    model = upstream(
        hears("u1"),
        answers(calls("charge", '{"what": "it"}')),
        hears("u2"),
        answers(*words("It is charged.", "a1")),
    )
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.say("charge it")
    await phone.until("response.done")
    assert "yes or no" in house.tts.said[-1][0]
    assert not house.stage.charged
    await phone.clock.advance(30)
    await phone.say("yes")
    await phone.until("response.done")
    assert [what for _, what in house.stage.charged] == ["it"]
    items = [fields["item"] for fields in told(model, "conversation.item.create")]
    assert "charged for it" in [item.get("output") for item in items]
    assert phone.of("response.output_audio_transcript.done")[-1]["transcript"] == "It is charged."


async def test_a_model_upstream_that_breaks_off_is_excused_and_asked_anew(house: Any) -> None:
    first = upstream(
        hears("u1"),
        answers(*words("Well, the ", "a1"), RealtimeModelEndOfStreamEvent(), whole=False),
    )
    second = upstream(hears("u2"), answers(*words("As I said.", "b1")))
    house.registry.next_dialled.extend([first, second])
    phone = await house.place()
    await phone.say("tell me")
    done = (await phone.until("response.done"))[-1]["response"]
    assert done["status"] == "completed"
    sorry = house.team.lines.sorry
    said = phone.of("response.output_audio_transcript.done")[0]["transcript"]
    assert said == f"Well, the {sorry}"
    await phone.clock.advance(9)
    assert (await phone.traces())[-1]["end_reason"] == "failed"
    await phone.say("again")
    await phone.until("response.done")
    items = [fields["item"] for fields in told(second, "conversation.item.create")]
    assert [(item["role"], item["content"][0]["text"]) for item in items] == [
        ("user", "tell me"),
        ("assistant", said),
    ]
    assert phone.of("response.output_audio_transcript.done")[-1]["transcript"] == "As I said."


async def test_a_model_upstream_that_refuses_has_the_agents_own_model_stand_in(house: Any) -> None:
    failed = {
        "type": "response.done",
        "response": {
            "status": "failed",
            "status_details": {"error": {"code": "rate_limit_exceeded", "message": "Too fast."}},
        },
    }
    model = upstream(
        hears("u1"), answers(RealtimeModelRawServerEvent(failed)), answers(*words("Hi.", "a1"))
    )
    house.registry.next_dialled.append(model)
    house.script([assistant_message("I stand in.")])
    phone = await house.place()
    await phone.say("hello")
    assert (await phone.until("response.done"))[-1]["response"]["status"] == "completed"
    assert house.tts.said == [("I stand in.", None)]
    assert house.history()[-1]["content"] == "hello"
    (attempt,) = [s for s in await phone.spans() if s["name"].startswith("model_attempt")]
    assert attempt["error"] == "Too fast."


async def test_another_worker_tells_the_model_upstream_what_was_said(house: Any) -> None:
    first = upstream(
        hears("u1"), answers(calls("look_up", '{"what": "it"}')), answers(*words("Found.", "a1"))
    )
    second = upstream(hears("u2"), answers(*words("As I said, found.", "b1")))
    house.registry.next_dialled.extend([first, second])
    phone = await house.place()
    await phone.say("look it up")
    await phone.until("response.done")
    await phone.clock.advance(9)
    await phone.stored()
    await house.kill(phone)
    other = await house.place(phone.call.state.call_id)
    await other.say("what was it")
    await other.until("response.done")
    items = [fields["item"] for fields in told(second, "conversation.item.create")]
    assert [item["type"] for item in items] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert items[0]["content"] == [{"type": "input_text", "text": "look it up"}]
    assert items[2]["output"] == "found it"
    assert items[3]["content"] == [{"type": "output_text", "text": "Found."}]
    assert first.closed


async def test_a_tool_of_an_mcp_server_is_called_for_the_model_upstream(
    stock: McpConnections, build_house: Any
) -> None:
    house = await build_house(
        servers=stock,
        voice=REALTIME,
        agents={"frontdesk": {"mcp": ["stock"]}},
        mcp={"stock": {"timeout": "30s"}},
    )
    model = upstream(
        hears("u1"),
        answers(calls("count", '{"what": "lamps"}')),
        answers(*words("Twelve lamps.", "a1")),
    )
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.say("how many lamps")
    await phone.until("response.done")
    assert [tool.name for tool in sessions(model)[0]["tools"]] == ["count"]
    (output,) = told(model, "conversation.item.create")
    assert output["item"]["output"] == "12 lamps"
    (span,) = [s for s in await phone.spans() if s["name"] == "execute_tool count"]
    assert span["attributes"]["voice.mcp.server"] == "stock"


async def test_a_text_response_is_written_upstream_and_one_apart_by_the_agents_own_model(
    house: Any,
) -> None:
    written = RealtimeModelOutputTextDeltaEvent(item_id="a1", delta="Hello.", response_id="resp")
    model = upstream(answers(written))
    house.registry.next_dialled.append(model)
    house.script([assistant_message("Apart.")])
    phone = await house.place()
    await phone.ask("hello", output_modalities=["text"], max_output_tokens=50)
    (asked,) = told(model, "response.create")
    assert asked["response"] == {"output_modalities": ["text"], "max_output_tokens": 50}
    assert phone.of("response.output_text.done")[0]["text"] == "Hello."
    await phone.respond(conversation="none", output_modalities=["text"])
    assert phone.of("response.output_text.done")[-1]["text"] == "Apart."
    assert len(told(model, "response.create")) == 1


@pytest.fixture
async def stock() -> AsyncIterator[McpConnections]:
    """An MCP server with one tool."""
    server: MCPServer[Any] = MCPServer("stock", log_level="CRITICAL")

    @server.tool()
    async def count(what: str) -> str:
        """Counts what is in stock."""
        return f"12 {what}"

    app = server.streamable_http_app()
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:  # noqa: ASYNC110 (it has no event for that)
        await asyncio.sleep(0.005)
    port = running.servers[0].sockets[0].getsockname()[1]
    opened = McpConnections({"stock": HttpServer("stock", f"http://127.0.0.1:{port}/mcp", {})})
    await opened.start()
    yield opened
    await opened.aclose()
    running.should_exit = running.force_exit = True
    await asyncio.to_thread(thread.join, 10)


async def test_a_voice_does_not_go_up_where_words_are_taken_out_of_what_callers_say(
    build_house: Any,
) -> None:
    house = await build_house(
        voice=REALTIME,
        guardrails={"cards": {"words": ["4111"], "mode": "replace", "replacement": "[card]"}},
        agents={"frontdesk": {"guardrails": {"input": ["cards"]}}},
    )
    model = upstream(answers(*words("Thank you.", "a1")))
    house.registry.next_dialled.append(model)
    phone = await house.place()
    await phone.say("it is 4111")
    await phone.until("response.done")
    assert not any(isinstance(event, RealtimeModelSendAudio) for event in model.sent_events)
    (made,) = told(model, "conversation.item.create")
    assert made["item"]["content"] == [{"type": "input_text", "text": "it is [card]"}]
