"""What arrives in a call's inbox, and what comes of it."""

from typing import Any

from frontdesk.call.close_codes import TAKEN_OVER
from frontdesk.call.connections import Connection
from frontdesk.call.deeds import Deeds
from frontdesk.call.events import (
    ConsentGiven,
    Expired,
    Failing,
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
    RestDue,
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
from frontdesk.call.older import OlderSummedUp
from frontdesk.call.parts import Parts
from frontdesk.protocol import commands as do
from frontdesk.protocol import engine
from frontdesk.voice.segment import TurnLikely, TurnWentOn


class Arrivals:
    """The hearing half of the call's one writer: asks the protocol core what an event means, and
    has :class:`~frontdesk.call.deeds.Deeds` do what it commands."""

    def __init__(self, parts: Parts, deeds: Deeds) -> None:
        self._parts = parts
        self._deeds = deeds

    def apply(self, event: Happening) -> None:
        """Do what comes of an event."""
        if self._parts.answers.keeps(event):
            return
        match event:
            case Frame(data, connection):
                self._receive(data, connection)
            case Joined(connection):
                self._join(connection)
            case Left(connection, reason, vanished):
                last = self._parts.connections.leave(connection)
                if last and not (vanished and self._parts.absence.begin(reason)):
                    self._parts.inbox.post_ahead(Gone(reason, vanished=vanished))
            case Expired(reason):
                if self._parts.absence.expired(event):
                    self._parts.inbox.post_ahead(Gone(reason, vanished=True))
            case TurnBegun():
                self._turn_begun(event)
            case TurnOver(segment):
                self._parts.ears.over(segment)
                self._parts.speculating.over(segment.guess)
                self._deeds.feed(engine.SpeechStopped(round(segment.end_ms)))
                self._parts.speculating.settled()
                self._parts.ears.passed_over()
            case TurnLikely():
                self._parts.speculating.likely(event)
            case TurnWentOn(guess):
                self._parts.speculating.went_on(guess)
            case Transcribed():
                self._transcribed(event)
            case Words(response_id, text, goes_on):
                self._parts.answers.words(response_id, text, goes_on=goes_on)
            case engine.ResponseText(response_id, text):
                self._parts.answers.words(response_id, text)
            case ToolBegins():
                self._parts.book.record("tool.started", tool=event.entry())
                self._parts.answers.begins(event)
                event.noted.set()
            case Sound():
                self._parts.answers.sound(event)
            case FloorTaken():
                for item, after in self._parts.floor.taken(event):
                    self._show(item, after)
            case SummaryMade():
                self._parts.floor.summary_made(event)
            case OlderSummedUp():
                self._parts.compaction.made(event)
            case Remembered():
                self._show(*self._parts.answers.remember(event))
                self._parts.background.remembered({**event.item})
            case Withheld(item_ids=item_ids):
                for item_id in item_ids:
                    self._parts.book.record("item.withheld", item_id=item_id)
            case Played(item_id):
                self._parts.answers.played(item_id)
            case RestDue(number):
                self._parts.answers.stopped.due(number)
            case QuestionNews():
                self._parts.questions.apply(event)
            case QuestionDue(question_id):
                speaking = self._parts.protocol.speech_item_id is not None
                self._parts.questions.due(question_id, speaking=speaking)
            case engine.ResponseMcpCall(response_id=response_id):
                if turn := self._parts.answers.turn_of(response_id):
                    self._parts.servers.called(response_id, turn)
                self._deeds.feed(event)
            case engine.ResponseEnded(response_id=response_id):
                self._deeds.feed(event)
                turn = self._parts.answers.turn_of(response_id)
                self._parts.answers.made(response_id)
                if turn is not None:
                    self._parts.compaction.consider(self._parts.asking.limits, turn)
            case Failing():
                self._parts.farewell.begin(event, heard=not self._parts.absence.away)
            case ConsentGiven():
                self._parts.remembering.said(event)
            case WorkEvent():
                self._parts.background.act_on(event)
            case Tick():
                waits = self._parts.silences.caller_waits()
                now = self._parts.clock.now()
                self._deeds.obey(self._parts.protocol.tick(now, caller_waits=waits))
            case _:
                self._deeds.feed(event)

    def hear(self, frame: str | bytes, connection: Connection) -> bool:
        """The short way of what comes fifty times a second: sound, which is for the ear alone.
        False for anything else, of which nothing has been done then."""
        parts = self._parts
        now = parts.clock.now()
        if not parts.connections.may_speak(connection, now):
            return False
        sound = parts.protocol.hear(frame)
        if sound is None:
            return False
        connection.spoke()
        parts.connections.spoke(connection, now)
        if sound:
            try:
                parts.ears.push(sound)
            except Exception:
                self._deeds.defect("Frame")
                parts.told.release()
        return True

    def _turn_begun(self, event: TurnBegun) -> None:
        """The caller speaks: the agent falls silent, as far as the client leaves that to us."""
        answers, protocol = self._parts.answers, self._parts.protocol
        over = answers.silent_for() < 0
        self._parts.hearing.begun(event.spoken_ms)
        answers.stopped.spoken_at = self._parts.ears.wall(event.spoken_ms)
        self._deeds.feed(engine.SpeechStarted(event.start_ms))
        if self._interrupts():
            answers.cut_short(keep=self._parts.answers_turns)
        elif over and self._parts.answers_turns:
            answers.go_on_under()
        if (item_id := protocol.speech_item_id) is not None:
            answers.stopped.by(item_id)
            if over:
                self._parts.hearing.over_agent(item_id)

    def _join(self, connection: Connection) -> None:
        """Another client, or one that is back: then its old connection is of no use any more."""
        for old in self._parts.connections.replaced_by(connection):
            old.close(TAKEN_OVER, "the call goes on at another connection")
        # Whoever comes when no caller is there is one.
        connection.caller = connection.caller or not self._parts.connections.has_caller
        self._parts.connections.join(connection)
        self._parts.greeting.greet(connection)
        self._parts.caller_is_back()

    def _show(self, item: dict[str, Any], after: str | None) -> None:
        """What a tool of the team did, for the clients that asked to see it."""
        if self._parts.connections.showing_tools:
            self.tell_all(self._parts.protocol.show(item, after), tools=True)

    def tell_all(self, commands: list[do.Command], *, tools: bool = False) -> None:
        """Send an event of ours to all clients, or to those who see ``tools``."""
        for command in commands:
            if isinstance(command, do.Send):
                self._parts.told.tell(command, tools=tools)

    def _receive(self, frame: str | bytes, connection: Connection) -> None:
        connection.spoke()
        now = self._parts.clock.now()
        may_speak = self._parts.connections.may_speak(connection, now)
        self._deeds.answer(
            connection, self._parts.protocol.receive(frame, now, may_speak=may_speak)
        )

    def _transcribed(self, event: Transcribed) -> None:
        if not self._parts.hearing.awaits(event.item_id):
            return  # it was given up
        if event.transcript is None:
            message = "The speech could not be transcribed."
            self._deeds.feed(engine.TranscriptFailed(event.item_id, message))
        else:
            words = self._parts.hearing.understood(event.item_id, event.transcript)
            if words.text.strip():
                self._parts.silences.caller_is_there()
            self._parts.asking.transcribed(event.item_id, words.text)
            if self._parts.tongue.heard(words):
                self._parts.ears.follow()
            completed = engine.TranscriptCompleted(
                event.item_id, words.text, words.seconds, words.logprobs, words.usage
            )
            self._deeds.feed(completed)
        if self._parts.upstream is not None:
            words = event.transcript.text if event.transcript else None
            self._parts.upstream.transcribed(event.item_id, words)
        self._parts.hearing.transcribed(event)
        if not self._parts.protocol.responds:
            heard = self._parts.preparing.turn(answers=True)
            heard.quiet_because("not_asked")
            heard.end("completed")

    def _interrupts(self) -> bool:
        detection: dict[str, Any] | None = self._parts.protocol.session["audio"]["input"].get(
            "turn_detection"
        )
        return detection is not None and detection.get("interrupt_response") is not False

    def is_waited_for(self, event: Happening) -> bool:
        """Whether somebody waits for what comes of an event: not for words that are still to be
        answered or spoken, nor for what follows sound that is being played."""
        match event:
            case engine.ResponseText(response_id):
                return self._parts.answers.unread(response_id)
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
                return self._parts.answers.unheard(response_id)
            case engine.ResponseEnded():
                return self._parts.answers.silent_for() >= 0
            case _:
                return True
