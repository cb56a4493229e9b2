"""A client with a virtual clock and counted ids, whose every received event is checked."""

import json
from collections import Counter
from typing import Any

import pybase64
import pytest

from frontdesk.protocol import RealtimeProtocol
from frontdesk.protocol.commands import Command, Send
from frontdesk.protocol.engine import EngineEvent
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
