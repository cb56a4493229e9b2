"""A caller that costs next to nothing, so that hundreds fit on the core beside the server.

Frames that stream are put into bytes once, with a masking key of zero, and written as they are;
the rest of the WebSocket is the sans-IO client of ``websockets``.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Self, cast
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

PATIENCE = 20.0
"""Seconds after which an answer counts as never given."""


def masked(event: dict[str, Any]) -> bytes:
    """The bytes of a client's text frame."""
    payload = json.dumps(event).encode()
    head = Frame(Opcode.TEXT, payload).serialize(mask=True)[: -len(payload) - 4]
    return head + bytes(4) + payload


@dataclass(frozen=True, slots=True)
class Arrival:
    """A server event and when it came."""

    frame: bytes
    at: float

    def read(self) -> dict[str, Any]:
        return json.loads(self.frame)


class CallerLost(ConnectionError):
    """The server hung up, or said that something is wrong."""


class Caller(asyncio.Protocol):
    """One connection. ``tick`` sends the next 20 ms of what it says, or of silence."""

    def __init__(self, url: str, silence: bytes) -> None:
        self._silence = silence
        self._client = ClientProtocol(parse_uri(url), max_size=None)
        self._transport: asyncio.Transport
        self._speech: list[bytes] = []
        self._arrived: dict[str, Arrival] = {}
        self._awaited: tuple[str, asyncio.Future[Arrival]] | None = None
        self._lost: CallerLost | None = None
        self._done: set[str] = set()
        self.pardons: bytes | None = None
        """What is in an error that is none."""
        self.streaming = False
        self.sent_at: list[float] = []
        """When each 20 ms of audio went out."""
        self.late_audio = 0
        """Audio of responses that were done already: there must be none."""

    @classmethod
    async def dial(cls, url: str, silence: bytes) -> Self:
        """Connect; returns once the session stands."""
        where, caller = urlsplit(url), cls(url, silence)
        await asyncio.get_running_loop().create_connection(
            lambda: caller, where.hostname, where.port
        )
        await caller.until("session.created")
        return caller

    def tick(self) -> None:
        if self.streaming:
            self._transport.write(self._speech.pop() if self._speech else self._silence)
            self.sent_at.append(time.perf_counter())

    def say(self, frames: list[bytes]) -> None:
        """Speak these frames next."""
        self._speech = frames[::-1]

    def send(self, *frames: bytes) -> float:
        """Send now; returns when that was."""
        self._transport.write(b"".join(frames))
        return time.perf_counter()

    async def streamed(self, frames: int) -> None:
        """Returns when that many more frames went out, however busy the machine is."""
        enough = len(self.sent_at) + frames
        while len(self.sent_at) < enough:
            if self._lost:
                raise self._lost
            await asyncio.sleep(0.01)

    def forget(self) -> None:
        """From here on, :meth:`until` means the next turn's events."""
        self._arrived.clear()

    async def until(self, kind: str) -> Arrival:
        """The first event of this type since :meth:`forget`."""
        if self._lost:
            raise self._lost
        if kind not in self._arrived:
            self._awaited = kind, asyncio.get_running_loop().create_future()
            async with asyncio.timeout(PATIENCE):
                await self._awaited[1]
        return self._arrived[kind]

    def hang_up(self) -> None:
        self.streaming = False
        self._client.send_close()
        self.send(*self._client.data_to_send())
        self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._client.send_request(self._client.connect())
        self.send(*self._client.data_to_send())

    def data_received(self, data: bytes) -> None:
        at = time.perf_counter()
        self._client.receive_data(data)
        for event in self._client.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._take(bytes(event.data), at)
        if self._client.handshake_exc:
            self._lose(CallerLost(str(self._client.handshake_exc)))
        if answer := self._client.data_to_send():  # a pong
            self.send(*answer)

    def connection_lost(self, exc: BaseException | None) -> None:
        code = self._client.close_rcvd.code if self._client.close_rcvd else 1006
        self._lose(CallerLost(f"the server hung up with {code}"))

    def _take(self, frame: bytes, at: float) -> None:
        kind = _field(frame, b'"type":"')
        self._arrived.setdefault(kind, Arrival(frame, at))
        if kind == "error" and not (self.pardons and self.pardons in frame):
            self._lose(CallerLost(frame.decode()))
        elif kind == "response.done":
            self._done.add(_field(frame, b'"id":"'))
        elif kind == "response.output_audio.delta":
            self.late_audio += _field(frame, b'"response_id":"') in self._done
        if self._awaited and self._awaited[0] == kind and not self._awaited[1].done():
            self._awaited[1].set_result(self._arrived[kind])

    def _lose(self, error: CallerLost) -> None:
        self.streaming, self._lost = False, error
        if self._awaited and not self._awaited[1].done():
            self._awaited[1].set_exception(error)


def _field(frame: bytes, mark: bytes) -> str:
    """The first string after ``mark``, near the frame's beginning."""
    at = frame.find(mark, 0, 400)
    if at < 0:
        return ""
    return frame[at + len(mark) : frame.find(b'"', at + len(mark))].decode()
