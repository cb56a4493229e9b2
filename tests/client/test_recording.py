import numpy as np

from frontdesk.client.recording import Recording, Track
from frontdesk.voice.audio import first_audible, read_wav
from frontdesk.voice.base import OUTPUT_RATE


def ones(length: int) -> np.ndarray:
    return np.ones(length, np.float32)


def test_sound_that_comes_early_is_laid_behind_what_still_plays():
    track = Track()
    assert track.add(ones(10), 5) == 5
    assert track.add(ones(10), 7) == 15
    assert track.add(ones(10), 100) == 100
    assert np.flatnonzero(track.samples(120)).tolist() == [*range(5, 25), *range(100, 110)]


def test_a_cut_silences_everything_behind_it():
    track = Track()
    track.add(ones(10), 0)
    track.add(ones(10), 20)
    track.cut(5)
    assert track.end == 5
    assert track.samples(40).sum() == 5
    assert track.add(ones(2), 6) == 6


def test_the_first_audible_sample_is_the_first_above_forty_decibels_below_full_scale():
    assert first_audible(np.array([0, 0.009, -0.01, 1], np.float32)) == 2
    assert first_audible(np.zeros(10, np.float32)) is None


def test_a_recording_has_the_caller_on_the_left_and_the_agent_on_the_right(tmp_path):
    recording = Recording()
    recording.caller.add(0.5 * ones(OUTPUT_RATE), 0)
    recording.agent.add(0.25 * ones(OUTPUT_RATE), OUTPUT_RATE)
    recording.write(tmp_path / "call.wav")
    mixed = read_wav(tmp_path / "call.wav", OUTPUT_RATE)
    assert len(mixed) == 2 * OUTPUT_RATE
    assert np.allclose(mixed[:OUTPUT_RATE], 0.25, atol=1e-3)
    assert np.allclose(mixed[OUTPUT_RATE:], 0.125, atol=1e-3)
