"""One hour of calls, as fast as a server takes it, and whether its memory stays flat.

    python benchmarks/soak.py [--minutes 60] [--calls 4] [--json FILE]

Several callers at once speak the corpus's sentences to the embedded models and are answered, turn
after turn. Audio goes out far faster than it would be spoken, so an hour of it takes some minutes.
One call lasts from the first minute to the last; the others hang up after three minutes of audio,
and call again. Memory is the server's resident set, read each second: what counts is how it grows
with each hour of audio once the first quarter, in which code and models are loaded and buffers find
their size, is over.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np
import voice_sounds as sounds
from caller import Caller
from load import SILENCE, append, session
from server import serving
from voice_corpus import SENTENCES

from frontdesk.voice.base import OUTPUT_RATE, Samples

HERE = Path(__file__).parent
FRAME = OUTPUT_RATE // 50
RULE = session({"type": "server_vad", "silence_duration_ms": 300})
"""The audio alone decides, not how long a model takes: audio runs ahead of the clock."""
PAUSE = 60
"""Frames of silence behind each sentence."""
LONG, SHORT = float("inf"), 180.0
"""Seconds of audio of a call."""
WARM = 0.25
"""Share of the audio that does not count."""
FLAT_MIB = 16
"""Growth with an hour of audio that is still called flat: what an allocator moves by itself."""


@dataclass
class Soak:
    """What is measured while it runs."""

    seconds: float
    """Of audio that is wanted."""
    spoken: float = 0.0
    turns: int = 0
    calls: int = 0
    samples: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """Seconds of audio so far, MiB of the server then."""

    @property
    def over(self) -> bool:
        return self.spoken >= self.seconds

    async def run(self, url: str, calls: int, said: Sequence[Samples]) -> None:
        """Hold calls until enough was spoken."""
        turns = [_frames(samples) for samples in said]
        async with asyncio.TaskGroup() as tasks:
            for number in range(calls):
                each = LONG if number == 0 else SHORT
                own = turns[number:] + turns[:number]
                tasks.create_task(self._caller(url, own, each))

    async def _caller(self, url: str, turns: list[list[bytes]], each: float) -> None:
        said = cycle(turns)
        while not self.over:
            caller = await Caller.dial(url, SILENCE)
            caller.send(RULE)
            await caller.until("session.updated")
            spoken = 0.0
            while spoken < each and not self.over:
                frames = next(said)
                caller.forget()
                caller.send(*frames)
                await caller.until("response.done")
                spoken += len(frames) * FRAME / OUTPUT_RATE
                self.spoken += len(frames) * FRAME / OUTPUT_RATE
                self.turns += 1
            caller.hang_up()
            self.calls += 1

    async def watch(self, memory: Callable[[], int]) -> None:
        """Read the server's memory each second."""
        while True:
            self.samples.append((self.spoken, memory() / 2**20))
            await asyncio.sleep(1)

    def counted(self) -> list[tuple[float, float]]:
        """The samples after the warm-up."""
        return [sample for sample in self.samples if sample[0] >= WARM * self.seconds]


def growth(samples: Sequence[tuple[float, float]]) -> float:
    """MiB an hour of audio, by the line that fits best; NaN of fewer than two samples."""
    if len({seconds for seconds, _ in samples}) < 2:
        return float("nan")
    hours, mib = zip(*((seconds / 3600, mib) for seconds, mib in samples), strict=True)
    return statistics.linear_regression(hours, mib).slope


def _frames(samples: Samples) -> list[bytes]:
    """A sentence and a pause, as frames of 20 ms."""
    whole = np.pad(samples, (0, -len(samples) % FRAME))
    return [*(append(frame) for frame in whole.reshape(-1, FRAME)), *[SILENCE] * PAUSE]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60, help="of audio in all")
    parser.add_argument("--calls", type=int, default=4, help="at once")
    parser.add_argument("--json", type=Path, help="also write everything here")
    options = parser.parse_args()
    said = [
        sounds.speak(voice, text)
        for text, voice in zip(SENTENCES, cycle(sounds.voices()), strict=False)
    ]
    soak = Soak(60 * options.minutes)
    with serving("embedded", HERE / "voice_desk") as server:

        async def held() -> None:
            watching = asyncio.create_task(soak.watch(server.memory))
            await soak.run(f"{server.ws}/v1/realtime?model=voice", options.calls, said)
            watching.cancel()

        began, cpu = time.perf_counter(), server.cpu_seconds()
        asyncio.run(held())
        elapsed, cpu = time.perf_counter() - began, server.cpu_seconds() - cpu
    counted = soak.counted()
    slope, first, last = growth(counted), counted[0][1], counted[-1][1]
    print(
        f"{soak.spoken / 60:.0f} minutes of audio in {elapsed:.0f} s, {soak.turns} turns in "
        f"{soak.calls} calls, {cpu:.0f} s of CPU\n"
        f"memory {first:.0f} MiB after the warm-up, {last:.0f} at the end\n"
        f"{'PASS' if slope <= FLAT_MIB else 'MISS'}  growth with an hour of audio, at most "
        f"{FLAT_MIB} MiB: {slope:.1f}"
    )
    if options.json:
        options.json.write_text(json.dumps(asdict(soak), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
