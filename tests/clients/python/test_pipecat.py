"""Pipecat's ``OpenAIRealtimeLLMService`` in a pipeline, with nothing changed but the URL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    FunctionCallResultFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMMessagesAppendFrame,
    LLMRunFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner

RATE = 24_000
SPEECH = 0.3 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)
WEATHER = FunctionSchema(
    name="get_weather",
    description="The weather in a city.",
    properties={"city": {"type": "string"}},
    required=["city"],
)


class Seen(BaseObserver):
    """Every frame that was pushed in the pipeline, once."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: dict[int, Frame] = {}
        self.came = asyncio.Event()

    async def on_push_frame(self, data: FramePushed) -> None:
        self.frames[data.frame.id] = data.frame
        self.came.set()

    def of(self, kind: type[Frame]) -> list[Any]:
        return [frame for frame in [*self.frames.values()] if isinstance(frame, kind)]

    async def until(self, kind: type[Frame], number: int = 1) -> Any:
        """The ``number``th frame of this kind."""
        async with asyncio.timeout(20):
            while len(found := self.of(kind)) < number:
                self.came.clear()
                await self.came.wait()
        return found[number - 1]


class Bot:
    """A running pipeline: the aggregators of a stock example around the service."""

    def __init__(self, service: OpenAIRealtimeLLMService, context: LLMContext) -> None:
        self.service = service
        self.context = context
        self.seen = Seen()
        pair = LLMContextAggregatorPair(context)
        pipeline = Pipeline([pair.user(), service, pair.assistant()])
        params = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
        self.worker = PipelineWorker(
            pipeline, params=params, observers=[self.seen], cancel_on_idle_timeout=False
        )

    async def speak(self, *sounds: np.ndarray) -> None:
        for sound in sounds:
            samples = (sound * 32767).astype("<i2")
            for at in range(0, len(samples), RATE // 50):
                piece = samples[at : at + RATE // 50].tobytes()
                await self.worker.queue_frame(InputAudioRawFrame(piece, RATE, 1))

    async def tell(self, text: str) -> None:
        message: Any = {"role": "user", "content": text}
        await self.worker.queue_frame(LLMMessagesAppendFrame([message], run_llm=True))


@asynccontextmanager
async def running(server: Any, **session: Any) -> AsyncIterator[Bot]:
    """A bot that is told to begin, as the stock example does when a client connects."""
    detection = events.TurnDetection(type="server_vad", silence_duration_ms=300)
    audio = events.AudioConfiguration(
        input=events.AudioInput(
            transcription=events.InputAudioTranscription(), turn_detection=detection
        )
    )
    service = OpenAIRealtimeLLMService(
        api_key="none",
        base_url=f"{server.ws}/v1/realtime",
        settings=OpenAIRealtimeLLMService.Settings(
            session_properties=events.SessionProperties(audio=audio, **session)
        ),
    )
    first: Any = {"role": "user", "content": "Greet me."}
    bot = Bot(service, LLMContext([first]))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(bot.worker)
    task = asyncio.create_task(runner.run())
    try:
        yield bot
        assert not bot.seen.of(ErrorFrame)
    finally:
        await bot.worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)


async def begun(bot: Bot) -> None:
    await bot.worker.queue_frame(LLMRunFrame())
    await bot.seen.until(LLMFullResponseEndFrame)


async def test_a_text_message_is_answered_aloud(server: Any) -> None:
    async with running(server) as bot:
        await begun(bot)
        assert "".join(f.text for f in bot.seen.of(TTSTextFrame)).startswith("Thank you")
        assert sum(len(f.audio) for f in bot.seen.of(TTSAudioRawFrame)) > RATE


async def test_a_spoken_turn_is_transcribed_and_answered_aloud(server: Any) -> None:
    async with running(server) as bot:
        await begun(bot)
        await bot.speak(SPEECH, 0 * SPEECH)
        await bot.seen.until(UserStartedSpeakingFrame)
        told = await bot.seen.until(TranscriptionFrame)
        assert told.text.endswith("second of speech")
        await bot.seen.until(LLMFullResponseEndFrame, 2)


async def test_a_function_tool_is_run_and_its_result_answered(server: Any) -> None:
    async def get_weather(params: FunctionCallParams) -> None:
        await params.result_callback({"weather": f"It rains in {params.arguments['city']}."})

    tools = ToolsSchema(standard_tools=[WEATHER])
    async with running(server, tools=tools, tool_choice="required") as bot:
        bot.service.register_function("get_weather", get_weather)
        await bot.worker.queue_frame(LLMRunFrame())
        result = await bot.seen.until(FunctionCallResultFrame)
        assert result.result == {"weather": "It rains in example."}
        words = ""
        async with asyncio.timeout(20):
            while not words.startswith("Thank you"):
                bot.seen.came.clear()
                await bot.seen.came.wait()
                words = "".join(f.text for f in bot.seen.of(TTSTextFrame))


async def test_speaking_over_the_answer_interrupts_it(server: Any) -> None:
    async with running(server) as bot:
        await bot.worker.queue_frame(LLMRunFrame())
        await bot.seen.until(TTSAudioRawFrame)
        await bot.speak(SPEECH)
        await bot.seen.until(InterruptionFrame)
        await bot.speak(0 * SPEECH)
        await bot.seen.until(TranscriptionFrame)
        await bot.seen.until(LLMFullResponseEndFrame, 2)


async def test_an_error_that_it_tolerates_leaves_the_session_alive(server: Any) -> None:
    async with running(server) as bot:
        await begun(bot)
        await bot.service.send_client_event(events.ResponseCancelEvent())
        try:
            await bot.service.retrieve_conversation_item("nothing")
        except Exception as error:
            assert "nothing" in str(error)
        await bot.speak(SPEECH, 0 * SPEECH)
        await bot.seen.until(LLMFullResponseEndFrame, 2)
