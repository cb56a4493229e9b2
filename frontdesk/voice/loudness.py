"""Every voice as loud as the others: measured once, then set by one constant gain.

A gain that follows the sound breathes; people hear that. So a voice's loudness is measured over
what it says first (gated and K-weighted: ITU-R BS.1770-5, annex 1), and then left alone.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from frontdesk.voice.base import OUTPUT_RATE, Samples

TARGET = -20.0
"""LUFS that voices are brought to: about what hosted voices have, with room for their peaks."""
_MOST_DB, _SILENCE = 20.0, -60.0
"""What a voice is moved at most; and LUFS of what is none, but hiss."""
_ENOUGH_S = 12.0
"""Speech after which a voice is known."""
_VOICES = 256
_BLOCK, _STEP = OUTPUT_RATE * 400 // 1000, OUTPUT_RATE * 100 // 1000
_ABSOLUTE, _RELATIVE = -70.0, -10.0
"""Gates of BS.1770: LUFS below which a block is silence, and LU below the mean of the others."""
_SOFTEST = 0.0005
"""Amplitude that no speech is under."""
_KNEE, _CEILING = 0.7, 0.89
"""Where peaks begin to be rounded, and where they end: 1 dB below full scale."""

Key = tuple[str, str | None]
Powers = NDArray[np.float64]


class Levels:
    """The gains of all voices of a process, by model and voice."""

    def __init__(self) -> None:
        self._heard: OrderedDict[Key, Powers] = OrderedDict()
        self._gains: dict[Key, float] = {}

    def knows(self, key: Key) -> bool:
        """Whether the voice was heard for long enough."""
        return len(self._heard.get(key, ())) * _STEP >= _ENOUGH_S * OUTPUT_RATE

    def gain(self, key: Key) -> float | None:
        """The voice's factor, as far as it was heard; None for a voice never heard."""
        return self._gains.get(key)

    def hear(self, key: Key, speech: Samples) -> None:
        """A clause of the voice, as its model made it. Takes about a millisecond a second."""
        heard = self._heard.get(key)
        powers = _powers(speech)
        powers = powers if heard is None else np.concatenate((heard, powers))
        if (loudness := _gated(powers)) is None:
            return
        self._heard[key], self._gains[key] = powers, gain_of(loudness)
        if len(self._heard) > _VOICES:
            oldest, _ = self._heard.popitem(last=False)
            del self._gains[oldest]


class Leveller:
    """One clause on its way. ``gain`` is the voice's; None sets it by the sound itself, from the
    first of it that is speech, and moves it smoothly as more is known."""

    def __init__(self, gain: float | None) -> None:
        self._known = gain is not None
        self._gain = 1.0 if gain is None else gain
        self._settled = self._known
        self._raw: list[Samples] = []

    def __call__(self, samples: Samples) -> Samples:
        """The next samples at their loudness, peaks rounded off."""
        if self._known:
            return rounded(samples * np.float32(self._gain))
        self._raw.append(samples if self._settled else _from_onset(samples))
        loudness = _gated(_powers(np.concatenate(self._raw)))
        before = self._gain
        if loudness is not None:
            self._gain = gain_of(loudness)
        if not self._settled and loudness is not None:  # nothing was heard at another gain
            self._settled, before = True, self._gain
        ramp = np.linspace(before, self._gain, len(samples), dtype=np.float32)
        return rounded(samples * ramp)


def known_loudness(model: object, voice: str | None) -> float | None:
    """What a model tells of its voice beforehand, LUFS; None if it does not."""
    told: Callable[[str | None], float | None] | None = getattr(model, "loudness", None)
    return told(voice) if told else None


def gain_of(loudness: float) -> float:
    """The factor for a voice of so many LUFS."""
    missing = max(-_MOST_DB, min(_MOST_DB, TARGET - loudness))
    return 10 ** (missing / 20) if loudness > _SILENCE else 1.0


def loudness(samples: Samples) -> float | None:
    """Gated loudness of 24 kHz speech in LUFS; None for silence."""
    return _gated(_powers(samples))


def rounded(samples: Samples) -> Samples:
    """Peaks over 0.7 bent under 0.89. Has no memory, so it cannot pump, and joins no seam."""
    if not len(samples) or float(np.abs(samples).max()) <= _KNEE:
        return samples
    room = _CEILING - _KNEE
    over = np.maximum(np.abs(samples) - _KNEE, 0)
    bent = np.minimum(np.abs(samples), _KNEE) + room * np.tanh(over / room)
    return np.copysign(bent, samples).astype(np.float32)


def _from_onset(samples: Samples) -> Samples:
    """Without the silence in front, which would make the voice seem softer than it is."""
    loud = np.flatnonzero(
        np.abs(samples) > max(_SOFTEST, 0.1 * float(np.abs(samples).max(initial=0)))
    )
    return samples[loud[0] :] if len(loud) else samples[:0]


def _powers(samples: Samples) -> Powers:
    """Mean square of each 400 ms, K-weighted, every 100 ms; of shorter sound, of all of it."""
    if not len(samples):
        return np.zeros(0)
    size = 1 << (len(samples) + _BLOCK - 1).bit_length()  # room for the filter to ring out
    weighted = np.fft.irfft(np.fft.rfft(samples, size) * _weighting(size), size)[: len(samples)]
    squares = np.concatenate(([0.0], np.cumsum(np.square(weighted, dtype=np.float64))))
    if len(samples) < _BLOCK:
        return np.array([squares[-1] / len(samples)])
    begins = np.arange(0, len(samples) - _BLOCK + 1, _STEP)
    return (squares[begins + _BLOCK] - squares[begins]) / _BLOCK


def _gated(powers: Powers) -> float | None:
    loud = powers[powers > _power(_ABSOLUTE)]
    if not len(loud):
        return None
    loud = loud[loud > _power(_lufs(float(loud.mean())) + _RELATIVE)]
    return _lufs(float(loud.mean()))


def _lufs(power: float) -> float:
    return -0.691 + 10 * float(np.log10(power))


def _power(lufs: float) -> float:
    return 10 ** ((lufs + 0.691) / 10)


@cache
def _weighting(size: int) -> NDArray[np.complex64]:
    """K-weighting by frequency: the shelf of a head, then a high-pass. Their analog parameters,
    from which the standard's coefficients for 48 kHz follow, are those that B. De Man gives in
    "Evaluation of implementations of the EBU R128 loudness measurement" (AES 145, 2018)."""
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    k = np.tan(np.pi * 1681.974450955533 / OUTPUT_RATE)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    shelf = (
        (high + band * k / q + k * k)
        + 2 * (k * k - high) * z
        + (high - band * k / q + k * k) * z**2
    ) / ((1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2)
    k, q = np.tan(np.pi * 38.13547087602444 / OUTPUT_RATE), 0.5003270373238773
    low = (1 - 2 * z + z**2) / (
        1
        + 2 * (k * k - 1) / (1 + k / q + k * k) * z
        + (1 - k / q + k * k) / (1 + k / q + k * k) * z**2
    )
    return (shelf * low).astype(np.complex64)
