"""A spoken call, placed in real time: 20 ms frames out, speech and events in."""

import asyncio
import contextlib
import ssl
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pybase64
from openai import AsyncOpenAI, WebSocketConnectionClosedError
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from frontdesk.client.recording import Recording
from frontdesk.client.resume import PATIENCE, Ticket
from frontdesk.voice.audio import first_audible, pcm16_to_samples, samples_to_pcm16
from frontdesk.voice.base import OUTPUT_RATE, Samples

FRAME = OUTPUT_RATE // 50
"""Samples in 20 ms, the frame that phones and browsers send."""


class CallFailed(Exception):
    """The server refused or dropped the call, or did not answer in time."""


@dataclass(slots=True)
class Answer:
    """One response as the caller got it. Times are seconds of the call's clock."""

    heard: str = ""
    """What the server understood of the caller."""
    text: str = ""
    status: str = ""
    asked: float = 0.0
    """When the caller stopped speaking."""
    first_sound: float | None = None
    """When the first audible sample of the answer was played."""
    start: int = 0
    """Where the answer lies on the recording's agent track, in samples."""
    end: int = 0
    interrupted: bool = False
    """The caller spoke before it was played out."""
    errors: list[str] = field(default_factory=list[str])

    @property
    def latency(self) -> float | None:
        """Seconds from the end of speech to the first audible sample, at the ear."""
        return None if self.first_sound is None else self.first_sound - self.asked


