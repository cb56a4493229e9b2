"""The Realtime protocol as a state machine: frames and engine events in, commands out."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from frontdesk.protocol import engine, images, options, wire
from frontdesk.protocol.approvals import TeamApprovals
from frontdesk.protocol.commands import (
    Close,
    Command,
    Item,
    ItemTruncated,
    OutputCleared,
    ResponseRequested,
    SessionChanged,
)
from frontdesk.protocol.conversation import Conversation
from frontdesk.protocol.errors import ProtocolError, invalid_value, missing_parameter
from frontdesk.protocol.ids import new_id
from frontdesk.protocol.items import from_client, is_spoken
from frontdesk.protocol.loss import AfterLoss
from frontdesk.protocol.mcp import Mcp
from frontdesk.protocol.outbox import Outbox
from frontdesk.protocol.response import Response
from frontdesk.protocol.responses import Responses
from frontdesk.protocol.schema import EVENTS
from frontdesk.protocol.session import PromptLookup, Session, refuse_in_transcription
from frontdesk.protocol.tools import RefuseUrl
from frontdesk.protocol.transcripts import Transcripts
from frontdesk.protocol.turns import Turns
from frontdesk.protocol.validation import check

Json = dict[str, Any]

IN_USE = "Another connection of this call sends audio: append when it has been silent for a second."


OF_TOOLS = ("function_call", "function_call_output", "mcp_call")
"""Items behind which the client asks for a response, or gives the output first."""


class RealtimeProtocol:
    """One session, seen from the server.

    Each method takes what happened and returns what to do, in the order of the wire. ``now`` is
    in Unix seconds and never read from a clock here. Nothing a client sends raises: its mistakes
    become ``error`` events. Dicts handed out are replaced on change, never altered: don't alter
    them either.
    """

    def __init__(
        self,
        session_id: str,
        model: str,
        *,
        defaults: Mapping[str, Any] | None = None,
        fixed: Collection[str] = (),
        ids: Callable[[str], str] = new_id,
        expires_at: int | None = None,
        prompts: PromptLookup | None = None,
        sees_images: bool = True,
        refuse_url: RefuseUrl = lambda url: None,
        most_tokens: int | None = None,
        idle_ms: int | None = None,
    ) -> None:
        """``defaults`` is a nested patch on the protocol's defaults, in the shape of
        ``session.update``; ``{"type": "transcription"}`` makes a transcription session. ``fixed``
        names dotted session fields that this server cannot change: a client may send them, and
        reads back what is in force. ``prompts`` finds the stored prompts that a client refers to.
        Without ``sees_images`` images are refused. ``refuse_url`` says why an MCP server's address
        is not served, None if it may be. ``most_tokens`` is the highest limit that a conversation
        may be given. ``idle_ms`` is how long the caller may stay silent where the client leaves
        that open. Raises :class:`ProtocolError` when ``defaults`` is not valid.
        """
        self._outbox = Outbox(ids)
        self._session = Session(
            session_id, model, defaults, fixed, expires_at, prompts, refuse_url, idle_ms
        )
        self._session.sees_images = sees_images
        self._session.most_tokens = most_tokens
        self._conversation = Conversation(self._outbox)
        self._mcp = Mcp(self._conversation, self._outbox)
        self._approvals = TeamApprovals(self._conversation, self._outbox)
        self._responses = Responses(self._conversation, self._outbox, self._mcp)
        self._transcripts = Transcripts(self._conversation, self._outbox)
        self._turns = Turns(
            self._session, self._conversation, self._responses, self._transcripts, self._outbox
        )
        self._expires_at = expires_at
        self._closed = False

    @property
    def session(self) -> Json:
        """The effective session config."""
        return self._session.config

    @property
    def responds(self) -> bool:
        """Whether there is a model in this session, not only a transcriber."""
        return self._session.responds

    @property
    def items(self) -> tuple[Item, ...]:
        """The default conversation, in order; an item being written shows what there is of it."""
        return tuple(self._conversation)

    @property
    def active_response(self) -> str | None:
        """Id of the response being made in the default conversation."""
        return self._responses.active.id if self._responses.active else None

    @property
    def speech_item_id(self) -> str | None:
        """Id of the user item that the present speech will become."""
        return self._turns.announced

    @property
    def next_answer(self) -> ResponseRequested | None:
        """The response that would begin if the present speech ended now, without its id; None
        where there would be none, or where it would have to wait."""
        return None if self._closed else self._turns.next_answer

    @property
    def quiet(self) -> bool:
        """Whether nobody speaks in the conversation, nor is about to: see ``AgentSpeaksUp``."""
        return not self._closed and self.responds and self._turns.quiet

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way that would be lost if the session went on elsewhere: nobody
        speaks, no response is made, no tool runs, the client's own neither."""
        return self._turns.at_rest and self._responses.at_rest and not self._tool_works

    @property
    def _tool_works(self) -> bool:
        """Whether something of the client's is under way, for an answer that is still to come."""
        newest = self._conversation.get(self._conversation.last or "")
        return self._mcp.busy or (newest is not None and newest["type"] in OF_TOOLS)

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` next has something to do."""
        if self._closed:
            return None
        earliest = self._turns.idle.deadline
        for at in (self._expires_at, self._mcp.lists.deadline):
            if at is not None and (earliest is None or at < earliest):
                earliest = at
        return earliest

    # What happens

    def restore(
        self, items: Iterable[Item], session: Mapping[str, Any] | None = None
    ) -> list[Command]:
        """Go on with a stored call, before :meth:`open`. Items that were being written when it
        broke off are now ``incomplete``, which the returned commands say."""
        if session:
            self._session.restore(session)
            self._turns.reconfigure(frozenset({"audio.input.format"}))
        self._conversation.restore(items)
        self._mcp.calls.restore(self.items)
        self._session.spoken = any(is_spoken(item) for item in self.items)
        return self._outbox.take()

    @property
    def after_loss(self) -> AfterLoss:
        """What is to be done, once the call is open again, for what was under way."""
        return AfterLoss(
            self._session,
            self._conversation,
            self._responses,
            self._transcripts,
            self._turns,
            self._outbox,
        )

    def configure(self, patch: Mapping[str, Any]) -> list[Command]:
        """A ``session.update`` that came with the connection, before :meth:`open`, and shows in
        ``session.created``. Raises :class:`ProtocolError`."""
        self._reconfigure(self._session.update(patch))
        return self._outbox.take()

    def open(self, now: float) -> list[Command]:
        """The connection stands: ``session.created``, and what a session begins with."""
        return [*self.greet(), *self.begin(now)]

    def greet(self, **extra: Any) -> list[Command]:
        """``session.created``, with ``extra`` members, for a connection that stands."""
        self._outbox.send("session.created", {"session": self._session.config, **extra})
        return self._outbox.take()

    def begin(self, now: float) -> list[Command]:
        """What a session begins with, behind ``session.created``."""
        self._mcp.lists.declare(self._session.servers, now)
        return self._outbox.take()

    def retell(self) -> list[Command]:
        """The items of the conversation, as if they were added now: for a client that cannot be
        told what it missed."""
        self._conversation.retell()
        return self._outbox.take()

    def tell(self, type: str, fields: Json) -> list[Command]:
        """An event that the engine knows how to put together."""
        self._outbox.send(type, fields)
        return self._outbox.take()

    def show(self, item: Item, previous_item_id: str | None) -> list[Command]:
        """An item of the engine's own, that is in no conversation on the wire: for a client that
        asked to see such."""
        shown = {**item, "object": "realtime.item", "status": "completed"}
        if not isinstance(shown.get("output", ""), str):
            shown["output"] = wire.encode(shown["output"]).decode()
        for kind in ("added", "done"):
            fields = {"previous_item_id": previous_item_id, "item": shown}
            self._outbox.send(f"conversation.item.{kind}", fields)
        return self._outbox.take()

    def receive(self, frame: str | bytes, now: float, *, may_speak: bool = True) -> list[Command]:
        """One frame of the client. JSON in a binary frame is taken too. ``may_speak``: whether
        this client's audio can be taken, or another one is being listened to."""
        if self._closed:
            return []
        event_id: object = None
        try:
            event = wire.decode(frame)
            if isinstance(event, wire.Append):
                event_id = event.event_id
                if not may_speak:
                    raise ProtocolError("input_audio_in_use", IN_USE, "type")
                self._turns.append(event.audio)
            else:
                event_id = event.get("event_id")
                self._dispatch(event, now)
        except ProtocolError as error:
            self._send_error(error, event_id if isinstance(event_id, str) else None)
        self._responses.resume()
        return self._outbox.take()

    def hear(self, frame: str | bytes) -> bytes | None:
        """The short way of :meth:`receive` for audio, of which nothing but that comes: its whole
        samples. None for any other frame, of which nothing has been done then."""
        append = None if self._closed else wire.decode_append(frame)
        try:
            return append and self._turns.hear(append.audio)
        except ProtocolError:
            return None

    def feed(self, event: engine.EngineEvent, now: float) -> list[Command]:
        """One event of the engine; those of a response no longer in progress are dropped."""
        if not self._closed:
            self._feed(event, now)
            self._responses.resume()
        return self._outbox.take()

    def tick(self, now: float, *, caller_waits: bool = False) -> list[Command]:
        """Time went by; needed at :attr:`deadline`, harmless at any other time. ``caller_waits``:
        the caller has reason to be silent, so that it counts anew how long they are."""
        if self._closed:
            return []
        if self._expires_at is not None and now >= self._expires_at:
            self._expire()
        elif self._turns.idle.deadline is not None and now >= self._turns.idle.deadline:
            if caller_waits or self._tool_works:
                self._turns.idle.again(now)
            else:
                self._turns.time_out()
        self._mcp.lists.tick(now)
        self._responses.resume()
        return self._outbox.take()

    # Client events

    def _dispatch(self, event: Json, now: float) -> None:
        kind = event.get("type")
        if kind is None:
            raise missing_parameter("type")
        schema = EVENTS.get(kind) if isinstance(kind, str) else None
        if schema is None:
            supported = ", ".join(f"'{name}'" for name in EVENTS)
            raise invalid_value("type", f"{kind!r}. Supported values are: {supported}.")
        check(schema, event)
        match kind:
            case "session.update":
                self._update_session(event["session"], now)
            case "input_audio_buffer.append":
                self._turns.append(event["audio"])
            case "input_audio_buffer.commit":
                self._turns.commit_by_client()
            case "input_audio_buffer.clear":
                self._turns.clear()
            case "output_audio_buffer.clear":
                self._outbox.put(OutputCleared())
            case "conversation.item.create":
                self._create_item(event["item"], event.get("previous_item_id"))
                self._turns.idle.again(now)
            case "conversation.item.retrieve":
                entry = self._conversation.entry(event["item_id"], "retrieve")
                item = images.shown(entry.current())
                self._outbox.send("conversation.item.retrieved", {"item": item})
            case "conversation.item.delete":
                self._conversation.delete(event["item_id"])
                self._transcripts.forget(event["item_id"])
                self._mcp.calls.forget(event["item_id"])
                self._approvals.forget(event["item_id"])
            case "conversation.item.truncate":
                self._truncate(event["item_id"], event["content_index"], event["audio_end_ms"], now)
            case "response.create":
                self._create_response(event.get("response"), now)
            case _:
                self._responses.cancel(event.get("response_id"))
                self._turns.idle.hush(now)

    def _update_session(self, patch: Json, now: float) -> None:
        changed = self._session.update(patch)
        self._outbox.send("session.updated", {"session": self._session.config})
        self._reconfigure(changed)
        if "tools" in patch:
            self._mcp.lists.declare(self._session.servers, now)

    def _reconfigure(self, changed: frozenset[str]) -> None:
        if changed:
            self._outbox.put(SessionChanged(self._session.config, changed))
        self._turns.reconfigure(changed)

    def _create_item(self, given: Json, previous_item_id: str | None) -> None:
        item = from_client(given, self._outbox.ids, "item")
        self._session.check_sight(item, "item")
        if item["id"] in self._conversation or item["id"] == self._turns.announced:
            raise ProtocolError(
                "item_create_duplicate_item_id",
                f"Error adding item: an item with id '{item['id']}' already exists.",
                "item.id",
            )
        self._check_call(item)
        self._conversation.add_done(item, self._conversation.place(previous_item_id))
        if item["type"] == "mcp_approval_response":
            ours = item["approval_request_id"] in self._approvals
            (self._approvals if ours else self._mcp.calls).answer(item)

    def _check_call(self, item: Item) -> None:
        """An output without its call, or a call id used twice, would fail the next model run."""
        answers = item["type"] == "mcp_approval_response"
        if answers and item["approval_request_id"] not in self._approvals:
            self._mcp.calls.check(item)
        if item["type"] in ("message", "mcp_approval_response"):
            return
        known = any(
            other["type"] == "function_call" and other["call_id"] == item["call_id"]
            for other in self._conversation
        )
        if item["type"] == "function_call" and known:
            raise invalid_value("item.call_id", f"'{item['call_id']}' is already used.")
        if item["type"] == "function_call_output" and not known:
            raise ProtocolError(
                "invalid_tool_call_id",
                f"Tool call id '{item['call_id']}' not found in the conversation.",
                "item.call_id",
            )

    def _truncate(self, item_id: str, content_index: int, audio_end_ms: int, now: float) -> None:
        kept = self._conversation.truncate(item_id, content_index, audio_end_ms)
        self._turns.idle.hush(now)
        fields = {"item_id": item_id, "content_index": content_index, "audio_end_ms": kept}
        self._outbox.send("conversation.item.truncated", fields)
        self._outbox.put(ItemTruncated(item_id, content_index, kept))

    def _create_response(self, request: Json | None, now: float) -> None:
        refuse_in_transcription(self._session, "response.create")
        plan = options.requested(self._session, self._conversation, request, self._outbox.ids)
        self._responses.check(plan)
        self._mcp.lists.prepare(plan.servers, now)
        self._responses.request(plan)
        if not plan.out_of_band:
            self._turns.idle.stop()

    # Engine events

    def _feed(self, event: engine.EngineEvent, now: float) -> None:
        match event:
            case engine.ResponseAudio():
                if (response := self._responses.get(event.response_id)) and response.audio:
                    self._write_audio(response, event, now)
            case engine.ResponseText():
                if (response := self._responses.get(event.response_id)) and event.delta:
                    response.write_text(event.delta)
            case engine.ResponseFunctionCall():
                if response := self._responses.get(event.response_id):
                    response.call_function(event.call_id, event.name, event.arguments)
            case engine.ResponseMcpCall():
                if response := self._responses.get(event.response_id):
                    self._mcp.calls.announce(response, event)
            case engine.McpToolsListed() | engine.McpToolsFailed() | engine.McpCallEnded():
                self._mcp.feed(event)
            case engine.ResponseUsage():
                if response := self._responses.get(event.response_id):
                    response.usage = event.usage
            case engine.ResponseEnded():
                if response := self._responses.get(event.response_id):
                    self._end_response(response, event, now)
            case engine.SpeechStarted():
                self._turns.start_speech(event.audio_start_ms, now)
            case engine.SpeechStopped():
                self._turns.stop_speech(event.audio_end_ms)
            case engine.TranscriptDelta():
                self._transcripts.delta(event, self._wants_logprobs())
            case engine.TranscriptCompleted():
                self._transcripts.complete(event, self._wants_logprobs())
            case engine.TranscriptFailed():
                self._transcripts.fail(event)
            case engine.AgentSpeaksUp():
                self._turns.speak_up()
            case engine.AgentTakesLeave():
                self._turns.take_leave()
            case engine.ItemCut():
                self._conversation.cut(event.item_id, event.transcript)
            case engine.ApprovalWanted():
                self._approvals.ask(event)
            case engine.ApprovalClosed():
                self._approvals.close(event.question_id)
            case engine.EngineError():
                error = ProtocolError(event.code, event.message, type="server_error")
                self._send_error(error, None)

    def _write_audio(self, response: Response, event: engine.ResponseAudio, now: float) -> None:
        if event.audio:
            response.write_audio(event.audio, event.milliseconds)
            self._session.spoken = True
            self._turns.idle.played(event.milliseconds, now)

    def _end_response(self, response: Response, event: engine.ResponseEnded, now: float) -> None:
        details: Json | None = None
        if event.status == "incomplete":
            details = {"type": "incomplete", "reason": event.reason or "max_output_tokens"}
        elif event.status == "failed":
            details = {"type": "failed", "error": {"type": "server_error", **(event.error or {})}}
        spoken_reply = response.audio and response is self._responses.active
        self._responses.end(response, event.status, details)
        if spoken_reply and self._responses.idle:
            self._turns.await_caller(now)

    def _wants_logprobs(self) -> bool:
        return bool(self._session.config["include"])

    # Time

    def _expire(self) -> None:
        self._closed = True
        self._responses.cancel_all("client_cancelled")
        message = "Your session hit its maximum duration."
        self._send_error(ProtocolError("session_expired", message), None)
        self._outbox.put(Close(1001, "session expired"))

    def _send_error(self, error: ProtocolError, event_id: str | None) -> None:
        fields = {
            "type": error.type,
            "code": error.code,
            "message": error.message,
            "param": error.param,
            "event_id": event_id,
        }
        self._outbox.send("error", {"error": fields})
