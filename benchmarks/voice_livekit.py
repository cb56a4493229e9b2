"""LiveKit Agents by its defaults: Silero, its own end-of-turn model, preemptive generation.

One option is not the default: the three seconds in which an agent that begins to speak hears
nobody, so that a browser's echo canceller can settle, are taken off; callers cut in before.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.utils import AudioBuffer, shortuuid
from livekit.agents.voice import io
from voice_wire import HEARD_RATE, RATE, REPLY, Ear, Mouth, Player, Wire, run

EAR, MOUTH = Ear(), Mouth()


class Transcriber(stt.STT):
    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))

    async def _recognize_impl(self, buffer: AudioBuffer, **_: Any) -> stt.SpeechEvent:
        frames = buffer if isinstance(buffer, list) else [buffer]
        frame = rtc.combine_audio_frames(frames)
        assert frame.sample_rate == HEARD_RATE
        text = await EAR.hear(bytes(frame.data))
        return stt.SpeechEvent(
            stt.SpeechEventType.FINAL_TRANSCRIPT,
            alternatives=[stt.SpeechData(language="en", text=text)],
        )


class Voice(tts.TTS):
    def __init__(self) -> None:
        can = tts.TTSCapabilities(streaming=False)
        super().__init__(capabilities=can, sample_rate=RATE, num_channels=1)

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return Speech(tts=self, input_text=text, conn_options=conn_options)


class Speech(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=shortuuid(), sample_rate=RATE, num_channels=1, mime_type="audio/pcm"
        )
        async for pcm in MOUTH.speak(self.input_text):
            output_emitter.push(pcm)
        output_emitter.flush()


class StandIn(llm.LLM):
    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **_: Any,
    ) -> llm.LLMStream:
        return Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class Answer(llm.LLMStream):
    async def _run(self) -> None:
        for word in REPLY.split(" "):
            delta = llm.ChoiceDelta(role="assistant", content=f"{word} ")
            self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))


class Microphone(io.AudioInput):
    def __init__(self, wire: Wire) -> None:
        super().__init__(label="wire")
        self._frames = self._read(wire)

    async def __anext__(self) -> rtc.AudioFrame:
        return await anext(self._frames)

    async def _read(self, wire: Wire) -> AsyncIterator[rtc.AudioFrame]:
        async for pcm in wire.heard():
            if pcm:
                yield rtc.AudioFrame(pcm, HEARD_RATE, 1, len(pcm) // 2)
        ended[wire].set()


class Loudspeaker(io.AudioOutput):
    """Sends at once, and lets the session know by the clock what was played."""

    def __init__(self, wire: Wire) -> None:
        can = io.AudioOutputCapabilities(pause=True)
        super().__init__(label="wire", capabilities=can, sample_rate=RATE)
        self._wire, self._player = wire, Player()
        self._pushed = 0.0
        self._waiting: asyncio.Task[None] | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._pushed:
            self.on_playback_started(created_at=asyncio.get_running_loop().time())
        self._pushed += frame.duration
        self._player.add(frame.duration)
        self._wire.sound(bytes(frame.data))

    def flush(self) -> None:
        super().flush()
        if self._pushed:
            self._waiting = asyncio.create_task(self._play_out())

    async def _play_out(self) -> None:
        while self._player.left or self._player.paused:  # noqa: ASYNC110 (a clock)
            await asyncio.sleep(0.02 if self._player.paused else self._player.left)
        self._finished(interrupted=False)
        self._wire.tell("response.output_audio.done", response_id=shortuuid())

    def _finished(self, *, interrupted: bool) -> None:
        played, self._pushed = self._pushed - self._player.left, 0.0
        self._player.clear()
        self.on_playback_finished(playback_position=played, interrupted=interrupted)

    def clear_buffer(self) -> None:
        if not self._pushed:
            return
        if self._waiting:
            self._waiting.cancel()
        self._finished(interrupted=True)
        self._wire.tell("output_audio_buffer.cleared")

    def pause(self) -> None:
        super().pause()
        if not self._player.paused:
            self._player.pause()
            self._wire.tell("output_audio_buffer.paused")

    def resume(self) -> None:
        super().resume()
        if self._player.paused:
            self._player.resume()
            self._wire.tell("output_audio_buffer.resumed")


ended: dict[Wire, asyncio.Event] = {}


async def talk(wire: Wire) -> None:
    ended[wire] = asyncio.Event()
    session: AgentSession[None] = AgentSession(
        stt=Transcriber(), llm=StandIn(), tts=Voice(), aec_warmup_duration=None
    )
    session.input.audio, session.output.audio = Microphone(wire), Loudspeaker(wire)

    @session.on("conversation_item_added")
    def added(event: Any) -> None:
        if event.item.role == "user":
            wire.turn(event.item.text_content or "")

    await session.start(Agent(instructions="You answer in two sentences."))
    try:
        await ended.pop(wire).wait()
    finally:
        await session.aclose()


if __name__ == "__main__":
    run(talk)
