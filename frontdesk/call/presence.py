"""Who a worker is, and its signs of life in the register of workers."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Sized

from redis.exceptions import RedisError

from frontdesk import __version__
from frontdesk.ports import EVERYWHERE, origin
from frontdesk.settings import Settings
from frontdesk.state.workers import BEAT, WorkerRecord, Workers

logger = logging.getLogger(__name__)


class Presence:
    """Shows the worker as it is, from ``start`` to ``aclose``. A store that does not answer is no
    trouble of the worker's."""

    def __init__(
        self, settings: Settings, name: str, calls: Sized, *, draining: Callable[[], bool]
    ) -> None:
        self.address = address(settings, settings.port)
        """Where others reach the worker, as far as it knows."""
        self._name = name
        self._calls = calls
        self._draining = draining
        self._started = time.time()
        self._news = asyncio.Event()
        self._showing: asyncio.Task[None] | None = None
        self._closing = False

    def start(self, workers: Workers) -> None:
        self._workers = workers
        self._showing = asyncio.create_task(self._show(), name="presence")

    def tell(self) -> None:
        """Show what has changed now, and not at the next beat."""
        self._news.set()

    def _record(self) -> WorkerRecord:
        return WorkerRecord(
            name=self._name,
            address=self.address,
            version=__version__,
            started=self._started,
            calls=len(self._calls),
            draining=self._draining(),
        )

    async def _show(self) -> None:
        while not self._closing:  # redis-py may swallow a cancellation
            self._news.clear()
            try:
                await self._workers.show(self._record())
            except RedisError as error:
                logger.debug("the register of workers is not written: %s", error)
            try:
                async with asyncio.timeout(BEAT):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def aclose(self) -> None:
        """Leave the register."""
        if self._showing is None:
            return
        self._closing = True
        self._showing.cancel()
        await asyncio.gather(self._showing, return_exceptions=True)
        try:
            await self._workers.leave(self._name)
        except RedisError as error:
            logger.debug("the register of workers is not written: %s", error)


def address(settings: Settings, port: int) -> str:
    """Where others reach what listens on ``port``."""
    host = socket.gethostname() if settings.host in EVERYWHERE else settings.host
    return origin(host, port, tls=settings.tls_cert is not None)


def worker_name(settings: Settings) -> str:
    """Host and port: nobody else can have them, and a restarted worker has them again, so that it
    need not wait for its own lease to lapse."""
    return f"{socket.gethostname()}:{settings.port or f'pid-{os.getpid()}'}"
