"""One connection to a realtime model: what is sent goes in order, what comes is sorted."""

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from agents.realtime import (
    RealtimeModel,
    RealtimeModelAudioEvent,
    RealtimeModelConfig,
    RealtimeModelConnectionStatusEvent,
    RealtimeModelEndOfStreamEvent,
    RealtimeModelErrorEvent,
    RealtimeModelEvent,
    RealtimeModelExceptionEvent,
    RealtimeModelInputAudioTranscriptionCompletedEvent,
    RealtimeModelListener,
    RealtimeModelOutputTextDeltaEvent,
    RealtimeModelSendAudio,
    RealtimeModelSendEvent,
    RealtimeModelSendRawMessage,
    RealtimeModelSendSessionUpdate,
    RealtimeModelToolCallEvent,
    RealtimeModelTranscriptDeltaEvent,
    RealtimeModelTurnEndedEvent,
    RealtimeModelTurnStartedEvent,
    RealtimeModelUsageEvent,
    RealtimeSessionModelSettings,
)
from agents.realtime.model_events import RealtimeModelRawServerEvent

from frontdesk.team.realtime.mirror import Changes, Entry, Mirror

logger = logging.getLogger(__name__)

CONNECTING = 5.0
"""Seconds for the connection to come about."""
SILENT = 8.0
"""Seconds without a sign of life while the model answers, after which it counts as gone."""

Output = (
    RealtimeModelTranscriptDeltaEvent
    | RealtimeModelOutputTextDeltaEvent
    | RealtimeModelAudioEvent
    | RealtimeModelToolCallEvent
    | RealtimeModelUsageEvent
)
"""What an answer is made of."""


