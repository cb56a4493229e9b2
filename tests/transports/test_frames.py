"""However the bytes of a client come, the application is handed the same messages."""

import asyncio
from typing import Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from frontdesk.transports.frames import EXTENSION, FrameProtocol


class Wire(asyncio.Transport):
    """What the server writes and does to its socket."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.paused = self.closed = False
        self.answered, self.resumed = asyncio.Event(), asyncio.Event()

    def write(self, data: bytes) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.written += data
        self.answered.set()

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False
        self.resumed.set()

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


class Line:
    """A connection whose application listens by the short way."""

    def __init__(self) -> None:
        self.taken: list[str | bytes] = []
        self.full = False
        self.room = asyncio.Event()
        self.wire = Wire()
        config = uvicorn.Config(
            self._app,
            ws=FrameProtocol,
            ws_per_message_deflate=False,
            interface="asgi3",
            log_level="error",
        )
        config.load()
        self.protocol = FrameProtocol(config, ServerState(), {})
        self.protocol.connection_made(self.wire)
        self.client = ClientProtocol(parse_uri("ws://localhost/"))
        self.client.send_request(self.client.connect())
        self.protocol.data_received(b"".join(self.client.data_to_send()))

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        scope["extensions"][EXTENSION].listen(self._take, self.room.wait)
        await send({"type": "websocket.accept"})
        await receive()

    def _take(self, frame: str | bytes) -> bool:
        self.taken.append(frame)
        return not self.full

    async def stands(self) -> "Line":
        await self.wire.answered.wait()
        return self


def masked(opcode: Opcode, payload: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=True)


texts = st.one_of(
    st.text(max_size=300),
    st.text("aé漢", min_size=120, max_size=140),
    st.just("x" * 65_535),
    st.just("x" * 65_536),
)


@st.composite
def messages(draw: st.DrawFn) -> tuple[list[str | bytes], bytes]:
    """What is said, and its bytes."""
    said: list[str | bytes] = []
    sent = b""
    for _ in range(draw(st.integers(1, 8))):
        text = draw(texts)
        data = text.encode()
        match draw(st.sampled_from(["whole", "whole", "binary", "parts", "ping"])):
            case "whole":
                sent += masked(Opcode.TEXT, data)
                said.append(text)
            case "binary":
                sent += masked(Opcode.BINARY, data)
                said.append(data)
            case "parts":
                at = draw(st.integers(0, len(data)))
                sent += masked(Opcode.TEXT, data[:at], fin=False)
                sent += masked(Opcode.PING, b"in between")
                sent += masked(Opcode.CONT, data[at:])
                said.append(text)
            case _:
                sent += masked(Opcode.PING, data[:125])
    return said, sent


@given(messages(), st.lists(st.integers(0, 10_000), max_size=12))
async def test_messages_are_the_same_wherever_the_network_cuts_them(
    given_messages: tuple[list[str | bytes], bytes], cuts: list[int]
):
    said, sent = given_messages
    line = await Line().stands()
    at = 0
    for cut in sorted(cuts):
        if at < cut < len(sent):
            line.protocol.data_received(sent[at:cut])
            at = cut
    line.protocol.data_received(sent[at:])
    assert line.taken == said
    line.protocol.connection_lost(None)


TEXT = masked(Opcode.TEXT, b"x" * 200)
HALF = masked(Opcode.TEXT, b"half", fin=False)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (masked(Opcode.TEXT, b"\xff" * 200), 1007),
        (HALF + TEXT, 1002),
        (b"\xc1" + TEXT[1:], 1002),
        (Frame(Opcode.TEXT, b"x" * 200).serialize(mask=False), 1002),
        (masked(Opcode.CLOSE, (1001).to_bytes(2)), 1001),
    ],
    ids=["no UTF-8", "inside another", "an extension", "unmasked", "closed"],
)
async def test_a_message_that_breaks_the_rules_ends_the_connection_as_it_would_by_the_library(
    broken: bytes, code: int
):
    line = await Line().stands()
    line.protocol.data_received(TEXT)
    line.protocol.data_received(TEXT + broken + TEXT)
    assert line.taken == ["x" * 200] * 2
    line.client.receive_data(line.wire.written)
    assert line.client.close_rcvd is not None
    assert line.client.close_rcvd.code == code
    line.protocol.connection_lost(None)


async def test_nothing_is_read_until_there_is_room():
    line = await Line().stands()
    line.full = True
    line.protocol.data_received(TEXT)
    assert line.wire.paused
    line.room.set()
    await line.wire.resumed.wait()
    assert not line.wire.paused
    line.protocol.connection_lost(None)
