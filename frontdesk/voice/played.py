"""What was sent to be played, as the echo guard looks at it."""

import numpy as np
from numpy.typing import NDArray

from frontdesk.voice.audio import int16_to_samples
from frontdesk.voice.bands import BANDS, BLOCK, SILENCE_DB, Features, Spectrum
from frontdesk.voice.base import INPUT_RATE, OUTPUT_RATE
from frontdesk.voice.g711 import Pcm

_LOUD = 0.03
"""Amplitude of playback that is heard back, if any is."""
_TOGETHER = 32
"""Windows whose spectra are found together: a third of the work for each. By 16 and 32 it takes
half as long as by one less, as so many are transformed at once (measured)."""
_SPECTRUM = Spectrum(OUTPUT_RATE)
_STEP = _SPECTRUM.block


class Played:
    """The spectra of what is played, by the blocks of the caller's stream in which it would be
    heard, were there no delay. They are found as sound comes, so that little of it is kept, and
    held in 16 bits, 0.06 dB apart at most: 2.5 KB a second."""

    def __init__(self, lasts: int) -> None:
        """``lasts``: blocks for which sound may be heard after it was played."""
        self._late = lasts * _STEP
        self._begin = self._end = 0
        """Where playback begins and ends, in samples of what is played."""
        self._clear(0)

    def add(self, pcm: Pcm, at: int) -> None:
        """It goes on where it was, unless the player has run empty. ``at``: a sample of the
        caller's stream."""
        begin = at * OUTPUT_RATE // INPUT_RATE
        if self._end == self._begin or begin - self._end > 2 * OUTPUT_RATE:
            self._begin = self._end = begin
            self._clear(begin // _STEP - 1)
            self._rest = np.zeros(begin - self._first * _STEP, np.int16)
        gap = begin - self._end if begin - self._end > OUTPUT_RATE // 50 else 0
        self._end += gap + len(pcm)
        self._drop_past()
        rest = np.concatenate((self._rest, np.zeros(gap, np.int16), pcm))
        while len(rest) > (_TOGETHER + 1) * _STEP:
            self._find(rest, _TOGETHER)
            self._whole += _TOGETHER
            rest = rest[_TOGETHER * _STEP :]
        self._rest = rest.copy()

    def _drop_past(self) -> None:
        """Drop what was asked for already, and windows of which only the begin was known."""
        past = min(max(0, self._asked - self._first), self._whole)
        kept = slice(past, self._whole)
        self._first += past
        self._rows, self._loud = self._rows[kept], self._loud[kept]
        self._whole = len(self._rows)

    def _find(self, rest: Pcm, count: int) -> None:
        """Find the features of so many windows more, silence behind what there is of sound."""
        sound = np.zeros((count + 1) * _STEP, np.float32)
        rest = rest[: len(sound)]
        sound[: len(rest)] = int16_to_samples(rest)
        features, peaks = _SPECTRUM.of(sound)
        self._rows = np.concatenate((self._rows, features.astype(np.float16)))
        self._loud = np.concatenate((self._loud, peaks > _LOUD))

    def cut(self, at: int) -> None:
        """Nothing of it is played from there on."""
        end = at * OUTPUT_RATE // INPUT_RATE
        if end >= self._end:
            return
        self._end = max(end, self._begin)
        known = self._first + self._whole
        if self._end < known * _STEP:
            self._whole = max(0, self._end // _STEP - self._first)
            self._rest = np.zeros(max(0, self._end - (self._first + self._whole) * _STEP), np.int16)
        else:
            self._rest = self._rest[: self._end - known * _STEP]
        self._rows, self._loud = self._rows[: self._whole], self._loud[: self._whole]

    def audible(self, at: int) -> bool:
        """Whether anything of it may be heard at this place."""
        at = at * OUTPUT_RATE // INPUT_RATE
        return self._begin != self._end and self._begin <= at < self._end + self._late

    def forget(self, at: int) -> None:
        """Nothing that was played before this place is asked for any more."""
        if at * OUTPUT_RATE // INPUT_RATE >= self._end > self._begin:
            self._begin = self._end
            self._clear(0)

    def features(self, block: int, count: int) -> tuple[Features, NDArray[np.bool_]]:
        """Of so many windows from a block on, and whether each can be heard well; what was before
        is not asked for any more."""
        self._asked = block
        known = self._first + self._whole
        if len(self._rest) and block + count > known == self._first + len(self._rows):
            self._find(self._rest, -(-len(self._rest) // _STEP))
        features = np.full((count, BANDS), SILENCE_DB, np.float32)
        loud = np.zeros(count, np.bool_)
        begin = max(0, block - self._first)
        found = self._rows[begin : max(0, block + count - self._first)]
        if len(found):
            put = self._first + begin - block
            features[put : put + len(found)] = found
            loud[put : put + len(found)] = self._loud[begin : begin + len(found)]
        return features, loud

    def _clear(self, first: int) -> None:
        self._first = self._asked = first
        """The first block of which there are features, and of which they were asked for."""
        self._rows = np.zeros((0, BANDS), np.float16)
        self._loud = np.zeros(0, np.bool_)
        self._whole = 0
        """Of how many windows all is known."""
        self._rest = np.zeros(0, np.int16)
        """The sound behind them."""


assert _STEP * INPUT_RATE == BLOCK * OUTPUT_RATE
