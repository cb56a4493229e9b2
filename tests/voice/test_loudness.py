import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from frontdesk.voice.base import OUTPUT_RATE, Samples
from frontdesk.voice.loudness import TARGET, Leveller, Levels, gain_of, loudness, rounded
from frontdesk.voice.speaker import Speaker


def sine(hertz: float, level: float, seconds: float = 2.0) -> Samples:
    t = np.arange(int(seconds * OUTPUT_RATE)) / OUTPUT_RATE
    return (level * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def speech(level: float, seed: int = 3) -> Samples:
    """Noise that comes and goes as syllables do."""
    noise = np.random.default_rng(seed).normal(0, level, 3 * OUTPUT_RATE)
    swell = np.clip(np.sin(np.arange(len(noise)) * (2 * np.pi * 4 / OUTPUT_RATE)), 0.02, 1)
    return (noise * swell).astype(np.float32)


class Mouth:
    """Says the same at the loudness it is made with, in chunks of 100 ms behind a pause."""

    name = "test"

    def __init__(self, level: float) -> None:
        self.sound = np.concatenate((np.zeros(OUTPUT_RATE // 5, np.float32), speech(level)))
        self.name = f"test {level}"

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        for at in range(0, len(self.sound), OUTPUT_RATE // 10):
            yield self.sound[at : at + OUTPUT_RATE // 10]
            await asyncio.sleep(0)

    async def warm_up(self) -> None: ...


async def clauses(mouth: Mouth, levels: Levels, letters: Callable[[str], AsyncIterator[str]]):
    """The sound of each."""
    made: dict[str, list[Samples]] = {}
    async for chunk in Speaker(mouth, levels=levels).speak(letters("One is. Two is. Three is.")):
        made.setdefault(chunk.text, []).append(chunk.audio)
    return [np.concatenate(chunks) for chunks in made.values()]


def test_a_sine_has_the_loudness_that_the_standard_says() -> None:
    # BS.1770-5, annex 1: 0 dB FS at 997 Hz in one channel is -3.01 LKFS.
    assert loudness(sine(997, 1.0)) == pytest.approx(-3.01, abs=0.05)
    assert loudness(sine(997, 0.1)) == pytest.approx(-23.01, abs=0.05)
    assert loudness(np.zeros(OUTPUT_RATE, np.float32)) is None


def test_pauses_do_not_make_a_voice_softer() -> None:
    alone = loudness(speech(0.1))
    paused = loudness(np.concatenate((speech(0.1), np.zeros(5 * OUTPUT_RATE, np.float32))))
    assert alone is not None
    assert paused == pytest.approx(alone, abs=0.6)


async def test_a_loud_and_a_soft_voice_are_as_loud_as_each_other(letters) -> None:
    levels = Levels()
    loud = await clauses(Mouth(0.3), levels, letters)
    soft = await clauses(Mouth(0.03), levels, letters)
    for one, other in zip(loud, soft, strict=True):
        assert loudness(one) == pytest.approx(loudness(other), abs=1)
        assert loudness(one) == pytest.approx(TARGET, abs=1)


async def test_the_gain_of_a_voice_stays_as_it_is_within_a_clause(letters) -> None:
    levels, mouth = Levels(), Mouth(0.02)
    for _ in range(4):
        *_, last = await clauses(mouth, levels, letters)
    assert levels.knows((mouth.name, None))
    gain = levels.gain((mouth.name, None))
    assert gain is not None
    spoken = last[np.abs(last) > 0][200:20_000]
    start = int(np.argmax(np.abs(mouth.sound) * gain > 0.003))
    assert np.isin(np.round(spoken[::500], 6), np.round(mouth.sound[start - 400 :] * gain, 6)).all()


def test_silence_and_defects_are_not_turned_up() -> None:
    assert gain_of(-90) == 1.0
    leveller = Leveller(None)
    assert not leveller(np.zeros(2400, np.float32)).any()


def test_peaks_are_bent_under_full_scale_and_nothing_else_is_touched() -> None:
    wave = sine(200, 1.0) * 3
    assert np.abs(rounded(wave)).max() < 0.9
    assert (np.diff(rounded(np.linspace(-1, 1, 1000, dtype=np.float32))) >= 0).all()
    low = sine(200, 0.6)
    assert rounded(low) is low
