"""The one queue a call has: client frames, engine events and timers, in order of arrival."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """A queue whose engine side never blocks and whose client side feels back-pressure.

    ``post`` is for our own tasks and callbacks, which are few and bounded by the work they do.
    ``post_ahead`` is for what the call's own ear makes of frames that were taken already: it
    happened before the frames that still wait, and a barge-in should not wait for them.
    Who posts for a client gives the entry's size, and waits for ``drained`` when the inbox is
    ``full``, of ``limit`` entries or ``room`` bytes: so a flood stops at the socket and not in our
    memory.

    While the taker waits and nothing is there, what is posted is given to ``at_once`` instead: what
    would be done a wake-up later, and behind all else that waits for the loop, is done where it
    happens. It says False to what the taker has to take itself. What is posted ahead always waits:
    the ear is in the middle of its work.
    """

    at_once: Callable[[T], bool] | None = None

    def __init__(self, limit: int = 256, room: int = 4 * 1024 * 1024) -> None:
        self._entries: deque[tuple[T, int]] = deque()
        self._ahead: deque[T] = deque()
        self._limit = limit
        self._room = room
        self._size = 0
        self._filled = asyncio.Event()
        self._awaited = False
        self._drained = asyncio.Event()
        self._drained.set()

    def __len__(self) -> int:
        return len(self._entries) + len(self._ahead)

    @property
    def idle(self) -> bool:
        """Whether the taker waits and there is nothing to take."""
        return self._awaited and not self._entries and not self._ahead

    @property
    def full(self) -> bool:
        """Whether clients have to wait."""
        return not self._drained.is_set()

    def post(self, entry: T, size: int = 0) -> None:
        """Add an entry at once."""
        if self.idle and self.at_once is not None and self.at_once(entry):
            return
        self._entries.append((entry, size))
        self._size += size
        self._filled.set()
        if len(self._entries) >= self._limit or self._size >= self._room:
            self._drained.clear()

    def post_ahead(self, entry: T) -> None:
        """Add an entry before all that was posted, behind what was added so before. Never done at
        once: the ear tells it in the middle of its work."""
        self._ahead.append(entry)
        self._filled.set()

    async def drained(self) -> None:
        """Wait until there is room again."""
        await self._drained.wait()

    async def take(self) -> T:
        """The oldest entry; waits for one."""
        while not len(self):
            self._filled.clear()
            self._awaited = True
            try:
                await self._filled.wait()
            finally:
                self._awaited = False
        if self._ahead:
            return self._ahead.popleft()
        entry, size = self._entries.popleft()
        self._size -= size
        if len(self._entries) <= self._limit // 2 and self._size <= self._room // 2:
            self._drained.set()
        return entry

    def rest(self) -> list[T]:
        """All that is left, without waiting, in order."""
        left = [*self._ahead, *(entry for entry, _ in self._entries)]
        self._ahead.clear()
        self._entries.clear()
        self._size = 0
        self._drained.set()
        return left
