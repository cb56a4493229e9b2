"""When a voice fell silent: voice activity lasts longer than the voice does.

A model of voice activity needs two or three of its windows to be sure that nobody speaks, and six
on a telephone line. When it is, the sound itself tells better since when: 5 ms after the true end
in a silent room and 15 on a telephone line, where the model's own edge is 70 and 195 ms late
(means over 113 turns, ``benchmarks/voice_ends.py``). In noise of 10 dB the last weak sounds go
under, and the edge found is 40 ms early.
"""

import numpy as np

from frontdesk.voice.base import INPUT_RATE, Samples

LOOK_MS = 1000
"""How far back the sound is looked at."""
LONGEST_MS = 192
"""Longest silence that is found: what is quiet for longer, voice activity has found before."""
_FRAME_MS = 16
_FRAME = INPUT_RATE // 1000 * _FRAME_MS
_BAND_HZ = (250, 3500)
"""Where voices are; rooms and streets are loudest below."""
_LEAST_DB = -75.0
"""Nothing is quieter: below that, one silence is as good as another."""
_SAME_DB = 5.0
"""By how much silence may vary."""
_STANDS_OUT_DB = 12.0
"""By how much the loud tenth of the sound must stand out for its fall to tell anything."""
_HERTZ = np.fft.rfftfreq(_FRAME, 1 / INPUT_RATE)
_VOICE = slice(*np.searchsorted(_HERTZ, _BAND_HZ))
_HANN = np.hanning(_FRAME).astype(np.float32)


def hushed_ms(samples: Samples) -> int:
    """For how long it has been as quiet as in the last 32 ms; 0 where that cannot be told.
    ``samples``: the last second or less, whose last 32 ms are known to be silence. 0.1 ms of
    CPU."""
    count = len(samples) // _FRAME
    if count < 4:
        return 0
    levels = _levels(samples[len(samples) - count * _FRAME :].reshape(count, _FRAME))
    silence = max(10 * float(np.log10(np.mean(10 ** (levels[-2:] / 10)))), _LEAST_DB)
    if float(np.percentile(levels, 90)) - silence < _STANDS_OUT_DB:
        return 0
    (loud,) = np.nonzero(levels[::-1] > silence + _SAME_DB)
    return min(int(loud[0]) * _FRAME_MS if len(loud) else 0, LONGEST_MS)


def _levels(frames: Samples) -> Samples:
    """Decibels of each frame in the band of voices."""
    power = np.abs(np.fft.rfft(frames * _HANN, axis=1)[:, _VOICE]) ** 2
    return 10 * np.log10(power.sum(axis=1) * (4 / _FRAME**2) + 1e-10)
