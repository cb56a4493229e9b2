"""The Agents SDK's ``VoicePipeline`` on ``OpenAIVoiceModelProvider``, with nothing changed but the
URL: its ears are transcription sessions and ``/v1/audio/transcriptions``, its mouth is
``/v1/audio/speech``. The agent runs in the client, on a scripted model."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from agents.testing import ScriptedModel, assistant_message, function_call
from agents.voice import (
    AudioInput,
    OpenAIVoiceModelProvider,
    SingleAgentVoiceWorkflow,
    StreamedAudioInput,
    StreamedAudioResult,
    STTModelSettings,
    TTSModelSettings,
    VoicePipeline,
    VoicePipelineConfig,
)
from openai import AsyncOpenAI, BadRequestError

from agents import Agent, function_tool

RATE = 24_000
SPEECH = (0.3 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE) * 32767).astype(np.int16)
SILENCE = np.zeros(RATE, np.int16)
HUSH = SILENCE[: RATE * 36 // 100]
"""Enough to end a turn, and too little behind it to be taken for another one."""
SERVER_VAD = {"type": "server_vad", "silence_duration_ms": 300}
ANSWER = "Your lamp is on its way."


@function_tool
async def find_order(number: str) -> str:
    """Finds an order."""
    return f"Order {number} has left."


class Workflow(SingleAgentVoiceWorkflow):
    """Notes what was heard; greets if told to."""

    greeting = ""

    def __init__(self, *steps: list[Any]) -> None:
        self.model = ScriptedModel([*steps])
        super().__init__(Agent(name="Clerk", model=self.model, tools=[find_order]))
        self.heard: list[str] = []

    async def on_start(self) -> AsyncIterator[str]:
        if self.greeting:
            yield self.greeting

    async def run(self, transcription: str) -> AsyncIterator[str]:
        self.heard.append(transcription)
        async for text in super().run(transcription):
            yield text


@pytest.fixture
async def client(server) -> AsyncIterator[AsyncOpenAI]:
    url = f"{server.url}/v1"
    async with AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as client:
        yield client


@pytest.fixture
def pipeline(client):
    def make(workflow: Workflow, turn_detection: Any = SERVER_VAD) -> VoicePipeline:
        config = VoicePipelineConfig(
            model_provider=OpenAIVoiceModelProvider(openai_client=client),
            tracing_disabled=True,
            stt_settings=STTModelSettings(turn_detection=turn_detection),
            tts_settings=TTSModelSettings(buffer_size=4),
        )
        return VoicePipeline(workflow=workflow, config=config)

    return make


def says(text: str = ANSWER) -> list[Any]:
    return [assistant_message(text)]


class Listener:
    """The client's end of the pipeline's result."""

    def __init__(self, result: StreamedAudioResult) -> None:
        self._events = result.stream()
        self.samples = 0

    async def until(self, expected: str) -> None:
        """The next event of this kind: audio, or a lifecycle's name. Raises what is told instead
        of it."""
        async with asyncio.timeout(40):
            async for event in self._events:
                kind = event.type.removeprefix("voice_stream_event_")
                if kind == "audio":
                    self.samples += len(event.data)
                kind = getattr(event, "event", kind)
                if kind == expected:
                    return
                if kind == "error":
                    raise event.error
        raise AssertionError("the result ended")


async def test_a_text_is_spoken(pipeline):
    workflow = Workflow()
    workflow.greeting = "Hello, this is the lamp shop."
    audio = StreamedAudioInput()
    listener = Listener(await pipeline(workflow).run(audio))
    await listener.until("turn_ended")
    assert listener.samples == pytest.approx(1.7 * RATE, rel=0.1)
    await audio.add_audio(None)
    await listener.until("session_ended")


async def test_a_recorded_turn_is_answered_aloud(pipeline):
    workflow = Workflow(says())
    spoken = np.concatenate((SPEECH, SPEECH, SILENCE))
    listener = Listener(await pipeline(workflow).run(AudioInput(buffer=spoken)))
    await listener.until("session_ended")
    assert workflow.heard == ["two seconds of speech"]
    assert listener.samples == pytest.approx(1.44 * RATE, rel=0.1)


@pytest.mark.parametrize("turn_detection", [SERVER_VAD, None], ids=["server_vad", "unasked"])
async def test_spoken_turns_are_found_by_the_server_and_answered(pipeline, turn_detection):
    workflow = Workflow(says(), says("Goodbye, then."))
    audio = StreamedAudioInput()
    listener = Listener(await pipeline(workflow, turn_detection).run(audio))
    for turn in (1, 2):
        for sound in (SPEECH, HUSH):
            await audio.add_audio(sound)
        await listener.until("turn_ended")
        assert len(workflow.heard) == turn
    await audio.add_audio(None)
    await listener.until("session_ended")
    assert all(text.endswith("of speech") for text in workflow.heard)
    assert listener.samples > 2 * RATE


async def test_a_function_tool_is_run_before_the_answer(pipeline):
    workflow = Workflow([function_call("find_order", {"number": "48271"}, call_id="c1")], says())
    audio = StreamedAudioInput()
    listener = Listener(await pipeline(workflow).run(audio))
    for sound in (SPEECH, HUSH):
        await audio.add_audio(sound)
    await listener.until("turn_ended")
    assert "Order 48271 has left." in str(workflow.model.calls[-1].input)
    assert listener.samples > RATE
    await audio.add_audio(None)
    await listener.until("session_ended")


async def test_speaking_over_the_answer_is_heard_and_answered_after_it(pipeline):
    """The pipeline cannot be interrupted: what is said meanwhile is the next turn."""
    workflow = Workflow(says("A long answer. " * 10), says("Yes?"))
    audio = StreamedAudioInput()
    listener = Listener(await pipeline(workflow).run(audio))
    for sound in (SPEECH, HUSH):
        await audio.add_audio(sound)
    await listener.until("audio")
    for sound in (SPEECH, HUSH):
        await audio.add_audio(sound)
    await listener.until("turn_ended")
    await listener.until("turn_ended")
    assert len(workflow.heard) == 2
    await audio.add_audio(None)
    await listener.until("session_ended")


async def test_an_error_at_the_end_of_the_sound_loses_nothing(pipeline):
    """The pipeline commits when its sound ends, though the server has committed the turn by then:
    of all errors it lets this one pass, if it is told by its name."""
    workflow = Workflow(says())
    audio = StreamedAudioInput()
    listener = Listener(await pipeline(workflow).run(audio))
    for sound in (SPEECH, HUSH, None):
        await audio.add_audio(sound)
    await listener.until("session_ended")
    assert len(workflow.heard) == 1
    assert listener.samples > RATE


async def test_a_turn_that_fails_leaves_the_pipeline_alive(pipeline):
    workflow = Workflow(says(), says())
    running = pipeline(workflow)
    listener = Listener(await running.run(AudioInput(buffer=SPEECH[:0])))
    with pytest.raises(BadRequestError, match="shorter than"):
        await listener.until("session_ended")
    listener = Listener(await running.run(AudioInput(buffer=np.concatenate((SPEECH, SILENCE)))))
    await listener.until("session_ended")
    assert workflow.heard == ["one second of speech"]
