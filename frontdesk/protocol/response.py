"""One response: from ``response.created`` to exactly one ``response.done``."""

from dataclasses import dataclass
from typing import Any, Literal

from frontdesk.protocol import wire
from frontdesk.protocol.commands import Asked, Item, ResponseOver
from frontdesk.protocol.conversation import Conversation
from frontdesk.protocol.engine import Usage
from frontdesk.protocol.mcp_server import McpServer
from frontdesk.protocol.outbox import Outbox
from frontdesk.protocol.session import voice_name
from frontdesk.protocol.usage import usage_object

Json = dict[str, Any]
TOOL_CALLS = ("function_call", "mcp_call")
ItemStatus = Literal["completed", "incomplete"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A response that was asked for. ``options`` are whole: session values and overrides."""

    options: Json
    input: tuple[Item, ...] | None = None
    out_of_band: bool = False
    by_client: bool = True
    request: Json | None = None
    """What the client asked with."""
    servers: tuple[McpServer, ...] = ()
    """MCP servers whose tools the model may call. None out of band: what such a call gives is
    told in an item of the conversation."""
    unasked: bool = False
    """The agent speaks up by itself: whoever asks meanwhile is answered after it."""
    again: bool = False
    """It takes the place of one that was lost, which its client may not know of: the same."""

    @property
    def asked(self) -> Asked:
        """Who asked for it."""
        if self.by_client:
            return Asked("client", self.request or {})
        return Asked("agent" if self.unasked else "server")


class Message:
    """The assistant message being written: one content part, text or audio with transcript."""

    def __init__(self, response_id: str, item_id: str, output_index: int, audio: bool) -> None:
        self.item_id = item_id
        self.audio = audio
        self.milliseconds = 0.0
        self.restored = False
        self.output = {
            "response_id": response_id,
            "item_id": item_id,
            "output_index": output_index,
        }
        self.part = {**self.output, "content_index": 0}
        self.delta_parts = wire.audio_delta_parts(
            {"type": "response.output_audio.delta", **self.part}
        )
        self._words: list[str] = []

    @classmethod
    def stored(cls, response_id: str, item: Item, output_index: int, audio: bool) -> "Message":
        """A message that was being written. How much sound of it was sent is not known."""
        spoken = [part["type"] == "output_audio" for part in item["content"]]
        message = cls(response_id, item["id"], output_index, any(spoken) if spoken else audio)
        message.restored = True
        for part in item["content"]:
            message.write(part.get("transcript") or part.get("text") or "")
        return message

    def write(self, words: str) -> None:
        self._words.append(words)

    @property
    def text(self) -> str:
        return "".join(self._words)

    def wire_part(self) -> Json:
        """The part as part events name it; items call the same ``output_text``/``output_audio``."""
        if self.audio:
            return {"type": "audio", "transcript": self.text}
        return {"type": "text", "text": self.text}

    def item(self, status: str = "in_progress") -> Item:
        part = self.wire_part()
        content = [{**part, "type": f"output_{part['type']}"}]
        return {**self.blank(), "status": status, "content": content}

    def blank(self) -> Item:
        return {
            "id": self.item_id,
            "object": "realtime.item",
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }


class Response:
    """Sends its own events. ``conversation`` is None out of band: then no item is stored."""

    def __init__(
        self,
        plan: Plan,
        conversation: Conversation | None,
        outbox: Outbox,
        *,
        id: str | None = None,
    ) -> None:
        """``id`` is that of a response which began in an earlier connection."""
        self.id = id or outbox.ids("resp")
        self.plan = plan
        self.audio = plan.options["output_modalities"] == ["audio"]
        self.output: list[Item] = []
        self.usage = Usage()
        """What was used so far, by the engine's word."""
        self._spoken_ms = 0.0
        self._conversation = conversation
        self._outbox = outbox
        self._message: Message | None = None
        if id is None:
            outbox.send("response.created", {"response": self._object("in_progress", None, None)})

    @property
    def closing(self) -> bool:
        """A tool was called and nothing is open: only the closers are still to come."""
        return bool(self._message is None and self.output and self.output[-1]["type"] in TOOL_CALLS)

    def take_up(self, items: list[Item]) -> bool:
        """Go on with these items of it; the last one may be a message that was being written.
        Returns whether that was all of it: it ended with a tool call."""
        for index, item in enumerate(items):
            if item.get("status") == "incomplete" and item["type"] == "message":
                self._message = Message.stored(self.id, item, index, self.audio)
            else:
                self.output.append(item)
        return self.closing

    def write_text(self, words: str) -> None:
        message = self._message or self._open_message()
        message.write(words)
        kind = "output_audio_transcript" if message.audio else "output_text"
        self._outbox.send(f"response.{kind}.delta", {**message.part, "delta": words})

    def write_audio(self, audio: bytes, milliseconds: float) -> None:
        message = self._message or self._open_message()
        message.milliseconds += milliseconds
        self._spoken_ms += milliseconds
        self._outbox.send_audio_delta(message.delta_parts, audio)

    def call_function(self, call_id: str, name: str, arguments: str) -> None:
        """A whole function call; clients answer it before ``response.done``, so be quick."""
        self._close_message("completed")
        call: Item = {
            "id": self._outbox.ids("item"),
            "object": "realtime.item",
            "type": "function_call",
            "status": "in_progress",
            "call_id": call_id,
            "name": name,
            "arguments": "",
        }
        self._add_item(call, None)
        fields: Json = {
            "response_id": self.id,
            "item_id": call["id"],
            "output_index": len(self.output),
            "call_id": call_id,
        }
        if arguments:
            delta = {**fields, "delta": arguments}
            self._outbox.send("response.function_call_arguments.delta", delta)
        done = {**fields, "name": name, "arguments": arguments}
        self._outbox.send("response.function_call_arguments.done", done)
        self._finish_item({**call, "status": "completed", "arguments": arguments}, 0.0)

    def open_mcp_call(self, server_label: str, name: str, arguments: str) -> tuple[Item, int]:
        """An MCP call up to its whole arguments; returns its item and output index. It has to be
        closed by :meth:`close_mcp_call` before anything else is done here."""
        self._close_message("completed")
        call: Item = {
            "id": self._outbox.ids("item"),
            "type": "mcp_call",
            "server_label": server_label,
            "name": name,
            "arguments": "",
            "output": None,
            "error": None,
            "approval_request_id": None,
        }
        index = len(self.output)
        self._add_item(call, None, pending=True)
        fields = {"response_id": self.id, "item_id": call["id"], "output_index": index}
        # A JavaScript client drops the event without the padding, which we have no use for.
        delta = {**fields, "delta": arguments, "obfuscation": ""}
        self._outbox.send("response.mcp_call_arguments.delta", delta)
        done = {**fields, "arguments": arguments}
        self._outbox.send("response.mcp_call_arguments.done", done)
        return {**call, "arguments": arguments}, index

    def close_mcp_call(self, call: Item) -> None:
        """All of the call is said; it has not run yet, and its item is not done."""
        fields = {"response_id": self.id, "output_index": len(self.output), "item": call}
        self._outbox.send("response.output_item.done", fields)
        self.output.append(call)

    def end(self, status: str, details: Json | None) -> None:
        """Close what is open, then the response."""
        self._close_message("completed" if status == "completed" else "incomplete")
        self._outbox.put(ResponseOver(self.id))
        usage = usage_object(self.usage, self._spoken_ms)
        self._outbox.send("response.done", {"response": self._object(status, details, usage)})

    def _open_message(self) -> Message:
        item_id = self._outbox.ids("item")
        message = self._message = Message(self.id, item_id, len(self.output), self.audio)
        self._add_item(message.blank(), message)
        self._outbox.send(
            "response.content_part.added", {**message.part, "part": message.wire_part()}
        )
        return message

    def _close_message(self, status: ItemStatus) -> None:
        message, self._message = self._message, None
        if message is None:
            return
        if message.audio:
            self._outbox.send("response.output_audio.done", message.part)
            fields = {**message.part, "transcript": message.text}
            self._outbox.send("response.output_audio_transcript.done", fields)
        else:
            fields = {**message.part, "text": message.text}
            self._outbox.send("response.output_text.done", fields)
        fields = {**message.part, "part": message.wire_part()}
        self._outbox.send("response.content_part.done", fields)
        sent = None if message.restored else message.milliseconds
        self._finish_item(message.item(status), sent)

    def _add_item(self, item: Item, draft: Message | None, *, pending: bool = False) -> None:
        fields = {"response_id": self.id, "output_index": len(self.output), "item": item}
        self._outbox.send("response.output_item.added", fields)
        if self._conversation is not None:
            last = self._conversation.last
            self._conversation.add(item, last, draft, pending=pending, response_id=self.id)

    def _finish_item(self, item: Item, milliseconds: float | None) -> None:
        if self._conversation is not None:
            self._conversation.finish(item, milliseconds)
        fields = {"response_id": self.id, "output_index": len(self.output), "item": item}
        self._outbox.send("response.output_item.done", fields)
        self.output.append(item)

    def _object(self, status: str, details: Json | None, usage: Json | None) -> Json:
        options = self.plan.options
        output = options["audio"]["output"]
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": self.output,
            "conversation_id": self._conversation.id if self._conversation is not None else None,
            "output_modalities": options["output_modalities"],
            "max_output_tokens": options["max_output_tokens"],
            "audio": {"output": {"format": output["format"], "voice": voice_name(output["voice"])}},
            "usage": usage,
            "metadata": options["metadata"],
        }
