"""Decides when the caller's turn begins and ends: a state machine without models, audio or clock.

It is fed the speech probability of each 32 ms window and, when they are there, what the end-of-turn
model heard in a pause and how the words before it stand. All times are milliseconds of received
audio.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from frontdesk.desk.voice import TurnDetection
from frontdesk.voice.finished import LONGEST_MS, Judgement, judge
from frontdesk.voice.wording import Wording

WINDOW_MS = 32
MIN_SPEECH_MS = 64
"""Speech that begins a turn: two windows, so that a click does not."""
HYSTERESIS = 0.15
"""Speech, once begun, lasts until the probability is this far under the threshold (Silero's own
rule, ``neg_threshold``)."""
PAUSE_MS = 64
"""Silence at which the words are asked for, with semantic_vad. They come in 40 ms as a rule: ready
when the voice is judged, so that the two do not take the CPU from one another."""
FAR_PAUSE_MS = 224
"""The same where another server transcribes: each look at a pause is a request, and is paid for."""
ASK_MS, PATIENCE_MS = 128, 64
"""Silence at which the end-of-turn model is asked, as soon as the words are known: where they are
open, its 50 ms of CPU are saved. Words that take longer than ``PATIENCE_MS`` are not waited for.
With less silence it tells ends from pauses less well (natural voices: 0.75 of the area under the
curve at 96 ms, 0.78 at 128, 0.80 at 192). It is asked once: in a silence that lasts it takes any
pause for an end (measured)."""
LEAD_MS = 400
"""An answer is worth beginning so long before the end will be sure, if nobody speaks."""
LONGEST_TURN_MS = 120_000
"""Speech is cut into turns of this length at most: audio is kept in memory until a turn ends."""

EndReason = Literal["silence", "model", "wait", "length", "commit"]


@dataclass(frozen=True, slots=True)
class Started:
    """A turn began; ``start_ms`` has the prefix padding taken off, ``spoken_ms`` not."""

    start_ms: int
    spoken_ms: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Paused:
    """The turn may be over: a good moment to transcribe. Give :meth:`TurnDetector.read` the words
    up to ``at_ms``."""

    pause: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Give :meth:`TurnDetector.answer` the end-of-turn probability of the audio up to ``at_ms``."""

    pause: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Likely:
    """The turn is probably over, so that an answer may be begun to the words up to ``at_ms``, the
    pause. ``probability`` is None where silence alone decides."""

    at_ms: int
    probability: float | None


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


Decision = Started | Paused | Ask | Likely | Resumed | Ended


def rules_of(given: TurnDetection | Mapping[str, Any]) -> TurnDetection:
    """A team's setting, or what of a Realtime session's ``turn_detection`` is for the ear. Raises
    ``ValueError`` naming a bad field."""
    if isinstance(given, TurnDetection):
        return given
    names = TurnDetection.model_fields
    return TurnDetection.model_validate({k: given[k] for k in names if given.get(k) is not None})


