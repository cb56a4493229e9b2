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
from typing import Any, Literal

from frontdesk.call.ears import Ears
from frontdesk.call.events import (
    CallEvent,
    FloorTaken,
    Frame,
    Gone,
    Played,
    Remembered,
    Sound,
    Transcribed,
    TurnBegun,
    TurnOver,
    Words,
)
from frontdesk.call.history import message_text, model_input
from frontdesk.call.inbox import Inbox
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.playback import Playback, SpokenItem
from frontdesk.call.reply import Reply
from frontdesk.call.turn import CallerSpeech, Turn
from frontdesk.protocol import commands as do
from frontdesk.protocol import engine
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.state.entries import CallState
from frontdesk.state.fold import apply
from frontdesk.state.writer import LogWriter
from frontdesk.team.events import ClientTool, TurnRequest
from frontdesk.tracing.calls import Tracing
from frontdesk.voice.audio import OutputEncoder
from frontdesk.voice.base import INPUT_RATE, OUTPUT_RATE, Samples, SpeechError
from frontdesk.voice.listener import Segment
from frontdesk.voice.speaker import Speaker

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Live:
    """A response being made or played."""

    reply: Reply
    task: asyncio.Task[None]
    encoder: OutputEncoder | None
    out_of_band: bool
    item: SpokenItem | None = None
    made: bool = False


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
        state: CallState,
        log: LogWriter,
        tracing: Tracing,
        send: Callable[[bytes], None],
        close: Callable[[int, str], None],
    ) -> None:
        self.state = state
        self._team = live_team
        self._protocol = protocol
        self._log = log
        self._tracing = tracing
        self._send = send
        self._close = close
        self._inbox: Inbox[CallEvent] = Inbox()
        self._ears = Ears(live_team.voice, protocol.session, self._inbox.post)
        self._playback = Playback()
        self._live: dict[str, _Live] = {}
        self._hearing: dict[str, _Hearing] = {}
        self._speech: CallerSpeech | None = None
        self._turns = sum(entry["role"] == "agent" for entry in state.audio)
        self._started = time.time()
        self._timers: list[asyncio.TimerHandle] = []

    async def offer(self, frame: str | bytes) -> None:
        """Hand in a client frame; waits while the call is behind."""
        await self._inbox.offer(Frame(frame))

    def end(self, reason: str, code: int = 1000) -> None:
        """End the call after what was handed in before."""
        self._inbox.post(Gone(reason, code))

    async def run(self) -> None:
        """Live until the client leaves or the call is ended."""
        self._obey(self._protocol.open(self._now()))
        try:
            while True:
                event = await self._inbox.take()
                if isinstance(event, Gone):
                    self._close(event.code, event.reason)
                    self._record("call.ended", reason=event.reason)
                    return
                try:
                    self._apply(event)
                except Exception:
                    # A defect of ours must not take the call down with it.
                    logger.exception("call %s: %s failed", self.state.call_id, type(event).__name__)
                    self._feed(engine.EngineError("The server had an internal error."))
        finally:
            await self._shut_down()

    # What arrived

    def _apply(self, event: CallEvent) -> None:
        match event:
            case Frame(data):
                self._obey(self._protocol.receive(data, self._now()))
            case TurnBegun(start_ms):
                self._feed(engine.SpeechStarted(start_ms))
                if self._interrupts():
                    self._cut_short()
            case TurnOver(segment):
                self._ears.over(segment)
                self._feed(engine.SpeechStopped(round(segment.end_ms)))
            case Transcribed():
                self._transcribed(event)
            case Words(response_id, text):
                self._words(response_id, text)
            case Sound(response_id):
                self._sound(event)
            case FloorTaken(response_id, agent, previous):
                if self._current(response_id):
                    self._record("agent.changed", agent=agent, previous=previous)
            case Remembered():
                self._remember(event)
            case Played(item_id):
                self._played(item_id)
            case engine.ResponseEnded(response_id=response_id):
                self._feed(event)
                self._made(response_id)
            case _:
                self._feed(event)  # type: ignore[arg-type]

    def _feed(self, event: engine.EngineEvent) -> None:
        self._obey(self._protocol.feed(event, self._now()))

    # What the protocol commands

    def _obey(self, commands: list[do.Command]) -> None:
        for command in commands:
            match command:
                case do.Send(frame):
                    self._send(frame)
                case do.AudioAppended(audio):
                    self._ears.push(audio)
                case do.AudioCleared():
                    self._ears.clear()
                case do.AudioCommitted(item_id):
                    self._committed(item_id, self._ears.take())
                case do.SessionChanged(session, changed):
                    self._ears.configure(session, changed)
                    self._record("session", session=session)
                case do.ItemAdded(item, previous):
                    self._record("item.added", item=item, after=previous, hidden=False)
                    self._open_spoken(item)
                case do.ItemChanged(item):
                    self._record("item.changed", item=item)
                case do.ItemDeleted(item_id):
                    self._record("item.deleted", item_id=item_id)
                case do.ItemTruncated():
                    self._truncated(command)
                case do.ResponseRequested():
                    self._respond(command)
                case do.ResponseCancelled(response_id):
                    self._cancelled(response_id)
                case do.OutputCleared():
                    self._cut_short()
                case do.Close(code, reason):
                    self.end(reason, code)

    # Listening

    def _committed(self, item_id: str, segment: Segment) -> None:
        """The caller's speech became an item: keep its sound, wait for its words."""
        started = self._ears.wall(segment.start_ms)
        ref = self._keep("caller", item_id, segment.audio, INPUT_RATE, self._offset(started))
        self._speech = CallerSpeech(
            started=started,
            ended=self._ears.wall(segment.end_ms),
            decided=time.time(),
            probability=segment.eot_probability,
            offset_ms=self._offset(started),
            audio_uri=ref,
        )
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
        detection = self._protocol.session["audio"]["input"].get("turn_detection") or {}
        return bool(detection.get("interrupt_response", True))

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
            silent_for=lambda: self._playback.silent_for(self._now()),
            lines=self._team.loaded.team.lines,
            turn=turn,
            post=self._inbox.post,
        )
        self._live[request.response_id] = _Live(
            reply,
            asyncio.create_task(self._guarded(reply)),
            encoder if spoken else None,
            request.out_of_band,
        )

    async def _guarded(self, reply: Reply) -> None:
        """A defect in a reply ends the response, never the call."""
        try:
            await reply.run()
        except Exception as error:
            logger.exception("call %s: reply failed", self.state.call_id)
            reply.turn.failed(f"{type(error).__name__}: {error}", code="server_error")
            failure = {"code": "server_error", "message": "The server had an internal error."}
            self._inbox.post(
                engine.ResponseEnded(reply.response_id, status="failed", error=failure)
            )

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
            instructions=self._protocol.client_instructions(options),
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
        item = next((s.item for s in reversed(self.state.items) if not s.hidden), None)
        if item is None or item.get("role") != "user":
            return None
        kinds = {part["type"] for part in item["content"]}
        return message_text(item) if "input_audio" in kinds else None

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
        return turn

    def _speaker(self, agent: str) -> Speaker:
        """The voice of ``agent``."""
        team = self._team.loaded.team
        tts = team.voice.tts
        own = team.agents[agent].voice if agent in team.agents else None
        speed = self._protocol.session["audio"]["output"].get("speed") or 1.0
        return Speaker(
            self._team.voice.tts, voice=own or tts.voice, style=tts.style, speed=tts.speed * speed
        )

    # Speaking

    def _current(self, response_id: str) -> _Live | None:
        live = self._live.get(response_id)
        return live if live and not live.made else None

    def _words(self, response_id: str, text: str) -> None:
        if live := self._current(response_id):
            self._feed(engine.ResponseText(response_id, text))
            if live.item:
                self._playback.words(live.item, text)

    def _sound(self, event: Sound) -> None:
        live = self._current(event.response_id)
        if live and live.encoder:
            milliseconds = 1000 * len(event.samples) / OUTPUT_RATE
            audio = live.encoder.encode(event.samples)
            self._feed(engine.ResponseAudio(event.response_id, audio, milliseconds))
            if live.item:
                self._playback.sound(live.item, event.samples, self._now())

    def _open_spoken(self, item: dict[str, Any]) -> None:
        """An assistant item that will be heard: from here on, count what is played."""
        if item.get("role") != "assistant" or item.get("status") != "in_progress":
            return
        for response_id, live in self._live.items():
            if live.encoder and not live.out_of_band and not live.made:
                live.item = self._playback.open(item["id"], response_id, self._now())

    def _remember(self, event: Remembered) -> None:
        live = self._current(event.response_id)
        if live and not live.out_of_band:
            after = self._before(live.item.item_id) if live.item else self._protocol.last_item_id
            self._record("item.added", item=dict(event.item), after=after, hidden=True)

    def _before(self, item_id: str) -> str | None:
        """The wire item before ``item_id``."""
        previous = None
        for stored in self.state.items:
            if stored.item.get("id") == item_id:
                return previous
            if not stored.hidden:
                previous = stored.item.get("id")
        return previous

    def _made(self, response_id: str) -> None:
        """All of a response was made; what is left is to hear it out."""
        live = self._live.get(response_id)
        if live is None:
            return
        live.made = True
        if live.item is None:
            del self._live[response_id]
            live.reply.turn.end("completed")
            return
        wait = self._playback.remaining(self._now())
        loop = asyncio.get_running_loop()
        self._timers = [timer for timer in self._timers if not timer.cancelled()]
        self._timers.append(loop.call_later(wait, self._inbox.post, Played(live.item.item_id)))

    def _played(self, item_id: str) -> None:
        item = self._playback.get(item_id)
        if item and not item.ended:
            self._settle(item, None)

    def _cancelled(self, response_id: str) -> None:
        if live := self._live.get(response_id):
            live.task.cancel()
            live.made = True
            if live.item is None or live.item.ended:
                self._live.pop(response_id, None)
                live.reply.turn.end("interrupted", interrupted_at=0.0)
            else:
                self._playback.stop(self._now())
                self._settle(live.item, live.item.clock.played_ms(self._now()))

    def _cut_short(self) -> None:
        """The caller speaks over the agent: what was not played yet will not be heard."""
        now = self._now()
        self._playback.stop(now)
        for item in self._playback.playing():
            self._settle(item, item.clock.played_ms(now))

    def _settle(self, item: SpokenItem, heard_ms: float | None) -> None:
        """An item was heard out (``heard_ms`` None) or cut: log it, keep its sound."""
        cut = heard_ms is not None and heard_ms < item.milliseconds
        played = item.milliseconds if heard_ms is None else min(heard_ms, item.milliseconds)
        text = item.utterance.text_until(played) if cut else item.text
        if cut:
            self._record("heard", item_id=item.item_id, text=text, audio_ms=round(played))
        started = time.time() - (self._now() - item.started)
        offset = self._offset(started)
        uri = self._keep("agent", item.item_id, item.heard(played), OUTPUT_RATE, offset)
        self._playback.forget(item.item_id)
        live = self._live.pop(item.response_id, None) if self._is_made(item) else None
        if live:
            turn = live.reply.turn
            turn.played(
                start=started,
                end=started + played / 1000,
                text=text,
                offset_ms=offset,
                audio_uri=uri,
            )
            turn.end(
                "interrupted" if cut else "completed", interrupted_at=played / 1000 if cut else None
            )

    def _is_made(self, item: SpokenItem) -> bool:
        live = self._live.get(item.response_id)
        return bool(live and live.made)

    def _truncated(self, command: do.ItemTruncated) -> None:
        """The client's own word on what was heard: it beats our clock."""
        item = self._playback.get(command.item_id)
        if item is None:
            return
        text = item.utterance.text_until(command.audio_end_ms)
        self._feed(engine.ItemCut(command.item_id, text))
        self._record("heard", item_id=command.item_id, text=text, audio_ms=command.audio_end_ms)

    # Odds and ends

    def _record(self, kind: str, **fields: Any) -> None:
        entry = {"kind": kind, "at": time.time(), **fields}
        apply(self.state, entry)
        self._log.put(entry)

    def _keep(
        self,
        role: Literal["caller", "agent"],
        item_id: str,
        samples: Samples,
        rate: int,
        offset: int,
    ) -> str | None:
        """Store sound beside the trace, and a reference to it in the log."""
        ref = self._tracing.audio.put(
            call_id=self.state.call_id,
            role=role,
            samples=samples,
            rate=rate,
            offset_ms=offset,
            item_id=item_id,
        )
        if ref is None:
            return None
        where = {"uri": ref.uri, "offset_ms": offset, "seconds": ref.seconds}
        self._record("audio", item_id=item_id, role=role, **where)
        return ref.uri

    def _now(self) -> float:
        return time.monotonic()

    def _offset(self, wall: float) -> int:
        """Milliseconds since the call began, for a unix time."""
        return max(0, round(1000 * (wall - self._started)))

    async def _shut_down(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._cut_short()
        for live in self._live.values():
            live.task.cancel()
            live.reply.turn.end("session_closed")
        tasks = [live.task for live in self._live.values()]
        tasks += [hearing.task for hearing in self._hearing.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._ears.aclose()
        await self._log.flush()
