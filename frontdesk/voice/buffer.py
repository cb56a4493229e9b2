"""Recent audio of one call, addressed by its place in the stream.

It is held as it came, in 16 bits: a caller who speaks for a minute takes 1.9 MB, not 3.8.
"""

from collections import deque

import numpy as np

from frontdesk.voice.audio import int16_to_samples, samples_to_int16
from frontdesk.voice.base import INPUT_RATE, Samples
from frontdesk.voice.g711 import Pcm


class AudioBuffer:
    """Samples ``start`` to ``end`` of a stream that began at sample 0. Old ones are let go."""

    def __init__(self) -> None:
        self.start = 0
        self.end = 0
        self._chunks: deque[Pcm] = deque()

    def append(self, samples: Samples) -> None:
        """Add the next samples of the stream."""
        for at in range(0, len(samples), INPUT_RATE):
            # One array for a large chunk would be kept alive by its end.
            self._chunks.append(samples_to_int16(samples[at : at + INPUT_RATE]))
        self.end += len(samples)

    def drop_before(self, at: int) -> None:
        """Let go of the samples before ``at``."""
        while self._chunks and self.start + len(self._chunks[0]) <= at:
            self.start += len(self._chunks.popleft())
        if self._chunks and at > self.start:
            self._chunks[0] = self._chunks[0][at - self.start :]
            self.start = at

    def slice(self, begin: int, end: int) -> Samples:
        """A copy of the samples ``begin`` to ``end``, as far as they are held."""
        begin, end = max(begin, self.start), min(end, self.end)
        if begin >= end:
            return np.zeros(0, np.float32)
        parts: list[Pcm] = []
        stop = self.end
        for chunk in reversed(self._chunks):  # what is asked for is mostly near the end
            start = stop - len(chunk)
            if start < end:
                parts.append(chunk[max(0, begin - start) : end - start])
            if start <= begin:
                break
            stop = start
        return int16_to_samples(np.concatenate(parts[::-1]))
