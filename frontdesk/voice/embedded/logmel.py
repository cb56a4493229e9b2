"""Log-mel features as Whisper's encoder wants them, for models that share its front end.

The numbers are those of the Whisper paper (Radford et al. 2022, section 2.2): 16 kHz, Hann
windows of 25 ms every 10 ms, 80 mel bands. The mel scale and the area norm of the triangles are
Slaney's (Auditory Toolbox, 1998).
"""

from functools import cache
from math import log

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from frontdesk.voice.base import INPUT_RATE, Samples

_SIZE, _HOP, _BANDS = 400, 160, 80
_LINEAR_HZ, _LINEAR_MEL = 1000.0, 15.0
"""Below 1 kHz, 15 mel, the scale is linear; above, a factor of 6.4 is 27 mel."""
_FLOOR, _RANGE = 1e-10, 8.0
"""Smallest power, and the decades kept under the loudest."""


def log_mel(samples: Samples) -> NDArray[np.float32]:
    """Features of shape (80, len / 160), about -1 to 1, of audio that is first brought to mean 0
    and variance 1."""
    centred: Samples = samples - samples.mean()
    normal: Samples = centred / np.sqrt(centred.var() + np.float32(1e-7))
    padded = np.pad(normal, _SIZE // 2, mode="reflect")
    frames = sliding_window_view(padded, _SIZE)[: len(samples) : _HOP]
    power = np.square(np.abs(np.fft.rfft(frames * _window(), axis=1)))
    decades = np.log10(np.maximum(power @ _filters(), _FLOOR)).T
    return ((np.maximum(decades, decades.max() - _RANGE) + 4) / 4).astype(np.float32)


@cache
def _window() -> Samples:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_SIZE) / _SIZE)).astype(np.float32)


@cache
def _filters() -> NDArray[np.float32]:
    """Triangles between neighbouring band centres, shape (201, 80), each of area 2 / width."""
    top = _LINEAR_MEL + 27 * log(INPUT_RATE / 2 / _LINEAR_HZ) / log(6.4)
    mels: NDArray[np.float64] = np.linspace(0, top, _BANDS + 2)
    curved: NDArray[np.float64] = _LINEAR_HZ * np.exp((mels - _LINEAR_MEL) * (log(6.4) / 27))
    edges: NDArray[np.float64] = np.where(
        mels < _LINEAR_MEL,
        mels * _LINEAR_HZ / _LINEAR_MEL,
        curved,
    )
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    bins = np.fft.rfftfreq(_SIZE, 1 / INPUT_RATE)[:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (high - low)).astype(np.float32)
