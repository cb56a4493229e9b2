"""Time that is over at once, for what waits by the clock of the event loop."""

import asyncio


def leap(seconds: float) -> None:
    """Have the loop that runs find that so many seconds have passed, as a process does that was
    held up: what was due is overdue, and nothing else has happened."""
    loop = asyncio.get_running_loop()
    now = loop.time
    loop.time = lambda: now() + seconds
