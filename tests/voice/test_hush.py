import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.base import INPUT_RATE, Samples
from frontdesk.voice.hush import LONGEST_MS, hushed_ms

MS = INPUT_RATE // 1000


def voice(ms: int, level: float = 0.1) -> Samples:
    """A buzz of 150 Hz with all its overtones."""
    phase = np.arange(ms * MS) * 150 / INPUT_RATE
    return (level * (2 * (phase % 1) - 1)).astype(np.float32)


def room(ms: int, level: float) -> Samples:
    return np.random.default_rng(1).normal(0, level, ms * MS).astype(np.float32)


@pytest.mark.parametrize("level", [0.0, 0.0002, 0.003])
@pytest.mark.parametrize("quiet", [48, 96, 160])
def test_it_is_heard_since_when_a_voice_is_silent(quiet: int, level: float) -> None:
    sound = np.concatenate([voice(600), np.zeros(quiet * MS, np.float32)])
    assert abs(hushed_ms(sound + room(600 + quiet, level)) - quiet) <= 16


def test_rumble_under_a_voice_does_not_hide_its_end() -> None:
    time = np.arange(700 * MS) / INPUT_RATE
    rumble = (0.1 * np.sin(2 * np.pi * 60 * time)).astype(np.float32)
    sound = np.concatenate([voice(604), np.zeros(96 * MS, np.float32)]) + rumble
    assert abs(hushed_ms(sound + room(700, 0.0002)) - 96) <= 16


def test_a_voice_as_quiet_as_the_noise_around_it_tells_nothing() -> None:
    sound = np.concatenate([voice(600, 0.02), np.zeros(96 * MS, np.float32)])
    assert hushed_ms(sound + room(696, 0.02)) == 0


@given(st.integers(0, INPUT_RATE), st.floats(0, 1))
def test_no_sound_is_too_odd(length: int, level: float) -> None:
    noise = np.random.default_rng(length).uniform(-level, level, length).astype(np.float32)
    assert 0 <= hushed_ms(noise) <= LONGEST_MS
