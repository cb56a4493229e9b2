"""What networks do to a connection, on this machine: a proxy that delays, freezes, cuts and garbles
what goes through it."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class Proxy:
    """Use as ``async with``; clients connect to ``port``, and get to ``target``, a local port."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.delay = 0.0
        """Seconds that each piece takes, in each direction."""
        self.port = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self.garbled = False
        """Whether the next answer will be nonsense."""
        self._lines: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def freeze(self) -> None:
        """Nothing goes through any more, and nobody is told: a black hole."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        """Every connection breaks, with a reset; new ones are let in."""
        for line in self._lines:
            line.transport.abort()
        self._lines.clear()

    def garble(self) -> None:
        """The next answer is nonsense."""
        self.garbled = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._lines |= {writer, there[1]}
        for source, sink, answers in ((reader, there[1], False), (there[0], writer, True)):
            task = asyncio.create_task(self._pass_on(source, sink, answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._flows.wait()
                if answers and self.garbled:
                    self.garbled = False
                    piece = b"!" + piece[::-1] + b"\r\n"
                sink.write(piece)
                await sink.drain()
        sink.transport.abort()
