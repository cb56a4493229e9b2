"""Pipecat by its defaults: Silero, Smart Turn, the pipeline that its own command line writes."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from typing import Any

from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner
from voice_wire import HEARD_RATE, RATE, REPLY, Ear, Mouth, Wire, run

EAR, MOUTH = Ear(), Mouth()


class Transcriber(SegmentedSTTService):
    @property
    def wants_wav_segments(self) -> bool:
        return False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        if text := await EAR.hear(audio):
            yield TranscriptionFrame(text, self._user_id, time_now_iso8601())


class StandIn(LLMService):
    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        for word in REPLY.split(" "):
            await self.push_frame(LLMTextFrame(f"{word} "))
        await self.push_frame(LLMFullResponseEndFrame())


class Voice(TTSService):
    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        speech = MOUTH.speak(text)
        frames = self._stream_audio_frames_from_iterator(
            speech, in_sample_rate=RATE, context_id=context_id
        )
        async for frame in frames:
            yield frame


class Input(BaseInputTransport):
    def __init__(self, wire: Wire, params: TransportParams, ended: asyncio.Event) -> None:
        super().__init__(params)
        self._wire, self._ended = wire, ended
        self._reading: asyncio.Task[None] | None = None

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._reading = self.create_task(self._read())

    async def _read(self) -> None:
        async for pcm in self._wire.heard():
            if pcm:
                await self.push_audio_frame(InputAudioRawFrame(pcm, HEARD_RATE, 1))
        self._ended.set()


class Output(BaseOutputTransport):
    """Paced as Pipecat's own WebSocket transports are."""

    def __init__(self, wire: Wire, params: TransportParams) -> None:
        super().__init__(params)
        self._wire = wire
        self._due = 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._wire.tell("output_audio_buffer.cleared")
            self._due = 0.0

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        self._wire.sound(frame.audio)
        interval = self.audio_chunk_size / self.sample_rate / 2
        wait = max(0.0, self._due - time.monotonic())
        await asyncio.sleep(wait)
        self._due = (self._due if wait else time.monotonic()) + interval
        return True


async def talk(wire: Wire) -> None:
    ended = asyncio.Event()
    params = TransportParams(audio_in_enabled=True, audio_out_enabled=True)
    context = LLMContext([{"role": "system", "content": "You answer in two sentences."}])
    aggregators = LLMContextAggregatorPair(
        context, user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    user = aggregators.user()

    @user.event_handler("on_user_turn_stopped")
    async def stopped(_aggregator: Any, _strategy: Any, message: Any) -> None:
        wire.turn(message.content)

    pipeline = Pipeline([
        Input(wire, params, ended), Transcriber(), user, StandIn(), Voice(),
        Output(wire, params), aggregators.assistant(),
    ])  # fmt: skip
    rates = PipelineParams(audio_in_sample_rate=HEARD_RATE, audio_out_sample_rate=RATE)
    worker = PipelineWorker(pipeline, params=rates)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    await ended.wait()
    await worker.cancel()
    await running


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    run(talk)
