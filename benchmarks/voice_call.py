"""One spoken call over a real WebSocket, in real time, and what its caller heard.

A frame of 20 ms goes out when it is full, as a microphone gives it; what arrives is played behind
what is still playing. Where the server (or the client's own rule, on ``speech_started``) says that
playing stops, it stops. All times are seconds of one clock.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pybase64
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from frontdesk.client.recording import Recording
from frontdesk.voice.audio import first_audible, pcm16_to_samples, samples_to_pcm16
from frontdesk.voice.base import OUTPUT_RATE, Samples

FRAME = OUTPUT_RATE // 50
ECHO_DELAY = 0.12
"""Seconds from a loudspeaker to its microphone's signal: the devices' buffers."""
JUST = 0.05
"""Seconds: shorter silences are part of speech."""
STOPS = ("input_audio_buffer.speech_started", "output_audio_buffer.cleared")
"""Events at which a client stops playing: our own by the first, as OpenAI's examples do."""


class CallLost(Exception):
    """The server hung up, or said that something is wrong."""


@dataclass(frozen=True, slots=True)
class Event:
    """What the server said, and when."""

    at: float
    kind: str
    data: dict[str, Any]


@dataclass(slots=True)
class Stop:
    """The caller's player went silent in the middle of an answer."""

    at: float
    heard: float
    """Seconds of the answer that had been played."""
    left: float
    """Seconds that were there and were not played."""
    resumed: float | None = None
    """When sound went on."""


