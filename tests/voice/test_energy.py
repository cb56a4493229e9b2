import numpy as np

from frontdesk.voice.energy import EnergyActivity


def windows(activity: EnergyActivity, samples: np.ndarray) -> list[float]:
    return [activity(samples[i : i + 512]) for i in range(0, len(samples) - 511, 512)]


def test_speech_stands_out_and_hush_does_not(sound) -> None:
    activity = EnergyActivity()
    assert max(windows(activity, sound("hush 1000"))) < 0.2
    assert min(windows(activity, sound("talk 1000"))) > 0.8
    assert max(windows(activity, sound("hush 1000"))) < 0.2


def test_a_steady_noise_becomes_silence_and_speech_above_it_is_still_heard() -> None:
    noise = np.random.default_rng(1).normal(0, 0.02, 16_000 * 20).astype(np.float32)
    activity = EnergyActivity()
    heard = windows(activity, noise)
    assert heard[0] > 0.5
    assert max(heard[-100:]) < 0.35
    loud = noise[:16_000] + 0.3 * np.sin(np.arange(16_000) / 12).astype(np.float32)
    assert min(windows(activity, loud)) > 0.6


def test_digital_silence_is_no_speech_and_no_error() -> None:
    assert max(windows(EnergyActivity(), np.zeros(16_000, np.float32))) < 0.2
