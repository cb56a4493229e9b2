"""Erasing callers: from the store, and from the disk of each worker that has one of its own.

What is to be erased stands in a list in the store before anything is touched. Each worker works it
off, when it starts and while it runs, so it is done to its end whoever dies meanwhile. All steps
may be repeated.
"""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from frontdesk.call.afterwork import Afterwork
from frontdesk.call.call import Call
from frontdesk.folder import name_of
from frontdesk.region import region_of
from frontdesk.state.approvals import ApprovalStore
from frontdesk.state.callers import CallerStore
from frontdesk.state.erasures import Erasure, ErasureStore
from frontdesk.state.log import CallStore
from frontdesk.state.rewriting import rewrite
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.erasing import erase
from frontdesk.tracing.stores import StoreError

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
ANNOUNCE_SECONDS = 3600.0
END_SECONDS = 10.0
"""How long a call that is to be erased may take to end."""

ERASED = 4002
"""Close code for a call that was erased with all that is kept of its caller."""
REASON = "what is kept of the caller was erased"


class NotErased(Exception):
    """It is not done, or not all of it, and is tried again within seconds. The message says why."""


class Erasing:
    """One for a worker."""

    def __init__(
        self,
        redis: Redis,
        *,
        worker: str,
        data: Path,
        embedded: bool,
        store: CallStore,
        callers: CallerStore,
        calls: dict[str, Call],
        afterwork: Afterwork,
        tracing: Tracing,
    ) -> None:
        """``embedded``: the store is ours, and can write its files anew."""
        self._redis: Any = redis
        self._worker = worker
        self._embedded = embedded
        self._live = calls
        self._afterwork = afterwork
        self._tracing = tracing
        self.erasures = ErasureStore(redis)
        self._callers = callers
        self._calls = store
        self.folder = name_of(data)
        self._one_at_a_time = asyncio.Lock()
        self._done: dict[str, int] = {}
        self._newest = 0
        self._announced = float("-inf")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Do what was asked for while nobody was here, then what is asked for from now on."""
        await self._look()
        self._task = asyncio.create_task(self._watch(), name="erasing")

    async def aclose(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def erase(self, caller: str) -> Erasure:
        """Erase all that is kept of a caller, here and now; other workers do theirs. Calls of
        theirs that run are ended. Returns how far it is. Raises ``RedisError`` when the store is
        not there, and :class:`NotErased`."""
        known = await self._callers.known(caller)
        erasure = await self.erasures.ask(caller, known.calls)
        await self._do(caller)
        return await self.erasures.of(caller) or erasure

    async def pending(self, erasure: Erasure) -> dict[str, dict[str, Any]]:
        """The data folders that have not done it yet, and who was seen to write there last."""
        folders = await self.erasures.folders()
        return {name: told for name, told in folders.items() if name not in erasure.done}

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        """Whatever fails is done the next time."""
        try:
            if time.monotonic() - self._announced > ANNOUNCE_SECONDS:
                await self.erasures.announce(self.folder, self._worker)
                self._announced = time.monotonic()
            asked = dict(await self.erasures.since(self._newest))
            for caller, asked_at in asked.items():
                if self._done.get(caller) != asked_at:
                    await self._do(caller)
                    self._done[caller] = asked_at
            self._newest = max([self._newest, *asked.values()])  # later ones have a later time
            self._done = {caller: at for caller, at in self._done.items() if at == self._newest}
        except (RedisError, NotErased) as error:
            logger.warning("what is to be erased is not erased yet: %s", error)

    async def _do(self, caller: str) -> None:
        """What is not done yet of the newest erasure of a caller."""
        async with self._one_at_a_time:
            erasure = await self.erasures.of(caller)
            if erasure is None or (erasure.store and self.folder in erasure.done):
                return
            try:
                await self._carry_out(erasure)
            except (StoreError, TimeoutError) as error:
                raise NotErased(str(error) or "a call, or the store, takes too long") from error

    async def _carry_out(self, erasure: Erasure) -> None:
        await asyncio.gather(*(self._end(call_id) for call_id in erasure.calls))
        if not erasure.store:
            await self._erase_from_store(erasure)
            await self.erasures.store_done(erasure)
        tracing, until = self._tracing, erasure.asked_at / 1e6
        disk = (tracing.store, tracing.audio, erasure.caller, erasure.calls, until)
        gone = await asyncio.to_thread(erase, *disk)
        await self.erasures.folder_done(erasure, self.folder)
        logger.info("a caller was erased here: %d calls, %d turns", gone.calls, gone.traces)

    async def _end(self, call_id: str) -> None:
        """Nobody is on the call any more, and no work of it goes on."""
        if call := self._live.get(call_id):
            call.end(REASON, ERASED)
            async with asyncio.timeout(END_SECONDS):
                await call.over.wait()
        await self._afterwork.stop(call_id)

    async def _erase_from_store(self, erasure: Erasure) -> None:
        for call_id in erasure.calls:
            await ApprovalStore(self._redis, region=region_of(call_id)).erase(call_id)
            await self._calls.erase(call_id)
        await self._callers.erase(erasure.caller, erasure.calls)
        if erasure.calls:
            try:
                await rewrite(self._redis)
            except (RedisError, TimeoutError) as error:
                if self._embedded:
                    raise
                logger.warning("this Redis does not write its append-only file anew: %s", error)
