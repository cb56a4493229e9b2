"""What tools of MCP servers said when they were accepted, for all workers."""

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis


class Pins:
    """In Redis, a hash a server, ``frontdesk:mcp:pins:<server>``: texts by the name of the tool.
    All methods raise ``RedisError`` when the store is not there."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis  # redis-py leaves its commands half typed

    async def read(self, server: str) -> dict[str, str]:
        """What each tool said; nothing for a server never seen."""
        stored: dict[bytes, bytes] = await self._redis.hgetall(_key(server))
        return {name.decode(): text.decode() for name, text in stored.items()}

    async def write(self, server: str, pins: Mapping[str, str]) -> None:
        """Keep what tools say, over what was kept of them."""
        if pins:
            await self._redis.hset(_key(server), mapping=dict(pins))


def _key(server: str) -> str:
    return f"frontdesk:mcp:pins:{server}"
