"""The Agents SDK's ``RealtimeRunner``, with nothing changed but the URL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from agents.realtime.model_inputs import RealtimeModelSendRawMessage
from openai.types.responses import ToolChoiceFunction

from agents import function_tool

SPEECH = 0.3 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)


def pcm(samples: np.ndarray) -> bytes:
    return (samples * 32767).astype("<i2").tobytes()


@function_tool
async def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"It rains in {city}."


@asynccontextmanager
async def called(server: Any, **settings: Any) -> AsyncIterator[RealtimeSession]:
    agent = RealtimeAgent(name="Stock", instructions="Be nice.", tools=[get_weather])
    runner = RealtimeRunner(agent)
    url = f"{server.ws}/v1/realtime?model=support"
    config: Any = {"url": url, "api_key": "none", "initial_model_settings": settings}
    async with await runner.run(model_config=config) as session:
        yield session


@pytest.fixture
async def session(server) -> AsyncIterator[RealtimeSession]:
    async with called(server) as session:
        yield session


async def until(session: RealtimeSession, kind: str, errors: int = 0) -> list[Any]:
    """Events up to and with the first of this type; more errors than expected are failures."""
    events: list[Any] = []
    async with asyncio.timeout(40):
        async for event in session:
            errors -= event.type == "error"
            assert errors >= 0, event
            events.append(event)
            if event.type == kind:
                return events
    raise AssertionError("the session ended")


def raw(events: list[Any], kind: str) -> list[Any]:
    """The model's own events of a type."""
    models = [event.data for event in events if event.type == "raw_model_event"]
    return [data for data in models if data.type == kind]


async def test_a_text_message_is_answered_aloud(session):
    await session.send_message("Where is my order?")
    events = await until(session, "audio_end")
    assert any(event.type == "audio" for event in events)


async def test_a_spoken_turn_is_answered_aloud(session):
    await session.send_audio(pcm(SPEECH))
    await session.send_audio(pcm(0 * SPEECH))
    await session.send_audio(pcm(0 * SPEECH))
    events = await until(session, "audio_end")
    assert any(event.type == "audio" for event in events)


async def test_speaking_over_the_answer_interrupts_it(session):
    await session.send_message("Tell me everything.")
    await until(session, "audio")
    await session.send_audio(pcm(SPEECH))
    await until(session, "audio_interrupted")


async def test_a_function_tool_is_run_and_its_result_answered(server):
    choice = ToolChoiceFunction(type="function", name="get_weather")
    async with called(server, tool_choice=choice) as session:
        await session.send_message("What is the weather in Oslo?")
        ended = (await until(session, "tool_end"))[-1]
        assert ended.tool.name == "get_weather"
        assert ended.output == "It rains in example."
        events = await until(session, "audio_end")
        assert any(event.type == "audio" for event in events)


async def test_what_was_said_is_told_and_enters_the_history(session):
    await session.send_audio(pcm(SPEECH))
    await session.send_audio(pcm(0 * SPEECH))
    events = await until(session, "audio_end")
    while not (told := raw(events, "input_audio_transcription_completed")):
        events += await until(session, "raw_model_event")
    assert told[0].transcript.endswith("second of speech")
    user = [event.item for event in events if event.type == "history_added"]
    assert any(item.role == "user" for item in user)


async def test_an_error_leaves_the_session_alive(session):
    message: Any = {"type": "conversation.item.delete", "other_data": {"item_id": "nothing"}}
    await session.model.send_event(RealtimeModelSendRawMessage(message=message))
    error = (await until(session, "error", errors=1))[-1].error
    assert "nothing" in error.message
    await session.send_message("Still there?")
    await until(session, "audio_end")
