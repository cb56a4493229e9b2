"""The register of workers: who serves on this store, for whoever operates them. Best effort: no
call depends on it."""

from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from typing import Any, cast

import orjson
from redis.asyncio import Redis

KEY = "frontdesk:workers"
BEAT = 5.0
"""Seconds between two signs of life."""
GONE = 15.0
"""Seconds without one after which a worker is held to be gone."""

# The store's clock is the only one that counts, so a script writes it down.
_SHOW = """
redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1] .. ' ' .. ARGV[2])
redis.call('EXPIRE', KEYS[1], 3600)
"""
_LIST = "return {redis.call('TIME')[1], redis.call('HGETALL', KEYS[1])}"


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """One worker. ``address`` is where it listens, as far as it knows; ``started`` in unix seconds
    by its own clock; ``calls`` live at its last sign of life, ``seen`` seconds ago."""

    name: str
    address: str
    version: str
    started: float
    calls: int
    draining: bool
    seen: int = 0


class Workers:
    """The register in Redis, a hash of JSON by name. Every method raises ``RedisError``."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis
        self._show = redis.register_script(_SHOW)
        self._list = redis.register_script(_LIST)

    async def show(self, record: WorkerRecord) -> None:
        """Enter the worker, or give a sign of its life."""
        fields = asdict(record)
        del fields["seen"]
        await cast("Awaitable[Any]", self._show([KEY], [record.name, orjson.dumps(fields)]))

    async def leave(self, name: str) -> None:
        """The worker ends."""
        await self._redis.hdel(KEY, name)

    async def all(self) -> list[WorkerRecord]:
        """The workers that gave a sign of life lately, by name; others are struck off."""
        now, fields = cast("tuple[bytes, list[bytes]]", await cast("Any", self._list)([KEY]))
        found: list[WorkerRecord] = []
        for name, value in zip(fields[::2], fields[1::2], strict=True):
            at, _, record = value.partition(b" ")
            seen = int(now) - int(at)
            if seen > GONE:
                await self._redis.hdel(KEY, name)
            else:
                found.append(_read(orjson.loads(record), seen))
        return sorted(found, key=lambda record: record.name)


def _read(fields: dict[str, Any], seen: int) -> WorkerRecord:
    """Fields of a newer version are passed over."""
    known: dict[str, Any] = {
        name: fields[name] for name in WorkerRecord.__slots__ if name in fields
    }
    return WorkerRecord(**known, seen=seen)
