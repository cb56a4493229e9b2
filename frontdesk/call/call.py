"""The live call, and its one writer.

Everything that can change a call arrives in its inbox; :meth:`Call.run` takes one event after
another, asks the protocol core what it means, and does what the core commands. Nobody else changes
the protocol, the conversation or the log, so there are no locks, and the log's order is the order
in which things happened.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextvars import copy_context
from typing import Final

from frontdesk.call.arrivals import Arrivals
from frontdesk.call.background import Background
from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock, Timer
from frontdesk.call.close_codes import MOVED, TAKEN_OVER, TRY_AGAIN
from frontdesk.call.comeback import Missed
from frontdesk.call.connections import Connection
from frontdesk.call.deeds import Deeds
from frontdesk.call.errand import Errand
from frontdesk.call.events import (
    CallEvent,
    ConsentGiven,
    Failing,
    Finished,
    Frame,
    Gone,
    Happening,
    Joined,
    Left,
    QuestionNews,
    Remembered,
    Sound,
    Tick,
    Transcribed,
    Withheld,
)
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.numbers import Ids
from frontdesk.call.parts import Parts
from frontdesk.call.pause import Pause
from frontdesk.call.questions import Board
from frontdesk.call.remembering import Remembering
from frontdesk.call.resume_token import ResumeToken
from frontdesk.protocol import commands as do
from frontdesk.protocol import engine
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.state.events import ENDED
from frontdesk.tracing.calls import Tracing
from frontdesk.wordless import wordless

logger = logging.getLogger(__name__)


class Call:
    """One call on one worker. Created by :class:`frontdesk.call.worker.Worker`."""

    def __init__(
        self,
        *,
        live_team: LiveTeam,
        protocol: RealtimeProtocol,
        book: CallBook,
        recovered: list[do.Command],
        tracing: Tracing,
        clock: Clock,
        caller: Connection,
        board: Board,
        ids: Ids,
        grace: float = 0.0,
        errands: dict[str, Errand] | None = None,
        came: float | None = None,
        remembering: Remembering | None = None,
        unreachable: Sequence[engine.EngineError] = (),
    ) -> None:
        """``ids`` are those of the protocol. ``grace``: seconds that the call is kept when its
        last caller's connection breaks. ``errands``: background work of the call that went on
        without it. ``came``: when its client knocked (unix seconds). ``remembering`` None: its
        caller is nobody in particular. ``unreachable`` is what the client is told of models."""
        self.team: Final = live_team
        """The version of the team that the call began with."""
        self.state: Final = book.state
        """The call as its log tells it."""
        self._parts = Parts(
            live_team=live_team,
            protocol=protocol,
            book=book,
            tracing=tracing,
            clock=clock,
            caller=caller,
            board=board,
            ids=ids,
            grace=grace,
            came=came,
            remembering=remembering,
            feed=self._feed,
            obey=self._obey,
        )
        self._deeds = Deeds(self._parts)
        self._arrivals = Arrivals(self._parts, self._deeds)
        self._recovered = recovered
        for error in unreachable:
            self._parts.inbox.post(error)
        self._caller = caller
        self.over = asyncio.Event()
        """Set when the call is left alone: nothing more is said, and the log is written."""
        self._closed = False
        self._errands = errands or {}
        self._ending: Gone | None = None
        self._handing_over = self._silent = self._acting = False
        self._alarm: Timer | None = None
        self._alarm_at: float | None = None

    def _feed(self, event: engine.EngineEvent) -> None:
        self._deeds.feed(event)

    def _obey(self, commands: list[do.Command]) -> None:
        self._deeds.obey(commands)

    @property
    def background(self) -> Background:
        """The work that goes on while the talk does."""
        return self._parts.background

    @property
    def pause(self) -> Pause:
        """Whether it is a moment to hand the call over."""
        return self._parts.pause

    @property
    def goes_on(self) -> bool:
        """Whether the call left this worker, or this connection, without being over."""
        moved = self._ending is not None and self._ending.code in (TAKEN_OVER, MOVED)
        return self._handing_over or moved

    def take(self, frame: str | bytes, connection: Connection) -> bool:
        """Hand in a client frame. False when the call is behind: wait for :meth:`room` then."""
        if self._closed:
            return True
        if not self._hears(frame, connection):
            self._parts.inbox.post(Frame(frame, connection), len(frame))
        return not (self._parts.inbox.full or self._parts.ears.behind)

    def _hears(self, frame: str | bytes, connection: Connection) -> bool:
        """Take a caller's sound that brings about nothing but what the ear makes of it. False when
        it is something else, or not its turn."""
        parts = self._parts
        if self._acting or not parts.inbox.idle or self._silent:
            return False
        if parts.absence.away or parts.questions.has_news:
            return False
        self._acting = True
        try:
            return self._context.run(self._arrivals.hear, frame, connection)
        finally:
            self._acting = False

    async def room(self) -> None:
        """Wait until the call has caught up with its clients."""
        if not self._closed:
            await self._parts.ears.caught_up()
            await self._parts.inbox.drained()

    def join(self, connection: Connection) -> bool:
        """Attach another client; False when the call is over."""
        if not self._closed:
            self._parts.inbox.post(Joined(connection))
        return not self._closed

    def knows(self, token: ResumeToken) -> bool:
        """Whether who shows this resume token is a caller of this call."""
        return token.opens(self.state)

    def remembers(self, missed: Missed) -> bool:
        """Whether a client can be told what it missed, without asking the store."""
        return self._parts.greeting.remembers(missed)

    def consents(self, given: bool) -> None:
        """Whoever connects says whether the caller wants to be remembered."""
        if self._parts.remembering.active and given != self.state.consent:
            self._parts.inbox.post(ConsentGiven(given, "connection"))

    def leave(self, connection: Connection, reason: str, *, vanished: bool = False) -> None:
        """A client is gone. The call ends with the last caller; when that one ``vanished``, without
        a word of farewell, only if it does not come back in time."""
        if not self._closed:
            self._parts.inbox.post(Left(connection, reason, vanished))

    def end(self, reason: str, code: int = 1000) -> None:
        """End the call after what was handed in before."""
        self._parts.inbox.post(Gone(reason, code))

    def hand_over(self, reason: str, code: int) -> None:
        """As :meth:`end`, for the call goes on elsewhere in this process: its work does, too."""
        self._handing_over = True
        self.end(reason, code)

    def move(self, reason: str) -> None:
        """End the call here, for it goes on at another worker: its clients are sent there once all
        of it is on record, and the lease given back."""
        self._parts.inbox.post(Gone(reason, MOVED, moves=True))

    @property
    def comes_back(self) -> bool:
        """Whether its callers are known to connect again when they are closed with 1012."""
        return self._parts.connections.come_back

    def fenced(self, epoch: int) -> None:
        """Somebody claimed the call at this epoch. If that was another worker, it is lost."""
        self._parts.book.fence(epoch)

    def fall_silent(self, reason: str, code: int) -> None:
        """The call is another worker's: nothing is sent, begun or finished here from now on."""
        if self._silent:
            return
        self._silent = True
        self._parts.told.mute()
        self._parts.connections.drop()
        self._parts.connections.close(code, reason)
        self._parts.speculating.drop()
        self._parts.answers.stop()
        self._parts.questions.held.stop()
        self._parts.background.leave(hung_up=False, keep=False)
        self._parts.inbox.post_ahead(Gone(reason, code))

    def fail(self, message: str, code: str) -> None:
        """End the call for a reason that is not the client's: the caller hears so, the client is
        told, and may call again."""
        self._parts.inbox.post(Failing(message, code))

    async def run(self) -> None:
        """Live until the client leaves or the call is ended."""
        wordless.set(self.team.capture.is_private)
        self._context = copy_context()
        self._parts.inbox.at_once = self._at_once
        try:
            await self._live()
        finally:
            ending = self._ending or Gone("the server had an internal error", 1011)
            self._parts.connections.close(ending.code, ending.reason)
            self.over.set()

    def let_go(self) -> None:
        """Nobody asks the call for anything any more: part what knows of each other, or all of it
        would stay in memory until the garbage collector comes for it."""
        self._closed = True
        for part in (self._parts.background, self._parts.ears, self._parts):
            vars(part).clear()

    async def _live(self) -> None:
        async with self._parts.book:
            self._deeds.obey(self._recovered)
            self._parts.greeting.greet(self._caller)
            self._deeds.obey(self._parts.protocol.begin(self._parts.clock.now()))
            if self._parts.upstream is not None:
                self._parts.upstream.begin()
            self._parts.recovery.begin()
            recovery = self._parts.recovery
            self._parts.questions.restore(recovery.lost_since, recovery.begun)
            self._parts.background.delegations.recover(
                self._errands, self._parts.recovery.lost_since
            )
            self._parts.recovery.ask_again()
            self._parts.told.release()
            self._wind()
            try:
                while not isinstance(event := await self._parts.inbox.take(), Gone):
                    self._act_on(event)
                self._ending = event
                if not event.moves:
                    await self._parts.told.aclose()
                    self._parts.connections.close(event.code, event.reason)
            finally:
                await self._shut_down()
            moved = {"moved": True} if event.moves else {}
            self._parts.book.record("call.ended", reason=event.reason, **moved)
            if not (event.moves or self._handing_over):
                self._arrivals.tell_all(self._parts.protocol.tell(ENDED, {"reason": event.reason}))

    def _at_once(self, event: CallEvent) -> bool:
        """The writer waits: do what it would do. What that brings about is the writer's to take,
        and so are clients that come and go, perhaps just as something is sent to them."""
        if self._acting or isinstance(event, Gone | Joined | Left):
            return False
        self._acting = True
        try:
            self._context.run(self._act_on, event)
        finally:
            self._acting = False
        return True

    def _act_on(self, event: Happening) -> None:
        if self._silent or self._parts.absence.holds(event):
            return
        self._survive(event)
        if (
            self._parts.questions.has_news
            and self._parts.answers.silent_for() >= 0
            and not self._parts.absence.away
        ):
            self._survive(engine.AgentSpeaksUp())
        self._wind()

    def decide(self, question_id: str, decision: str, who: str, reason: str | None) -> None:
        """Somebody at a screen decided."""
        fields = {"question_id": question_id, "decision": decision, "who": who, "reason": reason}
        self._parts.inbox.post(QuestionNews("decided", {**fields, "how": "screen"}))

    def _survive(self, event: Happening) -> None:
        """Apply an event; a defect of ours must not take the call down with it."""
        if isinstance(event, Tick):
            self._alarm_at = None  # it may have rung too early, and has to ring again
        hurry = self._arrivals.is_waited_for(event)
        try:
            self._arrivals.apply(event)
        except Exception:
            self._deeds.defect(type(event).__name__)
        self._parts.told.release(hurry=hurry)
        if isinstance(event, Sound) and event.sent is not None:
            self._parts.told.notify(event.sent)

    def _wind(self) -> None:
        """Set the clock for the protocol's next deadline."""
        deadline = self._parts.protocol.deadline
        if deadline == self._alarm_at:
            return
        self._alarm_at = deadline
        if self._alarm:
            self._alarm.cancel()
        if deadline is not None:
            wait = deadline - self._parts.clock.now()
            self._alarm = self._parts.clock.later(wait, lambda: self._parts.inbox.post(Tick()))

    # The end

    async def _shut_down(self) -> None:
        """Stop all work, but let what was said and done before the end reach the log."""
        if self._alarm:
            self._alarm.cancel()
        self._parts.speculating.drop()
        self._parts.answers.stop(self._parts.absence.since)
        self._parts.absence.end()
        await self._parts.hearing.last_words()
        self._closed = True
        for event in self._parts.inbox.rest():
            if isinstance(event, Joined):
                event.connection.close(TRY_AGAIN, "the call just ended")
            elif isinstance(
                event,
                Transcribed | Remembered | Withheld | Finished | ConsentGiven | engine.McpCallEnded,
            ):
                self._survive(event)
        hung_up = self._ending is not None and self._ending.code == 1000
        if hung_up and self._ending and not self._ending.vanished:
            self._parts.recovery.forget()
        self._parts.background.leave(hung_up=hung_up, keep=self._handing_over)
        if self._parts.hearing.unanswered_speech:
            self._parts.preparing.turn(answers=True).end("session_closed")
        await self._parts.servers.aclose()
        await self._parts.questions.aclose()
        await self._parts.remembering.aclose()
        await self._parts.hearing.aclose()
        await self._parts.compaction.aclose()
        await self._parts.answers.aclose()
        await self._parts.speculating.aclose()
        await self._parts.background.aclose()
        await self._parts.ears.aclose()
        if self._parts.upstream is not None:
            await self._parts.upstream.aclose()
        await self._parts.told.aclose()
