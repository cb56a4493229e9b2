"""Noise leaves the caller's sound, which stays in step with what came."""

import importlib.util

import numpy as np
import pytest

from frontdesk.voice.cleaning import Cleaning
from frontdesk.voice.noise import NoiseSuppressor

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("webrtc_noise_gain") is None, reason="the extra noise is not installed"
)
SECOND = 16_000


def hiss(seconds, level=0.01):
    noise = np.random.default_rng(4).normal(0, level, int(seconds * SECOND))
    return noise.astype(np.float32)


def voice(seconds):
    """A voice-like sound: harmonics whose loudness comes and goes four times a second."""
    t = np.arange(int(seconds * SECOND)) / SECOND
    tones = sum(np.sin(2 * np.pi * 140 * k * t + k) / k for k in range(1, 20))
    return (0.05 * tones * (0.5 - 0.5 * np.cos(2 * np.pi * 4 * t))).astype(np.float32)


def through(cleaner, samples, sizes=(320, 512, 7, 1000)):
    given, at, turn = [], 0, 0
    while at < len(samples):
        size = sizes[turn % len(sizes)]
        given.append(cleaner.process(samples[at : at + size]))
        at, turn = at + size, turn + 1
        assert sum(map(len, given)) + cleaner.lag == min(at, len(samples))
        assert cleaner.lag < 256
    return np.concatenate(given)


def decibels(samples):
    return 20 * np.log10(np.sqrt(np.mean(samples**2)))


@pytest.mark.parametrize(("kind", "quieter"), [("near_field", 8), ("far_field", 5)])
def test_steady_noise_becomes_quieter(kind, quieter):
    noise = hiss(4)
    cleaned = through(NoiseSuppressor(kind, 1.0), noise)
    assert decibels(cleaned[2 * SECOND :]) < decibels(noise) - quieter


def test_less_strength_takes_less_away():
    rest = [decibels(through(NoiseSuppressor("near_field", s), hiss(4))[32_000:]) for s in (0.5, 1)]
    assert rest[1] < rest[0] - 2


def test_a_voice_comes_through_at_its_place():
    sound = np.concatenate((hiss(2, 0.001), voice(2)))
    cleaned = through(NoiseSuppressor("near_field", 1.0), sound)
    size = len(cleaned)
    spectra = [np.fft.rfft(x[:size], 2 * size) for x in (sound, cleaned)]
    match = np.fft.irfft(spectra[1] * np.conj(spectra[0]))
    late = int(match.argmax())
    assert min(late, 2 * size - late) <= 16  # a millisecond
    assert decibels(cleaned[2 * SECOND :]) > decibels(sound[2 * SECOND :]) - 4


def test_a_quiet_voice_far_off_is_raised():
    far = 0.1 * voice(6)
    near, raised = (
        through(NoiseSuppressor(kind, 1.0), far)[3 * SECOND :]
        for kind in ("near_field", "far_field")
    )
    assert decibels(raised) > decibels(near) + 4


def test_switching_on_and_off_does_not_click():
    sound = voice(3)
    steepest = np.abs(np.diff(sound)).max()
    suppressor = NoiseSuppressor("far_field", 1.0)
    middle = [suppressor.process(sound[SECOND : 2 * SECOND]), suppressor.flush()]
    joined = np.concatenate((sound[:SECOND], *middle, sound[2 * SECOND :]))
    assert len(joined) == len(sound)
    for at in (SECOND, SECOND + 160, 2 * SECOND - 255, 2 * SECOND):
        assert np.abs(np.diff(joined[at - 20 : at + 20])).max() < 2 * steepest


def test_the_sound_as_it_came_is_kept_as_long_as_it_is_wanted():
    sound = hiss(1) + voice(1)
    begin = 5000
    cleaning = Cleaning([NoiseSuppressor("near_field", 1.0)], begin)
    cleaned = np.concatenate([cleaning.process(part, 0) for part in np.split(sound, 10)])
    piece = cleaned[3000:9000]
    kept = cleaning.original(begin + 3000, piece)
    assert np.abs(kept - sound[3000:9000]).max() < 1e-4
    assert np.abs(kept - piece).max() > 1e-3
    cleaning.process(hiss(0.1), begin + 8000)
    assert cleaning.original(begin + 3000, piece) is piece  # gone: better cleaned than nothing


class Halves:
    """Gives half of each sample while it is told to."""

    lag = 0
    alters = False

    def process(self, samples):
        return samples / 2 if self.alters else samples

    def flush(self):
        return np.zeros(0, np.float32)


def test_sound_that_nothing_was_done_to_is_not_kept_a_second_time():
    sound, begin = voice(2), 5000
    halves = Halves()
    cleaning = Cleaning([halves], begin)
    cleaned = []
    for n, part in enumerate(np.split(sound, 20)):
        halves.alters = 5 <= n < 10
        cleaned.append(cleaning.process(part, 0))
    whole = np.concatenate(cleaned)
    step = len(sound) // 20
    for at in (0, 4 * step + 100, 7 * step):
        kept = cleaning.original(begin + at, whole[at : at + 4 * step])
        assert np.abs(kept - sound[at : at + 4 * step]).max() < 1e-4
    held = cleaning.process(voice(0.1), begin + 12 * step)  # all that was altered is past
    assert cleaning.original(begin + len(sound), held) is not None
    assert cleaning._original.end == 0
