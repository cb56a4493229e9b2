"""The parts of a live call, each with one thing to do, made and joined here."""

from collections.abc import Callable

from frontdesk.call.absence import Absence
from frontdesk.call.answering import Answering
from frontdesk.call.answers import Answers
from frontdesk.call.asking import Asking
from frontdesk.call.background import Background
from frontdesk.call.book import CallBook
from frontdesk.call.client_mcp import ClientServers
from frontdesk.call.clock import Clock
from frontdesk.call.close_codes import TRY_AGAIN
from frontdesk.call.compaction import Compaction
from frontdesk.call.connections import Connection, Connections
from frontdesk.call.ears import Ears
from frontdesk.call.events import (
    CallEvent,
    Failing,
    Gone,
)
from frontdesk.call.farewell import Farewell
from frontdesk.call.floor import Floor
from frontdesk.call.greeting import Greeting
from frontdesk.call.hearing import Hearing
from frontdesk.call.idle import Silences
from frontdesk.call.inbox import Inbox
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.numbers import Ids
from frontdesk.call.pause import Pause
from frontdesk.call.preparing import Preparing
from frontdesk.call.questions import Board, Questions
from frontdesk.call.recovery import Recovery
from frontdesk.call.remembering import Remembering
from frontdesk.call.speculating import Speculating
from frontdesk.call.told import Told
from frontdesk.call.tongue import Tongue
from frontdesk.call.upstream import CallUpstream
from frontdesk.protocol import commands as do
from frontdesk.protocol import engine
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.tracing.calls import Tracing

RECORD_SECONDS = 1.0
"""How long a tool call that was approved waits for that to be safely on record."""


