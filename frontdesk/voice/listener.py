"""The ear of one call: audio in, turns out, each with its transcript on the way."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from frontdesk.desk.schema import TurnDetection
from frontdesk.voice.audio import first_audible
from frontdesk.voice.base import (
    INPUT_RATE,
    EndOfTurn,
    Samples,
    Transcript,
    TranscriptionStream,
    VoiceActivity,
    logprobs_of,
)
from frontdesk.voice.buffer import AudioBuffer
from frontdesk.voice.dictation import Dictation, Tasks
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.turns import (
    LONGEST_TURN_MS,
    MIN_SPEECH_MS,
    WINDOW_MS,
    Ask,
    Decision,
    Ended,
    EndReason,
    Paused,
    Started,
    TurnDetector,
)

logger = logging.getLogger(__name__)

_MS = INPUT_RATE // 1000
_LINGERING_MS = 200
"""Longest stretch by which voice activity may outlast the voice: on 32 ms windows it is 60 to
100 ms (measured with clean speech)."""
_JUDGED_MS = 8000
"""The end-of-turn model hears this much of a turn at most."""
_AT_ONCE = 32
"""Windows (1 s of audio) worked through before others get their turn: about 5 ms."""
_BURST, _REST_S = 20, 0.02
"""After so many of these in a row, rest after each: a stream that is never worked off is a flood,
and may have a fifth of the time, not all that other calls leave."""
_BEHIND_MS = 10_000
_REAL_TIME_MS = 250
"""With less audio than this waiting, the stream is in real time, and its windows may wait a moment
for those of other calls; a recording that came at once is worked through at once."""
_UNHEARD_MS = 200
"""Audio that is handed in at a time when nobody listens for turns."""
_WIRE_FIELDS = ("type", "threshold", "prefix_padding_ms", "silence_duration_ms", "eagerness")


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One turn of the caller: audio from ``start_ms`` to ``end_ms`` of the call's input.

    ``audio`` has the prefix padding in front and the silence waited behind. ``transcript`` is
    under way, perhaps done; awaiting it raises :class:`SpeechError` when the model failed, and
    nothing needs to await it. ``waited_ms`` is the silence before the end; ``speculated`` says
    that transcription began before the end was sure, ``ready_for`` for how many seconds the words
    had been known by then.
    """

    start_ms: int
    end_ms: int
    audio: Samples
    transcript: asyncio.Task[Transcript]
    reason: EndReason
    waited_ms: int = 0
    eot_probability: float | None = None
    speculated: bool = False
    ready_for: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak; prefix padding already taken off ``start_ms``."""

    start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The caller's turn is over."""

    end_ms: int
    segment: Segment


ListenerEvent = SpeechStarted | SpeechStopped


