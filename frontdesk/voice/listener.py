"""The ear of one call: audio in, turns out, each with its transcript on the way."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from frontdesk.desk.voice import TurnDetection
from frontdesk.voice.base import (
    INPUT_RATE,
    Samples,
    TranscriptionStream,
    VoiceActivity,
    begun,
    runs_elsewhere,
)
from frontdesk.voice.buffer import AudioBuffer
from frontdesk.voice.dictation import Dictation, Tasks
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.onset import Lookout
from frontdesk.voice.pauses import PauseJudge
from frontdesk.voice.segment import (
    ListenerEvent,
    Segment,
    SpeechStarted,
    SpeechStopped,
    TurnLikely,
    TurnWentOn,
    waited_ms,
)
from frontdesk.voice.turns import (
    FAR_PAUSE_MS,
    LONGEST_TURN_MS,
    MIN_SPEECH_MS,
    PAUSE_MS,
    WINDOW_MS,
    Ask,
    Decision,
    Ended,
    Likely,
    Paused,
    Started,
    TurnDetector,
    rules_of,
)

logger = logging.getLogger(__name__)

_MS = INPUT_RATE // 1000
_AT_ONCE = 32
"""Windows (1 s of audio) worked through before others get their turn: about 5 ms."""
_BURST, _REST_S = 20, 0.02
"""After so many of these in a row, rest after each: a stream that is never worked off is a flood,
and may have a fifth of the time, not all that other calls leave."""
_BEHIND_MS = 10_000
_REAL_TIME_MS = 250
"""With less audio than this waiting, the stream is in real time, and its windows may wait a moment
for those of other calls."""
_RECORDING_MS = 3000
"""A recording that came at once is worked through at once. With less than this, it is a stream that
is late, as the machine has too much to do: then more than ever windows are heard together."""
_AT_REST = 2
"""Windows that are handed in together while nobody speaks, the agent neither: half of what it costs
to take them, and nobody is held up by a begin of speech that is found 32 ms later."""
_UNHEARD_MS = 200
"""Audio that is handed in at a time when nobody listens for turns."""


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
        self._soon: Callable[..., asyncio.Future[float]] | None
        self._soon = getattr(self._activity, "soon", None)
        self._awaited: asyncio.Future[float] | None = None
        self._buffer = AudioBuffer()
        self.lookout = Lookout(self._buffer, self._activity)
        self._seen = 0
        self._detector: TurnDetector | None = None
        self._dictation: Dictation | None = None
        self._turn_ms = 0
        self._guesses = 0
        self._guess: int | None = None
        self._tasks = Tasks()
        self._pump: asyncio.Task[None] | None = None
        self._pauses = PauseJudge(models.end_of_turn, self._buffer, self._tasks, self._decide)
        self.configure(turn_detection)

    @property
    def received_ms(self) -> int:
        """Audio received since the call began."""
        return self._buffer.end // _MS

    @property
    def listens(self) -> bool:
        """Whether turns are looked for; else the client says where they end."""
        return self._detector is not None

    @property
    def received(self) -> int:
        """Samples received since the call began."""
        return self._buffer.end

    @property
    def kept_from(self) -> int:
        """The oldest sample that a turn may still have in it."""
        return self._buffer.start

    @property
    def speaking(self) -> bool:
        """Whether a turn is under way (always False for push-to-talk)."""
        return self._detector is not None and self._detector.start_ms is not None

    @property
    def turn_begin(self) -> int | None:
        """The sample at which the turn under way began."""
        return self._turn_ms * _MS if self.speaking else None

    def since(self, sample: int) -> Samples:
        """Of the turn under way, what was received from this sample on."""
        return self._buffer.slice(sample, self._buffer.end)

    def configure(self, turn_detection: TurnDetection | Mapping[str, Any] | None) -> None:
        """Take a new ``turn_detection``; a running turn goes on under the new rules. None ends
        detection without an event. Raises ``ValueError`` naming a bad field."""
        if turn_detection is None:
            self._detector = None
            self._await_no_more()
            self._go_on()
            return
        turn_detection = rules_of(turn_detection)
        if self._detector is not None:
            self._detector.rules = turn_detection
            return
        self._seen = self._buffer.end
        self._activity.reset()
        self._detector = TurnDetector(
            turn_detection,
            model=self._models.end_of_turn is not None,
            pause_ms=FAR_PAUSE_MS if runs_elsewhere(self._models.stt) else PAUSE_MS,
            now_ms=self.received_ms,
        )

    @property
    def wants_ms(self) -> float:
        """With less audio than this there is nothing to do: it may be handed in together."""
        if self._detector is None:
            return _UNHEARD_MS
        if self.speaking:
            wanted = self._seen + self._activity.window
        elif self.lookout.interrupts():
            wanted = self.lookout.next(self._seen)
        else:
            wanted = self._seen + _AT_REST * self._activity.window
        return (wanted - self._buffer.end) / _MS

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
        self._detector = None
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
            late_ms = (self._buffer.end - self._seen) // _MS
            if self._soon and late_ms < _RECORDING_MS:
                self._awaited = self._soon(samples, late=late_ms >= _REAL_TIME_MS)
                self._awaited.add_done_callback(partial(self._heard_of, samples))
                return True
            self._heard(samples, self._probability(samples))
        self._follow()
        self._look_between()
        self._let_go()
        return self._detector is None or self._seen + window > self._buffer.end

    def _heard_of(self, samples: Samples, answer: asyncio.Future[float]) -> None:
        if answer is not self._awaited or self._detector is None:
            return
        self._awaited = None
        if (error := answer.exception()) is not None:
            probability = self._by_loudness(samples, error)
        else:
            probability = answer.result()
        self._heard(samples, probability)
        if self._pump is None:
            self._work()

    def _heard(self, samples: Samples, probability: float) -> None:
        """The next window, and how likely it is speech."""
        detector = self._detector
        if detector is None:
            return
        if not self.speaking and self.lookout.doubts():
            probability = 0.0
        quiet_ms = self._pauses.quiet_ms(self._seen) if detector.falls(probability) else 0
        self._act(detector.push(probability, quiet_ms))
        if not self.speaking and self.lookout.heard(samples, probability, detector.rules.threshold):
            self._act(detector.begin(detector.now_ms - WINDOW_MS, self.lookout.voice_due_ms))

    def _look_between(self) -> None:
        """Hear a voice half a window earlier, where it would interrupt the agent."""
        if self._detector is None or self._awaited is not None or self.speaking:
            return
        try:
            spoken_ms = self.lookout.between(self._seen, self._detector.rules.threshold)
        except Exception as error:
            self._by_loudness(self._buffer.slice(self._seen, self._buffer.end), error)
            return
        if spoken_ms is not None:
            self._act(self._detector.begin(spoken_ms, self.lookout.voice_due_ms))

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
        self.lookout.ask(self._activity)
        return self._activity(samples)

    def _follow(self) -> None:
        """While somebody speaks, the model may listen along; in a pause it has better to do."""
        if self._dictation and self._detector and not self._detector.paused:
            self._dictation.follow(self._seen)

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
                self.lookout.forget()
                self._pauses.over_agent = self.lookout.interrupts()
                self._on_event(SpeechStarted(decision.start_ms, decision.spoken_ms))
            elif isinstance(decision, Paused) and self._detector and self._dictation:
                words = self._dictation.guess(decision.at_ms * _MS)
                self._pauses.read(self._detector, decision, words)
            elif isinstance(decision, Ask) and self._detector:
                self._pauses.ask(self._detector, decision)
            elif isinstance(decision, Likely):
                self._guess_end(decision)
            elif isinstance(decision, Ended):
                segment = self._finish(decision, self._turn_ms)
                self._on_event(SpeechStopped(decision.end_ms, segment))
            else:
                self._go_on()

    def _guess_end(self, likely: Likely) -> None:
        if self._dictation and (words := self._dictation.guessed):
            self._guess = self._guesses = self._guesses + 1
            self._on_event(TurnLikely(self._guess, likely.at_ms, words, likely.probability))

    def _go_on(self) -> None:
        """The turn is not over, or nothing comes of it: so much for any guess."""
        if self._dictation is not None:
            self._dictation.drop_guess()
        if self._guess is not None:
            guess, self._guess = self._guess, None
            self._on_event(TurnWentOn(guess))

    def _decide(self, detector: TurnDetector, decisions: list[Decision]) -> None:
        if detector is self._detector:
            self._act(decisions)
            self._let_go()

    # Transcription

    def transcription(self) -> TranscriptionStream:
        """A stretch of speech on its way to text, as the session has it transcribed."""
        return begun(
            self._models.stt, language=self.language, prompt=self.prompt, logprobs=self.logprobs
        )

    def _begin_ms(self) -> int:
        """Where a commit would begin."""
        running = self._detector.start_ms if self._detector else None
        return max(-(-self._buffer.start // _MS), running or 0)

    def _dictate(self, start_ms: int) -> None:
        self._abandon()
        self._dictation = Dictation(self.transcription(), self._buffer, start_ms * _MS, self._tasks)
        self._turn_ms = start_ms

    def _abandon(self) -> None:
        self._go_on()
        if self._dictation is not None:
            self._tasks.start(self._dictation.aclose())
            self._dictation = None

    def _finish(self, ended: Ended, start_ms: int) -> Segment:
        dictation, self._dictation = self._dictation, None
        assert dictation is not None
        begin, end = start_ms * _MS, ended.end_ms * _MS
        paused = ended.reason not in ("commit", "length")
        transcript, speculated = dictation.finish(end, trust=paused)
        if not speculated:
            self._go_on()
        guess, self._guess = self._guess, None
        audio = self._buffer.slice(begin, end)
        self._buffer.drop_before(end)
        return Segment(
            start_ms,
            ended.end_ms,
            audio,
            transcript,
            ended.reason,
            waited_ms(audio, ended) if paused else ended.waited_ms,
            ended.probability,
            speculated,
            dictation.ready_for,
            guess,
        )