class UpstreamError(Exception):
    """The realtime model refused, broke off or cannot be reached. ``kind`` is a word for traces."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Ended:
    """An answer is over. ``cut_short``: at its limit of tokens."""

    cut_short: bool = False


@dataclass(slots=True)
class _Answer:
    """An answer under way upstream. ``left``: nobody waits for it any more."""

    number: int
    asked_by: str
    events: asyncio.Queue["Output | Ended | UpstreamError"] = field(
        default_factory=asyncio.Queue["Output | Ended | UpstreamError"]
    )
    response_id: str | None = None
    left: bool = False


class Connection(RealtimeModelListener):
    """Use from one event loop. ``heard`` is told the words of what was sent as sound, by the id of
    our item, None when there are none; ``lost`` that the connection is of no more use, and why."""

    def __init__(
        self,
        model: RealtimeModel,
        config: RealtimeModelConfig,
        *,
        heard: Callable[[str, str | None], None],
        lost: Callable[["Connection", UpstreamError], None],
    ) -> None:
        self._model = model
        self._config = config
        self._heard = heard
        self._tell_lost = lost
        self._numbers = itertools.count(1)
        self.mirror = Mirror(lambda: f"item_fd{next(self._numbers):08d}")
        self.broken: UpstreamError | None = None
        self.asked = False
        """Whether the model was asked anything yet."""
        self.opened = asyncio.get_running_loop().time()
        self._outbox: asyncio.Queue[RealtimeModelSendEvent] = asyncio.Queue()
        self._sender: asyncio.Task[None] | None = None
        self._uncommitted: deque[tuple[Entry, asyncio.Event]] = deque()
        self._settings: Mapping[str, Any] = {}
        self._answer: _Answer | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._status: dict[str, Any] = {}

    async def open(self) -> None:
        """Connect. Raises :class:`UpstreamError`."""
        self._model.add_listener(self)
        try:
            async with asyncio.timeout(CONNECTING):
                await self._model.connect(self._config)
        except Exception as error:
            reason = str(error) or f"no connection within {CONNECTING:g} s"
            raise UpstreamError(reason, "upstream_unreachable") from error
        self._sender = asyncio.create_task(self._send_on())

    async def aclose(self) -> None:
        """Hang up."""
        self._model.remove_listener(self)
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        try:
            await self._model.close()
        except Exception as error:
            logger.warning("the realtime model did not hang up cleanly: %s", error)

    # What is sent

    def hear(self, audio: bytes) -> None:
        """Sound of the caller (24 kHz, 16 bit)."""
        self._outbox.put_nowait(RealtimeModelSendAudio(audio))

    def commit(self, speech: str) -> None:
        """What was heard since the last commit is the item ``speech`` of ours."""
        entry = self.mirror.added(Entry("", "user", "", speech=speech))
        self._uncommitted.append((entry, asyncio.Event()))
        self._send("input_audio_buffer.commit")

    def forget(self) -> None:
        """What was heard since the last commit is nothing."""
        self._send("input_audio_buffer.clear")

    def cut(self, item_id: str, audio_ms: int) -> None:
        """No more than this was heard of what the model said."""
        entry = self.mirror.get(item_id)
        if entry is None:
            return
        if audio_ms <= 0:
            self.mirror.remove(entry)
            self._send("conversation.item.delete", item_id=item_id)
            return
        entry.cut = True
        self._send(
            "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=audio_ms
        )

    def _send(self, kind: str, **fields: Any) -> str:
        event_id = f"fd_{next(self._numbers)}"
        message: Any = {"type": kind, "other_data": {"event_id": event_id, **fields}}
        self._outbox.put_nowait(RealtimeModelSendRawMessage(message))
        return event_id

    async def _send_on(self) -> None:
        while True:
            event = await self._outbox.get()
            try:
                await self._model.send_event(event)
            except Exception as error:
                self._break(UpstreamError(f"it cannot be reached: {error}", "upstream_lost"))
                return

    # An answer

    async def ready(self) -> None:
        """Wait until the model can be asked: its last answer is over, and what was sent as sound
        has its place. Raises :class:`UpstreamError`."""
        try:
            async with asyncio.timeout(SILENT):
                await self._idle.wait()
                for _, known in [*self._uncommitted]:
                    await known.wait()
        except TimeoutError as error:
            failed = UpstreamError(f"it did not react within {SILENT:g} s", "upstream_silent")
            self._break(failed)
            raise failed from error
        if self.broken is not None:
            raise self.broken

    def become(self, changes: Changes) -> None:
        """Bring the conversation upstream up to ours."""
        for item_id in changes.deleted:
            self._send("conversation.item.delete", item_id=item_id)
        for creation in changes.created:
            after = {} if creation.after is None else {"previous_item_id": creation.after}
            self._send("conversation.item.create", item=creation.item, **after)

    def configure(self, settings: RealtimeSessionModelSettings) -> None:
        """Have the session be like this from now on."""
        told = _comparable(settings)
        if told != self._settings:
            self._settings = told
            self._outbox.put_nowait(RealtimeModelSendSessionUpdate(settings))

    async def answer(self, response: dict[str, Any], number: int) -> AsyncGenerator[Output | Ended]:
        """Have the model answer; the last event is :class:`Ended`. Closing the iterator calls the
        model off. Raises :class:`UpstreamError`."""
        self._idle.clear()
        self.asked = True
        answer = self._answer = _Answer(number, self._send("response.create", response=response))
        try:
            while True:
                async with asyncio.timeout(SILENT):
                    event = await answer.events.get()
                if isinstance(event, UpstreamError):
                    raise event
                yield event
                if isinstance(event, Ended):
                    return
        except TimeoutError as error:
            message = f"it said nothing for {SILENT:g} s"
            raise UpstreamError(message, "upstream_silent") from error
        finally:
            self._leave(answer)

    def call_off(self) -> None:
        """Nobody waits for the answer under way any more."""
        if self._answer is not None:
            self._leave(self._answer)

    def _leave(self, answer: _Answer) -> None:
        if self._answer is answer and not answer.left:
            answer.left = True
            if answer.response_id is not None:
                self._send("response.cancel", response_id=answer.response_id)

    # What comes

    async def on_event(self, event: RealtimeModelEvent) -> None:
        """Of the SDK: something came."""
        match event:
            case RealtimeModelRawServerEvent(data):
                self._take_raw(cast("dict[str, Any]", data))
            case RealtimeModelTurnStartedEvent():
                self._begun(event.response_id)
            case (
                RealtimeModelTranscriptDeltaEvent(item_id=item_id, delta=delta)
                | RealtimeModelOutputTextDeltaEvent(item_id=item_id, delta=delta)
            ):
                self._message(item_id).text += delta
                self._tell(event)
            case RealtimeModelAudioEvent():
                self._message(event.item_id)
                self._tell(event)
            case RealtimeModelToolCallEvent():
                self.mirror.added(Entry(event.id or "", "call", event.call_id))
                self._tell(event)
            case RealtimeModelUsageEvent():
                self._tell(event)
            case RealtimeModelTurnEndedEvent():
                self._end()
            case RealtimeModelInputAudioTranscriptionCompletedEvent():
                self._word(event.item_id, event.transcript)
            case RealtimeModelErrorEvent():
                self._refused(event.error)
            case RealtimeModelExceptionEvent():
                reason = f"{event.context or 'it broke off'}: {event.exception}"
                self._break(UpstreamError(reason, "upstream_lost"))
            case RealtimeModelEndOfStreamEvent():
                self._break(UpstreamError("it hung up", "upstream_lost"))
            case RealtimeModelConnectionStatusEvent(status="disconnected"):
                self._break(UpstreamError("it hung up", "upstream_lost"))
            case _:
                pass

    def _take_raw(self, data: dict[str, Any]) -> None:
        match data.get("type"):
            case "input_audio_buffer.committed" if self._uncommitted:
                entry, known = self._uncommitted.popleft()
                entry.item_id = data["item_id"]
                known.set()
            case "conversation.item.input_audio_transcription.failed":
                self._word(data["item_id"], None)
            case "response.done":
                self._status = data["response"]
            case _:
                pass

    def _begun(self, response_id: str | None) -> None:
        self._status = {}
        if self._answer is not None:
            self._answer.response_id = response_id
            if self._answer.left:
                self._send("response.cancel", response_id=response_id)

    def _message(self, item_id: str) -> Entry:
        number = self._answer.number if self._answer else 0
        found = self.mirror.get(item_id)
        return found or self.mirror.added(Entry(item_id, "assistant", "", answer=number))

    def _tell(self, event: Output | Ended | UpstreamError) -> None:
        if self._answer is not None:
            self._answer.events.put_nowait(event)

    def _end(self) -> None:
        status = self._status.get("status")
        details: dict[str, Any] = self._status.get("status_details") or {}
        if status in ("failed", "cancelled"):
            error: dict[str, Any] = details.get("error") or {}
            reason = error.get("message") or error.get("code") or f"the response was {status}"
            self._tell(UpstreamError(reason, "upstream_failed"))
        else:
            short = status == "incomplete" and details.get("reason") == "max_output_tokens"
            self._tell(Ended(cut_short=short))
        self._answer = None
        self._idle.set()

    def _word(self, item_id: str, words: str | None) -> None:
        entry = self.mirror.get(item_id)
        if entry is not None and entry.speech is not None:
            self._heard(entry.speech, words)

    def _refused(self, error: Any) -> None:
        """An error of the server's, about something that was sent, or about the session."""
        about = getattr(error, "event_id", None)
        message = str(getattr(error, "message", None) or error)
        answer = self._answer
        ours = about in (None, answer.asked_by) if answer else False
        if answer and ours and answer.response_id is None and not isinstance(error, Exception):
            self._tell(UpstreamError(message, "upstream_refused"))
            self._answer = None
            self._idle.set()
        else:
            logger.warning("the realtime model complains: %s", message)

    def _break(self, error: UpstreamError) -> None:
        if self.broken is not None:
            return
        self.broken = error
        self._tell(error)
        self._answer = None
        self._idle.set()
        for entry, known in self._uncommitted:
            if entry.speech is not None:
                self._heard(entry.speech, None)
            known.set()
        self._tell_lost(self, error)


def _comparable(settings: RealtimeSessionModelSettings) -> dict[str, Any]:
    """Settings, told apart by what goes over the wire of their tools."""
    told: dict[str, Any] = {**settings}
    told["tools"] = [
        (tool.name, getattr(tool, "description", ""), getattr(tool, "params_json_schema", {}))
        for tool in settings.get("tools", ())
    ]
    told["handoffs"] = [
        (edge.tool_name, edge.tool_description) for edge in settings.get("handoffs", ())
    ]
    return told
