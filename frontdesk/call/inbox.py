"""The one queue a call has: client frames, engine events and timers, in order of arrival."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """A queue whose engine side never blocks and whose client side feels back-pressure.

    ``post`` is for our own tasks and callbacks, which are few and bounded by the work they do.
    ``post_ahead`` is for what the call's own ear makes of frames that were taken already: it
    happened before the frames that still wait, and a barge-in should not wait for them.
    ``offer`` is for the client: it waits while more than ``limit`` entries are queued, so that a
    flood stops at the socket and not in our memory.
    """

    def __init__(self, limit: int = 256) -> None:
        self._entries: deque[T] = deque()
        self._ahead: deque[T] = deque()
        self._limit = limit
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    def __len__(self) -> int:
        return len(self._entries) + len(self._ahead)

    def post(self, entry: T) -> None:
        """Add an entry at once."""
        self._entries.append(entry)
        self._filled.set()
        if len(self._entries) >= self._limit:
            self._drained.clear()

    def post_ahead(self, entry: T) -> None:
        """Add an entry before all that was posted, behind what was added so before."""
        self._ahead.append(entry)
        self._filled.set()

    async def offer(self, entry: T) -> None:
        """Add an entry when there is room."""
        await self._drained.wait()
        self.post(entry)

    async def take(self) -> T:
        """The oldest entry; waits for one."""
        while not len(self):
            self._filled.clear()
            await self._filled.wait()
        if self._ahead:
            return self._ahead.popleft()
        entry = self._entries.popleft()
        if len(self._entries) <= self._limit // 2:
            self._drained.set()
        return entry

    def rest(self) -> list[T]:
        """All that is left, without waiting, in order."""
        left = [*self._ahead, *self._entries]
        self._ahead.clear()
        self._entries.clear()
        self._drained.set()
        return left
