"""Waiting for so long and no longer, in time that this process had.

When a process was held up itself, as its machine had no time for it, what it waits for may lie
there unread, or was held up with it. So the time passes in slices, and of a stall a slice at most
counts.
"""

import asyncio
from collections.abc import Callable
from typing import Any

SLICES = 10


async def comes_within(seconds: float, awaited: "asyncio.Future[Any]") -> bool:
    """Whether it is done within so many seconds; it goes on if not, or if this is cancelled."""
    for _ in range(SLICES):
        done, _ = await asyncio.wait({awaited}, timeout=seconds / SLICES)
        if done:
            return True
    return False


class Wait:
    """Calls ``do`` once, without a task: with True when what is waited for ``settled`` within so
    many seconds, else with False."""

    def __init__(self, seconds: float, do: Callable[[bool], None]) -> None:
        self._slice = seconds / SLICES
        self._left = SLICES
        self._do: Callable[[bool], None] | None = do
        self._wait()

    def settled(self) -> None:
        """It is there."""
        self._timer.cancel()
        self._end(True)

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._slice, self._pass)

    def _pass(self) -> None:
        self._left -= 1
        if self._left:
            self._wait()
        else:
            self._end(False)

    def _end(self, in_time: bool) -> None:
        do, self._do = self._do, None
        if do is not None:
            do(in_time)
