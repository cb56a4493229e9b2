import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.tempo import quicker


def tone(hertz, seconds=2.0):
    at = np.arange(int(seconds * OUTPUT_RATE)) / OUTPUT_RATE
    return (0.3 * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


@given(st.floats(1, 3), st.sampled_from([110, 220, 441.7]))
def test_speech_gets_shorter_and_keeps_its_pitch_and_loudness(factor, hertz):
    made = quicker(tone(hertz), factor)
    assert len(made) == round(2 * OUTPUT_RATE / factor)
    spectrum = np.abs(np.fft.rfft(made * np.hanning(len(made))))
    assert np.argmax(spectrum) * OUTPUT_RATE / len(made) == pytest.approx(hertz, abs=3)
    inner = made[2000:-2000]
    assert np.sqrt(np.square(inner).mean()) == pytest.approx(0.3 / 2**0.5, rel=0.05)


@given(st.integers(0, 5000), st.floats(1, 3))
def test_any_length_is_taken(length, factor):
    made = quicker(np.ones(length, np.float32), factor)
    assert len(made) <= length
    assert np.isfinite(made).all()


def test_a_factor_of_one_leaves_the_sound_alone():
    assert np.array_equal(quicker(tone(220), 1.0), tone(220))