class Caller:
    """One call. Use :func:`place`."""

    def __init__(self, connection: AsyncRealtimeConnection, ticket: Ticket | None = None) -> None:
        """``ticket``: with which the connection comes back when it breaks."""
        self.call_id = ""
        self.ticket = ticket or Ticket()
        self.recording = Recording()
        self.answers: asyncio.Queue[Answer] = asyncio.Queue()
        self.events: list[dict[str, Any]] = []
        self._connection = connection
        self._answer = Answer()
        self._transcript = ""
        self._to_say: deque[Samples] = deque()
        self._said = asyncio.Event()
        self._frames = 0
        self._began = time.perf_counter()
        self._asked = 0.0
        self._item: str | None = None
        self._pieces: list[tuple[int, int]] = []
        """Where the sound of that item lies on the recording: first sample, number of samples."""
        self._ready = asyncio.Event()
        self._responding = False

    @property
    def clock(self) -> float:
        """Seconds since the call began."""
        return time.perf_counter() - self._began

    @property
    def agent_speaking(self) -> bool:
        """Whether an answer is being made or still plays."""
        return self._responding or self.recording.agent.end > self.clock * OUTPUT_RATE

    async def say(self, samples: Samples) -> None:
        """Speak 24 kHz samples, in real time; returns when the last one was sent."""
        padded = np.concatenate([samples, np.zeros(-len(samples) % FRAME, np.float32)])
        trailing = first_audible(samples[::-1]) or 0
        self._asked = self.clock + (len(samples) - trailing) / OUTPUT_RATE
        self._said.clear()
        self._to_say.extend(np.split(padded, len(padded) // FRAME))
        await self._said.wait()

    async def answer(self, limit: float = 30.0) -> Answer:
        """The next answer that the caller lets the agent finish, when it was played out. Raises
        :class:`CallFailed` after ``limit`` seconds."""
        try:
            async with asyncio.timeout(limit):
                while True:
                    answer = await self.answers.get()
                    await asyncio.sleep(max(0.0, answer.end / OUTPUT_RATE - self.clock))
                    if not answer.interrupted:
                        return answer
        except TimeoutError:
            raise CallFailed(f"no answer within {limit:.0f} s") from None

    async def run(self) -> None:
        """Stream and listen until cancelled or dropped."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stream())
            tasks.create_task(self._listen())

    async def ready(self) -> None:
        """Wait until the server has taken the call."""
        async with asyncio.timeout(20):  # not wait_for, which may lose a Ctrl-C (Python 3.11)
            await self._ready.wait()

    async def _stream(self) -> None:
        """One frame each 20 ms, silence when there is nothing to say, on an absolute schedule."""
        await self._ready.wait()
        self._began = time.perf_counter()
        silence = np.zeros(FRAME, np.float32)
        while True:
            frame = self._to_say.popleft() if self._to_say else silence
            self.recording.caller.add(frame, self._frames * FRAME)
            audio = pybase64.b64encode(samples_to_pcm16(frame)).decode()
            with contextlib.suppress(ConnectionClosed):  # it may come back: _listen knows
                await self._connection.input_audio_buffer.append(audio=audio)
            self._frames += 1
            if not self._to_say:
                self._said.set()
            await asyncio.sleep(max(0.0, self._frames * FRAME / OUTPUT_RATE - self.clock))

    async def _listen(self) -> None:
        async for event in self._connection:
            self.ticket.saw(event)
            await self._take(event.model_dump(exclude_none=True))
        raise CallFailed("the server ended the call")

    async def _take(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind != "response.output_audio.delta":
            self.events.append({"at": round(self.clock, 3), **event})
        match kind:
            case "session.created":
                self.call_id = event["session"]["id"]
                if "replay" in event.get("resume", ()):
                    return  # the session is as it was
                await self._connection.session.update(
                    session={
                        "type": "realtime",
                        "audio": {"input": {"transcription": {"model": "whisper-1"}}},
                    }
                )
            case "session.updated":
                self._ready.set()
            case "input_audio_buffer.speech_started":
                await self._barge_in()
            case "conversation.item.input_audio_transcription.completed":
                self._transcript = event["transcript"]
            case "response.created":
                self._responding = True
                self._answer = Answer(asked=self._asked)
            case "response.output_item.added":
                if event["item"]["type"] == "message":
                    self._item, self._pieces = event["item"]["id"], []
            case "response.output_audio_transcript.delta" | "response.output_text.delta":
                self._answer.text += event["delta"]
            case "response.output_audio.delta":
                self._play(pcm16_to_samples(pybase64.b64decode(event["delta"])))
            case "response.done":
                self._finish(event["response"])
            case "error":
                self._answer.errors.append(event["error"]["message"])
            case _:
                pass

    def _play(self, samples: Samples) -> None:
        at = self.recording.agent.add(samples, round(self.clock * OUTPUT_RATE))
        self._pieces.append((at, len(samples)))
        audible = first_audible(samples)
        if self._answer.first_sound is None and audible is not None:
            self._answer.first_sound = (at + audible) / OUTPUT_RATE
        if not self._answer.end:
            self._answer.start = at
        self._answer.end = self.recording.agent.end

    async def _barge_in(self) -> None:
        """The caller speaks: stop playing, and tell the server what was heard."""
        now = round(self.clock * OUTPUT_RATE)
        if self._item and self.recording.agent.end > now and self._answer.end:
            heard = sum(min(max(0, now - at), length) for at, length in self._pieces)
            self._answer.interrupted = True
            self.recording.agent.cut(now)
            self._answer.end = min(self._answer.end, now)
            await self._connection.conversation.item.truncate(
                item_id=self._item, content_index=0, audio_end_ms=heard * 1000 // OUTPUT_RATE
            )

    def _finish(self, response: dict[str, Any]) -> None:
        self._responding = False
        self._answer.status = response["status"]
        if response["status"] != "cancelled":
            self._answer.heard = self._transcript
            self.answers.put_nowait(self._answer)


@asynccontextmanager
async def place(
    base_url: str,
    *,
    model: str,
    api_key: str = "none",
    tls: ssl.SSLContext | None = None,
    patience: float = PATIENCE,
    query: dict[str, str] | None = None,
) -> AsyncGenerator[Caller]:
    """Place a call to the Realtime server at ``base_url`` (``http://…/v1``, ``https://…/v1``).
    ``tls`` says what to trust instead of what this machine does, ``query`` what else stands in the
    URL. A connection that breaks is made again within ``patience`` seconds, and the call goes on.

    Raises :class:`CallFailed` when the server is not there or drops the call, and
    ``websockets.InvalidStatus`` when it refuses it.
    """
    client = AsyncOpenAI(api_key=api_key, base_url=base_url)
    options: Any = {"ssl": tls} if tls else {}  # more than its type says is handed through
    try:
        ticket = Ticket()
        connecting = client.realtime.connect(
            model=model,
            extra_query=query or {},
            websocket_connection_options=options,
            **ticket.options(patience),
        )
        async with connecting as connection, _together() as tasks:
            caller = Caller(connection, ticket)
            running = tasks.create_task(caller.run())
            await caller.ready()
            yield caller
            running.cancel()
    except (ConnectionClosed, WebSocketConnectionClosedError) as error:
        raise CallFailed(f"the call to {base_url} broke off: {error}") from error
    except InvalidStatus:
        raise  # a refusal has more to say than an exception's text
    except (OSError, TimeoutError, WebSocketException) as error:
        raise CallFailed(f"cannot call {base_url}: {error or 'no answer'}") from error
    finally:
        await client.close()


@asynccontextmanager
async def _together() -> AsyncGenerator[asyncio.TaskGroup]:
    """A task group whose block is cancelled when a task fails; raises that task's own error."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        raise _first(group) from None


def _first(error: BaseException) -> BaseException:
    """The first error in a group, however deep."""
    if isinstance(error, BaseExceptionGroup):
        return _first(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
    return error
