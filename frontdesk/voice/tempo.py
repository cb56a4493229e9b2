"""Quicker speech at the same pitch, for models that cannot speak fast themselves.

Overlap-add with the overlap placed where the waveforms agree: WSOLA (Verhelst & Roelands,
ICASSP 1993), with Hann windows of 30 ms at half overlap and a search of 8 ms to each side.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from frontdesk.voice.base import OUTPUT_RATE, Samples

_HALF = OUTPUT_RATE * 15 // 1000
_SEARCH = OUTPUT_RATE * 8 // 1000
_WINDOW = np.hanning(2 * _HALF + 1)[:-1].astype(np.float32)


def quicker(samples: Samples, factor: float) -> Samples:
    """24 kHz speech in 1 / ``factor`` of its time, for factors from 1."""
    if factor <= 1 or len(samples) < 4 * _HALF:
        return samples
    padded = np.pad(samples, (_HALF, 3 * _HALF + 2 * _SEARCH))
    steps = round(len(samples) / factor) // _HALF + 1
    out = np.zeros((steps + 1) * _HALF, np.float32)
    begin = 0
    for step in range(steps):
        if step:
            begin = _likest(padded, begin + _HALF, round(step * _HALF * factor))
        out[step * _HALF : (step + 2) * _HALF] += padded[begin : begin + 2 * _HALF] * _WINDOW
    return out[_HALF : _HALF + round(len(samples) / factor)]


def _likest(samples: Samples, natural: int, wanted: int) -> int:
    """The place near ``wanted`` whose sound goes on best from what was taken, which would have
    gone on at ``natural``."""
    low = max(0, wanted - _SEARCH)
    high = min(wanted + _SEARCH, len(samples) - 2 * _HALF)
    if low >= high:
        return high
    places = sliding_window_view(samples[low : high + 2 * _HALF - 1], 2 * _HALF)
    expected = samples[natural : natural + 2 * _HALF]
    return low + int(np.argmax(places[:, : len(expected)] @ expected))
