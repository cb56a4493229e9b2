"""How many calls a server gets at once."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Slots:
    """Calls under way on one server. Each caller brings the limit that it keeps to, as teams may
    have different ones; who waits longer comes first."""

    def __init__(self) -> None:
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def taken(self, limit: int) -> AsyncGenerator[None]:
        """Be one of at most ``limit`` calls; waits until there is room."""
        await self._enter(limit)
        try:
            yield
        finally:
            self._taken -= 1
            self._admit()

    async def _enter(self, limit: int) -> None:
        if self._taken < limit and not self._waiting:
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((limit, turn))
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # admitted in the moment of giving up
                self._taken -= 1
            self._admit()
            raise

    def _admit(self) -> None:
        """Let in whoever may, in the order of coming; one with a low limit holds up nobody."""
        waiting, self._waiting = self._waiting, deque()
        for limit, turn in waiting:
            if turn.done():
                continue
            if self._taken < limit:
                self._taken += 1
                turn.set_result(None)
            else:
                self._waiting.append((limit, turn))
