"""Voice activity by loudness alone: for tests, and for machines without the speech model."""

import math

import numpy as np

from frontdesk.voice.base import Samples

_QUIETEST = 0.003
"""Level (RMS of full scale) under which nothing is speech."""
_RISE = 1.01
"""How much a window may raise the noise floor: a third a second, so that speech does not."""


class EnergyActivity:
    """Speech stands out 12 dB or more above the noise floor, which is followed.

    Hears a steady noise as silence after a while, but any loud sound as speech."""

    window = 512

    def __init__(self) -> None:
        self._floor = _QUIETEST

    def __call__(self, window: Samples) -> float:
        """0.5 at four times the noise floor, by a logistic in decibels (3 dB: 0.73)."""
        level = math.sqrt(float(np.dot(window, window)) / max(len(window), 1))
        self._floor = max(min(level, self._floor * _RISE), _QUIETEST / 4)
        over = 20 * math.log10(max(level, 1e-6) / max(4 * self._floor, _QUIETEST))
        return 1 / (1 + math.exp(-min(max(over / 3, -30), 30)))

    def reset(self) -> None:
        self._floor = _QUIETEST
