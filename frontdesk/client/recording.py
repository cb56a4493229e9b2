"""Both sides of a call as sound on one clock."""

from pathlib import Path

import numpy as np

from frontdesk.voice.audio import write_wav
from frontdesk.voice.base import OUTPUT_RATE, Samples


class Track:
    """Sound laid out on a time line. Positions in samples at 24 kHz."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, Samples]] = []
        self.end = 0

    @property
    def sound(self) -> int:
        """Samples laid on it, without the gaps between them."""
        return sum(len(piece) for _, piece in self._pieces)

    @property
    def pieces(self) -> list[tuple[int, Samples]]:
        """What lies on it, in order, each with where it begins."""
        return self._pieces

    def add(self, samples: Samples, at: int) -> int:
        """Lay ``samples`` at ``at``, or behind what lies there already; returns where."""
        start = max(at, self.end)
        self._pieces.append((start, samples))
        self.end = start + len(samples)
        return start

    def cut(self, at: int) -> None:
        """Silence everything from ``at`` on."""
        kept = [(start, piece[: at - start]) for start, piece in self._pieces if start < at]
        self._pieces = kept
        self.end = min(self.end, at)

    def samples(self, length: int) -> Samples:
        """The whole track, ``length`` samples long."""
        whole = np.zeros(length, np.float32)
        for start, piece in self._pieces:
            piece = piece[: max(0, length - start)]
            whole[start : start + len(piece)] = piece
        return whole


class Recording:
    """The caller on the left, the agent on the right."""

    def __init__(self) -> None:
        self.caller = Track()
        self.agent = Track()

    def write(self, path: Path) -> None:
        """Write a stereo 24 kHz 16-bit WAV."""
        length = max(self.caller.end, self.agent.end)
        write_wav(path, self.caller.samples(length), self.agent.samples(length), OUTPUT_RATE)
