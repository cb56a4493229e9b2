"""The one clock of a call: everything that a call times, it times by this."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Something that will happen, unless it is cancelled."""

    def cancel(self) -> None: ...


class Clock:
    """Unix seconds that never jump: the wall clock when the call began, and what has passed since.

    A test passes a clock of its own and moves it.
    """

    def __init__(self) -> None:
        self._began = time.time() - time.monotonic()

    def now(self) -> float:
        """Unix seconds."""
        return self._began + time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def later(self, seconds: float, do: Callable[[], None]) -> Timer:
        """Have ``do`` called in the event loop."""
        return asyncio.get_running_loop().call_later(seconds, do)
