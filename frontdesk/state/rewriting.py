"""The append-only file of a store is a list of all that was ever written to it: what is erased is
in there until it is written anew."""

import asyncio
import logging
from typing import Any

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ResponseError

logger = logging.getLogger(__name__)

LIMIT = 30.0
"""Seconds that it may take."""


async def rewrite(redis: Any) -> None:
    """Have the file written anew, if there is one, and wait for that; the nodes of a cluster are
    only asked to. Raises ``RedisError`` or ``TimeoutError``."""
    if isinstance(redis, RedisCluster):
        await redis.execute_command("BGREWRITEAOF", target_nodes=redis.get_primaries())
        return
    if not (await redis.info("persistence"))["aof_enabled"]:
        return
    try:
        await redis.bgrewriteaof()
    except ResponseError as error:  # one is under way, and may have begun too early
        logger.info("the append-only file is written anew already: %s", error)
        await _rewritten(redis)
        await redis.bgrewriteaof()
    await _rewritten(redis)


async def _rewritten(redis: Any) -> None:
    async with asyncio.timeout(LIMIT):
        while True:
            info = await redis.info("persistence")
            if not info["aof_rewrite_in_progress"] and not info["aof_rewrite_scheduled"]:
                break
            await asyncio.sleep(0.05)
    if info["aof_last_bgrewrite_status"] != "ok":
        raise ResponseError("the append-only file cannot be written anew: see the store's log")
