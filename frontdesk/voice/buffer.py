"""Recent audio of one call, addressed by its place in the stream."""

from collections import deque

import numpy as np

from frontdesk.voice.base import INPUT_RATE, Samples


class AudioBuffer:
    """Samples ``start`` to ``end`` of a stream that began at sample 0. Old ones are let go."""

    def __init__(self) -> None:
        self.start = 0
        self.end = 0
        self._chunks: deque[Samples] = deque()

    def append(self, samples: Samples) -> None:
        """Add the next samples of the stream."""
        for at in range(0, len(samples), INPUT_RATE):
            chunk = samples[at : at + INPUT_RATE]
            # A view of a large chunk would keep all of it alive.
            self._chunks.append(chunk if len(samples) <= INPUT_RATE else chunk.copy())
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
        parts: list[Samples] = []
        stop = self.end
        for chunk in reversed(self._chunks):  # what is asked for is mostly near the end
            start = stop - len(chunk)
            if start < end:
                parts.append(chunk[max(0, begin - start) : end - start])
            if start <= begin:
                break
            stop = start
        return np.concatenate(parts[::-1])
