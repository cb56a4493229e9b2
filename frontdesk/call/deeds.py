"""What the protocol core commands, done."""

import logging

from frontdesk.call.connections import Connection
from frontdesk.call.events import (
    Gone,
)
from frontdesk.call.parts import Parts
from frontdesk.call.recovery import GoingOn, asked_entry, begun_entry
from frontdesk.protocol import commands as do
from frontdesk.protocol import engine
from frontdesk.protocol.items import given_audio, is_committed, is_written, without_audio
from frontdesk.protocol.usage import heard_tokens
from frontdesk.voice.audio import OutputEncoder
from frontdesk.voice.segment import Segment

logger = logging.getLogger(__name__)

FOR_THE_ASKER = frozenset({"error", "conversation.item.retrieved"})
"""Answers that concern nobody but the client whose frame they answer."""


class Deeds:
    """The doing half of the call's one writer; :class:`~frontdesk.call.call.Call` is the half that
    takes what happens."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._asker: Connection | None = None

    def feed(self, event: engine.EngineEvent) -> None:
        """Tell the protocol, and do what it makes of that."""
        self.obey(self._parts.protocol.feed(event, self._parts.clock.now()))

    def answer(self, connection: Connection, commands: list[do.Command]) -> None:
        """Obey what one client brought about."""
        self._asker = connection
        self.obey(commands)
        self._asker = None

    def obey(self, commands: list[do.Command]) -> None:
        """Do them one after the other. One that breaks does not keep the rest from being done."""
        for command in commands:
            try:
                self._do(command)
            except Exception:  # the frames behind it must go out all the same
                if isinstance(command, do.Send):
                    raise
                self.defect(type(command).__name__)

    def _do(self, command: do.Command) -> None:
        match command:
            case do.Send(frame, kind):
                if self._asker is not None and kind in FOR_THE_ASKER:
                    self._parts.told.put(frame, self._asker)
                else:
                    self._parts.told.tell(command)
            case do.AudioAppended(audio):
                if self._asker is not None:
                    self._parts.connections.spoke(self._asker, self._parts.clock.now())
                    self._parts.caller_is_back()
                self._parts.ears.push(audio)
            case do.AudioCleared():
                self._parts.ears.clear()
            case do.AudioCommitted(item_id, silent=True):
                self._parts.silences.timed_out(item_id)
                self.feed(engine.TranscriptCompleted(item_id, "", 0.0))
            case do.AudioCommitted(item_id):
                self._committed(item_id, self._parts.ears.take())
            case do.SessionChanged(session, changed):
                self._parts.speculating.drop()
                self._parts.book.record("session", session=session)
                self._parts.tongue.configure(session)
                self._parts.ears.configure(session, changed)
            case do.ItemAdded(item, previous, response_id):
                self._added(item, previous, response_id)
            case do.ItemChanged(item):
                self._parts.book.record("item.changed", item=item)
            case do.ItemDeleted(item_id):
                self._parts.book.record("item.deleted", item_id=item_id)
            case do.ItemTruncated(item_id, _, audio_end_ms):
                self._parts.answers.truncated(item_id, audio_end_ms)
            case do.ResponseRequested():
                self._respond(command)
            case do.ResponseWaits(asked):
                unasked = asked is not None and asked.by == "agent"
                since = self._parts.recovery.since(unasked=unasked)
                self._parts.book.record("response.waits", asked=asked_entry(asked, since))
            case do.ResponseOver(response_id):
                self._responses_over(response_id)
            case do.ResponseCancelled(response_id, reason):
                self._parts.silences.cancelled(response_id)
                spoken_over = reason == "turn_detected" and self._parts.answers_turns
                self._parts.answers.cancelled(response_id, keep=spoken_over)
            case do.ListMcpTools() | do.RunMcpTool() | do.McpCallRefused() | do.DropMcpServer():
                self._parts.servers.obey(command)
            case do.ApprovalAnswered(question_id, approve, reason):
                decision = "approved" if approve else "denied"
                self._parts.questions.decide(
                    question_id, decision, "caller", "client", reason=reason
                )
            case do.OutputCleared():
                self._parts.answers.cut_short()
            case do.Close(code, reason):
                self._parts.inbox.post(Gone(reason, code))

    def _added(self, item: do.Item, previous: str | None, response_id: str | None) -> None:
        kept = without_audio(item)
        goes_on = is_committed(kept) and self._parts.hearing.goes_on
        self._parts.book.record(
            "item.added",
            item=kept,
            after=previous,
            hidden=False,
            asked=self._parts.answers.asked_with(kept),
            response=response_id,
            **({"goes_on": True} if goes_on else {}),
        )
        self._parts.answers.opened(kept)
        if item.get("role") == "user":
            self._parts.background.caller_wrote()
            if is_written(item):
                self._parts.silences.caller_is_there()
        if audio := given_audio(item):
            self._parts.hearing.given_to_answer(item["id"], audio)

    def _committed(self, item_id: str, segment: Segment | None) -> None:
        """The caller's speech became an item: keep its sound, wait for its words."""
        if segment is None:  # the client cleared its buffer in the same breath
            self.feed(engine.TranscriptCompleted(item_id, "", 0.0))
            return
        if self._parts.upstream is not None:
            self._parts.upstream.committed(item_id, segment)
        self._parts.hearing.committed(item_id, segment)

    def _respond(self, request: do.ResponseRequested) -> None:
        """Start a response. One that cannot begin has failed."""
        try:
            self._start(request)
        except Exception:
            logger.exception("call %s: a response cannot begin", self._parts.book.state.call_id)
            error = {"code": "server_error", "message": "The server had an internal error."}
            self.feed(engine.ResponseEnded(request.response_id, "failed", error=error))

    def _responses_over(self, response_id: str) -> None:
        if response_id in self._parts.book.state.responses:
            self._parts.book.record("response.over", response_id=response_id)

    def _start(self, request: do.ResponseRequested) -> None:
        """A response is a task that thinks and speaks."""
        occasion = self._parts.farewell.occasion(request.response_id)
        silences = 0 if request.out_of_band else self._parts.silences.untold()
        occasion = occasion or self._parts.silences.goodbye(request.response_id, silences)
        if occasion is None and request.unasked and not self._parts.questions.has_news:
            occasion = self._parts.background.occasion(request.response_id)
            if not occasion.about:
                self.feed(engine.ResponseEnded(request.response_id))
                return
        ahead = None if request.out_of_band else self._parts.speculating.take()
        turn = self._parts.preparing.turn(
            answers=not request.out_of_band, ahead=ahead and ahead.trace
        )
        self._parts.speculating.told(turn)
        if request.out_of_band:
            turn.out_of_band()
        if silences:
            turn.follows_silence(silences)
        since = None
        if not request.out_of_band:
            since = self._parts.recovery.since(unasked=request.unasked)
        begun = begun_entry(request, turn.trace.ref, self._parts.clock.now(), since)
        self._parts.book.record("response.begun", response=begun)
        heard = heard_tokens(self._parts.asking.heard_ms(request))
        if heard:
            self.feed(engine.ResponseUsage(request.response_id, engine.Usage(input_audio=heard)))
        spoken = "audio" in request.options["output_modalities"]
        jobs = None if request.out_of_band else self._parts.background.jobs(request.response_id)
        going_on = rest = None
        if not request.out_of_band:
            rest = self._parts.answers.stopped.take(wanted=_is_plain(request))
            going_on = self._parts.recovery.take(turn, unasked=request.unasked)
        if going_on is None and occasion is not None and occasion.said:
            going_on = GoingOn(occasion.said)
        reply = self._parts.preparing.reply(
            request,
            turn,
            heard=heard,
            spoken=spoken,
            jobs=jobs,
            occasion=occasion,
            going_on=going_on,
            rest=rest,
            ahead=ahead,
        )
        encoder = OutputEncoder(request.options["audio"]["output"]["format"]["type"])
        task = self._parts.answers.start(
            reply, encoder if spoken else None, out_of_band=request.out_of_band
        )
        if ahead is not None:
            self._parts.speculating.goes_with(ahead, turn, task)

    def defect(self, what: str) -> None:
        """Something of ours broke: the client is told that, and the log how."""
        logger.exception("call %s: %s failed", self._parts.book.state.call_id, what)
        self.feed(engine.EngineError("The server had an internal error."))


def _is_plain(request: do.ResponseRequested) -> bool:
    """Whether it answers what the caller said, as the session would have it."""
    own = request.asked and request.asked.request
    return request.input is None and not request.unasked and not own
