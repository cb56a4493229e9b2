"""Recent audio of one call, addressed by its place in the stream.

It is held in 16 bits, and in memory only the newest half second or so: what nobody asks for until
the turn is over, and what is still to be played, waits in a file without a name. A worker with a
hundred calls would else hold minutes of sound.
"""

import logging
from collections import deque

import numpy as np

from frontdesk.voice.aside import Aside
from frontdesk.voice.audio import int16_to_samples, samples_to_int16
from frontdesk.voice.base import Samples
from frontdesk.voice.g711 import Pcm

logger = logging.getLogger(__name__)

_LONGEST_CHUNK = 16_000
_MOST, _LEAST = 12_000, 4_000
"""Samples in memory from which the older ones are filed, and how many of the newest stay."""


class AudioBuffer:
    """Samples ``start`` to ``end`` of a stream that began at sample 0. Old ones are let go."""

    def __init__(self) -> None:
        self.start = 0
        self.end = 0
        self._chunks: deque[Pcm] = deque()
        self._held = 0
        self._file: Aside | None = None
        self._filed = 0
        """Samples in the file: those just before the ones in memory."""
        self._can_file = True

    def append(self, samples: Samples) -> None:
        """Add the next samples of the stream."""
        for at in range(0, len(samples), _LONGEST_CHUNK):
            # One array for a large chunk would be kept alive by its end.
            self.append_pcm(samples_to_int16(samples[at : at + _LONGEST_CHUNK]))

    def append_pcm(self, pcm: Pcm) -> None:
        """Add the next samples as they are held."""
        self._chunks.append(pcm)
        self._held += len(pcm)
        self.end += len(pcm)
        if self._held > _MOST and self._can_file:
            self._put_aside()

    def drop_before(self, at: int) -> None:
        """Let go of the samples before ``at``."""
        at = min(at, self.end)
        if at <= self.start:
            return
        self.start = at
        if at < (in_memory := self.end - self._held):
            if 2 * (in_memory - at) < self._filed:
                self._shorten(in_memory - at)
            return
        self._close()
        while self._chunks and in_memory + len(self._chunks[0]) <= at:
            in_memory += len(self._chunks.popleft())
        if self._chunks:
            self._chunks[0] = self._chunks[0][at - in_memory :]
        self._held = self.end - at

    def slice(self, begin: int, end: int) -> Samples:
        """A copy of the samples ``begin`` to ``end``, as far as they are held."""
        return int16_to_samples(self.pcm(begin, end))

    def pcm(self, begin: int, end: int) -> Pcm:
        """The same as they are held."""
        begin, end = max(begin, self.start), min(end, self.end)
        if begin >= end:
            return np.zeros(0, np.int16)
        parts: list[Pcm] = []
        stop = self.end
        for chunk in reversed(self._chunks):  # what is asked for is mostly near the end
            start = stop - len(chunk)
            if start < end:
                parts.append(chunk[max(0, begin - start) : end - start])
            if start <= begin:
                break
            stop = start
        else:
            if begin < stop:
                parts.append(self._read(begin - stop + self._filed, min(end, stop) - begin))
        return np.concatenate(parts[::-1])

    def _put_aside(self) -> None:
        """File all but the newest samples. Where that fails, they stay in memory."""
        aside: list[Pcm] = []
        left = self._held
        for chunk in self._chunks:
            if left - len(chunk) < _LEAST:
                break
            left -= len(chunk)
            aside.append(chunk)
        if not aside:
            return
        try:
            if self._file is None:
                self._file = Aside()
            self._file.write(2 * self._filed, np.concatenate(aside).tobytes())
        except OSError as error:
            self._can_file = False
            logger.warning("sound of a call stays in memory: %s", error)
            return
        for _ in aside:
            self._chunks.popleft()
        self._filed += self._held - left
        self._held = left

    def _shorten(self, kept: int) -> None:
        """Begin the file anew with its last ``kept`` samples, or it would grow with the call."""
        newest = self._read(self._filed - kept, kept)
        self._close()
        self._chunks.appendleft(newest)
        self._held += kept
        self._put_aside()

    def _read(self, at: int, count: int) -> Pcm:
        data = self._file.read(2 * at, 2 * count) if self._file else b""
        return np.frombuffer(data, np.int16)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._filed = 0
