"""Cuts a recording where nobody speaks, into pieces that are transcribed one by one."""

from dataclasses import dataclass

import numpy as np

from frontdesk.desk.voice import TurnDetection
from frontdesk.voice.base import INPUT_RATE, Samples, VoiceActivity
from frontdesk.voice.buffer import AudioBuffer
from frontdesk.voice.turns import MIN_SPEECH_MS, WINDOW_MS, Ended, Started, TurnDetector

_MS = INPUT_RATE // 1000
_TAIL_MS = 160
"""Kept of the silence behind a piece: voice activity ends a little early on soft endings."""
_CUT_MS = 100
"""A piece that must be cut inside speech is cut in the quietest stretch of this length."""
_SHORTEST = INPUT_RATE // 10
"""No word is shorter than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Speech from ``start`` to ``end`` (seconds of the recording). ``audio`` has a little of the
    silence around it. ``activity`` is the mean speech probability."""

    start: float
    end: float
    audio: Samples
    activity: float


class Cutter:
    """16 kHz samples in, pieces out. ``longest_ms`` is the most of a piece's speech."""

    def __init__(self, activity: VoiceActivity, rules: TurnDetection, longest_ms: int) -> None:
        self._activity = activity
        self._rules = rules
        self._longest_ms = longest_ms
        self._detector = TurnDetector(rules, model=False)
        self._buffer = AudioBuffer()
        self._seen = self._length = 0
        self._begin_ms: int | None = None
        self._voice_ms = 0
        self._probabilities: list[float] = []

    @property
    def seconds(self) -> float:
        """Length of the recording so far."""
        return self._length / INPUT_RATE

    def push(self, samples: Samples) -> list[Piece]:
        """The next samples; the pieces that are over with them."""
        self._length += len(samples)
        return self._take(samples)

    def finish(self) -> list[Piece]:
        """What is under way at the end of the recording."""
        rest = self._buffer.end - self._seen
        pieces = self._take(np.zeros(self._activity.window - rest, np.float32)) if rest else []
        silence = self._rules.silence_duration_ms // WINDOW_MS + 2
        for _ in range(silence if self._begin_ms is not None else 0):
            pieces += self._decide(0.0)
        return pieces

    def _take(self, samples: Samples) -> list[Piece]:
        self._buffer.append(samples)
        pieces: list[Piece] = []
        window = self._activity.window
        while self._seen + window <= self._buffer.end:
            self._seen += window
            pieces += self._look(self._buffer.slice(self._seen - window, self._seen))
        return pieces

    def _look(self, window: Samples) -> list[Piece]:
        probability = self._activity(window)
        pieces = self._decide(probability)
        if self._begin_ms is None:
            reach = self._rules.prefix_padding_ms + MIN_SPEECH_MS + 4 * WINDOW_MS
            self._buffer.drop_before(self._seen - reach * _MS)
            return pieces
        self._probabilities.append(probability)
        if self._detector.now_ms - self._voice_ms >= self._longest_ms:
            pieces += self._cut()
        return pieces

    def _decide(self, probability: float) -> list[Piece]:
        pieces: list[Piece] = []
        for decision in self._detector.push(probability):
            if isinstance(decision, Started):
                self._begin_ms = decision.start_ms
                heard_ms = self._detector.now_ms - MIN_SPEECH_MS
                self._voice_ms = min(decision.start_ms + self._rules.prefix_padding_ms, heard_ms)
            elif isinstance(decision, Ended):
                voice_end_ms = decision.end_ms - decision.waited_ms
                end_ms = voice_end_ms + min(decision.waited_ms, _TAIL_MS)
                pieces += self._piece(voice_end_ms, end_ms)
        return pieces

    def _cut(self) -> list[Piece]:
        """End the piece in the middle of speech, and begin the next one there."""
        now = self._detector.now_ms
        at = self._quietest(now - self._longest_ms // 2, now)
        pieces = self._piece(at, at)
        self._begin_ms = self._voice_ms = at
        self._buffer.drop_before(at * _MS)
        return pieces

    def _quietest(self, begin_ms: int, end_ms: int) -> int:
        size = _CUT_MS * _MS
        samples = self._buffer.slice(begin_ms * _MS, end_ms * _MS)
        blocks = samples[: len(samples) // size * size].reshape(-1, size)
        return begin_ms + int(np.argmin(np.square(blocks).mean(axis=1))) * _CUT_MS + _CUT_MS // 2

    def _piece(self, voice_end_ms: int, end_ms: int) -> list[Piece]:
        begin_ms, voice_ms = self._begin_ms or 0, self._voice_ms
        spoken = max(1, (voice_end_ms - voice_ms) // WINDOW_MS)
        activity = float(np.mean(self._probabilities[:spoken] or [0.0]))
        self._begin_ms, self._probabilities = None, []
        audio = self._buffer.slice(begin_ms * _MS, end_ms * _MS)
        if len(audio) < _SHORTEST:
            return []
        end = min(max(voice_end_ms, voice_ms) / 1000, self.seconds)
        return [Piece(voice_ms / 1000, end, audio, activity)]