@dataclass(slots=True)
class Line:
    """A call that stands. ``room`` is repeated whenever the caller does not speak."""

    socket: ClientConnection
    room: Samples
    echo: float = 0.0
    """Share of the loudspeaker's amplitude that its microphone picks up."""
    events: list[Event] = field(default_factory=list[Event])
    recording: Recording = field(default_factory=Recording)
    stops: list[Stop] = field(default_factory=list[Stop])
    sound_at: list[float] = field(default_factory=list[float])
    """When each piece of sound arrived."""
    _began: float = field(default_factory=time.perf_counter)
    _sent: int = 0
    _to_say: deque[Samples] = field(default_factory=deque[Samples])
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    items: dict[str, list[tuple[int, int]]] = field(
        default_factory=dict[str, list[tuple[int, int]]]
    )
    """Where the sound of each assistant item lies on the recording: first sample, number."""
    _item: str = ""
    _held: Samples | None = None

    @property
    def clock(self) -> float:
        """Seconds since the first sample was recorded."""
        return time.perf_counter() - self._began

    @property
    def playing_until(self) -> float:
        """When all that has arrived is played."""
        return self.recording.agent.end / OUTPUT_RATE

    def say(self, samples: Samples) -> float:
        """Speak behind what is still to be said; returns when its first sample is spoken."""
        frames = -(-len(samples) // FRAME)
        sound = np.resize(self.room, frames * FRAME).astype(np.float32)
        sound[: len(samples)] = samples
        begins = (self._sent + len(self._to_say)) * FRAME / OUTPUT_RATE
        self._to_say.extend(sound.reshape(-1, FRAME))
        return begins

    async def until(self, clock: float) -> None:
        """Wait until the call's clock says so."""
        await asyncio.sleep(max(0.0, clock - self.clock))

    async def first_sound(self, after: float, limit: float) -> float | None:
        """When the first audible sample from ``after`` on is played; None if none has arrived when
        the clock says ``limit``."""
        while (found := self.audible(after)) is None:
            try:
                async with asyncio.timeout(limit - self.clock):
                    self._news.clear()
                    await self._news.wait()
            except TimeoutError:
                return None
        return found

    async def silence(self, seconds: float, limit: float) -> None:
        """Wait until nothing was played for so long, also for servers that send as they speak; or
        until the clock says ``limit``: who hears their own echo may talk for ever."""
        while self.clock < min(limit, self.playing_until + seconds):
            await self.until(min(limit, self.playing_until + seconds))

    def audible(self, after: float = 0.0) -> float | None:
        """The first audible sample that is played from ``after`` on."""
        for start, piece in self.recording.agent.pieces:
            skipped = max(0, round(after * OUTPUT_RATE) - start)
            if (at := first_audible(piece[skipped:])) is not None:
                return (start + skipped + at) / OUTPUT_RATE
        return None

    def heard_until(self, clock: float) -> float:
        """When the last audible sample was played of what had begun by then."""
        ends = [0.0]
        for start, piece in self.recording.agent.pieces:
            behind = first_audible(piece[::-1])
            if start < clock * OUTPUT_RATE and behind is not None:
                ends.append((start + len(piece) - behind) / OUTPUT_RATE)
        return max(ends)

    def playing_at(self, clock: float) -> bool:
        """Whether the agent could be heard just then."""
        first = self.audible(clock)
        before = self.audible(clock - JUST)
        return first is not None and before is not None and before < clock and first < clock + JUST

    def played(self, after: float) -> float:
        """Seconds of sound that were played from ``after`` on."""
        begin = round(after * OUTPUT_RATE)
        pieces = self.recording.agent.pieces
        return sum(max(0, len(p) - max(0, begin - at)) for at, p in pieces) / OUTPUT_RATE

    def of(self, kind: str) -> list[Event]:
        """All events of a type."""
        return [event for event in self.events if event.kind == kind]

    # The wire

    async def stream(self) -> None:
        """Microphone: a frame each 20 ms, on an absolute schedule."""
        self._began = time.perf_counter()
        while True:
            await self.until((self._sent + 1) * FRAME / OUTPUT_RATE)
            frame = self._to_say.popleft() if self._to_say else self._silence()
            if self.echo:
                frame = np.clip(frame + self.echo * self._played(), -1, 1).astype(np.float32)
            self.recording.caller.add(frame, self._sent * FRAME)
            audio = pybase64.b64encode(samples_to_pcm16(frame)).decode()
            await self.send({"type": "input_audio_buffer.append", "audio": audio})
            self._sent += 1

    def _silence(self) -> Samples:
        at = self._sent * FRAME % (len(self.room) - FRAME)
        return self.room[at : at + FRAME]

    def _played(self) -> Samples:
        begin = round((self._sent * FRAME / OUTPUT_RATE - ECHO_DELAY) * OUTPUT_RATE)
        heard = np.zeros(FRAME, np.float32)
        for start, piece in self.recording.agent.pieces[-40:]:
            first, last = max(start, begin), min(start + len(piece), begin + FRAME)
            if first < last:
                heard[first - begin : last - begin] = piece[first - start : last - start]
        return heard

    async def send(self, event: dict[str, Any]) -> None:
        try:
            await self.socket.send(json.dumps(event))
        except ConnectionClosed as error:
            raise CallLost(str(error)) from error

    async def listen(self) -> None:
        try:
            async for frame in self.socket:
                data = json.loads(frame)
                event = Event(self.clock, data["type"], data)
                if event.kind != "response.output_audio.delta":
                    self.events.append(event)
                await self._take(event)
                self._news.set()
        except ConnectionClosed as error:
            raise CallLost(str(error)) from error
        raise CallLost("the server hung up")

    async def _take(self, event: Event) -> None:
        match event.kind:
            case "response.output_audio.delta":
                self._item = event.data.get("item_id", "")  # peers have none
                self._play(pcm16_to_samples(pybase64.b64decode(event.data["delta"])), event.at)
            case "output_audio_buffer.paused":
                self._held = self._stop(event.at)
            case "output_audio_buffer.resumed" if self._held is not None:
                held, self._held = self._held, None
                self._play(held, event.at)
            case kind if kind in STOPS:
                self._held = None
                await self._cut(event.at)
            case "error":
                raise CallLost(event.data["error"]["message"])
            case _:
                pass

    def _play(self, samples: Samples, at: float) -> None:
        self.sound_at.append(at)
        if self.stops and self.stops[-1].resumed is None and first_audible(samples) is not None:
            self.stops[-1].resumed = at
        start = self.recording.agent.add(samples, round(at * OUTPUT_RATE))
        self.items.setdefault(self._item, []).append((start, len(samples)))

    def _stop(self, at: float) -> Samples | None:
        """Stop playing; returns what was not heard."""
        now = round(at * OUTPUT_RATE)
        if self.playing_until + 2 * JUST < at:
            return None  # there was nothing to stop
        rest = self.recording.agent.samples(self.recording.agent.end)[now:]
        self.recording.agent.cut(now)
        self.stops.append(Stop(at, self._heard(now) / OUTPUT_RATE, len(rest) / OUTPUT_RATE))
        return rest

    def _heard(self, now: int) -> int:
        pieces = self.items.get(self._item, [])
        return sum(min(max(0, now - at), length) for at, length in pieces)

    async def _cut(self, at: float) -> None:
        """Stop, and tell the server what was heard, as clients of a WebSocket do."""
        heard = self._heard(round(at * OUTPUT_RATE))
        if self._stop(at) is None or not self._item:
            return
        await self.send(
            {
                "type": "conversation.item.truncate",
                "item_id": self._item,
                "content_index": 0,
                "audio_end_ms": heard * 1000 // OUTPUT_RATE,
            }
        )


@asynccontextmanager
async def call(
    url: str, room: Samples, detection: dict[str, Any] | None = None, *, echo: float = 0.0
) -> AsyncGenerator[Line]:
    """Place a call; the line streams the room until somebody speaks. ``detection`` replaces the
    team's ``turn_detection``. Raises :class:`CallLost`."""
    async with connect(url, max_size=None, compression=None) as socket:
        line = Line(socket, room, echo)
        heard: dict[str, Any] = {"transcription": {"model": "whisper-1"}}
        if detection:
            heard["turn_detection"] = detection
        session = {"type": "realtime", "audio": {"input": heard}}
        await socket.recv()  # session.created
        await line.send({"type": "session.update", "session": session})
        while json.loads(await socket.recv())["type"] != "session.updated":
            pass
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(line.listen()), tasks.create_task(line.stream())]
                yield line
                for task in running:
                    task.cancel()
        except BaseExceptionGroup as group:
            lost, others = group.split(CallLost)
            if lost is None or others is not None:
                raise
            raise CallLost(str(lost.exceptions[0])) from group
