"""What the caller said, on its way to words, and until a turn answers it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock
from frontdesk.call.ears import Ears
from frontdesk.call.events import CallEvent, Transcribed
from frontdesk.call.turn import CallerSpeech
from frontdesk.voice.base import INPUT_RATE, SpeechError
from frontdesk.voice.listener import Segment


@dataclass(slots=True)
class _Wording:
    """Speech whose words are still to come. ``known`` is set by the writer."""

    speech: CallerSpeech
    task: asyncio.Task[None]
    known: asyncio.Event


class Hearing:
    """Owned by the call: its writer calls every method but :meth:`words_known`."""

    def __init__(
        self, book: CallBook, ears: Ears, clock: Clock, post: Callable[[CallEvent], None]
    ) -> None:
        self._book = book
        self._ears = ears
        self._clock = clock
        self._post = post
        self._wording: dict[str, _Wording] = {}
        self._unanswered: CallerSpeech | None = None
        self.spoken_until = 0.0
        """When the caller last stopped speaking, as far as was committed."""

    def committed(self, item_id: str, segment: Segment) -> None:
        """Speech became an item: keep its sound, wait for its words."""
        started = self._ears.wall(segment.start_ms)
        uri = self._book.keep("caller", item_id, segment.audio, rate=INPUT_RATE, started=started)
        self._unanswered = speech = CallerSpeech(
            started=started,
            ended=self._ears.wall(segment.end_ms - segment.waited_ms),
            decided=self._clock.now(),
            probability=segment.eot_probability,
            offset_ms=self._book.offset(started),
            audio_uri=uri,
        )
        self.spoken_until = speech.ended
        task = asyncio.create_task(self._word(item_id, segment))
        self._wording[item_id] = _Wording(speech, task, asyncio.Event())

    async def _word(self, item_id: str, segment: Segment) -> None:
        try:
            transcript = await segment.transcript
        except SpeechError as error:
            self._post(Transcribed(item_id, None, str(error)))
        else:
            self._post(Transcribed(item_id, transcript))

    def transcribed(self, event: Transcribed) -> None:
        """The words are in the conversation: whoever waits for them may go on."""
        if wording := self._wording.pop(event.item_id, None):
            wording.speech.heard(event.transcript, event.error, self._clock.now())
            wording.known.set()

    def unanswered(self) -> CallerSpeech | None:
        """The speech that the next turn answers. It is given out once."""
        speech, self._unanswered = self._unanswered, None
        return speech

    async def words_known(self) -> None:
        """Wait until all that was said so far is in words, or has failed to be."""
        for wording in [*self._wording.values()]:
            await wording.known.wait()

    async def aclose(self) -> None:
        """Stop listening for words."""
        tasks = [wording.task for wording in self._wording.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
