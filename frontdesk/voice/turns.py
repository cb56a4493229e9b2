"""Decides when the caller's turn begins and ends: a state machine without models, audio or clock.

It is fed the speech probability of each 32 ms window and, when it asked for it, the probability
that the speaker has finished. All times are milliseconds of received audio.
"""

from dataclasses import dataclass
from typing import Literal

from frontdesk.desk.schema import TurnDetection

WINDOW_MS = 32
MIN_SPEECH_MS = 64
"""Speech that begins a turn: two windows, so that a click does not."""
HYSTERESIS = 0.15
"""Speech, once begun, lasts until the probability is this far under the threshold (Silero's own
rule, ``neg_threshold``)."""
PAUSE_MS = 128
"""Silence at which the end of the turn is first asked for and transcription begins."""
ASK_AGAIN_MS = (384, 768, 1536, 3072)
"""Longer silences at which it is asked for again."""
SHORTEST_MS = 224
"""Silence after a turn that is surely finished."""
LONGEST_MS = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
"""Silence that ends any turn, by eagerness (the Realtime API's figures for semantic_vad)."""
WITHOUT_MODEL_MS = {"low": 1000, "medium": 700, "auto": 700, "high": 500}
"""Silence that ends a turn when no end-of-turn model answers."""
LONGEST_TURN_MS = 120_000
"""Speech is cut into turns of this length at most: audio is kept in memory until a turn ends."""
_LEAD_MS = 250
"""With server_vad, transcription begins this long before the silence is complete."""

EndReason = Literal["silence", "model", "wait", "length", "commit"]


@dataclass(frozen=True, slots=True)
class Started:
    """A turn began; ``start_ms`` has the prefix padding taken off."""

    start_ms: int


@dataclass(frozen=True, slots=True)
class Paused:
    """The turn may be over: a good moment to transcribe."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Give :meth:`TurnDetector.answer` the end-of-turn probability of the audio up to ``at_ms``."""

    pause: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """The caller went on after a pause."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The turn is over. ``waited_ms`` is the silence before ``end_ms``."""

    end_ms: int
    waited_ms: int
    reason: EndReason
    probability: float | None = None


Decision = Started | Paused | Ask | Resumed | Ended


def required_silence_ms(probability: float, eagerness: str) -> float:
    """Silence after which a turn ends, by the probability that the speaker has finished.

    ``SHORTEST + (LONGEST - SHORTEST) * (1 - p)**4``: 224 ms when sure, 460 ms at p = 0.5 and
    medium eagerness, the longest wait when surely unfinished."""
    longest = LONGEST_MS[eagerness]
    return SHORTEST_MS + (longest - SHORTEST_MS) * (1 - min(max(probability, 0.0), 1.0)) ** 4


class TurnDetector:
    """The state machine of one call.

    ``model`` says whether anybody answers :class:`Ask`. ``rules`` may be replaced at any time,
    also in the middle of a turn.
    """

    def __init__(self, rules: TurnDetection, *, model: bool, now_ms: int = 0) -> None:
        self.rules = rules
        self.model = model
        self.now_ms = now_ms
        self._floor_ms = now_ms
        self._speaking = False
        self._start_ms = now_ms
        self._run_ms = 0
        self._silent_since: int | None = None
        self._asked = 0
        self._pauses = 0
        self._probability: float | None = None
        self._unanswered = False

    @property
    def start_ms(self) -> int | None:
        """Where the running turn began; None when nobody speaks."""
        return self._start_ms if self._speaking else None

    @property
    def paused(self) -> bool:
        """In a pause that is long enough to ask about."""
        return self._asked > 0

    def push(self, probability: float) -> list[Decision]:
        """The next window's speech probability."""
        self.now_ms += WINDOW_MS
        if not self._speaking:
            return self._listen(probability)
        decisions = self._follow(probability)
        if self.now_ms - self._start_ms >= LONGEST_TURN_MS and self._speaking:
            decisions.append(self._end("length"))
        return decisions

    def answer(self, ask: Ask, probability: float | None) -> list[Decision]:
        """The answer to ``ask``; None when the model failed. A late answer, to a pause that is
        over, is ignored."""
        if not self._speaking or not self.paused or ask.pause != self._pauses:
            return []
        self._probability = probability
        self._unanswered = probability is None
        return self._end_if_due()

    def forget(self, at_ms: int | None = None) -> None:
        """Drop the running turn and all audio before ``at_ms`` (default: now)."""
        self._floor_ms = self.now_ms if at_ms is None else at_ms
        self._speaking = False
        self._run_ms = 0
        self._reset_pause()

    def _listen(self, probability: float) -> list[Decision]:
        if probability >= self.rules.threshold:
            self._run_ms += WINDOW_MS
        elif probability < self._lower():
            self._run_ms = 0
        if self._run_ms < MIN_SPEECH_MS:
            return []
        begun = self.now_ms - self._run_ms - self.rules.prefix_padding_ms
        self._start_ms = max(self._floor_ms, begun)
        self._speaking, self._run_ms = True, 0
        self._reset_pause()
        return [Started(self._start_ms)]

    def _follow(self, probability: float) -> list[Decision]:
        if probability >= self.rules.threshold:
            resumed = self.paused
            self._reset_pause()
            return [Resumed()] if resumed else []
        if self._silent_since is None:
            if probability >= self._lower():
                return []
            self._silent_since = self.now_ms - WINDOW_MS
        return self._wait()

    def _wait(self) -> list[Decision]:
        decisions: list[Decision] = []
        if self._asked == 0 and self._silence() >= self._pause_ms():
            self._pauses += 1
            decisions.append(Paused(self.now_ms))
        if self._question_due():
            self._asked += 1
            if self._asks():
                decisions.append(Ask(self._pauses, self.now_ms))
        return decisions + self._end_if_due()

    def _question_due(self) -> bool:
        schedule = (self._pause_ms(), *ASK_AGAIN_MS)
        return self._asked < len(schedule) and self._silence() >= schedule[self._asked]

    def _end_if_due(self) -> list[Decision]:
        silence, rules = self._silence(), self.rules
        if not self._asks():
            enough = rules.silence_duration_ms
            if rules.type == "semantic_vad":
                enough = WITHOUT_MODEL_MS[rules.eagerness]
            return [self._end("silence")] if silence >= enough else []
        if self._probability is None:
            # No answer in the time that would do without one: the model is slow or broken.
            late = silence >= WITHOUT_MODEL_MS[rules.eagerness]
            return [self._end("silence")] if late else []
        required = required_silence_ms(self._probability, rules.eagerness)
        if silence + WINDOW_MS / 2 <= required:  # silence grows by whole windows: the nearest
            return []
        waited = silence >= LONGEST_MS[rules.eagerness]
        return [self._end("wait" if waited else "model")]

    def _end(self, reason: EndReason) -> Ended:
        ended = Ended(self.now_ms, self._silence(), reason, self._probability)
        self.forget()
        return ended

    def _reset_pause(self) -> None:
        self._silent_since, self._asked = None, 0
        self._probability, self._unanswered = None, False

    def _asks(self) -> bool:
        return self.model and self.rules.type == "semantic_vad" and not self._unanswered

    def _silence(self) -> int:
        return 0 if self._silent_since is None else self.now_ms - self._silent_since

    def _pause_ms(self) -> int:
        if self.rules.type == "semantic_vad":
            return PAUSE_MS
        return max(PAUSE_MS, self.rules.silence_duration_ms - _LEAD_MS)

    def _lower(self) -> float:
        return max(self.rules.threshold - HYSTERESIS, 0.01)
