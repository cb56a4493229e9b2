"""Models that other servers run: connections that stay open, and whether there is one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import httpx2
from openai import APIStatusError, AsyncOpenAI, DefaultAsyncHttpxClient

logger = logging.getLogger(__name__)

AT_START = 10.0
"""Seconds that a server may take to answer when the process starts."""
FOR_A_CALL = 1.5
"""Seconds that a caller waits for connections at most, before ``session.created``."""
_CONNECT_SECONDS = 5.0
_KEPT_OPEN = 55.0
"""Seconds that an idle connection is kept: a caller who thinks for a while does not pay for a new
one (TCP and TLS, two or three round trips). Many servers close theirs after 60 s or more; one that
did so earlier is noticed before the connection is used."""
_FRESH = 50.0
"""Seconds for which a connection that was looked at is taken to be open."""

Connect = Callable[[], Awaitable[None]]


def http_client(seconds: float) -> httpx2.AsyncClient:
    """For a model's client: ``seconds`` is the longest wait for the next bytes."""
    return DefaultAsyncHttpxClient(
        timeout=httpx2.Timeout(seconds, connect=_CONNECT_SECONDS),
        limits=httpx2.Limits(max_keepalive_connections=100, keepalive_expiry=_KEPT_OPEN),
    )


async def knock(client: AsyncOpenAI) -> None:
    """Have a connection open, and see that the server takes the key. It is asked for its list of
    models, which costs nothing, and which it need not have. Raises what the client raises when
    nobody answers, the key is refused (401, 403) or the server is broken."""
    try:
        await client.get("/models", cast_to=httpx2.Response)
    except APIStatusError as error:
        if error.status_code in (401, 403) or error.status_code >= 500:
            raise


def is_refusal(error: BaseException | None) -> bool:
    """Whether the key was refused: that mends itself never."""
    return isinstance(error, APIStatusError) and error.status_code in (401, 403)


class Warmth:
    """Which of some models cannot be reached. ``down`` says why, by name."""

    def __init__(self) -> None:
        self.down: dict[str, str] = {}
        self._looked: dict[str, float] = {}

    async def look(
        self,
        models: Mapping[str, Connect],
        seconds: float,
        fatal: tuple[type[Exception], ...] = (),
    ) -> None:
        """Connect to those whose connections may be gone by now. Raises only what is ``fatal``."""
        now = asyncio.get_running_loop().time()
        stale = [name for name in models if now - self._looked.get(name, -_FRESH) >= _FRESH]
        if stale:
            await asyncio.gather(*(self._try(n, models[n], seconds, fatal) for n in stale))

    async def _try(
        self, name: str, connect: Connect, seconds: float, fatal: tuple[type[Exception], ...]
    ) -> None:
        try:
            async with asyncio.timeout(seconds):
                await connect()
        except fatal:
            raise
        except TimeoutError:
            why = f"{name}: no connection within {seconds:g} s"
        except Exception as error:
            why = str(error)
        else:
            self._looked[name] = asyncio.get_running_loop().time()
            if self.down.pop(name, None):
                logger.warning("%s can be reached again", name)
            return
        if name not in self.down:
            logger.warning("a model cannot be reached: %s", why)
        self.down[name] = why
