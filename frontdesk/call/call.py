"""The live call, and its one writer.

Everything that can change a call arrives in its inbox; :meth:`Call.run` takes one event after
another, asks the protocol core what it means, and does what the core commands. Nobody else changes
the protocol, the conversation or the log, so there are no locks, and the log's order is the order
in which things happened.
"""

import asyncio
import logging
from typing import Any

from frontdesk.call.absence import Absence
from frontdesk.call.answering import Answering
from frontdesk.call.answers import Answers
from frontdesk.call.asking import Asking
from frontdesk.call.background import Background
from frontdesk.call.book import CallBook
from frontdesk.call.client_mcp import ClientServers
from frontdesk.call.clock import Clock, Timer
from frontdesk.call.comeback import Missed, knows
from frontdesk.call.compaction import Compaction
from frontdesk.call.connections import Connection, Connections
from frontdesk.call.ears import Ears
from frontdesk.call.errand import Errand
from frontdesk.call.events import (
    CallEvent,
    ConsentGiven,
    Expired,
    Failing,
    Finished,
    FloorTaken,
    Frame,
    Gone,
    Happening,
    Joined,
    Left,
    Played,
    QuestionDue,
    QuestionNews,
    Remembered,
    Sound,
    SummaryMade,
    Tick,
    ToolBegins,
    Transcribed,
    TurnBegun,
    TurnOver,
    Withheld,
    Words,
    WorkEvent,
)
from frontdesk.call.farewell import Farewell
from frontdesk.call.floor import Floor
from frontdesk.call.greeting import Greeting
from frontdesk.call.hearing import Hearing
from frontdesk.call.inbox import Inbox
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.numbers import Ids
from frontdesk.call.older import OlderSummedUp
from frontdesk.call.pause import Pause
from frontdesk.call.preparing import Preparing
from frontdesk.call.questions import Board, Questions
from frontdesk.call.recovery import Recovery, asked_entry, begun_entry
from frontdesk.call.remembering import Remembering
from frontdesk.call.told import Told
from frontdesk.protocol import commands as do
from frontdesk.protocol import engine
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.protocol.items import given_audio, without_audio
from frontdesk.protocol.usage import heard_tokens
from frontdesk.state.entries import CallState
from frontdesk.state.events import ENDED
from frontdesk.tracing.calls import Tracing
from frontdesk.voice.audio import OutputEncoder
from frontdesk.voice.listener import Segment

logger = logging.getLogger(__name__)

TAKEN_OVER = 4001
"""Close code for a connection whose call went on elsewhere: a private one, on which no client
reconnects by itself, as the two would chase each other."""

TRY_AGAIN = 1013
"""Close code "try again later" (RFC 6455 registry)."""

MOVED = 1012
"""Close code "service restart" (RFC 6455 registry), on which clients connect again."""

RECORD_SECONDS = 1.0
"""How long a tool call that was approved waits for that to be safely on record."""

