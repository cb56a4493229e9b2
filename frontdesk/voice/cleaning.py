"""What is done to the caller's sound before it is listened to; as it came, it is kept beside."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from frontdesk.voice.base import Samples
from frontdesk.voice.buffer import AudioBuffer


class Cleaner(Protocol):
    """Changes a stream of 16 kHz samples, in step with it: of what it was given, all but the last
    ``lag`` samples were given back."""

    @property
    def lag(self) -> int: ...

    @property
    def alters(self) -> bool:
        """Whether what it gives may differ from what it was given."""
        ...

    def process(self, samples: Samples) -> Samples:
        """The next samples; gives those that are ready."""
        ...

    def flush(self) -> Samples:
        """The samples that are still to come: there are no more."""
        ...


class Cleaning:
    """The cleaners of one call, the first one first, from sample ``begin`` of its sound on."""

    def __init__(self, cleaners: Sequence[Cleaner], begin: int) -> None:
        self._cleaners = cleaners
        self._taken = self._altered = begin
        """What came so far, and up to where it was altered."""
        self._alters = False
        self._begin = begin
        """From where on the sound is kept as it came: it was not altered before."""
        self._original = AudioBuffer()

    @property
    def lag(self) -> int:
        """Samples that were taken and not given yet."""
        return sum(cleaner.lag for cleaner in self._cleaners)

    def process(self, samples: Samples, wanted_from: int) -> Samples:
        """The next samples; of the sound as it came nothing before ``wanted_from`` is asked for
        any more."""
        altered, given = self._alters, samples
        for cleaner in self._cleaners:
            given = cleaner.process(given)
        self._alters = any(cleaner.alters for cleaner in self._cleaners)
        self._keep(samples, wanted_from, altered=altered or self._alters)
        return given

    def _keep(self, samples: Samples, wanted_from: int, *, altered: bool) -> None:
        if altered and not self._original.end:
            self._begin = self._taken
        self._taken += len(samples)
        if altered:
            self._altered = self._taken
        elif self._altered <= wanted_from:
            self._original = AudioBuffer()
            return
        self._original.append(samples)
        self._original.drop_before(wanted_from - self._begin)

    def flush(self) -> Samples:
        """The rest."""
        samples = np.zeros(0, np.float32)
        for cleaner in self._cleaners:
            samples = np.concatenate((cleaner.process(samples), cleaner.flush()))
        return samples

    def original(self, begin: int, cleaned: Samples) -> Samples:
        """How ``cleaned``, which begins at sample ``begin``, was when it came."""
        unaltered = min(max(0, self._begin - begin), len(cleaned))
        at = begin + unaltered - self._begin
        found = self._original.slice(at, at + len(cleaned) - unaltered)
        if unaltered + len(found) != len(cleaned):
            return cleaned
        return np.concatenate((cleaned[:unaltered], found))
