"""An answer that is begun before it is sure that the caller has finished.

The team runs on the words as they are likely to be. What it does is kept here: nothing is posted,
recorded or sent, no tool runs, no span is seen. The reply to the turn then asks the team as it
always does; if that is the very same request it gets the run that is under way, else a new one. So
a turn goes as it would have gone, only sooner, and of what was begun in vain nothing is left.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from frontdesk.call.clock import Clock
from frontdesk.call.discarded import Discarded, used_by
from frontdesk.call.guarding import Blocked, Guarding
from frontdesk.call.late import LateJobs, LateRecord
from frontdesk.call.request import Unanswerable
from frontdesk.call.sound_ahead import SoundAhead
from frontdesk.call.turn import Turn
from frontdesk.team.events import (
    AgentChanged,
    MessageEnded,
    TeamEvent,
    TextDelta,
    ToolStarted,
    TurnFailed,
    TurnRequest,
)
from frontdesk.team.guardrails.build import Guardrails
from frontdesk.team.guardrails.guard import Outcome
from frontdesk.team.guardrails.verdicts import Verdicts
from frontdesk.tracing.ahead import TraceAhead
from frontdesk.tracing.calls import Tracing
from frontdesk.voice.cutting import closing
from frontdesk.voice.speaker import Speaker

logger = logging.getLogger(__name__)

RunTeam = Callable[[TurnRequest], AsyncGenerator[TeamEvent]]


@dataclass(frozen=True, slots=True)
class _End:
    """Stands behind the last event. ``error``: why there are no more, if that is a failure."""

    error: Exception | None = None


class Speculation:
    """One answer to the words of ``guess``. ``trace`` is that of the turn that may come of it.

    ``speaker_for(agent, mouth)`` gives an agent's voice. Used by the call's writer, and by the
    reply that takes it on."""

    def __init__(
        self,
        guess: int,
        *,
        ask: Callable[[], Awaitable[TurnRequest | None]],
        run_team: RunTeam,
        guardrails: Guardrails,
        sound: SoundAhead,
        speaker_for: Callable[[str, SoundAhead], Speaker],
        jobs: LateJobs,
        trace: TraceAhead,
        tracing: Tracing,
        clock: Clock,
    ) -> None:
        """``ask`` waits for the words and gives what the team is to answer; None: there is nothing
        to begin with."""
        self.guess = guess
        self.trace = trace
        self.sound = sound
        self.verdicts = Verdicts()
        self.turn: Turn | None = None
        """The turn that it may be the answer of."""
        self.answered = False
        """Whether the team was asked in earnest."""
        self._ask = ask
        self._run_team = run_team
        self._guarding = Guarding(guardrails, _Unnoted(), self.verdicts, ahead=True)
        self._speaker_for = speaker_for
        self._jobs, self._record = jobs, LateRecord()
        self._tracing = tracing
        self._clock = clock
        self._began: float | None = None
        self._sounds_at: float | None = None
        self._request: TurnRequest | None = None
        self._failed = False
        self._sure = asyncio.Event()
        self._cleared: Callable[[], Awaitable[None]] | None = None
        self._events: asyncio.Queue[TeamEvent | _End] = asyncio.Queue()
        self._words: asyncio.Queue[str | None] | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._thinking = self._start(self._think())

    @property
    def under_way(self) -> bool:
        """Whether there is anything that a turn could be answered with."""
        return self._request is not None and not self._failed

    # Ahead

    def _start(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.append(task)
        return task

    async def _think(self) -> None:
        end = _End()
        with self.trace.use():
            try:
                await self._run()
            except (Blocked, TurnFailed, Unanswerable) as error:
                end = _End(error)
            except Exception as error:
                logger.exception("an answer begun ahead has failed")
                end = _End(error)
        self._failed = end.error is not None
        self._events.put_nowait(end)

    async def _run(self) -> None:
        if (request := await self._ask()) is None:
            return
        self._began = self._clock.now()
        request = await self._guarding.begin(request)
        if guards := self._guarding.slow_input(request):
            self._start(_settled(partial(self._guarding.decide, request, guards)))
        self._request = request
        given = replace(request, jobs=self._jobs, record=self._record, cleared=self._until_clear)
        async with aclosing(self._run_team(given)) as events:
            async for event in events:
                self._events.put_nowait(event)
                if not self._sure.is_set():
                    self._prepare(event)

    async def _until_clear(self) -> None:
        """Tools wait until the answer is wanted, and then for what they would have waited for."""
        await self._sure.wait()
        if self._cleared is not None:
            await self._cleared()

    def _prepare(self, event: TeamEvent) -> None:
        """Have the first of the words spoken, for whoever is to hear them."""
        match event:
            case TextDelta(text, agent):
                if self._words is None:
                    self._words = asyncio.Queue()
                    self._start(_settled(partial(self._speak, agent, self._words, watched=True)))
                self._words.put_nowait(text)
            case AgentChanged(say=str(line), previous=agent) if self._words is None:
                self._words = asyncio.Queue()
                self._words.put_nowait(line)
                self._words.put_nowait(None)
                self._start(_settled(partial(self._speak, agent, self._words, watched=False)))
            case MessageEnded() | ToolStarted() | AgentChanged():
                if self._words is not None:
                    self._words.put_nowait(None)
            case _:
                pass

    async def _speak(self, agent: str, words: asyncio.Queue[str | None], *, watched: bool) -> None:
        """Make the sound of the first clause."""
        speaker, deltas = self._speaker_for(agent, self.sound), _all(words)
        if watched and self._guarding.watches(agent):
            speech = speaker.say(self._guarding.checked(deltas, agent))
        else:
            speech = speaker.speak(deltas)
        async with closing(speech):
            async for spoken in speech:
                if len(spoken.audio) and self._sounds_at is None:
                    self._sounds_at = self._clock.now()
                if spoken.last_of_clause and self._sounds_at is not None:
                    break

    # In earnest

    def answer(self, request: TurnRequest) -> AsyncGenerator[TeamEvent]:
        """The run of the team on ``request``: the one under way if that is on the same, else a new
        one."""
        assert self.turn is not None
        self.answered = True
        if self._began is None or not self._is_same(request):
            if discarded := self._discard():
                self.turn.discarded([discarded])
            for task in self._tasks:
                task.cancel()
            return self._run_team(request)
        now = self._clock.now()
        self.turn.saved(max(0.0, min(now, self._sounds_at or now) - self._began))
        for task in self._tasks:
            if task is not self._thinking:  # the sound of what was begun is made to its end
                task.cancel()
        self._jobs.bind(request.jobs)
        self._record.bind(request.record)
        self._cleared = request.cleared
        self.trace.let_go()
        self._sure.set()
        return self._told()

    def _is_same(self, request: TurnRequest) -> bool:
        asked = replace(request, jobs=None, record=None, cleared=None)
        return not self._failed and asked == self._request

    async def _told(self) -> AsyncGenerator[TeamEvent]:
        try:
            while not isinstance(event := await self._events.get(), _End):
                yield event
            if event.error is not None:
                raise event.error
        finally:
            self._thinking.cancel()
            await asyncio.wait({self._thinking})

    # In vain

    def drop(self) -> Discarded | None:
        """Nothing comes of it. Returns what it cost, if it had begun."""
        discarded = self._discard()
        self.stop()
        return discarded

    def _discard(self) -> Discarded | None:
        spans = self._tracing.discard(self.trace)
        if self._began is None:
            return None
        used = used_by(spans, self.sound.characters)
        return Discarded(self._began, self._clock.now(), used)

    def stop(self) -> list[asyncio.Task[Any]]:
        """Give up what is under way. Returns what may need a moment to end."""
        for task in self._tasks:
            task.cancel()
        return [*self._tasks, *self.sound.stop(), *self.verdicts.stop()]


class _Unnoted:
    """What guardrails do ahead is noted when it counts."""

    def guarded(self, outcome: Outcome) -> None: ...

    def held(self, seconds: float) -> None: ...

    def blocked(self, guardrail: str) -> None: ...


async def _settled(work: Callable[[], Awaitable[None]]) -> None:
    """Have it done ahead. How it fails is found out again by whoever does it in earnest."""
    try:
        await work()
    except Blocked:
        pass
    except Exception as error:
        logger.debug("ahead of its turn: %r", error)


async def _all(words: asyncio.Queue[str | None]) -> AsyncIterator[str]:
    while (each := await words.get()) is not None:
        yield each