FOR_THE_ASKER = frozenset({"error", "conversation.item.retrieved"})
"""Answers that concern nobody but the client whose frame they answer."""


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
    ) -> None:
        """``ids`` are those of the protocol. ``grace``: seconds that the call is kept when its
        last caller's connection breaks. ``errands``: background work of the call that went on
        without it. ``came``: when its client knocked (unix seconds). ``remembering`` None: its
        caller is nobody in particular."""
        self._team = live_team
        self._protocol = protocol
        self._book = book
        self._recovered = recovered
        self._clock = clock
        self._caller = caller
        self._connections = Connections(caller)
        self._asker: Connection | None = None
        self._told = Told(book, self._connections)
        self._ids = ids
        self._greeting = Greeting(protocol, book, self._told, ids, seconds=grace)
        self._inbox: Inbox[CallEvent] = Inbox()
        self._absence = Absence(clock, self._inbox.post, grace)
        self._ears = Ears(live_team.voice, protocol.session, clock, self._inbox.post_ahead)
        budgets = live_team.loaded.team.budgets
        self._hearing = Hearing(book, self._ears, clock, self._inbox.post, patience=budgets.words)
        self._answers = Answers(
            book,
            clock,
            feed=self._feed,
            post=self._inbox.post,
            over=self._response_over,
        )
        self._floor = Floor(book, self._answers)
        self._farewell = Farewell(
            live_team.loaded.team.lines.farewell,
            clock,
            feed=self._feed,
            post=self._inbox.post,
            end=self._break_off,
        )
        self._servers = ClientServers(
            book.state.call_id,
            live_team.guard,
            seconds=live_team.loaded.team.client_mcp.timeout,
            clock=clock,
            post=self._inbox.post,
        )
        self.over = asyncio.Event()
        """Set when the call is left alone: nothing more is said, and the log is written."""
        self._closed = False
        self._questions = Questions(
            book,
            clock,
            post=self._inbox.post,
            feed=self._feed,
            board=board,
            client_approves=lambda: self._connections.approving,
        )
        self._remembering = remembering or Remembering(book, clock, live_team, None)
        self._remembering.connect(self._inbox.post)
        self._answering = Answering(
            self._questions,
            live_team.loaded.team.lines,
            self._inbox.post,
            lambda: book.recorded_within(RECORD_SECONDS),
            self._remembering,
        )
        self._asking = Asking(
            live_team,
            book,
            self._hearing,
            self._answering,
            self._connections.given,
            self._remembering,
        )
        self._compaction = Compaction(
            live_team, book, self._asking.conversation, clock, self._inbox.post
        )
        self._preparing = Preparing(
            live_team=live_team,
            protocol=protocol,
            book=book,
            hearing=self._hearing,
            asking=self._asking,
            answering=self._answering,
            answers=self._answers,
            servers=self._servers,
            tracing=tracing,
            clock=clock,
            post=self._inbox.post,
            away=lambda: self._absence.away,
        )
        self.background = Background(
            live_team=live_team,
            protocol=protocol,
            book=book,
            answers=self._answers,
            tracing=tracing,
            connections=self._connections,
            silent_for=self._free_for,
            clock=clock,
            feed=self._feed,
            post=self._inbox.post,
        )
        self._recovery = Recovery(
            book,
            protocol,
            obey=self._obey,
            word=self._hearing.recovered,
            transcribe=self._ears.again,
            tracing=tracing,
            clock=clock,
            came=came,
        )
        self.pause = Pause(
            inbox=self._inbox,
            protocol=protocol,
            ears=self._ears,
            hearing=self._hearing,
            answers=self._answers,
            questions=self._questions,
            background=self.background,
        )
        self._errands = errands or {}
        self._ending: Gone | None = None
        self._handing_over = self._silent = False
        self._alarm: Timer | None = None
        self._alarm_at: float | None = None

    @property
    def team(self) -> LiveTeam:
        """The version of the team that the call began with."""
        return self._team

    @property
    def goes_on(self) -> bool:
        """Whether the call left this worker, or this connection, without being over."""
        moved = self._ending is not None and self._ending.code in (TAKEN_OVER, MOVED)
        return self._handing_over or moved

    @property
    def state(self) -> CallState:
        """The call as its log tells it."""
        return self._book.state

    def take(self, frame: str | bytes, connection: Connection) -> bool:
        """Hand in a client frame. False when the call is behind: wait for :meth:`room` then."""
        happening = Frame(frame, connection)
        if self._inbox.idle:  # the writer waits, and would do the same one wake-up later
            self._act_on(happening)
        else:
            self._inbox.post(happening, len(frame))
        return not (self._inbox.full or self._ears.behind)

    async def room(self) -> None:
        """Wait until the call has caught up with its clients."""
        await self._ears.caught_up()
        await self._inbox.drained()

    def join(self, connection: Connection) -> bool:
        """Attach another client; False when the call is over."""
        if not self._closed:
            self._inbox.post(Joined(connection))
        return not self._closed

    def knows(self, token: str) -> bool:
        """Whether who shows this resume token is a caller of this call."""
        return knows(self.state, token)

    def remembers(self, missed: Missed) -> bool:
        """Whether a client can be told what it missed, without asking the store."""
        return self._greeting.remembers(missed)

    def consents(self, given: bool) -> None:
        """Whoever connects says whether the caller wants to be remembered."""
        if self._remembering.active and given != self.state.consent:
            self._inbox.post(ConsentGiven(given, "connection"))

    def leave(self, connection: Connection, reason: str, *, vanished: bool = False) -> None:
        """A client is gone. The call ends with the last caller; when that one ``vanished``, without
        a word of farewell, only if it does not come back in time."""
        self._inbox.post(Left(connection, reason, vanished))

    def end(self, reason: str, code: int = 1000) -> None:
        """End the call after what was handed in before."""
        self._inbox.post(Gone(reason, code))

    def hand_over(self, reason: str, code: int) -> None:
        """As :meth:`end`, for the call goes on elsewhere in this process: its work does, too."""
        self._handing_over = True
        self.end(reason, code)

    def move(self, reason: str) -> None:
        """End the call here, for it goes on at another worker: its clients are sent there once all
        of it is on record, and the lease given back."""
        self._inbox.post(Gone(reason, MOVED, moves=True))

    @property
    def comes_back(self) -> bool:
        """Whether its callers are known to connect again when they are closed with 1012."""
        return self._connections.come_back

    def fenced(self, epoch: int) -> None:
        """Somebody claimed the call at this epoch. If that was another worker, it is lost."""
        self._book.fence(epoch)

    def fall_silent(self, reason: str, code: int) -> None:
        """The call is another worker's: nothing is sent, begun or finished here from now on."""
        if self._silent:
            return
        self._silent = True
        self._told.mute()
        self._connections.drop()
        self._connections.close(code, reason)
        self._answers.stop()
        self._questions.held.stop()
        self.background.leave(hung_up=False, keep=False)
        self._inbox.post_ahead(Gone(reason, code))

    def fail(self, message: str, code: str) -> None:
        """End the call for a reason that is not the client's: the caller hears so, the client is
        told, and may call again."""
        self._inbox.post(Failing(message, code))

    async def run(self) -> None:
        """Live until the client leaves or the call is ended."""
        try:
            await self._live()
        finally:
            ending = self._ending or Gone("the server had an internal error", 1011)
            self._connections.close(ending.code, ending.reason)
            self.over.set()

    async def _live(self) -> None:
        async with self._book:
            self._obey(self._recovered)
            self._greeting.greet(self._caller)
            self._obey(self._protocol.begin(self._clock.now()))
            self._recovery.begin()
            self._questions.restore()
            self.background.delegations.recover(self._errands, self._recovery.lost_since)
            self._recovery.ask_again()
            self._told.release()
            self._wind()
            try:
                while not isinstance(event := await self._inbox.take(), Gone):
                    self._act_on(event)
                self._ending = event
                if not event.moves:
                    await self._told.aclose()
                    self._connections.close(event.code, event.reason)
            finally:
                await self._shut_down()
            moved = {"moved": True} if event.moves else {}
            self._book.record("call.ended", reason=event.reason, **moved)
            if not (event.moves or self._handing_over):
                self._tell_all(self._protocol.tell(ENDED, {"reason": event.reason}))

    def _response_over(self, response_id: str, heard: bool, failed: bool) -> None:
        self.background.response_over(response_id, heard, failed)
        self._farewell.response_over(response_id)

    def _break_off(self, failing: Failing) -> None:
        self._inbox.post(engine.EngineError(failing.message, failing.code))
        self.end(failing.message, TRY_AGAIN)

    def _act_on(self, event: Happening) -> None:
        if self._silent or self._absence.holds(event):
            return
        self._survive(event)
        if self._questions.has_news and self._answers.silent_for() >= 0 and not self._absence.away:
            self._survive(engine.AgentSpeaksUp())
        self._wind()

    def _free_for(self) -> float:
        """Seconds since anybody was heard; negative too while the caller is to answer something."""
        return -1.0 if self._questions.for_caller() else self._preparing.silent_for()

    def decide(self, question_id: str, decision: str, who: str, reason: str | None) -> None:
        """Somebody at a screen decided."""
        fields = {"question_id": question_id, "decision": decision, "who": who, "reason": reason}
        self._inbox.post(QuestionNews("decided", {**fields, "how": "screen"}))

    def _survive(self, event: Happening) -> None:
        """Apply an event; a defect of ours must not take the call down with it."""
        hurry = self._is_waited_for(event)
        try:
            self._apply(event)
        except Exception:
            self._defect(type(event).__name__)
        self._told.release(hurry=hurry)
        if isinstance(event, Sound) and event.sent is not None:
            self._told.notify(event.sent)

    def _is_waited_for(self, event: Happening) -> bool:
        """Whether somebody waits for what comes of an event: not for words that are still to be
        answered or spoken, nor for what follows sound that is being played."""
        match event:
            case engine.ResponseText(response_id):
                return self._answers.unread(response_id)
            case (
                Transcribed()
                | Words()
                | ToolBegins()
                | Remembered()
                | Withheld()
                | Played()
                | QuestionNews()
            ):
                return False
            case FloorTaken() | SummaryMade() | OlderSummedUp() | ConsentGiven():
                return False
            case engine.ResponseUsage():
                return False
            case Sound(response_id):
                return self._answers.unheard(response_id)
            case engine.ResponseEnded():
                return self._answers.silent_for() >= 0
            case _:
                return True

    def _defect(self, what: str) -> None:
        """Something of ours broke: the client is told that, and the log how."""
        logger.exception("call %s: %s failed", self.state.call_id, what)
        self._feed(engine.EngineError("The server had an internal error."))

    def _wind(self) -> None:
        """Set the clock for the protocol's next deadline."""
        deadline = self._protocol.deadline
        if deadline == self._alarm_at:
            return
        self._alarm_at = deadline
        if self._alarm:
            self._alarm.cancel()
        if deadline is not None:
            wait = deadline - self._clock.now()
            self._alarm = self._clock.later(wait, lambda: self._inbox.post(Tick()))

    # What arrived

    def _apply(self, event: Happening) -> None:
        match event:
            case Frame(data, connection):
                self._receive(data, connection)
            case Joined(connection):
                self._join(connection)
            case Left(connection, reason, vanished):
                last = self._connections.leave(connection)
                if last and not (vanished and self._absence.begin(reason)):
                    self._inbox.post_ahead(Gone(reason, vanished=vanished))
            case Expired(reason):
                if self._absence.expired(event):
                    self._inbox.post_ahead(Gone(reason, vanished=True))
            case TurnBegun(start_ms):
                self._feed(engine.SpeechStarted(start_ms))
                if self._interrupts():
                    self._answers.cut_short()
            case TurnOver(segment):
                self._ears.over(segment)
                self._feed(engine.SpeechStopped(round(segment.end_ms)))
                self._ears.passed_over()
            case Transcribed():
                self._transcribed(event)
            case Words(response_id, text) | engine.ResponseText(response_id, text):
                self._answers.words(response_id, text)
            case ToolBegins():
                self._book.record("tool.started", tool=event.entry())
                event.noted.set()
            case Sound():
                self._answers.sound(event)
            case FloorTaken():
                for item, after in self._floor.taken(event):
                    self._show(item, after)
            case SummaryMade():
                self._floor.summary_made(event)
            case OlderSummedUp():
                self._compaction.made(event)
            case Remembered():
                self._show(*self._answers.remember(event))
                self.background.remembered({**event.item})
            case Withheld(item_ids=item_ids):
                for item_id in item_ids:
                    self._book.record("item.withheld", item_id=item_id)
            case Played(item_id):
                self._answers.played(item_id)
            case QuestionNews():
                self._questions.apply(event)
            case QuestionDue(question_id):
                speaking = self._protocol.speech_item_id is not None
                self._questions.due(question_id, speaking=speaking)
            case engine.ResponseMcpCall(response_id=response_id):
                if turn := self._answers.turn_of(response_id):
                    self._servers.called(response_id, turn)
                self._feed(event)
            case engine.ResponseEnded(response_id=response_id):
                self._feed(event)
                turn = self._answers.turn_of(response_id)
                self._answers.made(response_id)
                if turn is not None:
                    self._compaction.consider(self._asking.limits, turn)
            case Failing():
                self._farewell.begin(event, heard=not self._absence.away)
            case ConsentGiven():
                self._remembering.said(event)
            case WorkEvent():
                self.background.act_on(event)
            case Tick():
                self._alarm_at = None  # it may have rung too early, and has to ring again
                self._obey(self._protocol.tick(self._clock.now()))
            case _:
                self._feed(event)

    def _join(self, connection: Connection) -> None:
        """Another client, or one that is back: then its old connection is of no use any more."""
        for old in self._connections.replaced_by(connection):
            old.close(TAKEN_OVER, "the call goes on at another connection")
        # Whoever comes when no caller is there is one.
        connection.caller = connection.caller or not self._connections.has_caller
        self._connections.join(connection)
        self._greeting.greet(connection)
        self._caller_is_back()

    def _caller_is_back(self) -> None:
        if self._absence.away and self._connections.has_caller:
            for held in self._absence.end():
                self._inbox.post_ahead(held)

    def _show(self, item: dict[str, Any], after: str | None) -> None:
        """What a tool of the team did, for the clients that asked to see it."""
        if self._connections.showing_tools:
            self._tell_all(self._protocol.show(item, after), tools=True)

    def _tell_all(self, commands: list[do.Command], *, tools: bool = False) -> None:
        for command in commands:
            if isinstance(command, do.Send):
                self._told.tell(command, tools=tools)

    def _receive(self, frame: str | bytes, connection: Connection) -> None:
        now = self._clock.now()
        may_speak = self._connections.may_speak(connection, now)
        self._answer(connection, self._protocol.receive(frame, now, may_speak=may_speak))

    def _answer(self, connection: Connection, commands: list[do.Command]) -> None:
        """Obey what one client brought about."""
        self._asker = connection
        self._obey(commands)
        self._asker = None

    def _feed(self, event: engine.EngineEvent) -> None:
        self._obey(self._protocol.feed(event, self._clock.now()))

    # What the protocol commands

    def _obey(self, commands: list[do.Command]) -> None:
        for command in commands:
            try:
                self._do(command)
            except Exception:  # the frames behind it must go out all the same
                if isinstance(command, do.Send):
                    raise
                self._defect(type(command).__name__)

    def _do(self, command: do.Command) -> None:
        match command:
            case do.Send(frame, kind):
                if self._asker is not None and kind in FOR_THE_ASKER:
                    self._told.put(frame, self._asker)
                else:
                    self._told.tell(command)
            case do.AudioAppended(audio):
                if self._asker is not None:
                    self._connections.spoke(self._asker, self._clock.now())
                    self._caller_is_back()
                self._ears.push(audio)
            case do.AudioCleared():
                self._ears.clear()
            case do.AudioCommitted(item_id, silent=True):
                self._asking.silent_item = item_id
                self._feed(engine.TranscriptCompleted(item_id, "", 0.0))
            case do.AudioCommitted(item_id):
                self._committed(item_id, self._ears.take())
            case do.SessionChanged(session, changed):
                self._book.record("session", session=session)
                self._ears.configure(session, changed)
            case do.ItemAdded(item, previous, response_id):
                kept = without_audio(item)
                asked = self._answers.asked_with(kept)
                self._book.record(
                    "item.added",
                    item=kept,
                    after=previous,
                    hidden=False,
                    asked=asked,
                    response=response_id,
                )
                self._answers.opened(kept)
                if item.get("role") == "user":
                    self.background.caller_wrote()
                if audio := given_audio(item):
                    self._hearing.given_to_answer(item["id"], audio)
            case do.ItemChanged(item):
                self._book.record("item.changed", item=item)
            case do.ItemDeleted(item_id):
                self._book.record("item.deleted", item_id=item_id)
            case do.ItemTruncated(item_id, _, audio_end_ms):
                self._answers.truncated(item_id, audio_end_ms)
            case do.ResponseRequested():
                self._respond(command)
            case do.ResponseWaits(asked):
                self._book.record("response.waits", asked=asked_entry(asked))
            case do.ResponseOver(response_id):
                self._responses_over(response_id)
            case do.ResponseCancelled(response_id):
                self._answers.cancelled(response_id)
            case do.ListMcpTools() | do.RunMcpTool() | do.McpCallRefused() | do.DropMcpServer():
                self._servers.obey(command)
            case do.ApprovalAnswered(question_id, approve, reason):
                decision = "approved" if approve else "denied"
                self._questions.decide(question_id, decision, "caller", "client", reason=reason)
            case do.OutputCleared():
                self._answers.cut_short()
            case do.Close(code, reason):
                self.end(reason, code)

    # Listening

    def _committed(self, item_id: str, segment: Segment | None) -> None:
        """The caller's speech became an item: keep its sound, wait for its words."""
        if segment is None:  # the client cleared its buffer in the same breath
            self._feed(engine.TranscriptCompleted(item_id, "", 0.0))
            return
        self._hearing.committed(item_id, segment)

    def _transcribed(self, event: Transcribed) -> None:
        if not self._hearing.awaits(event.item_id):
            return  # it was given up
        if event.transcript is None:
            message = "The speech could not be transcribed."
            self._feed(engine.TranscriptFailed(event.item_id, message))
        else:
            words = event.transcript
            self._asking.transcribed(event.item_id, words.text)
            completed = engine.TranscriptCompleted(
                event.item_id, words.text, words.seconds, words.logprobs, words.usage
            )
            self._feed(completed)
        self._hearing.transcribed(event)
        if not self._protocol.responds:
            heard = self._preparing.turn(answers=True)
            heard.quiet_because("not_asked")
            heard.end("completed")

    def _interrupts(self) -> bool:
        detection: dict[str, Any] | None = self._protocol.session["audio"]["input"].get(
            "turn_detection"
        )
        return detection is not None and detection.get("interrupt_response") is not False

    # Answering

    def _respond(self, request: do.ResponseRequested) -> None:
        """Start a response. One that cannot begin has failed."""
        try:
            self._start(request)
        except Exception:
            logger.exception("call %s: a response cannot begin", self.state.call_id)
            error = {"code": "server_error", "message": "The server had an internal error."}
            self._feed(engine.ResponseEnded(request.response_id, "failed", error=error))

    def _responses_over(self, response_id: str) -> None:
        if response_id in self.state.responses:
            self._book.record("response.over", response_id=response_id)

    def _start(self, request: do.ResponseRequested) -> None:
        """A response is a task that thinks and speaks."""
        occasion = self._farewell.occasion(request.response_id)
        if occasion is None and request.unasked and not self._questions.has_news:
            occasion = self.background.occasion(request.response_id)
            if not occasion.about:
                self._feed(engine.ResponseEnded(request.response_id))
                return
        turn = self._preparing.turn(answers=not request.out_of_band)
        self._book.record(
            "response.begun", response=begun_entry(request, turn.trace.ref, self._clock.now())
        )
        heard = heard_tokens(self._asking.heard_ms(request))
        if heard:
            self._feed(engine.ResponseUsage(request.response_id, engine.Usage(input_audio=heard)))
        spoken = "audio" in request.options["output_modalities"]
        jobs = None if request.out_of_band else self.background.jobs(request.response_id)
        going_on = None if request.out_of_band else self._recovery.take(turn)
        reply = self._preparing.reply(
            request,
            turn,
            heard=heard,
            spoken=spoken,
            jobs=jobs,
            occasion=occasion,
            going_on=going_on,
        )
        encoder = OutputEncoder(request.options["audio"]["output"]["format"]["type"])
        self._answers.start(reply, encoder if spoken else None, out_of_band=request.out_of_band)

    # The end

    async def _shut_down(self) -> None:
        """Stop all work, but let what was said and done before the end reach the log."""
        if self._alarm:
            self._alarm.cancel()
        self._answers.stop(self._absence.since)
        self._absence.end()
        await self._hearing.last_words()
        self._closed = True
        for event in self._inbox.rest():
            if isinstance(event, Joined):
                event.connection.close(TRY_AGAIN, "the call just ended")
            elif isinstance(
                event,
                Transcribed | Remembered | Withheld | Finished | ConsentGiven | engine.McpCallEnded,
            ):
                self._survive(event)
        hung_up = self._ending is not None and self._ending.code == 1000
        if hung_up and self._ending and not self._ending.vanished:
            self._recovery.forget()
        self.background.leave(hung_up=hung_up, keep=self._handing_over)
        if self._hearing.unanswered_speech:
            self._preparing.turn(answers=True).end("session_closed")
        await self._servers.aclose()
        await self._questions.aclose()
        await self._remembering.aclose()
        await self._hearing.aclose()
        await self._compaction.aclose()
        await self._answers.aclose()
        await self.background.aclose()
        await self._ears.aclose()
        await self._told.aclose()
