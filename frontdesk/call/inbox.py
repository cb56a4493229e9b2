"""The one queue a call has: client frames, engine events and timers, in order of arrival."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """A queue whose engine side never blocks and whose client side feels back-pressure.

    ``post`` is for our own tasks and callbacks, which are few and bounded by the work they do.
    ``offer`` is for the client: it waits while more than ``limit`` entries are queued, so that a
    flood stops at the socket and not in our memory.
    """

    def __init__(self, limit: int = 256) -> None:
        self._entries: deque[T] = deque()
        self._limit = limit
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    def __len__(self) -> int:
        return len(self._entries)

    def post(self, entry: T) -> None:
        """Add an entry at once."""
        self._entries.append(entry)
        self._filled.set()
        if len(self._entries) >= self._limit:
            self._drained.clear()

    async def offer(self, entry: T) -> None:
        """Add an entry when there is room."""
        await self._drained.wait()
        self.post(entry)

    async def take(self) -> T:
        """The oldest entry; waits for one."""
        while not self._entries:
            self._filled.clear()
            await self._filled.wait()
        entry = self._entries.popleft()
        if len(self._entries) <= self._limit // 2:
            self._drained.set()
        return entry
