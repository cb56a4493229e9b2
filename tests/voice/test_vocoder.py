"""How the embedded voice sounds: what can be told of that by numbers."""

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from frontdesk.desk.voice import TextToSpeechChoice
from frontdesk.voice.base import Samples
from frontdesk.voice.embedded import hibari, vocoder
from frontdesk.voice.embedded.vocoder import Spectra, stretches
from frontdesk.voice.loudness import TARGET, Levels, loudness
from frontdesk.voice.speaker import Speaker, Spoken
from tests.pitch import pitch

pytestmark = pytest.mark.embedded

SENTENCE = "Your order left our warehouse this morning and it should be with you on Thursday."


@pytest.fixture(scope="module")
def mouth() -> hibari.HibariSpeech:
    return hibari.create(TextToSpeechChoice())


async def once(text: str) -> AsyncIterator[str]:
    yield text


async def chunks(mouth: Any, text: str, voice: str, style: str | None = None) -> list[Spoken]:
    speaker = Speaker(mouth, voice, style, levels=Levels())
    return [chunk async for chunk in speaker.speak(once(text))]


def joined(spoken: list[Spoken]) -> Samples:
    return np.concatenate([chunk.audio for chunk in spoken])


class SameNoise:
    """The noise of the vocoder, as ``hibari.dsp`` asks for it: bins by frames."""

    def standard_normal(self, shape: tuple[int, int], dtype: Any) -> Any:
        frames = np.take(vocoder._noise(), range(shape[1] // 2), axis=0, mode="wrap")
        return np.ascontiguousarray(frames.T).view(dtype)


@pytest.mark.parametrize("frames", [1, 3, 39, 40, 41, 43, 200, 201, 330])
def test_stretches_are_the_whole_without_a_seam(frames: int) -> None:
    from hibari import dsp

    make = np.random.default_rng(frames)
    parts = [make.normal(-3, 1, (601, frames)).astype(np.float32) for _ in range(5)]
    spectra = Spectra(*parts, make.choice([0, 120, 200], frames).astype(np.float32))
    made = np.concatenate([*stretches(spectra)])
    whole = dsp.synth(*(part.copy() for part in spectra), SameNoise())
    assert made.shape == whole.shape
    assert np.allclose(made, whole, atol=1e-5)


async def test_the_first_sound_of_a_long_clause_does_not_wait_for_its_end(mouth) -> None:
    first, *rest = [len(chunk) async for chunk in mouth.synthesize(SENTENCE)]
    assert first < 0.15 * (first + sum(rest))


async def test_voices_and_styles_are_as_loud_as_each_other_and_as_high_as_they_say(mouth) -> None:
    high: list[float] = []
    told = [("heart-low", "deep"), ("heart-low", None), ("heart", "deep"), ("heart", "cheerful")]
    for voice, style in [*told, ("heart-high", "very excited")]:
        sound = joined(await chunks(mouth, SENTENCE, voice, style))
        assert loudness(sound) == pytest.approx(TARGET, abs=1)
        high.append(pitch(sound))
    assert high == sorted(high)


async def test_a_whisper_has_no_voice(mouth) -> None:
    aloud = joined(await chunks(mouth, SENTENCE, "heart"))
    whispered = joined(await chunks(mouth, SENTENCE, "heart", "whisper"))
    assert periodic(whispered) < 0.4 < 0.7 < periodic(aloud)


def periodic(sound: Samples) -> float:
    """How much 100 ms in the middle are like themselves one period later: 1 for a voice."""
    found: list[float] = []
    for at in range(0, len(sound) - 2400, 2400):
        window = sound[at : at + 2400]
        if np.sqrt(np.mean(window**2)) > 0.03:
            same = np.correlate(window, window, "full")[2399:]
            found.append(float(same[60:340].max() / same[0]))
    return float(np.median(found))


async def test_clauses_begin_and_end_in_silence(mouth) -> None:
    spoken = await chunks(mouth, f"Let me see, {SENTENCE} It is **$5**.\n- Bye.", "heart")
    for chunk in spoken:
        if chunk.first_of_clause:
            assert abs(chunk.audio[0]) < 0.004
        if chunk.last_of_clause:
            assert abs(chunk.audio[-1]) < 0.004
    sound, at = joined(spoken), np.cumsum([len(chunk.audio) for chunk in spoken])[:-1]
    steps = np.abs(np.diff(sound))
    assert steps[at - 1].max() <= np.quantile(steps, 0.9999)