class Parts:
    """Used by the call's one writer only."""

    def __init__(
        self,
        *,
        live_team: LiveTeam,
        protocol: RealtimeProtocol,
        book: CallBook,
        tracing: Tracing,
        clock: Clock,
        caller: Connection,
        board: Board,
        ids: Ids,
        grace: float,
        came: float | None,
        remembering: Remembering | None,
        feed: Callable[[engine.EngineEvent], None],
        obey: Callable[[list[do.Command]], None],
    ) -> None:
        """``feed`` takes what a part has to tell the protocol, ``obey`` what that commands. The
        others are those of :class:`~frontdesk.call.call.Call`."""
        self.team = live_team
        self.protocol = protocol
        self.book = book
        self.clock = clock
        self.connections = Connections(caller)
        self.told = Told(book, self.connections)
        self.greeting = Greeting(protocol, book, self.told, ids, clock, seconds=grace)
        self.inbox: Inbox[CallEvent] = Inbox()
        self.absence = Absence(clock, self.inbox.post, grace)
        upstream = live_team.runner.upstream
        self.upstream = CallUpstream(live_team, upstream) if upstream else None
        team = live_team.loaded.team
        self.tongue = Tongue(team, book, protocol.session)
        self.ears = Ears(
            live_team.voice,
            protocol.session,
            clock,
            self.inbox.post_ahead,
            self.tongue.asked_of,
            team.voice.echo_guard,
            upstream=self.upstream,
        )
        budgets = live_team.loaded.team.budgets
        self.hearing = Hearing(
            book,
            self.ears,
            clock,
            self.inbox.post,
            patience=budgets.words,
            upstream=self.upstream,
        )
        self.answers = Answers(
            book,
            clock,
            feed=feed,
            post=self.inbox.post,
            over=self._response_over,
            played=self.ears.played,
            hushed=self.ears.hushed,
            upstream=self.upstream,
        )
        self.ears.listen_over(lambda: self.answers.silent_for() < 0)
        self.floor = Floor(book, self.answers)
        self.farewell = Farewell(
            self.tongue,
            clock,
            feed=feed,
            post=self.inbox.post,
            end=self._break_off,
        )
        self.servers = ClientServers(
            book.state.call_id,
            live_team.guard,
            seconds=live_team.loaded.team.client_mcp.timeout,
            clock=clock,
            post=self.inbox.post,
        )
        self.questions = Questions(
            book,
            clock,
            post=self.inbox.post,
            feed=feed,
            board=board,
            client_approves=lambda: self.connections.approving,
        )
        self.remembering = remembering or Remembering(book, clock, live_team, None)
        self.remembering.connect(self.inbox.post, self.tongue)
        self.answering = Answering(
            self.questions,
            self.tongue,
            self.inbox.post,
            lambda: book.recorded_within(RECORD_SECONDS),
            self.remembering,
        )
        self.silences = Silences(
            team.voice.idle, self.tongue, post=self.inbox.post, waits=self._caller_waits
        )
        self.asking = Asking(
            live_team,
            book,
            self.hearing,
            self.answering,
            self.connections.given,
            self.remembering,
            self.silences,
            self.tongue,
            self.upstream,
        )
        self.compaction = Compaction(
            live_team, book, self.asking.conversation, clock, self.inbox.post
        )
        self.preparing = Preparing(
            live_team=live_team,
            protocol=protocol,
            book=book,
            hearing=self.hearing,
            tongue=self.tongue,
            asking=self.asking,
            answering=self.answering,
            answers=self.answers,
            servers=self.servers,
            tracing=tracing,
            clock=clock,
            post=self.inbox.post,
            away=lambda: self.absence.away,
            upstream=self.upstream,
        )
        self.background = Background(
            live_team=live_team,
            protocol=protocol,
            book=book,
            answers=self.answers,
            tracing=tracing,
            connections=self.connections,
            tongue=self.tongue,
            silent_for=self._free_for,
            clock=clock,
            feed=feed,
            post=self.inbox.post,
        )
        self.recovery = Recovery(
            book,
            protocol,
            obey=obey,
            word=self.hearing.recovered,
            transcribe=self.ears.again,
            tracing=tracing,
            clock=clock,
            came=came,
        )
        self.speculating = Speculating(
            live_team=live_team,
            protocol=protocol,
            book=book,
            hearing=self.hearing,
            asking=self.asking,
            preparing=self.preparing,
            jobs=lambda: self.background.jobs(""),
            may_begin=lambda: not (self.absence.away or self.recovery.is_open),
            tracing=tracing,
            clock=clock,
        )
        self.pause = Pause(
            inbox=self.inbox,
            protocol=protocol,
            ears=self.ears,
            hearing=self.hearing,
            answers=self.answers,
            questions=self.questions,
            background=self.background,
        )

    @property
    def answers_turns(self) -> bool:
        """Whether a turn is answered without the client asking."""
        detection = self.protocol.session["audio"]["input"].get("turn_detection")
        return detection is not None and detection.get("create_response") is not False

    def _response_over(self, response_id: str, heard: bool, failed: bool) -> None:
        self.background.response_over(response_id, heard, failed)
        self.farewell.response_over(response_id)
        speaking = self.protocol.speech_item_id is not None
        self.silences.response_over(response_id, speaking=speaking)

    def _caller_waits(self) -> bool:
        """Whether the caller has reason to be silent, or is not there to speak."""
        waits = self.questions.for_caller() is None and any(self.questions.open())
        return waits or self.absence.away or self.background.delegations.under_way

    def _free_for(self) -> float:
        """Seconds since anybody was heard; negative too while the caller is to answer something."""
        return -1.0 if self.questions.for_caller() else self.preparing.silent_for()

    def _break_off(self, failing: Failing) -> None:
        self.inbox.post(engine.EngineError(failing.message, failing.code))
        self.inbox.post(Gone(failing.message, TRY_AGAIN))

    def caller_is_back(self) -> None:
        """What was held while no caller was there happens now."""
        if self.absence.away and self.connections.has_caller:
            for held in self.absence.end():
                self.inbox.post_ahead(held)
