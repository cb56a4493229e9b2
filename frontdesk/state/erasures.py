"""What is to be erased, on every disk that a worker writes to.

==========================================  =======  ===========================================
``frontdesk:{erasures}:asked``              sorted   callers by when their erasure was asked for
                                            set
``frontdesk:{erasures}:of:<caller>``        hash     asked_at, calls (JSON), store (the time of the
                                                     erasure that the store has done), and by data
                                                     folder the time of the one it has done
``frontdesk:{erasures}:folders``            hash     data folders, and who writes there (JSON)
==========================================  =======  ===========================================

Times are unix microseconds by the store's clock. An erasure is remembered for 90 days, so that a
folder that was away catches up; one that was not seen for as long is not waited for.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson
from redis.asyncio import Redis

PREFIX = "frontdesk:{erasures}:"
ASKED, FOLDERS = f"{PREFIX}asked", f"{PREFIX}folders"
SECONDS = 90 * 24 * 3600
_FOLDER = "folder:"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is asked to be erased: all of the ``caller`` up to ``asked_at``, in unix microseconds.
    ``calls`` are those that the store knew of; ``done`` are the data folders that did it, ``store``
    whether the store has."""

    caller: str
    asked_at: int
    calls: tuple[str, ...]
    store: bool = False
    done: frozenset[str] = field(default_factory=frozenset[str])


class ErasureStore:
    """Shared by all workers. All methods raise ``RedisError`` when the store is not there, and may
    be repeated."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis  # redis-py leaves its commands half typed

    async def ask(self, caller: str, calls: tuple[str, ...]) -> Erasure:
        """Have all of a caller erased. What an earlier erasure has not done is done with it."""
        before = await self.of(caller)
        every = tuple(dict.fromkeys((*(before.calls if before else ()), *calls)))
        seconds, micros = await self._redis.time()
        at = seconds * 1_000_000 + micros
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(_of(caller), mapping={"asked_at": at, "calls": orjson.dumps(every)})
            pipe.expire(_of(caller), SECONDS)
            pipe.zadd(ASKED, {caller: at})
            pipe.zremrangebyscore(ASKED, "-inf", at - SECONDS * 1_000_000)
            await pipe.execute()
        return Erasure(caller, at, every)

    async def of(self, caller: str) -> Erasure | None:
        """The newest erasure of a caller, and how far it is."""
        found: dict[bytes, bytes] = await self._redis.hgetall(_of(caller))
        if b"asked_at" not in found:
            return None
        at = int(found[b"asked_at"])
        names = {name.decode(): int(value) for name, value in found.items() if name != b"calls"}
        done = (name for name, value in names.items() if value >= at)
        return Erasure(
            caller,
            at,
            tuple(orjson.loads(found[b"calls"])),
            names.get("store", 0) >= at,
            frozenset(name.removeprefix(_FOLDER) for name in done if name.startswith(_FOLDER)),
        )

    async def since(self, at: int) -> list[tuple[str, int]]:
        """The callers whose erasure was asked for at or after this time, and when."""
        found = await self._redis.zrangebyscore(ASKED, at, "+inf", withscores=True)
        return [(caller.decode(), int(asked)) for caller, asked in found]

    async def store_done(self, erasure: Erasure) -> None:
        """The store has nothing of them any more."""
        await self._redis.hset(_of(erasure.caller), "store", erasure.asked_at)

    async def folder_done(self, erasure: Erasure, folder: str) -> None:
        """A data folder has nothing of them any more."""
        await self._redis.hset(_of(erasure.caller), f"{_FOLDER}{folder}", erasure.asked_at)

    async def announce(self, folder: str, worker: str) -> None:
        """A worker writes to this data folder."""
        seconds, _ = await self._redis.time()
        told = {"worker": worker, "seen": seconds}
        await self._redis.hset(FOLDERS, folder, orjson.dumps(told))

    async def folders(self) -> dict[str, dict[str, Any]]:
        """All data folders seen of late: who wrote there last (``worker``) and was ``seen``."""
        seconds, _ = await self._redis.time()
        found: dict[bytes, bytes] = await self._redis.hgetall(FOLDERS)
        read = {name.decode(): orjson.loads(told) for name, told in found.items()}
        gone = [name for name, told in read.items() if told["seen"] < seconds - SECONDS]
        if gone:
            await self._redis.hdel(FOLDERS, *gone)
        return {name: told for name, told in read.items() if name not in gone}


def _of(caller: str) -> str:
    return f"{PREFIX}of:{caller}"
