"""Whether the first turn of a call is slower than the tenth, at the ear.

    python benchmarks/voice_first.py [--calls N] [--turns N] [--json FILE]

A server with the embedded ears and voice is started; calls of ten turns are placed one after the
other, the first as soon as it says that it is up. Each turn is the same question, asked when the
answer before it was heard out: from its last sample to the first audible sample of the answer.
Voice activity looks every 32 ms, and by where in them a voice ends a wait is 60 ms longer or
shorter: so all questions of a call begin at the same place in them.
"""

import argparse
import asyncio
import json
import statistics
from pathlib import Path

import numpy as np
import voice_sounds as sounds
from server import serving
from voice_call import FRAME, call
from voice_run import QUESTION, VOICE
from voice_score import TOO_LATE

from frontdesk.voice.base import OUTPUT_RATE, Samples

FRAME_MS = 1000 * FRAME // OUTPUT_RATE
DESK = Path(__file__).parent / "voice_desk"
WINDOW_MS, SHIFT_MS = 32, 11
BETWEEN = 0.5
"""Seconds of silence before each question."""


async def waits(url: str, question: Samples, turns: int, shift_ms: int) -> list[float]:
    """Milliseconds that the caller waited in each turn of one call. Questions begin ``shift_ms``
    into a window of voice activity."""
    room = sounds.pink(10 * sounds.RATE, sounds.ROOM, seed=1)
    waited: list[float] = []
    async with call(url, room) as line:
        for _ in range(turns):
            await line.until(line.clock + BETWEEN)
            begins = line.say(sounds.silence(1))
            lead_ms = (shift_ms - round(1000 * begins + FRAME_MS)) % WINDOW_MS
            spoken = np.concatenate((sounds.silence(lead_ms), question))
            end = line.say(spoken) + len(spoken) / OUTPUT_RATE
            first = await line.first_sound(end, end + TOO_LATE)
            if first is None:
                raise SystemExit(f"no answer within {TOO_LATE:g} s")
            waited.append(1000 * (first - end))
            await line.silence(BETWEEN, end + 4 * TOO_LATE)
    return waited


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=3)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    question = sounds.speak(VOICE, QUESTION)
    with serving("embedded", DESK) as server:
        url = f"{server.ws}/v1/realtime?model=voice"
        shifts = [n * SHIFT_MS for n in range(options.calls)]
        calls = [asyncio.run(waits(url, question, options.turns, at)) for at in shifts]
    for waited in calls:
        print("  " + "  ".join(f"{ms:4.0f}" for ms in waited) + " ms")
    first = statistics.mean(waited[0] for waited in calls)
    later = statistics.mean(ms for waited in calls for ms in waited[1:])
    print(f"in the first call {calls[0][0]:.0f} and {statistics.mean(calls[0][1:]):.0f} ms")
    print(f"first turns {first:.0f} ms, later ones {later:.0f} ms on average")
    if options.json:
        options.json.write_text(f"{json.dumps({'waits_ms': calls})}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
