"""How long somebody waits for the store who is told when it does not answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from frontdesk.state.errors import Unavailable

PATIENCE = 2.0
"""Seconds. A command has longer by itself, as a call under way can wait; who calls cannot."""


@asynccontextmanager
async def answering(seconds: float = PATIENCE) -> AsyncGenerator[None]:
    """What is asked of the store in here has ``seconds`` for its answer. Raises
    :class:`Unavailable`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unavailable(f"the store did not answer within {seconds:g} s") from error
