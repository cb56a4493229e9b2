"""What a server that we start as a command writes to its standard error."""

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TextIO

logger = logging.getLogger(__name__)

LINES, LINE_BYTES = 20, 4096
FLUSH_SECONDS = 0.2
"""How long what a server wrote at its end has to come in."""


class LastWords:
    """The newest lines of it. It is no output of ours, so the log has it at DEBUG only."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._lines: deque[str] = deque(maxlen=LINES)

    @property
    def line(self) -> str | None:
        """The last one; None while there is none."""
        return self._lines[-1] if self._lines else None

    @asynccontextmanager
    async def heard(self) -> AsyncGenerator[TextIO]:
        """A file to write to. What came before is forgotten with the first line."""
        read, write = os.pipe()
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=LINE_BYTES)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", 0)
        )
        reading = asyncio.create_task(self._read(reader))
        try:
            with os.fdopen(write, "w") as file:
                yield file
            await asyncio.wait({reading}, timeout=FLUSH_SECONDS)
        finally:
            reading.cancel()
            transport.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        is_first = True
        while data := await self._line(reader):
            if line := data.decode(errors="replace").strip():
                if is_first:
                    self._lines.clear()
                is_first = False
                self._lines.append(line)
                logger.debug("MCP server %s says: %s", self._server, line)

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil()
        except asyncio.IncompleteReadError as error:
            return error.partial
        except asyncio.LimitOverrunError as error:
            return await reader.read(error.consumed)
