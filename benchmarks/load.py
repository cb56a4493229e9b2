"""Turns held by many callers at once, and what they took."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import pybase64
from caller import Caller, CallerLost, masked
from server import Server

FRAME_MS = 20
SLOTS = 20
"""Callers' frames are spread over this many moments of each 20 ms."""
GOING = 1.5
"""Seconds in which all hang up."""
COMMITTED = 200
"""Milliseconds of audio before each commit."""
COMMIT = masked({"type": "input_audio_buffer.commit"})
CREATE = masked({"type": "response.create"})
CANCEL = masked({"type": "response.cancel"})
TOO_LATE_MS = 200
"""A load whose p95 is above this is the last of its kind."""
TRIES = 20
"""In which a response must be cancelled before it is done."""


def append(samples: np.ndarray) -> bytes:
    """24 kHz samples as one frame."""
    audio = pybase64.b64encode((samples * 32767).astype("<i2").tobytes()).decode()
    return masked({"type": "input_audio_buffer.append", "audio": audio})


SILENCE = append(np.zeros(480))


def session(detection: dict[str, Any] | None) -> bytes:
    audio = {"input": {"turn_detection": detection}}
    return masked({"type": "session.update", "session": {"type": "realtime", "audio": audio}})


MANUAL = session(None)
VAD = session({"type": "server_vad", "silence_duration_ms": 200})


@dataclass
class Measured:
    """One load: seconds of each turn, in order for each caller; costs while it ran."""

    calls: int
    turns: list[list[float]] = field(default_factory=list[list[float]])
    late_audio: int = 0
    lost: list[str] = field(default_factory=list[str])
    cpu: float = 0.0
    """Share of a core that the server took."""
    helpers_cpu: float = 0.0
    """The same for the processes that it started: its Valkey."""
    callers_cpu: float = 0.0
    resident_kib: float = 0.0
    """Memory of the server at the end, while all calls are on."""

    def milliseconds(self, share: float, first: int = 1, last: int = 10**6) -> float:
        """The quantile of turns ``first`` to ``last``, counted from 1."""
        values = sorted(1000 * t for turns in self.turns for t in turns[first - 1 : last])
        return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")

    @property
    def is_too_much(self) -> bool:
        """Whether the server could not carry this: more of it measures nothing, and what waits
        takes memory."""
        return bool(self.lost) or self.milliseconds(0.95, 2) > TOO_LATE_MS

    @property
    def cpu_s_a_call_minute(self) -> float:
        return 60 * self.cpu / self.calls


Turn = Callable[[Caller], Awaitable[float]]


async def committed(caller: Caller) -> float:
    """Speak 200 ms, commit: seconds from the commit to the first audio."""
    await caller.streamed(COMMITTED // FRAME_MS)
    caller.forget()
    asked = caller.send(COMMIT, CREATE)
    audio = await caller.until("response.output_audio.delta")
    await caller.until("response.done")
    return audio.at - asked


async def cancelled(caller: Caller) -> float:
    """Cancel a response as soon as it stands: seconds from the cancel to ``response.done``. One
    that was done by then, as a busy machine let the caller wait, is asked for anew."""
    caller.pardons = b'"response_cancel_not_active"'
    for _ in range(TRIES):
        await caller.streamed(COMMITTED // FRAME_MS)
        caller.forget()
        caller.send(COMMIT, CREATE)
        await caller.until("response.created")
        asked = caller.send(CANCEL)
        done = await caller.until("response.done")
        if done.read()["response"]["status"] == "cancelled":
            return done.at - asked
    raise CallerLost("no response could be cancelled before it was done")


def spoken(speech: list[bytes]) -> Turn:
    """Speak; voice activity finds the end: seconds from the frame that ended the turn to the
    first audio."""

    async def turn(caller: Caller) -> float:
        caller.forget()
        caller.say(speech)
        stopped = await caller.until("input_audio_buffer.speech_stopped")
        audio = await caller.until("response.output_audio.delta")
        await caller.until("response.done")
        return audio.at - caller.sent_at[stopped.read()["audio_end_ms"] // FRAME_MS]

    return turn


class Pace:
    """Real time: has each caller send its 20 ms, a few callers at a time."""

    def __init__(self) -> None:
        self._slots: list[list[Caller]] = [[] for _ in range(SLOTS)]
        self._running = asyncio.create_task(self._run())

    def add(self, caller: Caller, number: int) -> None:
        caller.streaming = True
        self._slots[number % SLOTS].append(caller)

    def stop(self) -> None:
        self._running.cancel()

    async def _run(self) -> None:
        began, step = time.perf_counter(), FRAME_MS / 1000 / SLOTS
        for n in count():
            await asyncio.sleep(max(0.0, began + n * step - time.perf_counter()))
            for caller in self._slots[n % SLOTS]:
                caller.tick()


@dataclass
class Load:
    """``calls`` at once, each with ``turns`` turns, one every so many seconds."""

    server: Server
    calls: int
    turn: Turn
    setup: bytes
    turns: int
    every: float
    caller: type[Caller] = Caller

    async def run(self) -> Measured:
        """What it costs is read while all callers are on."""
        measured, server = Measured(self.calls), self.server
        self._pace = Pace()
        under_way = [asyncio.create_task(self._call(n, measured)) for n in range(self.calls)]
        await asyncio.sleep(self.every)
        cpu, helpers = server.cpu_seconds(), server.helpers_cpu_seconds()
        callers_cpu, began = time.process_time(), time.perf_counter()
        await asyncio.sleep((self.turns - 1) * self.every)
        elapsed = time.perf_counter() - began
        measured.cpu = (server.cpu_seconds() - cpu) / elapsed
        measured.helpers_cpu = (server.helpers_cpu_seconds() - helpers) / elapsed
        measured.callers_cpu = (time.process_time() - callers_cpu) / elapsed
        callers = await asyncio.gather(*under_way)
        measured.resident_kib = server.memory() / 1024
        self._pace.stop()
        for caller in callers:
            if caller is not None:
                measured.late_audio += caller.late_audio
                caller.hang_up()
                await asyncio.sleep(GOING / self.calls)  # all at once would be another load
        return measured

    async def _call(self, number: int, measured: Measured) -> Caller | None:
        await asyncio.sleep(number * self.every / self.calls)
        took: list[float] = []
        measured.turns.append(took)
        try:
            caller = await self.caller.dial(f"{self.server.ws}/v1/realtime?model=bench", SILENCE)
            caller.send(self.setup)
            await caller.until("session.updated")
            self._pace.add(caller, number)
            for _ in range(self.turns):
                began = time.perf_counter()
                took.append(await self.turn(caller))
                await asyncio.sleep(max(0.0, began + self.every - time.perf_counter()))
        except (OSError, TimeoutError) as error:
            measured.lost.append(repr(error))
            return None
        return caller
