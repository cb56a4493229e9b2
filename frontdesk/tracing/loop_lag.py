"""How late the event loop is: whatever blocks it holds up every call of the process."""

import asyncio
from collections.abc import Callable

EVERY = 0.5
"""Seconds between two looks. A stall is seen if it lasts into one, so longer ones count more."""


class LoopLag:
    """Tells ``record``, twice a second, by how many seconds a timer came too late."""

    def __init__(self, record: Callable[[float], None]) -> None:
        self._record = record
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + EVERY
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        self._record(now - self._due)
        self._due = now + EVERY
        self._timer = self._loop.call_at(self._due, self._look)

    def stop(self) -> None:
        """No more looks."""
        self._timer.cancel()
