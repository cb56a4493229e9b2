"""How long somebody waits for the store who is told when it does not answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.exceptions import ConnectionError

from frontdesk.state.errors import Unavailable

PATIENCE = 2.0
"""Seconds. A command has longer by itself, as a call under way can wait; who calls cannot."""
FOR_A_CALL = 5.0
"""Seconds, for who comes back to a call: told to try again, it would only do the same."""
PAUSE = 0.05
T = TypeVar("T")


async def answered(ask: Callable[[], Awaitable[T]], seconds: float = PATIENCE) -> T:
    """What the store answers, which has ``seconds`` for that and may be started again meanwhile:
    ``ask`` is called anew when there is no connection. Raises :class:`Unavailable`, or the
    ``RedisError`` of an answer that is none."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        try:
            async with asyncio.timeout_at(end):
                return await ask()
        except TimeoutError as error:
            raise Unavailable(f"the store did not answer within {seconds:g} s") from error
        except ConnectionError as error:
            if loop.time() + PAUSE > end:
                raise Unavailable(f"the store was away for {seconds:g} s: {error}") from error
            await asyncio.sleep(PAUSE)
