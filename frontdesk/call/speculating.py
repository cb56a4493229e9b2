"""When an answer is begun before the end of the caller's turn is sure, and what becomes of it."""

import asyncio
from collections.abc import Callable
from typing import Any

from frontdesk.call.asking import Asking
from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock
from frontdesk.call.discarded import Discarded
from frontdesk.call.hearing import Hearing
from frontdesk.call.late import LateJobs
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.preparing import Preparing
from frontdesk.call.sound_ahead import SoundAhead
from frontdesk.call.speculation import Speculation
from frontdesk.call.turn import Turn
from frontdesk.protocol.commands import ResponseRequested
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.protocol.items import user_audio, with_transcript
from frontdesk.state.entries import StoredItem
from frontdesk.team.events import Jobs, TurnRequest
from frontdesk.tracing.calls import Tracing
from frontdesk.voice.base import Transcript
from frontdesk.voice.segment import TurnLikely

MOST = 3
"""Answers that are begun for one turn: who hesitates more often is waited for. Each costs what a
model costs."""


class Speculating:
    """Owned by the call; every method runs in its writer."""

    def __init__(
        self,
        *,
        live_team: LiveTeam,
        protocol: RealtimeProtocol,
        book: CallBook,
        hearing: Hearing,
        asking: Asking,
        preparing: Preparing,
        jobs: Callable[[], Jobs],
        may_begin: Callable[[], bool],
        tracing: Tracing,
        clock: Clock,
    ) -> None:
        """``jobs`` gives the background work as it is, ``may_begin`` says whether there is
        nothing else that the next response has to do."""
        self._team = live_team
        self._protocol = protocol
        self._book = book
        self._hearing = hearing
        self._asking = asking
        self._preparing = preparing
        self._jobs = jobs
        self._may_begin = may_begin
        self._tracing = tracing
        self._clock = clock
        self._now: Speculation | None = None
        self._came_true = False
        self._begun = 0
        self._discarded: list[Discarded] = []
        self._ending: set[asyncio.Task[Any]] = set()

    def likely(self, event: TurnLikely) -> None:
        """The caller has probably finished: begin to answer, if it is that simple."""
        self.drop()
        item_id, request = self._protocol.speech_item_id, self._protocol.next_answer
        if request is None or item_id is None or not self._is_worth(request):
            return
        self._begun += 1
        trace = self._tracing.ahead(self._book.state.call_id)
        sound = SoundAhead(self._team.voice, self._clock, self._preparing.language)
        goes_on = self._hearing.goes_on

        async def ask() -> TurnRequest | None:
            heard = await _heard(event.transcript)
            words = heard and self._hearing.supposed(item_id, heard).text.strip()
            if not words:
                return None
            item = with_transcript(user_audio(item_id), 0, words)
            spoken = StoredItem(item, goes_on=goes_on)
            await self._hearing.words_known()
            if self._preparing.is_no_turn(spoken):
                return None  # the answer that it stopped goes on
            return await self._asking.ahead(request, self._protocol.session, spoken, trace.name)

        self._now = Speculation(
            event.guess,
            ask=ask,
            run_team=self._team.runner.run,
            guardrails=self._team.runner.guardrails,
            sound=sound,
            speaker_for=self._preparing.speaker_ahead,
            jobs=LateJobs(self._jobs()),
            trace=trace,
            tracing=self._tracing,
            clock=self._clock,
        )

    def _is_worth(self, request: ResponseRequested) -> bool:
        """Whether the answer is one to hear, and nothing else comes first."""
        spoken = "audio" in request.options["output_modalities"]
        voice = self._team.loaded.team.voice
        allowed = voice.speculation and voice.engine == "chain" and self._begun < MOST
        return spoken and allowed and self._may_begin()

    def went_on(self, guess: int) -> None:
        """The caller had not finished."""
        if self._now is not None and self._now.guess == guess:
            self.drop()

    def over(self, guess: int | None) -> None:
        """The turn is over; ``guess`` is the one that came true."""
        self._begun = 0
        self._came_true = self._now is not None and self._now.guess == guess
        if not (self._came_true and self._now and self._now.under_way):
            self.drop()

    def settled(self) -> None:
        """What comes of the end of a turn has come."""
        self._came_true = False
        self.drop()

    def take(self) -> Speculation | None:
        """What was begun for the response that begins now. It is given out once."""
        if not self._came_true:
            return None
        taken, self._now = self._now, None
        return taken

    def goes_with(self, speculation: Speculation, turn: Turn, task: asyncio.Task[None]) -> None:
        """It is part of this turn, and of the reply that ``task`` makes, as long as that lasts."""
        speculation.turn = turn
        task.add_done_callback(lambda _: self._over(speculation))

    def _over(self, speculation: Speculation) -> None:
        if not speculation.answered and (discarded := speculation.drop()):
            self._discarded.append(discarded)  # there was something else to say
        self._wait_for(speculation.stop())

    def told(self, turn: Turn) -> None:
        """A turn begins: what was begun in vain before it is told in its trace."""
        if self._discarded:
            turn.discarded(self._discarded)
            self._discarded = []

    def drop(self) -> None:
        """Nothing comes of what was begun."""
        speculation, self._now = self._now, None
        if speculation is None:
            return
        if discarded := speculation.drop():
            self._discarded.append(discarded)
        self._wait_for(speculation.stop())

    def _wait_for(self, tasks: list[asyncio.Task[Any]]) -> None:
        for task in tasks:
            if not task.done():
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)

    async def aclose(self) -> None:
        """The call ends."""
        self.drop()
        await asyncio.gather(*self._ending, return_exceptions=True)


async def _heard(transcript: asyncio.Task[Transcript]) -> Transcript | None:
    """What was heard once that is known; None if that fails, or the caller went on."""
    await asyncio.wait({transcript})
    if transcript.cancelled() or transcript.exception() is not None:
        return None
    return transcript.result()
