"""How the echo guard does in simulated rooms: agents heard back, and callers who speak over them.

    python benchmarks/voice_echo.py [--calls N] [--json FILE]

Calls at once and offline, with Silero: an agent speaks for six seconds, pauses, and speaks again;
its voice comes back through a room (reverberation of 0.2 to 0.8 s), late (20 to 300 ms, in jerks of
up to 20), softer (6 to 30 dB) and through a loudspeaker that is good, clips or compresses. Counted
are turns of the caller's that begin though nobody speaks. Then somebody cuts in, in the first
answer and in the second, with the echo and with a headset: how much later are they heard than by an
ear that has nothing else to hear?
"""

import argparse
import asyncio
import json
import statistics
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import voice_sounds as sounds

from frontdesk.desk.noise import EchoRule
from frontdesk.desk.voice import TurnDetection
from frontdesk.voice.audio import resample, samples_to_int16
from frontdesk.voice.base import INPUT_RATE, OUTPUT_RATE, Samples
from frontdesk.voice.echo import EchoGuard
from frontdesk.voice.embedded import silero
from frontdesk.voice.instant.speech import InstantSpeech
from frontdesk.voice.instant.transcription import InstantTranscriber
from frontdesk.voice.listener import Listener
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.segment import SpeechStarted

FRAME = INPUT_RATE // 50
ANSWER = 6 * INPUT_RATE
PAUSE = 2 * INPUT_RATE
RULE = TurnDetection(type="server_vad", silence_duration_ms=300)
LINES = (
    "Thank you, I have looked that up for you now. Your lamp has left our workshop this morning.",
    "It will be with you on Thursday, between nine and twelve. Would you like anything else today?",
    "Hello, this is Marigold Home. I can help you with orders, returns and deliveries.",
)
EAR, MOUTH = InstantTranscriber(), InstantSpeech()
BEGINS = (0, ANSWER + PAUSE)
CHUNK = OUTPUT_RATE // 5
NOISE = 0.0005
CUT_IN = (
    ("in the second answer", BEGINS[1] + 3 * INPUT_RATE, True),
    ("by headset, 0.5 s into the first", INPUT_RATE // 2, False),
    ("by headset, 1.5 s into the first", INPUT_RATE * 3 // 2, False),
    ("by headset, in the second", BEGINS[1] + 3 * INPUT_RATE, False),
)
CUTS = ("Wait, stop please.", "No, that is wrong.", "I have a question.")


@dataclass(frozen=True)
class Room:
    """Seconds, milliseconds, decibels; ``speaker`` is clean, clips or compresses."""

    reverberation: float
    delay: int
    gain: float
    speaker: str
    seed: int

    def heard(self, played: Samples) -> Samples:
        """What a microphone there hears of it."""
        rng = np.random.default_rng(self.seed)
        if self.speaker == "clips":
            played = np.clip(played, -0.1, 0.1)
        elif self.speaker == "compresses":
            played = (0.3 * np.tanh(played / 0.08) * (1 + 0.1 * played)).astype(np.float32)
        size = int(self.reverberation * INPUT_RATE)
        response = rng.normal(0, 1, size) * np.exp(-6.9 * np.arange(size) / size)
        response *= rng.uniform(0.4, 1.0) / np.sqrt(np.sum(response**2))
        response[0] = 1
        length = len(played) + size
        echo = np.fft.irfft(np.fft.rfft(played, length) * np.fft.rfft(response, length), length)
        late = (self.delay + int(rng.integers(0, 20))) * INPUT_RATE // 1000
        echo = np.concatenate((np.zeros(late), echo))[: len(played)]
        return (echo * 10 ** (self.gain / 20)).astype(np.float32)


def rooms(count: int) -> list[Room]:
    """So many of all there are, the same each time."""
    every = product((0.2, 0.4, 0.6, 0.8), (20, 80, 150, 300), (-6, -14, -22, -30),
                    ("clean", "clips", "compresses"))  # fmt: skip
    every = list(every)
    chosen = np.random.default_rng(7).permutation(len(every))[:count]
    return [Room(*every[n], seed=int(n)) for n in sorted(chosen)]


def at_16(samples: Samples) -> Samples:
    return resample(samples, OUTPUT_RATE, INPUT_RATE)


def answers(n: int) -> list[Samples]:
    """Two of the agent's, six seconds each."""
    voice = sounds.voices()[n % 3]
    said = [at_16(sounds.speak(voice, LINES[(n + k) % len(LINES)])) for k in range(3)]
    both = np.concatenate((*said, *said))
    return [both[:ANSWER], both[ANSWER : 2 * ANSWER]]


async def starts(said: list[Samples], microphone: Samples, rule: EchoRule) -> list[float]:
    """Seconds into the call at which turns began while the agent spoke."""
    guard = EchoGuard(wary=rule == "on") if rule != "off" else None
    began: list[float] = []
    listener: Listener
    spoken_until = 0

    def note(event: object) -> None:
        if isinstance(event, SpeechStarted) and listener.lookout.interrupts():
            began.append(listener.received / INPUT_RATE)

    listener = Listener(VoiceModels(EAR, MOUTH, Silero), RULE, note)
    listener.lookout.interrupts = lambda: listener.received < spoken_until
    if guard is not None:
        listener.lookout.doubts = lambda: guard.doubts
    for at in range(0, len(microphone), FRAME):
        if at in BEGINS[: len(said)]:
            spoken_until = at + ANSWER
            pcm = samples_to_int16(resample(said[BEGINS.index(at)], INPUT_RATE, OUTPUT_RATE))
            for begin in range(0, len(pcm) if guard else 0, CHUNK):
                guard.played(pcm[begin : begin + CHUNK], 1000 * begin / OUTPUT_RATE)
        samples = microphone[at : at + FRAME]
        listener.push(guard.process(samples) if guard else samples)
    await listener.aclose()
    return began


class Silero:
    """Asked window by window: nobody shares the model."""

    def __init__(self) -> None:
        make = silero.load()
        assert make is not None, silero.MISSING
        own = make()
        self.window, self.context = own.window, own.context
        self.peek, self.reset, self._own = own.peek, own.reset, own

    def __call__(self, window: Samples) -> float:
        return self._own(window)


@dataclass
class Counted:
    """What came of all calls under one rule. ``echoes``: turns that began of an echo, and of them
    those in the first answer; delays in milliseconds, by where somebody cut in."""

    calls: int = 0
    echoes: int = 0
    first: int = 0
    silent: int = 0
    """Calls in which none did."""
    later: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    unheard: dict[str, int] = field(default_factory=dict[str, int])


async def measure(
    room: Room, said: list[Samples], words: Samples, rule: EchoRule, counted: Counted
) -> None:
    """One room under one rule; ``words`` are those of the caller who cuts in."""
    rng, quiet = np.random.default_rng(room.seed), np.zeros(BEGINS[1] + ANSWER + PAUSE, np.float32)
    played = quiet.copy()
    for begin, samples in zip(BEGINS, said, strict=True):
        played[begin : begin + ANSWER] = samples
    echo, hiss = room.heard(played), rng.normal(0, NOISE, len(quiet)).astype(np.float32)
    found = await starts(said, echo + hiss, rule)
    counted.calls += 1
    counted.echoes += len(found)
    counted.first += sum(at < BEGINS[1] / INPUT_RATE for at in found)
    counted.silent += not found
    for name, at, back in CUT_IN:
        caller = quiet.copy()
        caller[at : at + len(words)] = words
        alone = await starts(said, caller + hiss, "off")
        heard = await starts(said, caller + hiss + (echo if back else 0), rule)
        wanted = at / INPUT_RATE
        base = next(begun for begun in alone if begun >= wanted)
        after = [begun for begun in heard if wanted <= begun < wanted + 1.0]
        if after:
            counted.later.setdefault(name, []).append(1000 * (after[0] - base))
        else:
            counted.unheard[name] = counted.unheard.get(name, 0) + 1


def _told(rule: str, counted: Counted) -> str:
    cells = []
    for name, _, _ in CUT_IN:
        late = counted.later.get(name, [])
        middle = f"{statistics.median(late):.0f} / {max(late):.0f}" if late else "-"
        cells.append(f"{middle} ({counted.unheard.get(name, 0)})")
    echoes = f"{counted.echoes} ({counted.first}) | {counted.silent} of {counted.calls}"
    return f"| {rule} | {echoes} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=24)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    names = [f"{name}, ms later: median / worst (not heard)" for name, _, _ in CUT_IN]
    print(f"| echo guard | turns of echo (in the first answer) | without | {' | '.join(names)} |")
    print("| --- " * (3 + len(names)) + "|")
    results: dict[str, Any] = {}
    for rule in get_args(EchoRule):
        counted = Counted()
        for n, room in enumerate(rooms(options.calls)):
            words = at_16(sounds.speak(sounds.voices()[(n + 1) % 3], CUTS[n % len(CUTS)]))
            asyncio.run(measure(room, answers(n), words, rule, counted))
        print(_told(rule, counted))
        results[rule] = asdict(counted)
    if options.json:
        options.json.write_text(f"{json.dumps(results)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
