"""How loud sound is, band by band and block by block: what an echo is told by."""

import numpy as np
from numpy.typing import NDArray

from frontdesk.voice.base import INPUT_RATE, Samples

Features = NDArray[np.float32]

BLOCK = 256
"""Samples of a block at ``INPUT_RATE``: 16 ms."""
BANDS = 20
SECOND = INPUT_RATE // BLOCK
SILENCE_DB = -120.0
_SILENT = 0.0005


class Spectrum:
    """Finds the power in each band of sound at ``rate``, block by block."""

    def __init__(self, rate: int) -> None:
        self.block = BLOCK * rate // INPUT_RATE
        self.window = 2 * self.block
        """Samples that are looked at together, of which a block is half."""
        self._hann = np.hanning(self.window).astype(np.float32)
        mel = np.linspace(_mel(120.0), _mel(6500.0), BANDS + 1)
        edges = 700 * (10 ** (mel / 2595) - 1)
        frequencies = np.fft.rfftfreq(self.window, 1 / rate)
        filters = (frequencies[:, None] >= edges[:-1]) & (frequencies[:, None] < edges[1:])
        self._filters = (filters / (np.sum(self._hann) / 2) ** 2).astype(np.float32)
        """Which share of each frequency is in which band; bands are 1 to 3 quarter octaves wide."""

    def of(self, samples: Samples) -> tuple[Features, Samples]:
        """Power of each band in dB, for each window of whole blocks of samples, and its largest
        amplitude."""
        loudest = np.abs(samples).reshape(-1, self.block).max(axis=1)
        peaks = np.maximum(loudest[:-1], loudest[1:])
        if not peaks.max() >= _SILENT:
            return np.full((len(peaks), BANDS), SILENCE_DB, np.float32), peaks
        step = samples.itemsize
        strides = (self.block * step, step)
        windows = np.ndarray((len(peaks), self.window), np.float32, samples, 0, strides)
        spectra = np.fft.rfft(windows * self._hann)
        power = (spectra.real**2 + spectra.imag**2) @ self._filters
        features = (10 * np.log10(power + 1e-12)).astype(np.float32)
        features[peaks < _SILENT] = SILENCE_DB
        return features, peaks


class Track:
    """Features of the last blocks, silence before the first."""

    def __init__(self, reach: int) -> None:
        self._reach = self._end = reach
        self._rows: Features | None = None

    @property
    def is_new(self) -> bool:
        """Whether there was no block yet."""
        return self._rows is None

    def add(self, features: Features) -> None:
        """The next blocks, a second of them at most."""
        if self._rows is None:
            self._rows = np.full((self._reach + SECOND, BANDS), SILENCE_DB, np.float32)
        end = self._end + len(features)
        if end > len(self._rows):
            self._rows[: self._reach] = self._rows[self._end - self._reach : self._end]
            self._end, end = self._reach, self._reach + len(features)
        self._rows[self._end : end] = features
        self._end = end

    def last(self, count: int, skipped: int = 0) -> Features:
        """So many blocks, the newest last, without the ``skipped`` newest ones."""
        assert self._rows is not None
        end = self._end - skipped
        return self._rows[max(0, end - count) : min(end, self._end)]


def _mel(frequency: float) -> float:
    return float(2595 * np.log10(1 + frequency / 700))
