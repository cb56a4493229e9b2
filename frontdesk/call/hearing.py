"""What the caller said, on its way to words, and until a turn answers it."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from frontdesk.call.book import CallBook
from frontdesk.call.caller_speech import CallerSpeech
from frontdesk.call.clock import Clock, Timer
from frontdesk.call.ears import Ears
from frontdesk.call.events import CallEvent, Transcribed
from frontdesk.call.seam import may_go_on
from frontdesk.call.upstream import CallUpstream
from frontdesk.voice.backchannel import says_nothing
from frontdesk.voice.base import INPUT_RATE, SpeechError, Transcript
from frontdesk.voice.segment import Segment

logger = logging.getLogger(__name__)

LAST_WORDS = 2.0
"""Seconds that the end of a call waits for the words of speech that was committed before it."""
GOES_ON_MS = 1000
"""Pause in the middle of what somebody says, at most: people answer each other after 200 ms, and
after a second somebody else has the floor."""
LAG = 0.25
"""Seconds by which the begin of speech is known later than it was."""
UNANSWERED = 16
"""Stretches of speech that may wait to be answered; the trace of one more loses the oldest."""


@dataclass(slots=True)
class _Wording:
    """Speech whose words are still to come. ``known`` is set by the writer. No ``speech`` stands
    for audio that was not spoken in the call."""

    speech: CallerSpeech | None
    task: asyncio.Task[None]
    known: asyncio.Event
    given_up: Timer


class Hearing:
    """Owned by the call: its writer calls every method but :meth:`words_known`."""

    def __init__(
        self,
        book: CallBook,
        ears: Ears,
        clock: Clock,
        post: Callable[[CallEvent], None],
        *,
        patience: float,
        upstream: CallUpstream | None = None,
    ) -> None:
        """``patience``: seconds after which speech that is not in words yet counts as not
        understood. ``upstream`` may be who tells the words."""
        self._upstream = upstream
        self._book = book
        self._ears = ears
        self._clock = clock
        self._post = post
        self._patience = patience
        self._wording: dict[str, _Wording] = {}
        self._over_agent: set[str] = set()
        self._unanswered: deque[CallerSpeech] = deque(maxlen=UNANSWERED)
        self.spoken_until = 0.0
        """When the caller last stopped speaking, as far as was committed."""
        self._unanswered_ms = 0.0
        self._last: tuple[str, int] | None = None
        self._goes_on: str | None = None

    def begun(self, spoken_ms: float) -> None:
        """The caller begins to speak, at this millisecond of the audio."""
        self._goes_on = None
        if self._last is None:
            return
        item_id, until_ms = self._last
        silent = self._clock.now() - self.spoken_until
        if spoken_ms - until_ms <= GOES_ON_MS and silent <= GOES_ON_MS / 1000 + LAG:
            self._goes_on = item_id

    @property
    def goes_on(self) -> bool:
        """Whether what the caller says now is the rest of what they said before, which was taken
        for all of it: they had hardly stopped, and heard no answer to its end."""
        return self._goes_on is not None and may_go_on(self._book.state, self._goes_on)

    def committed(self, item_id: str, segment: Segment) -> None:
        """Speech became an item: keep its sound, wait for its words."""
        started = self._ears.wall(segment.start_ms)
        uri = self._book.keep("caller", item_id, segment.recorded, rate=INPUT_RATE, started=started)
        speech = CallerSpeech(
            started=started,
            ended=self._ears.wall(segment.end_ms - segment.waited_ms),
            decided=self._clock.now(),
            probability=segment.eot_probability,
            offset_ms=self._book.offset(started),
            audio_uri=uri,
            item_id=item_id,
            ready_for=segment.ready_for,
        )
        self._last = item_id, segment.end_ms - segment.waited_ms
        self._goes_on = None
        self._unanswered.append(speech)
        self._unanswered_ms += segment.end_ms - segment.start_ms
        self.spoken_until = speech.ended
        self._await(item_id, self._heard(segment, speech), speech)

    def given(self, item_id: str, audio: bytes) -> float:
        """The client sent sound in an item of its own, in the session's input format: get its
        words. Returns its milliseconds."""
        self._await(item_id, self._ears.transcribe(audio), None)
        return self._ears.milliseconds(audio)

    def given_to_answer(self, item_id: str, audio: bytes) -> None:
        """As :meth:`given`, in the conversation: the next answer is to it."""
        self._unanswered_ms += self.given(item_id, audio)

    def recovered(self, item_id: str, words: Awaitable[Transcript]) -> None:
        """Get the words of an item that was committed before the call was lost."""
        self._await(item_id, words, None)

    def _await(
        self, item_id: str, words: Awaitable[Transcript], speech: CallerSpeech | None
    ) -> None:
        task = asyncio.create_task(self._word(item_id, words))
        late = Transcribed(item_id, None, f"no transcript came within {self._patience:g} s")
        given_up = self._clock.later(self._patience, lambda: self._post(late))
        self._wording[item_id] = _Wording(speech, task, asyncio.Event(), given_up)

    async def _heard(self, segment: Segment, speech: CallerSpeech) -> Transcript:
        """The words of a turn, listened to again when that failed: its sound is still there."""
        try:
            if self._upstream is not None and self._upstream.transcribes:
                seconds = len(segment.audio) / INPUT_RATE
                return await self._upstream.words(speech.item_id, seconds)
            return await segment.transcript
        except SpeechError as error:
            logger.warning("speech is transcribed again: %s", error)
            speech.heard(None, str(error), self._clock.now())
            return await self._ears.again(segment.audio)

    async def _word(self, item_id: str, words: Awaitable[Transcript]) -> None:
        try:
            transcript = await words
        except SpeechError as error:
            self._post(Transcribed(item_id, None, str(error)))
        except Exception as error:
            logger.exception("the transcriber has a defect")
            self._post(Transcribed(item_id, None, f"{type(error).__name__}: {error}"))
        else:
            self._post(Transcribed(item_id, transcript))

    def over_agent(self, item_id: str) -> None:
        """The speech that this item will be began over the agent's."""
        self._over_agent.add(item_id)

    def understood(self, item_id: str, heard: Transcript) -> Transcript:
        """The words of an item. What was written for a cough over the agent is none."""
        words = self.supposed(item_id, heard)
        self._over_agent.discard(item_id)
        return words

    def supposed(self, item_id: str, heard: Transcript) -> Transcript:
        """The same of speech that may not be over."""
        cough = item_id in self._over_agent and says_nothing(heard)
        return replace(heard, text="", logprobs=None) if cough else heard

    @property
    def under_way(self) -> bool:
        """Whether words are still to come."""
        return bool(self._wording)

    @property
    def awaited(self) -> list[str]:
        """The items whose words are still to come, oldest first."""
        return [*self._wording]

    def awaits(self, item_id: str) -> bool:
        """Whether the words of this item are still to come."""
        return item_id in self._wording

    def transcribed(self, event: Transcribed) -> None:
        """The words are in the conversation: whoever waits for them may go on."""
        if wording := self._wording.pop(event.item_id, None):
            wording.given_up.cancel()
            wording.task.cancel()
            if wording.speech:
                wording.speech.heard(event.transcript, event.error, self._clock.now())
            wording.known.set()

    @property
    def unanswered_speech(self) -> bool:
        """Whether there is speech that no turn has answered."""
        return bool(self._unanswered)

    def unanswered(self) -> list[CallerSpeech]:
        """The speech that the next turn answers, oldest first. It is given out once."""
        speeches = [*self._unanswered]
        self._unanswered.clear()
        return speeches

    def unanswered_ms(self) -> float:
        """Milliseconds of audio that the next turn answers. They are given out once."""
        milliseconds, self._unanswered_ms = self._unanswered_ms, 0.0
        return milliseconds

    async def words_known(self, item_ids: Iterable[str] | None = None) -> None:
        """Wait until all that was said so far is in words, or has failed to be; with
        ``item_ids``, until those items are."""
        wanted = [*self._wording] if item_ids is None else item_ids
        for wording in [self._wording[item] for item in wanted if item in self._wording]:
            await wording.known.wait()

    async def last_words(self) -> None:
        """The caller has left: wait a moment for what was said last, for the log."""
        if tasks := [wording.task for wording in self._wording.values()]:
            await asyncio.wait(tasks, timeout=LAST_WORDS)

    async def aclose(self) -> None:
        """Stop listening for words."""
        tasks = [wording.task for wording in self._wording.values()]
        for wording in self._wording.values():
            wording.given_up.cancel()
            wording.task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
