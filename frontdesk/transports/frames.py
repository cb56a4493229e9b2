"""uvicorn's WebSocket, with a short way for frames.

Fifty frames a second come in on each call. By ASGI each of them takes a queue, a task that wakes
up for it, and two changes to what the event loop polls, for which reading is paused and resumed:
10 to 15 of the 25 to 30 µs that an empty ASGI application spends on a frame (measured). So this
protocol offers itself as an extension of the scope. An application that takes the offer is handed
each frame where it is parsed, and writes frames without a task; all else goes by ASGI.

Nearly all frames are whole texts of 126 bytes to 64 KiB that begin where a read from the socket
does. Those are read here, in 1 µs instead of 5; whatever else comes is for the library to parse.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import GeneratorType

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

try:
    from websockets.speedups import apply_mask
except ImportError:  # an installation without a compiler
    from websockets.utils import apply_mask

EXTENSION = "frontdesk.frames"
_HEAD = 8
"""Bytes before the payload of such a frame: what it is, two of its length, four of its mask."""
_WHOLE_TEXT = b"\x81\xfe"
"""FIN and text, no extension; masked, and the length is in the next two bytes."""
_BETWEEN = StreamReader.at_eof.__code__
"""Where the library's parser stands between two frames."""


class FrameProtocol(WebSocketsSansIOProtocol):
    """One connection; ``scope["extensions"]["frontdesk.frames"]`` is this object."""

    _take: Callable[[str | bytes], bool] | None = None
    _room: Callable[[], Awaitable[None]] | None = None
    _waiting: asyncio.Task[None] | None = None
    _between = False
    """Whether the library is between two messages, so that it need not see the next one."""

    def listen(
        self, take: Callable[[str | bytes], bool], room: Callable[[], Awaitable[None]]
    ) -> None:
        """Hand frames to ``take`` from now on. When it returns False, nothing more is read from
        the socket until ``room`` returns."""
        self._take, self._room = take, room

    @property
    def ready(self) -> bool:
        """Whether a frame may be written now: the client keeps up, and is still there."""
        return self.writable.is_set() and not (self.disconnected or self.close_sent)

    def write(self, frame: bytes) -> None:
        """Send a text frame, given as UTF-8, when :attr:`ready`."""
        try:
            self.conn.send_text(frame)
        except InvalidState:  # the client is just leaving
            return
        self.transport.write(b"".join(self.conn.data_to_send()))

    # uvicorn

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[typeddict-item]

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # What knows of each other is parted: the garbage collector would not come for it for long.
        self._take = self._room = None
        if hasattr(self, "scope"):
            self.scope["extensions"].pop(EXTENSION, None)  # type: ignore[typeddict-item]

    def data_received(self, data: bytes) -> None:
        if self._between and self._take is not None:
            data = data[self._take_texts(data, self._take) :]
            if not data:
                return
        super().data_received(data)
        self._between = _is_between(self.conn)

    def _take_texts(self, data: bytes, take: Callable[[str | bytes], bool]) -> int:
        """Hand on the whole texts that ``data`` begins with; returns where they end."""
        at = 0
        while data.startswith(_WHOLE_TEXT, at) and self.conn.state is State.OPEN:
            payload = at + _HEAD
            end = payload + int.from_bytes(data[at + 2 : at + 4])
            if end > len(data) or self.close_sent:
                break
            try:
                text = apply_mask(data[payload:end], data[payload - 4 : payload]).decode()
            except UnicodeDecodeError:
                break
            at = end
            if not take(text):
                self._hold_up()
        return at

    def send_receive_event_to_app(self) -> None:
        if self._take is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        if self.curr_msg_data_type == "bytes":
            going_on = self._take(data)
        else:
            try:
                text = data.decode()
            except UnicodeDecodeError:
                super().send_receive_event_to_app()  # which closes with 1007
                return
            going_on = self._take(text)
        self.frames = []
        if not going_on:
            self._hold_up()

    def _hold_up(self) -> None:
        """Read nothing more until there is room."""
        if self._room and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()
            self._waiting = self.loop.create_task(self._resume(self._room))

    async def _resume(self, room: Callable[[], Awaitable[None]]) -> None:
        await room()
        if self.read_paused and not self.disconnected:
            self.read_paused = False
            self.transport.resume_reading()


def _is_between(conn: ServerProtocol) -> bool:
    """Whether all that was received were whole messages: the parser waits for another to begin."""
    waits_in: object = conn.parser
    while isinstance(waits_in, GeneratorType) and waits_in.gi_code is not _BETWEEN:
        waits_in = waits_in.gi_yieldfrom
    return waits_in is not None and conn.state is State.OPEN and conn.current_size is None