class TurnDetector:
    """The state machine of one call.

    ``model`` says whether anybody answers :class:`Ask`; ``pause_ms`` is the silence after which
    words are asked for with semantic_vad. ``rules`` may be replaced at any time,
    also in the middle of a turn.
    """

    def __init__(
        self, rules: TurnDetection, *, model: bool, pause_ms: int = PAUSE_MS, now_ms: int = 0
    ) -> None:
        self.rules = rules
        self.model = model
        self._shortest_pause_ms = pause_ms
        self.now_ms = now_ms
        self._floor_ms = now_ms
        self._speaking = False
        self._start_ms = now_ms
        self._run_ms = 0
        self._silent_since: int | None = None
        self._voice_due_ms = 0
        self._pauses = 0
        self._reset_pause()

    @property
    def start_ms(self) -> int | None:
        """Where the running turn began; None when nobody speaks."""
        return self._start_ms if self._speaking else None

    @property
    def paused(self) -> bool:
        """In a pause that is long enough to ask about."""
        return self._paused_ms is not None

    def falls(self, probability: float) -> bool:
        """Whether the voice may have ended before the window of this probability, the next to be
        pushed, so that it is worth a look since when it is quiet."""
        spoken = self._speaking and self._silent_since is None
        return spoken and self.rules.type == "semantic_vad" and probability < self.rules.threshold

    def push(self, probability: float, hushed_ms: int = 0) -> list[Decision]:
        """The next window's speech probability. ``hushed_ms``: how long it has been quiet at its
        end, where the sound tells (:meth:`falls`)."""
        self.now_ms += WINDOW_MS
        if not self._speaking:
            return self._listen(probability)
        decisions = self._follow(probability, hushed_ms)
        if self.now_ms - self._start_ms >= LONGEST_TURN_MS and self._speaking:
            decisions.append(self._end("length"))
        return decisions

    def answer(self, ask: Ask, probability: float | None) -> list[Decision]:
        """The answer to ``ask``; None when the model failed. A late answer, to a pause that is
        over, is ignored."""
        if not self.paused or ask.pause != self._pauses:
            return []
        self._heard = probability
        return self._end_if_due() or self._say_if_likely()

    def read(self, paused: Paused, wording: Wording | None) -> list[Decision]:
        """How the words up to a pause stand; None when nothing can be told. Late words are
        ignored."""
        if not self.paused or paused.pause != self._pauses:
            return []
        self._wording, self._is_read = wording, True
        return self._end_if_due() or self._ask_if_due() + self._say_if_likely()

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
        return self.begin(self.now_ms - self._run_ms)

    def begin(self, spoken_ms: int, voice_due_ms: int = 0) -> list[Decision]:
        """A turn begins, whose first word was heard at ``spoken_ms``. Where that was a breath, its
        voice may take ``voice_due_ms``: until then it is no pause."""
        spoken_ms = max(self._floor_ms, spoken_ms)
        self._start_ms = max(self._floor_ms, spoken_ms - self.rules.prefix_padding_ms)
        self._speaking, self._run_ms = True, 0
        self._voice_due_ms = self.now_ms + voice_due_ms
        self._reset_pause()
        return [Started(self._start_ms, spoken_ms)]

    def _follow(self, probability: float, hushed_ms: int) -> list[Decision]:
        if probability >= self.rules.threshold:
            resumed = self.paused
            self._reset_pause()
            return [Resumed()] if resumed else []
        if self.now_ms <= self._voice_due_ms:
            return []
        if self._silent_since is None:
            if probability >= self._lower() and hushed_ms < WINDOW_MS:
                return []
            silence = max(hushed_ms, WINDOW_MS)
            self._silent_since = max(self.now_ms - silence, self._start_ms)
        return self._wait()

    def _wait(self) -> list[Decision]:
        decisions: list[Decision] = []
        if self._paused_ms is None and self._silence() >= self._pause_ms():
            self._pauses += 1
            self._paused_ms = self.now_ms
            decisions.append(Paused(self._pauses, self.now_ms))
        return decisions + (self._end_if_due() or self._ask_if_due() + self._say_if_likely())

    def _ask_if_due(self) -> list[Decision]:
        asks = self.model and self.rules.type == "semantic_vad"
        if self._asked or self._paused_ms is None or not asks:
            return []
        waited = self.now_ms - self._paused_ms
        if self._silence() < ASK_MS or not (self._is_read or waited >= PATIENCE_MS):
            return []
        self._asked = True
        known = self._wording is not None and self._wording.needs_no_voice
        return [] if known else [Ask(self._pauses, self.now_ms)]

    def _judgement(self) -> Judgement:
        """What is known by now, with the silence that the turn's end takes."""
        if self.rules.type == "server_vad":
            return Judgement(None, self.rules.silence_duration_ms)
        return judge(self._heard, self._wording, self.rules.eagerness)

    def _end_if_due(self) -> list[Decision]:
        silence, known = self._silence(), self._judgement()
        # Silence grows by whole windows: a probability gets the nearest one, a rule its length.
        slack = 0 if known.probability is None else WINDOW_MS // 2 - 1
        if not self.paused or silence + slack < known.silence_ms:
            return []
        if known.probability is None:
            return [self._end("silence")]
        waited = silence >= LONGEST_MS[self.rules.eagerness]
        return [self._end("wait" if waited else "model")]

    def _say_if_likely(self) -> list[Decision]:
        """The likely end, said once in a pause."""
        if self._likely or self._paused_ms is None:
            return []
        known = self._judgement()
        self._likely = self._silence() >= known.silence_ms - LEAD_MS
        return [Likely(self._paused_ms, known.probability)] if self._likely else []

    def _end(self, reason: EndReason) -> Ended:
        probability = self._judgement().probability
        ended = Ended(self.now_ms, self._silence(), reason, probability)
        self.forget()
        return ended

    def _reset_pause(self) -> None:
        self._silent_since = None
        self._paused_ms: int | None = None
        self._asked = False
        self._heard: float | None = None
        self._wording: Wording | None = None
        self._is_read = False
        self._likely = False

    def _silence(self) -> int:
        return 0 if self._silent_since is None else self.now_ms - self._silent_since

    def _pause_ms(self) -> int:
        if self.rules.type == "semantic_vad":
            return self._shortest_pause_ms
        return max(self._shortest_pause_ms, self.rules.silence_duration_ms - LEAD_MS)

    def _lower(self) -> float:
        return max(self.rules.threshold - HYSTERESIS, 0.01)
