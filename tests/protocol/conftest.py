"""A client with a virtual clock and counted ids, whose every received event is checked."""

import json
from collections import Counter
from typing import Any, ClassVar

import pybase64
import pytest

from frontdesk.protocol import RealtimeProtocol
from frontdesk.protocol.commands import Command, ListMcpTools, Send
from frontdesk.protocol.engine import (
    EngineEvent,
    McpToolsListed,
    ResponseEnded,
    ResponseMcpCall,
)
from tests.frames import checked


class Talk:
    """Both ends of one session. ``said`` are the server's events, ``told`` its other commands,
    each of the last step."""

    def __init__(self, **options: Any) -> None:
        self._counts: Counter[str] = Counter()
        self.now = 1_000.0
        self.said: list[dict[str, Any]] = []
        self.told: list[Command] = []
        self.core = RealtimeProtocol("sess_1", "support", ids=self._id, **options)

    def _id(self, prefix: str) -> str:
        self._counts[prefix] += 1
        return f"{prefix}_{self._counts[prefix]}"

    def open(self) -> list[dict[str, Any]]:
        return self.take(self.core.open(self.now))

    def send(self, type: str, **fields: Any) -> list[dict[str, Any]]:
        return self.send_raw(json.dumps({"type": type, **fields}))

    def send_raw(self, frame: str | bytes) -> list[dict[str, Any]]:
        return self.take(self.core.receive(frame, self.now))

    def append(self, milliseconds: int) -> list[dict[str, Any]]:
        audio = pybase64.b64encode(bytes(48 * milliseconds)).decode()
        return self.send("input_audio_buffer.append", audio=audio)

    def configure(self, **session: Any) -> list[dict[str, Any]]:
        return self.send("session.update", session={"type": "realtime", **session})

    def feed(self, event: EngineEvent) -> list[dict[str, Any]]:
        return self.take(self.core.feed(event, self.now))

    def tick(self, seconds: float = 0.0) -> list[dict[str, Any]]:
        self.now += seconds
        return self.take(self.core.tick(self.now))

    def take(self, commands: list[Command]) -> list[dict[str, Any]]:
        self.said, self.told = [], []
        for command in commands:
            if isinstance(command, Send):
                self.said.append(read(command))
            else:
                self.told.append(command)
        return self.said

    def respond(self, **response: Any) -> str:
        """Ask for a response and return its id."""
        return self.send("response.create", response=response)[0]["response"]["id"]

    def say(self, text: str, item_id: str | None = None) -> list[dict[str, Any]]:
        """Add a user message."""
        item = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
        return self.send(
            "conversation.item.create", item=item | ({"id": item_id} if item_id else {})
        )

    # MCP servers of the client

    def command(self, kind: type) -> Any:
        """The one command of this kind in the last step."""
        [found] = [command for command in self.told if isinstance(command, kind)]
        return found

    def call_mcp(
        self, response_id: str, name: str = "find", arguments: str = '{"a":1}'
    ) -> dict[str, Any]:
        """The model calls a tool of the shop; returns the call's item as it was then."""
        said = self.feed(ResponseMcpCall(response_id, "shop", name, arguments))
        items = [e["item"] for e in said if e["type"] == "response.output_item.done"]
        return items[-1]

    def asked_for(self, name: str = "buy") -> dict[str, Any]:
        """A call, its response done; by default it waits for approval."""
        response_id = self.respond()
        item = self.call_mcp(response_id, name)
        self.feed(ResponseEnded(response_id))
        return item

    def answer(self, request_id: Any, approve: bool, **fields: Any) -> list[dict[str, Any]]:
        """Approve or deny a call."""
        item = {"type": "mcp_approval_response", "approval_request_id": request_id}
        return self.send("conversation.item.create", item={**item, "approve": approve, **fields})

    def restarted(self) -> "Talk":
        """The same call, carried on by another worker; ``told`` is what that changed."""
        again = type(self)()
        again._counts.update(self._counts)
        again.take(again.core.restore(self.core.items, self.core.session))
        changes = again.told
        again.open()
        again.told = changes
        return again


class Shop:
    """An MCP server as a client declares it, and its tools."""

    URL = "https://shop.example/mcp"
    FIND: ClassVar[dict[str, Any]] = {
        "name": "find",
        "description": "Finds.",
        "input_schema": {"type": "object"},
        "annotations": {"readOnlyHint": True},
    }
    BUY: ClassVar[dict[str, Any]] = {
        "name": "buy",
        "description": "",
        "input_schema": {"type": "object"},
    }

    def __call__(self, **fields: Any) -> dict[str, Any]:
        return {"type": "mcp", "server_label": "shop", "server_url": self.URL, **fields}


def read(command: Send) -> dict[str, Any]:
    event = checked(command.frame)
    assert event["type"] == command.type
    assert event["event_id"]
    return event


@pytest.fixture
def talk() -> Talk:
    """An open session."""
    talk = Talk()
    talk.open()
    return talk


@pytest.fixture
def text_talk(talk: Talk) -> Talk:
    """An open session that answers in text and detects no turns."""
    talk.configure(output_modalities=["text"], audio={"input": {"turn_detection": None}})
    return talk


@pytest.fixture
def new_talk() -> type[Talk]:
    """Makes sessions with other options."""
    return Talk


@pytest.fixture
def shop() -> Shop:
    """The MCP server that the tests declare."""
    return Shop()


@pytest.fixture
def listed(text_talk: Talk, shop: Shop) -> Any:
    """Makes a session with the shop declared, its tools listed."""

    def declare(**fields: Any) -> Talk:
        text_talk.configure(tools=[shop(**fields)])
        asked = text_talk.command(ListMcpTools)
        text_talk.feed(McpToolsListed(asked.item_id, [shop.FIND, shop.BUY]))
        return text_talk

    return declare


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def without_ids(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in event.items() if k != "event_id"} for event in events]


@pytest.fixture
def kinds() -> Any:
    """The types of a list of events."""
    return types


@pytest.fixture
def plain() -> Any:
    """Events without their event ids."""
    return without_ids
