import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.edges import EdgeTrimmer

RATE = 24


def silence(ms: int) -> np.ndarray:
    return np.zeros(ms * RATE, np.float32)


def tone(ms: int) -> np.ndarray:
    return np.sin(np.arange(ms * RATE) * 0.2).astype(np.float32) * 0.3


def trimmed(sound: np.ndarray, tail_ms: float, size: int) -> np.ndarray:
    trimmer = EdgeTrimmer(tail_ms)
    parts = [trimmer.push(sound[i : i + size]) for i in range(0, len(sound), size)]
    return np.concatenate([*parts, trimmer.finish()])


@given(st.integers(100, 30_000))
def test_silence_goes_from_both_ends_whatever_the_chunks(size: int) -> None:
    padded = np.concatenate((silence(300), tone(400), silence(500)))
    out = trimmed(padded, 120, size)
    assert 400 + 120 <= len(out) / RATE <= 400 + 120 + 60


@given(st.integers(100, 30_000))
def test_a_pause_inside_stays(size: int) -> None:
    spoken = np.concatenate((tone(200), silence(350), tone(200)))
    assert np.allclose(trimmed(spoken, 100, size)[-100:], spoken[-100:])
    assert len(trimmed(spoken, 100, size)) == len(spoken)


def test_what_is_cut_is_faded_so_that_it_does_not_click() -> None:
    hiss = np.full(300 * RATE, 0.002, np.float32)
    out = trimmed(np.concatenate((hiss, tone(200), hiss)), 100, 10_000)
    assert out[0] == 0
    assert out[-1] == 0


def test_a_clause_without_sound_is_nothing() -> None:
    assert len(trimmed(silence(900), 200, 1_000)) == 0
