"""LiveKit Agents' ``RealtimeModel``, with nothing changed but the URL."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import pytest
from livekit import rtc
from livekit.agents import function_tool, llm
from livekit.plugins.openai.realtime import RealtimeModel
from openai.types import realtime
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad

RATE = 24_000
SPEECH = 0.3 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)


class Livekit:
    """A session of the stock plugin; ``seen`` are its events, in order."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.seen: list[tuple[str, Any]] = []
        self._came = asyncio.Event()
        for kind in (
            "input_speech_started",
            "input_speech_stopped",
            "input_audio_transcription_completed",
            "generation_created",
            "remote_item_added",
            "error",
        ):
            session.on(kind, self._note(kind))

    def _note(self, kind: str) -> Any:
        def note(*event: Any) -> None:
            self.seen.append((kind, event[0] if event else None))
            self._came.set()

        return note

    async def until(self, kind: str, number: int = 1) -> Any:
        """The ``number``th event of this kind."""
        async with asyncio.timeout(20):
            while len(found := [event for told, event in self.seen if told == kind]) < number:
                self._came.clear()
                await self._came.wait()
        return found[number - 1]

    async def speak(self, *sounds: np.ndarray) -> None:
        for sound in sounds:
            samples = (sound * 32767).astype("<i2")
            for at in range(0, len(samples), RATE // 50):
                piece = samples[at : at + RATE // 50].tobytes()
                self.session.push_audio(rtc.AudioFrame(piece, RATE, 1, len(piece) // 2))

    async def tell(self, text: str) -> None:
        """Add a user's message the way an agent does: through the mirrored context."""
        context = self.session.chat_ctx.copy()
        context.add_message(role="user", content=text)
        await self.session.update_chat_ctx(context)


async def words_and_sound(generation: Any) -> tuple[str, float]:
    """All that a generation says, and how many seconds of it."""
    words, seconds = "", 0.0
    async with asyncio.timeout(20):
        async for message in generation.message_stream:
            async for piece in message.text_stream:
                words += piece
            async for frame in message.audio_stream:
                seconds += frame.duration
    return words, seconds


@pytest.fixture
async def livekit(server: Any) -> AsyncIterator[Livekit]:
    async with aiohttp.ClientSession() as http:
        model = RealtimeModel(
            base_url=f"{server.url}/v1",
            api_key="none",
            http_session=http,
            input_audio_transcription=realtime.AudioTranscription(model="gpt-4o-mini-transcribe"),
            turn_detection=ServerVad(type="server_vad", silence_duration_ms=300),
        )
        session = model.session()
        yield Livekit(session)
        await session.aclose()
        await model.aclose()


async def test_a_text_message_is_answered_aloud(livekit: Livekit) -> None:
    await livekit.tell("Where is my order?")
    words, seconds = await words_and_sound(await livekit.session.generate_reply())
    assert words.startswith("Thank you")
    assert seconds > 0.5


async def test_a_spoken_turn_is_transcribed_and_answered_aloud(livekit: Livekit) -> None:
    await livekit.speak(SPEECH, 0 * SPEECH)
    words, seconds = await words_and_sound(await livekit.until("generation_created"))
    assert words.startswith("Thank you") and seconds > 0.5
    told = await livekit.until("input_audio_transcription_completed")
    while not told.is_final:
        told = await livekit.until("input_audio_transcription_completed", 2)
    assert told.transcript.endswith("second of speech")


async def test_a_function_tool_is_called_and_its_result_answered(livekit: Livekit) -> None:
    @function_tool
    async def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"It rains in {city}."

    await livekit.session.update_tools([get_weather])
    await livekit.tell("What is the weather in Oslo?")
    choice: Any = {"type": "function", "function": {"name": "get_weather"}}
    generation = await livekit.session.generate_reply(tool_choice=choice)
    async with asyncio.timeout(20):
        calls = [call async for call in generation.function_stream]
    assert [call.name for call in calls] == ["get_weather"]
    context = livekit.session.chat_ctx.copy()
    context.items.append(
        llm.FunctionCallOutput(call_id=calls[0].call_id, output="It rains.", is_error=False)
    )
    await livekit.session.update_chat_ctx(context)
    words, _ = await words_and_sound(await livekit.session.generate_reply())
    assert words.startswith("Thank you")
    assert "function_call_output" in [item.type for item in livekit.session.chat_ctx.items]


async def test_speaking_over_the_answer_interrupts_it(livekit: Livekit) -> None:
    await livekit.tell("Tell me everything.")
    generation = await livekit.session.generate_reply()
    message = await anext(aiter(generation.message_stream))
    await anext(aiter(message.audio_stream))
    await livekit.speak(SPEECH)
    await livekit.until("input_speech_started")
    livekit.session.interrupt()
    livekit.session.truncate(
        message_id=message.message_id, modalities=["audio", "text"], audio_end_ms=20
    )
    async with asyncio.timeout(20):
        async for _ in message.audio_stream:
            pass
    await livekit.speak(0 * SPEECH)
    await words_and_sound(await livekit.until("generation_created", 2))
    assert not [event for kind, event in livekit.seen if kind == "error"]


async def test_what_the_agent_deletes_and_inserts_is_mirrored(livekit: Livekit) -> None:
    await livekit.tell("First.")
    await livekit.tell("Third.")
    context = livekit.session.chat_ctx.copy()
    second = llm.ChatMessage(role="user", content=["Second."])
    context.items.insert(1, second)
    await livekit.session.update_chat_ctx(context)
    told = [item.text_content for item in livekit.session.chat_ctx.items]
    assert told == ["First.", "Second.", "Third."]
    context = livekit.session.chat_ctx.copy()
    del context.items[0]
    await livekit.session.update_chat_ctx(context)
    assert [item.text_content for item in livekit.session.chat_ctx.items] == ["Second.", "Third."]


async def test_an_error_leaves_the_session_alive(livekit: Livekit) -> None:
    livekit.session.send_event({"type": "conversation.item.delete", "item_id": "nothing"})
    error = await livekit.until("error")
    assert error.recoverable and "nothing" in str(error.error.body)
    await livekit.tell("Still there?")
    words, _ = await words_and_sound(await livekit.session.generate_reply())
    assert words.startswith("Thank you")
