"""The Agents SDK's ``RealtimeRunner``, with nothing changed but the URL."""

import asyncio
from typing import Any

import numpy as np
import pytest
from agents.realtime import RealtimeAgent, RealtimeRunner

from agents import function_tool

SPEECH = 0.3 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)


def pcm(samples: np.ndarray) -> bytes:
    return (samples * 32767).astype("<i2").tobytes()


@function_tool
async def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"It rains in {city}."


@pytest.fixture
async def session(server):
    agent = RealtimeAgent(name="Stock", instructions="Be nice.", tools=[get_weather])
    runner = RealtimeRunner(agent)
    url = f"{server.ws}/v1/realtime?model=support"
    async with await runner.run(model_config={"url": url, "api_key": "none"}) as session:
        yield session


async def until(session: Any, kind: str) -> list[Any]:
    events: list[Any] = []
    async with asyncio.timeout(20):
        async for event in session:
            assert event.type != "error", event
            events.append(event)
            if event.type == kind:
                return events
    raise AssertionError("the session ended")


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
