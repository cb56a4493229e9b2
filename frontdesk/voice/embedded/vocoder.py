"""Hibari's spectra as sound, stretch by stretch: the first is heard while the rest is made.

The network gives for each frame of 12.5 ms a harmonic branch (log magnitude ``lh``, phase
pi tanh ``theta``) that filters a pulse train at ``f0``, a noise branch (``ln``) and one with phases
of its own (``lr``, ``phi``); their sum is inverted (Griffin & Lim, IEEE TASSP 1984, eq. 6: windowed
overlap-add over the sum of squared windows). ``hibari.dsp.synth`` does the same for a whole
sentence at once, with new noise each time, which took a third of its time (measured).
"""

from collections.abc import Iterator
from functools import cache
from itertools import accumulate, chain, repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from frontdesk.voice.base import Samples

_HOP, _SIZE = 300, 1200
_OVERLAP = _SIZE // _HOP
_BINS = _SIZE // 2 + 1
_WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_SIZE) / _SIZE)).astype(np.float32)
_SQUARES = (_WINDOW**2).reshape(_OVERLAP, _HOP)
_LOUDEST = 7.0
"""Log magnitude at which the network's own training clipped."""
_FIRST, _LATER = 40, 160
"""Frames of the first stretch, 0.3 s of which are silence, and of those behind it."""
_NOISE_FRAMES = 1024
"""Frames after which the noise repeats itself: 12.8 s, which no ear remembers."""
_HARMONICS = 12
"""Bins (240 Hz) over which a whisper is smoothed, so that no voice is left in it."""

Spectrum = NDArray[np.complex64]
Floats = NDArray[np.float32]


class Spectra(NamedTuple):
    """What the network gives: bins by frames, ``f0`` in Hz by frame."""

    lh: Floats
    theta: Floats
    ln: Floats
    lr: Floats
    phi: Floats
    f0: Floats


def stretches(spectra: Spectra, *, whispered: bool = False) -> Iterator[Samples]:
    """The sound of a sentence, in stretches without a seam. A whisper is the same spectra without
    a voice: noise of that loudness."""
    import hibari.dsp  # pyright: ignore[reportMissingTypeStubs]

    dsp: Any = hibari.dsp
    count = spectra.lh.shape[1]
    sums = np.zeros((_OVERLAP - 1, _HOP), np.float32)
    weights = np.zeros((_OVERLAP - 1, _HOP), np.float32)
    begin, skip = 0, _OVERLAP // 2  # half a window lies before the sound begins
    pulses: Samples = dsp.pulses(spectra.f0[: _FIRST + _OVERLAP])  # the first need no more
    for end in _ends(count):
        size = end - begin
        if begin == _FIRST:
            pulses = dsp.pulses(spectra.f0)
        spectrum = _spectrum(spectra, pulses, begin, end)
        if whispered:
            spectrum = _whisper(spectrum, begin)
        pieces = np.fft.irfft(spectrum, _SIZE, axis=1).reshape(size, _OVERLAP, _HOP)
        pieces *= _WINDOW.reshape(_OVERLAP, _HOP)
        more = np.zeros((size, _HOP), np.float32)
        sums, weights = np.concatenate((sums, more)), np.concatenate((weights, more))
        for part in range(_OVERLAP):
            sums[part : part + size] += pieces[:, part]
            weights[part : part + size] += _SQUARES[part]
        whole = size if end < count else size + _OVERLAP // 2
        sound = sums[skip:whole] / np.maximum(weights[skip:whole], np.float32(1e-11))
        yield sound.reshape(-1).astype(np.float32, copy=False)
        sums, weights, begin, skip = sums[size:], weights[size:], end, 0


def _ends(count: int) -> Iterator[int]:
    for end in accumulate(chain((_FIRST,), repeat(_LATER))):
        yield min(end, count)
        if end >= count:
            return


def _spectrum(spectra: Spectra, pulses: Samples, begin: int, end: int) -> Spectrum:
    """The frames from ``begin`` to ``end``, by bins."""
    lh, theta, ln, lr, phi = (part[:, begin:end].T for part in spectra[:5])
    spectrum = _source(pulses, begin, end)
    spectrum *= _polar(lh, np.tanh(theta) * np.float32(np.pi))
    noise = np.take(_noise(), range(begin, end), axis=0, mode="wrap")
    noise *= _exp(ln)
    spectrum += noise
    spectrum += _polar(lr, phi)
    return spectrum


def _source(pulses: Samples, begin: int, end: int) -> Spectrum:
    """The pulse train's spectra."""
    padded = np.pad(pulses, _SIZE // 2, mode="reflect")[begin * _HOP :]
    step = padded.strides[0]
    windows = np.ndarray((end - begin, _SIZE), np.float32, padded, 0, (_HOP * step, step))
    # A cosine of unit amplitude peaks at half the window's sum.
    return np.fft.rfft(windows * (_WINDOW / (_SIZE / 4)), axis=1).astype(np.complex64, copy=False)


def _polar(log_magnitude: Floats, angle: Floats) -> Spectrum:
    turned = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=turned.real)
    np.sin(angle, out=turned.imag)
    turned *= _exp(log_magnitude)
    return turned


def _exp(log_magnitude: Floats) -> Floats:
    return np.exp(np.minimum(log_magnitude, np.float32(_LOUDEST)))


def _whisper(spectrum: Spectrum, begin: int) -> Spectrum:
    power = np.abs(spectrum) ** 2
    total = np.cumsum(np.pad(power, ((0, 0), (_HARMONICS, _HARMONICS)), mode="edge"), axis=1)
    smooth = (total[:, 2 * _HARMONICS :] - total[:, : -2 * _HARMONICS]) / (2 * _HARMONICS)
    size = smooth.shape[1]
    noise = np.take(_noise(), range(begin, begin + len(spectrum)), axis=0, mode="wrap")
    bins = np.arange(size, dtype=np.float32)
    tilt = bins / (bins + 30)  # a whisper has little below 600 Hz
    noise[:, :size] *= np.sqrt(np.maximum(smooth, 0)) * tilt
    noise[:, size:] = 0
    return noise


@cache
def _noise() -> Spectrum:
    """Complex normal noise by frames, the same for every sentence: the same text always sounds the
    same."""
    made = np.random.default_rng(1).standard_normal((_NOISE_FRAMES, 2 * _BINS), dtype=np.float32)
    return made.view(np.complex64)
