"""News of calls that change hands, so that a worker which lost one falls silent at once.

Best effort, over one channel that every worker listens to: whoever misses a notice is fenced at
its next write all the same. Notices are JSON: ``claimed`` (call_id, epoch, worker) tells that a
call was taken over; ``whose`` (call_id) asks whether a worker is alive and has the call, which it
answers with ``mine`` (call_id, worker).
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from frontdesk.patience import comes_within
from frontdesk.state.log import CLAIMS

logger = logging.getLogger(__name__)

QUIET = 20.0
"""Seconds without any notice after which the connection is looked after."""
ANSWER = 0.4
"""Seconds that a worker has to say that a call is its own: what a dead one costs the caller who
comes back without showing that it may take the call."""
DELAY = 0.5


class Claims:
    """One worker's ear. ``claimed`` is told of each call that somebody took over, its epoch and
    its worker; ``has`` says whether a call is alive here."""

    def __init__(
        self,
        redis: Redis,
        worker: str,
        *,
        claimed: Callable[[str, int, str], None],
        has: Callable[[str], bool],
    ) -> None:
        self._redis = redis
        self._worker = worker
        self._claimed = claimed
        self._has = has
        self._asked: dict[str, asyncio.Event] = {}
        self._listening = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen from now on; waits a moment until that is so."""
        self._task = asyncio.create_task(self._run(), name="claims")
        if not await _in_time(self._listening):
            logger.warning("no news of calls that change hands: %s cannot be heard", CLAIMS)

    async def alive(self, call_id: str) -> bool:
        """Whether some worker says that it has the call. One that says nothing for ``ANSWER``
        seconds is dead, or as good as. Who cannot hear answers takes every worker for alive, as
        long as its lease runs."""
        if not self._listening.is_set():
            return True
        answered = self._asked.setdefault(call_id, asyncio.Event())
        try:
            await self._tell({"what": "whose", "call_id": call_id})
            return await _in_time(answered)
        except RedisError:
            return False
        finally:
            self._asked.pop(call_id, None)

    async def _tell(self, notice: dict[str, Any]) -> None:
        await cast(Any, self._redis).publish(CLAIMS, orjson.dumps(notice))

    async def _run(self) -> None:
        told = False
        while True:
            try:
                await self._listen()
            except Exception as error:  # whatever it is, an ear that stays deaf is worse
                if self._listening.is_set() or not told:
                    logger.warning("no news of calls that change hands: %r", error)
                told = True
            self._listening.clear()
            await asyncio.sleep(DELAY)

    async def _listen(self) -> None:
        async with cast(Any, self._redis).pubsub() as channel:
            await channel.subscribe(CLAIMS)
            pinged = False
            while True:
                message = await channel.get_message(timeout=QUIET)
                if message is None:
                    if pinged:
                        raise OSError("the store does not answer")
                    await channel.ping()
                    pinged = True
                    continue
                pinged = False
                self._listening.set()
                if message["type"] == "message":
                    await self._take(message["data"])

    async def _take(self, data: bytes) -> None:
        try:
            notice: dict[str, Any] = orjson.loads(data)
            call_id = notice["call_id"]
            match notice["what"]:
                case "claimed":
                    self._claimed(call_id, int(notice["epoch"]), notice["worker"])
                case "whose" if self._has(call_id):
                    mine = {"what": "mine", "call_id": call_id, "worker": self._worker}
                    await self._tell(mine)
                case "mine" if call_id in self._asked:
                    self._asked[call_id].set()
                case _:
                    pass
        except (ValueError, LookupError, TypeError) as error:
            logger.warning("a notice about a call is not understood: %r", error)

    async def aclose(self) -> None:
        """Listen no more."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


async def _in_time(event: asyncio.Event) -> bool:
    waiting = asyncio.ensure_future(event.wait())
    try:
        return await comes_within(ANSWER, waiting)
    finally:
        waiting.cancel()
