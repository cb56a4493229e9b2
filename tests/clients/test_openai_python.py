"""The stock ``openai`` client, with nothing changed but the URL."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

SPEECH = 0.3 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
SILENCE = np.zeros(24_000)


def pcm(samples: np.ndarray) -> str:
    return base64.b64encode((samples * 32767).astype("<i2").tobytes()).decode()


@pytest.fixture
async def connection(server) -> AsyncIterator[AsyncRealtimeConnection]:
    client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
    async with client.realtime.connect(model="support") as connection:
        created = await connection.recv()
        assert created.type == "session.created"
        yield connection
    await client.close()


async def until(connection: AsyncRealtimeConnection, kind: str) -> list[Any]:
    """Events up to and with the first of this type."""
    events: list[Any] = []
    async with asyncio.timeout(40):
        while not events or events[-1].type != kind:
            events.append(await connection.recv())
    return events


def types(events: list[Any]) -> list[str]:
    return [event.type for event in events]


async def write(connection: AsyncRealtimeConnection, text: str) -> None:
    content = [{"type": "input_text", "text": text}]
    item: Any = {"type": "message", "role": "user", "content": content}
    await connection.conversation.item.create(item=item)


async def test_a_text_turn(connection):
    session: Any = {"type": "realtime", "output_modalities": ["text"]}
    await connection.session.update(session=session)
    await until(connection, "session.updated")
    await write(connection, "Where is my order?")
    await connection.response.create()
    events = await until(connection, "response.done")
    response = events[-1].response
    assert response.status == "completed"
    written = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert written
    assert response.output[-1].content[0].text == written
    assert not any("audio" in kind for kind in types(events))


async def test_a_spoken_turn_ended_by_the_server(connection):
    audio: Any = {"input": {"transcription": {"model": "whisper-1"}}}
    await connection.session.update(session={"type": "realtime", "audio": audio})
    await until(connection, "session.updated")
    await connection.input_audio_buffer.append(audio=pcm(SPEECH))
    await connection.input_audio_buffer.append(audio=pcm(SILENCE))
    events = await until(connection, "response.done")
    while "conversation.item.input_audio_transcription.completed" not in types(events):
        events.append(await connection.recv())
    order = [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_audio.delta",
        "response.done",
    ]
    places = [types(events).index(kind) for kind in order]
    assert places == sorted(places)
    done = next(e for e in events if e.type == "response.done")
    assert done.response.status == "completed"
    sound = b"".join(
        base64.b64decode(e.delta) for e in events if e.type == "response.output_audio.delta"
    )
    assert len(sound) > 24_000


async def test_push_to_talk(connection):
    audio: Any = {"input": {"turn_detection": None}}
    await connection.session.update(session={"type": "realtime", "audio": audio})
    await until(connection, "session.updated")
    await connection.input_audio_buffer.append(audio=pcm(SPEECH))
    await connection.input_audio_buffer.commit()
    assert types(await until(connection, "conversation.item.done"))[0] == (
        "input_audio_buffer.committed"
    )
    await connection.response.create()
    assert (await until(connection, "response.done"))[-1].response.status == "completed"


async def test_a_function_of_the_client_is_called_and_its_result_is_used(connection):
    tool = {
        "type": "function",
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
    session: Any = {
        "type": "realtime",
        "output_modalities": ["text"],
        "tools": [tool],
        "tool_choice": {"type": "function", "name": "get_weather"},
    }
    await connection.session.update(session=session)
    await write(connection, "What is the weather in Oslo?")
    await connection.response.create()
    done = (await until(connection, "response.done"))[-1]
    call = done.response.output[-1]
    assert (call.type, call.name) == ("function_call", "get_weather")
    session = {"type": "realtime", "tool_choice": "auto"}
    await connection.session.update(session=session)
    output: Any = {
        "type": "function_call_output",
        "call_id": call.call_id,
        "output": '{"degrees": 7}',
    }
    await connection.conversation.item.create(item=output)
    await connection.response.create()
    answer = (await until(connection, "response.done"))[-1].response.output[-1]
    assert answer.content[0].text


async def test_what_was_not_heard_is_cut_from_the_conversation(connection):
    await write(connection, "Tell me all about it.")
    await connection.response.create()
    done = (await until(connection, "response.done"))[-1]
    item = done.response.output[-1]
    whole = item.content[0].transcript
    await connection.conversation.item.truncate(item_id=item.id, content_index=0, audio_end_ms=1000)
    await until(connection, "conversation.item.truncated")
    await connection.conversation.item.retrieve(item_id=item.id)
    kept = (await until(connection, "conversation.item.retrieved"))[-1].item
    assert whole.startswith(kept.content[0].transcript)
    assert len(kept.content[0].transcript) < len(whole)


async def test_speaking_over_the_answer_starts_a_new_turn(connection):
    await connection.input_audio_buffer.append(audio=pcm(SPEECH))
    await connection.input_audio_buffer.append(audio=pcm(SILENCE))
    await until(connection, "response.output_audio.delta")
    await connection.input_audio_buffer.append(audio=pcm(SPEECH))
    await connection.input_audio_buffer.append(audio=pcm(SILENCE))
    await until(connection, "input_audio_buffer.speech_started")
    events = await until(connection, "response.created")
    events += await until(connection, "response.done")
    assert events[-1].response.status == "completed"


async def test_a_cancelled_response_is_silent_from_then_on(connection):
    done: Any = None
    while done is None or done.response.status == "completed":  # before we were on again
        await write(connection, "Go on.")
        await connection.response.create()
        await until(connection, "response.created")
        await connection.response.cancel()
        done = (await until(connection, "response.done"))[-1]
    assert done.response.status == "cancelled"
    assert done.response.status_details.reason == "client_cancelled"
    await connection.conversation.item.retrieve(item_id="nothing")
    assert types(await until(connection, "error")) == ["error"]


async def test_an_error_leaves_the_call_alive(connection):
    await connection.send({"type": "no.such.event", "event_id": "mine"})  # type: ignore[arg-type]
    error = (await until(connection, "error"))[-1].error
    assert error.event_id == "mine"
    await connection.input_audio_buffer.append(audio="@@@ not base64 @@@")
    assert (await until(connection, "error"))[-1].error.param == "audio"
    await write(connection, "Still there?")
    await connection.response.create()
    assert (await until(connection, "response.done"))[-1].response.status == "completed"


async def test_the_words_of_the_caller_are_told_once_for_each_turn(connection):
    audio: Any = {
        "input": {
            "transcription": {"model": "whisper-1", "language": "en"},
            "turn_detection": {"type": "server_vad", "create_response": False},
        }
    }
    await connection.session.update(session={"type": "realtime", "audio": audio})
    await until(connection, "session.updated")
    for _ in range(2):
        await connection.input_audio_buffer.append(audio=pcm(SPEECH))
        await connection.input_audio_buffer.append(audio=pcm(SILENCE))
        events = await until(connection, "conversation.item.input_audio_transcription.completed")
        [item] = {e.item_id for e in events if e.type.startswith("input_audio_buffer.")}
        told = [e for e in events if "input_audio_transcription" in e.type]
        assert {e.item_id for e in told} == {item}
        written = "".join(e.delta for e in told if e.type.endswith("delta"))
        assert written == told[-1].transcript
        assert told[-1].usage.type == "duration"


async def test_two_calls_at_once_do_not_mix(server):
    client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
    async with (
        client.realtime.connect(model="support") as one,
        client.realtime.connect(model="support") as two,
    ):
        for connection, words in ((one, "first"), (two, "second")):
            await until(connection, "session.created")
            await write(connection, words)
            await connection.response.create()
        for connection, words in ((one, "first"), (two, "second")):
            events = await until(connection, "response.done")
            users = [e.item for e in events if e.type == "conversation.item.added"]
            assert users[0].content[0].text == words
            responses = {e.response_id for e in events if hasattr(e, "response_id")}
            assert responses == {events[-1].response.id}
    await client.close()