class Listener:
    """Finds the caller's turns and has them transcribed.

    ``turn_detection`` is a team's setting, a Realtime session's object, or None for
    push-to-talk: no events, and :meth:`commit` ends a turn. ``on_event`` is called in the event
    loop, from :meth:`push` or soon after. ``language``, ``prompt`` and ``logprobs`` (whether to
    ask for those of each token) may be set at any time and hold from the next turn on. Use from
    one event loop; :meth:`aclose` at the end of the call.
    """

    def __init__(
        self,
        models: VoiceModels,
        turn_detection: TurnDetection | Mapping[str, Any] | None,
        on_event: Callable[[ListenerEvent], None],
        *,
        language: str | None = None,
        prompt: str | None = None,
    ) -> None:
        self.language = language
        self.prompt = prompt
        self.logprobs = False
        self._models = models
        self._on_event = on_event
        self._activity: VoiceActivity = models.activity_factory()
        self._soon: Callable[[Samples], asyncio.Future[float]] | None
        self._soon = getattr(self._activity, "soon", None)
        self._awaited: asyncio.Future[float] | None = None
        self._buffer = AudioBuffer()
        self._seen = 0
        self._detector: TurnDetector | None = None
        self._dictation: Dictation | None = None
        self._turn_ms = 0
        self._tasks = Tasks()
        self._pump: asyncio.Task[None] | None = None
        self.configure(turn_detection)

    @property
    def received_ms(self) -> int:
        """Audio received since the call began."""
        return self._buffer.end // _MS

    @property
    def speaking(self) -> bool:
        """Whether a turn is under way (always False for push-to-talk)."""
        return self._detector is not None and self._detector.start_ms is not None

    def configure(self, turn_detection: TurnDetection | Mapping[str, Any] | None) -> None:
        """Take a new ``turn_detection``; a running turn goes on under the new rules. None ends
        detection without an event. Raises ``ValueError`` naming a bad field."""
        if turn_detection is None:
            self._detector = None
            self._await_no_more()
            return
        if isinstance(turn_detection, Mapping):
            given = {
                k: turn_detection[k] for k in _WIRE_FIELDS if turn_detection.get(k) is not None
            }
            turn_detection = TurnDetection.model_validate(given)
        if self._detector is not None:
            self._detector.rules = turn_detection
            return
        self._seen = self._buffer.end
        self._activity.reset()
        model = self._models.end_of_turn is not None
        self._detector = TurnDetector(turn_detection, model=model, now_ms=self.received_ms)

    @property
    def wants_ms(self) -> float:
        """With less audio than this there is nothing to do: it may be handed in together."""
        if self._detector is None:
            return _UNHEARD_MS
        return (self._seen + self._activity.window - self._buffer.end) / _MS

    @property
    def at_rest(self) -> bool:
        """Whether no turn is under way, as far as has been looked; and that is far enough."""
        return not self.speaking and self._pump is None

    @property
    def behind(self) -> bool:
        """Whether there are more than 10 s of audio that nobody has looked at."""
        return self._pump is not None and self._buffer.end - self._seen > _BEHIND_MS * _MS

    async def caught_up(self) -> None:
        """Wait while there are more than 10 s of audio that nobody has looked at: a stream that
        is faster than real time must be held up, or it fills the memory."""
        while self._pump is not None and self.behind:
            await asyncio.wait({self._pump})

    def push(self, samples: Samples) -> None:
        """The next 16 kHz samples. Never blocks: of a large chunk, one second is worked through
        at once and the rest in pieces, between which other tasks run."""
        self._buffer.append(samples)
        if self._pump is None and self._awaited is None:
            self._work()

    def commit(self) -> Segment | None:
        """End the turn now, as push-to-talk does: everything since the last turn, commit or
        clear. With detection on, that is the running turn, or the last moments when nobody
        speaks. None when there is no audio."""
        start_ms = self._begin_ms()
        if self.received_ms <= start_ms:
            return None
        self._skip()
        if self._dictation is None:
            self._dictate(start_ms)
        return self._finish(Ended(self.received_ms, 0, "commit"), start_ms)

    def clear(self) -> None:
        """Forget the audio since the last turn, and a running turn with it, without an event."""
        self._skip()
        self._abandon()
        self._buffer.drop_before(self._buffer.end)

    async def aclose(self) -> None:
        """Stop all work of this call, transcripts included."""
        self._await_no_more()
        await self._tasks.stop()
        if self._dictation is not None:
            await self._dictation.aclose()
        # A call that is over is garbage in a circle: its audio need not wait to be collected.
        self._buffer.drop_before(self._buffer.end)

    # From samples to decisions

    def _work(self) -> None:
        if not self._run_windows(_AT_ONCE):
            self._pump = self._tasks.start(self._work_on())

    async def _work_on(self) -> None:
        worked = 0
        try:
            while not self._run_windows(_AT_ONCE):
                worked += 1
                await asyncio.sleep(0 if worked < _BURST else _REST_S)
        finally:
            self._pump = None

    def _run_windows(self, limit: int) -> bool:
        """Feed the detector; False when windows are left that can be worked on at once."""
        window = self._activity.window
        for _ in range(limit):
            if self._detector is None or self._seen + window > self._buffer.end:
                break
            samples = self._buffer.slice(self._seen, self._seen + window)
            self._seen += window
            if self._soon and self._buffer.end - self._seen < _REAL_TIME_MS * _MS:
                self._awaited = self._soon(samples)
                self._awaited.add_done_callback(partial(self._heard_of, samples))
                break
            self._act(self._detector.push(self._probability(samples)))
        self._let_go()
        waits = self._awaited is not None or self._detector is None
        return waits or self._seen + window > self._buffer.end

    def _heard_of(self, samples: Samples, answer: asyncio.Future[float]) -> None:
        if answer is not self._awaited or self._detector is None:
            return
        self._awaited = None
        if (error := answer.exception()) is not None:
            probability = self._by_loudness(samples, error)
        else:
            probability = answer.result()
        self._act(self._detector.push(probability))
        if self._pump is None:
            self._work()

    def _await_no_more(self) -> None:
        awaited, self._awaited = self._awaited, None
        if awaited is not None:
            awaited.cancel()

    def _probability(self, samples: Samples) -> float:
        try:
            return self._activity(samples)
        except Exception as error:
            return self._by_loudness(samples, error)

    def _by_loudness(self, samples: Samples, error: BaseException) -> float:
        message = "voice activity model failed; this call goes on by loudness alone"
        logger.error(message, exc_info=error)
        self._activity, self._soon = EnergyActivity(), None
        return self._activity(samples)

    def _let_go(self) -> None:
        """Keep the running turn, or what the next one may reach back to."""
        if self._detector is None:
            self._buffer.drop_before(self._buffer.end - LONGEST_TURN_MS * _MS)
        elif not self.speaking:
            reach = self._detector.rules.prefix_padding_ms + MIN_SPEECH_MS + 4 * WINDOW_MS
            self._buffer.drop_before(self._seen - reach * _MS)

    def _skip(self) -> None:
        """Give up on windows not yet looked at; the detector starts over from here."""
        self._await_no_more()
        self._seen = self._buffer.end
        if self._detector is not None:
            self._detector.now_ms = self.received_ms
            self._detector.forget()

    # From decisions to events

    def _act(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            if isinstance(decision, Started):
                self._dictate(decision.start_ms)
                self._on_event(SpeechStarted(decision.start_ms))
            elif isinstance(decision, Paused) and self._dictation is not None:
                self._dictation.guess(decision.at_ms * _MS)
            elif isinstance(decision, Ask):
                self._ask(decision)
            elif isinstance(decision, Ended):
                self._end(decision)
            elif self._dictation is not None:
                self._dictation.drop_guess()

    def _ask(self, ask: Ask) -> None:
        model, detector = self._models.end_of_turn, self._detector
        if model is None or detector is None or detector.start_ms is None:
            return
        start = max(detector.start_ms, ask.at_ms - _JUDGED_MS) * _MS
        speech = self._buffer.slice(start, ask.at_ms * _MS)
        self._tasks.start(self._judge(model, detector, ask, speech))

    async def _judge(
        self, model: EndOfTurn, detector: TurnDetector, ask: Ask, speech: Samples
    ) -> None:
        try:
            probability = await model.probability(speech)
        except Exception as error:
            logger.warning("end of turn falls back to silence: %s", error)
            probability = None
        if detector is self._detector:
            self._act(detector.answer(ask, probability))
            self._let_go()

    def _end(self, ended: Ended) -> None:
        segment = self._finish(ended, self._turn_ms)
        self._on_event(SpeechStopped(ended.end_ms, segment))

    # Transcription

    def transcription(self) -> TranscriptionStream:
        """A stretch of speech on its way to text, as the session has it transcribed."""
        stt = self._models.stt
        if self.logprobs and (sure := logprobs_of(stt)):
            return sure.stream(language=self.language, prompt=self.prompt, logprobs=True)
        return stt.stream(language=self.language, prompt=self.prompt)

    def _begin_ms(self) -> int:
        """Where a commit would begin."""
        running = self._detector.start_ms if self._detector else None
        return max(-(-self._buffer.start // _MS), running or 0)

    def _dictate(self, start_ms: int) -> None:
        self._abandon()
        self._dictation = Dictation(self.transcription(), self._buffer, start_ms * _MS, self._tasks)
        self._turn_ms = start_ms

    def _abandon(self) -> None:
        if self._dictation is not None:
            self._tasks.start(self._dictation.aclose())
            self._dictation = None

    def _finish(self, ended: Ended, start_ms: int) -> Segment:
        dictation, self._dictation = self._dictation, None
        assert dictation is not None
        begin, end = start_ms * _MS, ended.end_ms * _MS
        paused = ended.reason not in ("commit", "length")
        transcript, speculated = dictation.finish(end, trust=paused)
        audio = self._buffer.slice(begin, end)
        self._buffer.drop_before(end)
        return Segment(
            start_ms,
            ended.end_ms,
            audio,
            transcript,
            ended.reason,
            _waited_ms(audio, ended) if paused else ended.waited_ms,
            ended.probability,
            speculated,
            dictation.ready_for,
        )


def _waited_ms(audio: Samples, ended: Ended) -> int:
    """The silence before the end, as one hears it: voice activity lasts a little longer than the
    voice does, and the wait for an answer is counted from here."""
    voice = audio[: len(audio) - ended.waited_ms * _MS]
    return ended.waited_ms + (first_audible(voice[: -_LINGERING_MS * _MS - 1 : -1]) or 0) // _MS
