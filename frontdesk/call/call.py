"""The live call, and its one writer.

Everything that can change a call arrives in its inbox; :meth:`Call.run` takes one event after
another, asks the protocol core what it means, and does what the core commands. Nobody else changes
the protocol, the conversation or the log, so there are no locks, and the log's order is the order
in which things happened.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from frontdesk.call.answers import Answers
from frontdesk.call.book import CallBook
from frontdesk.call.ears import Ears
from frontdesk.call.events import (
    CallEvent,
    FloorTaken,
    Frame,
    Gone,
    Happening,
    Played,
    Remembered,
    Sound,
    Tick,
    Transcribed,
    TurnBegun,
    TurnOver,
    Words,
)
from frontdesk.call.history import message_text, model_input
from frontdesk.call.inbox import Inbox
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.reply import Reply
from frontdesk.call.told import Told
from frontdesk.call.turn import CallerSpeech, Turn
from frontdesk.protocol import commands as do
from frontdesk.protocol import engine
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.state.entries import CallState
from frontdesk.team.events import ClientTool, TurnRequest
from frontdesk.tracing.calls import Tracing
from frontdesk.voice.audio import OutputEncoder
from frontdesk.voice.base import INPUT_RATE, SpeechError
from frontdesk.voice.listener import Segment
from frontdesk.voice.speaker import Speaker

logger = logging.getLogger(__name__)


TRY_AGAIN = 1013
"""Close code "try again later" (RFC 6455 registry)."""


@dataclass(slots=True)
class _Hearing:
    """Speech whose words are still to come. ``known`` is set by the writer."""

    speech: CallerSpeech
    task: asyncio.Task[None]
    known: asyncio.Event


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
        send: Callable[[bytes], None],
        close: Callable[[int, str], None],
    ) -> None:
        self._team = live_team
        self._protocol = protocol
        self._book = book
        self._recovered = recovered
        self._tracing = tracing
        self._told = Told(book, send)
        self._close = close
        self._inbox: Inbox[CallEvent] = Inbox()
        self._ears = Ears(live_team.voice, protocol.session, self._inbox.post)
        self._answers = Answers(book, feed=self._feed, post=self._inbox.post)
        self._hearing: dict[str, _Hearing] = {}
        self._speech: CallerSpeech | None = None
        self.over = asyncio.Event()
        """Set when the call is left alone: nothing more is said, and the log is written."""
        self._turns = 0
        self._spoken_until = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at: float | None = None

    @property
    def state(self) -> CallState:
        """The call as its log tells it."""
        return self._book.state

    async def offer(self, frame: str | bytes) -> None:
        """Hand in a client frame; waits while the call is behind."""
        await self._ears.caught_up()
        await self._inbox.offer(Frame(frame), len(frame))

    def end(self, reason: str, code: int = 1000) -> None:
        """End the call after what was handed in before."""
        self._inbox.post(Gone(reason, code))

    def fail(self, message: str, code: str) -> None:
        """End the call for a reason that is not the client's: it is told, and may call again."""
        self._inbox.post(engine.EngineError(message, code))
        self.end(message, TRY_AGAIN)

    async def run(self) -> None:
        """Live until the client leaves or the call is ended."""
        try:
            await self._live()
        finally:
            self.over.set()

    async def _live(self) -> None:
        async with self._book:
            self._obey(self._recovered)
            self._obey(self._protocol.open(time.time()))
            self._told.release()
            try:
                while not isinstance(event := await self._inbox.take(), Gone):
                    self._survive(event)
                    self._wind()
                await self._told.aclose()
                self._close(event.code, event.reason)
            finally:
                await self._shut_down()
            self._book.record("call.ended", reason=event.reason)

    def _survive(self, event: Happening) -> None:
        """Apply an event; a defect of ours must not take the call down with it."""
        try:
            self._apply(event)
        except Exception:
            logger.exception("call %s: %s failed", self.state.call_id, type(event).__name__)
            self._feed(engine.EngineError("The server had an internal error."))
        self._told.release()

    def _wind(self) -> None:
        """Set the clock for the protocol's next deadline."""
        deadline = self._protocol.deadline
        if deadline == self._alarm_at:
            return
        self._alarm_at = deadline
        if self._alarm:
            self._alarm.cancel()
        if deadline is not None:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(deadline - time.time(), self._inbox.post, Tick())

    # What arrived

    def _apply(self, event: Happening) -> None:
        match event:
            case Frame(data):
                self._obey(self._protocol.receive(data, time.time()))
            case TurnBegun(start_ms):
                self._feed(engine.SpeechStarted(start_ms))
                if self._interrupts():
                    self._answers.cut_short()
            case TurnOver(segment):
                self._ears.over(segment)
                self._feed(engine.SpeechStopped(round(segment.end_ms)))
            case Transcribed():
                self._transcribed(event)
            case Words(response_id, text):
                self._answers.words(response_id, text)
            case Sound():
                self._answers.sound(event)
            case FloorTaken(response_id, agent, previous):
                if self._answers.being_made(response_id):
                    self._book.record("agent.changed", agent=agent, previous=previous)
            case Remembered():
                self._answers.remember(event)
            case Played(item_id):
                self._answers.played(item_id)
            case engine.ResponseEnded(response_id=response_id):
                self._feed(event)
                self._answers.made(response_id)
            case Tick():
                self._obey(self._protocol.tick(time.time()))
            case _:
                self._feed(event)

    def _feed(self, event: engine.EngineEvent) -> None:
        self._obey(self._protocol.feed(event, time.time()))

    # What the protocol commands

    def _obey(self, commands: list[do.Command]) -> None:
        for command in commands:
            match command:
                case do.Send(frame):
                    self._told.put(frame)
                case do.AudioAppended(audio):
                    self._ears.push(audio)
                case do.AudioCleared():
                    self._ears.clear()
                case do.AudioCommitted(item_id):
                    self._committed(item_id, self._ears.take())
                case do.SessionChanged(session, changed):
                    self._ears.configure(session, changed)
                    self._book.record("session", session=session)
                case do.ItemAdded(item, previous):
                    self._book.record("item.added", item=item, after=previous, hidden=False)
                    self._answers.opened(item)
                case do.ItemChanged(item):
                    self._book.record("item.changed", item=item)
                case do.ItemDeleted(item_id):
                    self._book.record("item.deleted", item_id=item_id)
                case do.ItemTruncated(item_id, _, audio_end_ms):
                    self._answers.truncated(item_id, audio_end_ms)
                case do.ResponseRequested():
                    self._respond(command)
                case do.ResponseCancelled(response_id):
                    self._answers.cancelled(response_id)
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
        started = self._ears.wall(segment.start_ms)
        uri = self._book.keep("caller", item_id, segment.audio, rate=INPUT_RATE, started=started)
        self._speech = CallerSpeech(
            started=started,
            ended=self._ears.wall(segment.end_ms - segment.waited_ms),
            decided=time.time(),
            probability=segment.eot_probability,
            offset_ms=self._book.offset(started),
            audio_uri=uri,
        )
        self._spoken_until = self._speech.ended
        task = asyncio.create_task(self._hear(item_id, segment))
        self._hearing[item_id] = _Hearing(self._speech, task, asyncio.Event())

    async def _hear(self, item_id: str, segment: Segment) -> None:
        try:
            transcript = await segment.transcript
        except SpeechError as error:
            self._inbox.post(Transcribed(item_id, None, str(error)))
        else:
            self._inbox.post(Transcribed(item_id, transcript))

    def _transcribed(self, event: Transcribed) -> None:
        if event.transcript is None:
            self._feed(
                engine.TranscriptFailed(event.item_id, "The speech could not be transcribed.")
            )
        else:
            words = event.transcript
            self._feed(engine.TranscriptCompleted(event.item_id, words.text, words.seconds))
        if hearing := self._hearing.pop(event.item_id, None):
            hearing.speech.heard(event.transcript, event.error)
            hearing.known.set()

    def _interrupts(self) -> bool:
        detection: dict[str, Any] | None = self._protocol.session["audio"]["input"].get(
            "turn_detection"
        )
        return detection is None or detection.get("interrupt_response") is not False

    # Answering

    def _respond(self, request: do.ResponseRequested) -> None:
        """Start a response: a task that thinks and speaks."""
        turn = self._turn(request)
        spoken = "audio" in request.options["output_modalities"]
        encoder = OutputEncoder(request.options["audio"]["output"]["format"]["type"])
        reply = Reply(
            request.response_id,
            lambda: self._turn_request(request, turn),
            run_team=self._team.runner.run,
            speaker_for=self._speaker if spoken else None,
            silent_for=self._silent_for,
            lines=self._team.loaded.team.lines,
            turn=turn,
            post=self._inbox.post,
        )
        self._answers.start(reply, encoder if spoken else None, out_of_band=request.out_of_band)

    def _silent_for(self) -> float:
        """Seconds since either side was last heard."""
        return min(self._answers.silent_for(), time.time() - self._spoken_until)

    async def _turn_request(self, request: do.ResponseRequested, turn: Turn) -> TurnRequest | None:
        """What the team is to answer, once all that was said is in words. None: no words."""
        for hearing in [*self._hearing.values()]:
            await hearing.known.wait()
        if request.input is None and self._last_words() == "":
            return None
        state = self.state if request.input is None else CallState(self.state.call_id)
        options = request.options
        limit = options.get("max_output_tokens")
        return TurnRequest(
            call_id=self.state.call_id,
            agent=self.state.agent,
            history=model_input(state, extra=request.input or ()),
            trace_id=turn.trace.trace_id,
            instructions=options.get("instructions"),
            client_tools=tuple(
                ClientTool(tool["name"], tool.get("description") or "", tool["parameters"])
                for tool in options.get("tools") or ()
                if tool["type"] == "function"
            ),
            tool_choice=options.get("tool_choice") or "auto",
            max_output_tokens=limit if isinstance(limit, int) else None,
        )

    def _last_words(self) -> str | None:
        """The words of the newest item, when it is speech of the caller; None otherwise."""
        item = self._book.last_item()
        if item is None or item.get("role") != "user":
            return None
        kinds = {part["type"] for part in item["content"]}
        return message_text(item) if "input_audio" in kinds else None

    def _last_text(self) -> str:
        item = self._book.last_item()
        return message_text(item) if item and item.get("role") == "user" else ""

    def _turn(self, request: do.ResponseRequested) -> Turn:
        speech, self._speech = (None, self._speech) if request.out_of_band else (self._speech, None)
        self._turns += 1
        trace = self._tracing.turn(
            call_id=self.state.call_id,
            index=self._turns,
            team=self.state.team,
            team_version=self.state.team_version,
            agent=self.state.agent,
            transport=self.state.transport,
            start=speech.started if speech else None,
        )
        voice = self._team.voice
        turn = Turn(
            trace,
            stt=voice.stt.name,
            tts=voice.tts.name,
            asked=speech.ended if speech else time.time(),
        )
        if speech:
            speech.answered_by(turn)
        elif words := self._last_text():
            turn.asked(words)
        return turn

    def _speaker(self, agent: str) -> Speaker:
        """The voice of ``agent``."""
        team = self._team.loaded.team
        tts = team.voice.tts
        own = team.agents[agent].voice if agent in team.agents else None
        output: dict[str, Any] | None = self._protocol.session["audio"].get("output")
        speed: float = (output or {}).get("speed") or 1.0
        return Speaker(
            self._team.voice.tts, voice=own or tts.voice, style=tts.style, speed=tts.speed * speed
        )

    # The end

    async def _shut_down(self) -> None:
        if self._alarm:
            self._alarm.cancel()
        for hearing in self._hearing.values():
            hearing.task.cancel()
        tasks = [hearing.task for hearing in self._hearing.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._answers.aclose()
        await self._ears.aclose()
