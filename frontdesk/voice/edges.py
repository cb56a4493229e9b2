"""Takes the silence off both ends of spoken clauses, without a click.

Speech models pad each clause: the embedded one with 300 ms in front and up to 500 ms behind
(measured). In front that is time the caller waits; between clauses it is a hole in the sentence.
"""

import numpy as np

from frontdesk.voice.base import OUTPUT_RATE, Samples

_QUIET = 0.003
"""Amplitude (of full scale) below which a 5 ms frame is silence; breath and hiss pass it."""
_FRAME = OUTPUT_RATE * 5 // 1000
_LEAD = OUTPUT_RATE * 10 // 1000
"""Samples kept before the first sound: soft consonants begin under the threshold. More than this
is time that the caller waits."""
_FADE = OUTPUT_RATE * 5 // 1000


class EdgeTrimmer:
    """Trims one clause that comes in chunks. ``tail_ms`` is the pause left at its end; with
    ``pads``, a model that leaves less of one gets it filled up."""

    def __init__(self, tail_ms: float, *, pads: bool = False) -> None:
        self._tail = int(OUTPUT_RATE * tail_ms / 1000)
        self._pads = pads
        self._begun = False
        self._held = np.zeros(0, np.float32)
        self._last = 0.0

    def push(self, chunk: Samples) -> Samples:
        """Samples that surely belong to the clause; silence is held until sound follows."""
        if len(chunk):
            self._last = float(chunk[-1])
        held = np.concatenate((self._held, chunk)) if len(self._held) else chunk
        if self._begun and _is_loud(held[-_FRAME:]):  # amid speech: by far the most
            self._held = held[:0]
            return held
        loud = _loud_frames(held)
        if not len(loud):
            self._held = held if self._begun else held[-2 * _LEAD :]
            return held[:0]
        start = 0
        if not self._begun:
            self._begun = True
            start = max(0, int(loud[0]) * _FRAME - _LEAD)
        end = min(len(held), (int(loud[-1]) + 1) * _FRAME)
        self._held = held[end:]
        return _faded(held[start:end], fade_in=start > 0)

    def finish(self) -> Samples:
        """The pause at the end: as much as the model left of it, and the rest in silence."""
        if not self._begun:
            return self._held[:0]
        if len(self._held) > self._tail:
            return _faded(self._held[: self._tail], fade_out=True)
        if not self._pads:
            return self._held
        rest = np.zeros(self._tail - len(self._held), np.float32)
        size = min(_FADE, len(rest))
        rest[:size] = np.linspace(self._last, 0, size, dtype=np.float32)  # no step down to it
        return np.concatenate((self._held, rest))


def _is_loud(frame: Samples) -> bool:
    return len(frame) > 0 and float(np.abs(frame).max()) > _QUIET


def _loud_frames(samples: Samples) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    whole = -(-len(samples) // _FRAME) * _FRAME
    frames = np.zeros(whole, np.float32)
    frames[: len(samples)] = np.abs(samples)
    return np.flatnonzero(frames.reshape(-1, _FRAME).max(axis=1) > _QUIET)


def _faded(samples: Samples, *, fade_in: bool = False, fade_out: bool = False) -> Samples:
    size = min(_FADE, len(samples))
    if not size or not (fade_in or fade_out):
        return samples
    samples, ramp = samples.copy(), np.linspace(0, 1, size, dtype=np.float32)
    if fade_in:
        samples[:size] *= ramp
    if fade_out:
        samples[-size:] *= ramp[::-1]
    return samples
