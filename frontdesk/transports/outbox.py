"""Frames on their way to a client, bounded: a slow reader is dropped, never buffered for ever."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

LIMIT = 32 * 1024 * 1024
"""Bytes. A minute of speech as base64 PCM is 3.8 MB, so a healthy client never comes near."""

TOO_SLOW = 1013
"""Close code "try again later" (RFC 6455 registry): the stock clients reconnect on it."""


class Line(Protocol):
    """A socket that takes frames without being awaited, as long as it is ``ready``."""

    @property
    def ready(self) -> bool: ...

    def write(self, frame: bytes) -> None: ...


class Outbox:
    """Sends frames in order. ``put`` never waits: a frame goes straight to ``line``, or, when the
    client does not keep up or there is no line, waits for the task that sends."""

    def __init__(self, send: Callable[[str], Awaitable[None]], line: Line | None = None) -> None:
        self._send = send
        self._line = line
        self._sending = False
        self._frames: deque[bytes] = deque()
        self._size = 0
        self._filled = asyncio.Event()
        self.closing: tuple[int, str] | None = None
        self.overrun = asyncio.Event()
        """Set when the client was given up, which may be while ``send`` waits for it."""

    def put(self, frame: bytes) -> None:
        """Queue a frame; beyond the limit the client is given up."""
        if self.closing:
            return
        if self._line and self._line.ready and not (self._frames or self._sending):
            self._line.write(frame)
            return
        self._frames.append(frame)
        self._size += len(frame)
        if self._size > LIMIT:
            self._frames.clear()
            self.overrun.set()
            self.close(TOO_SLOW, "the client reads too slowly")
        self._filled.set()

    def close(self, code: int, reason: str) -> None:
        """Stop after what was queued before."""
        self.closing = self.closing or (code, reason)
        self._filled.set()

    def drop(self) -> None:
        """Forget what was queued and not sent."""
        self._frames.clear()
        self._size = 0

    async def run(self) -> tuple[int, str]:
        """Send until closed; returns the close code and reason. Raises what ``send`` raises."""
        while True:
            self._sending = True
            while self._frames:
                frame = self._frames.popleft()
                self._size -= len(frame)
                await self._send(frame.decode())
            self._sending = False
            if self.closing:
                return self.closing
            self._filled.clear()
            await self._filled.wait()
