"""The versions of teams: what each was read from, and which one new calls get.

``frontdesk:team:{<team>}:versions`` is a sorted set of versions by when they were first loaded, in
unix seconds, ``…:files`` a hash of what each was made of, by the codec, as prompts are nobody
else's business. ``frontdesk:teams:pins`` is a hash of the versions that somebody chose for new
calls, by team.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from redis.asyncio import Redis

from frontdesk.state.codec import Codec
from frontdesk.state.errors import Unreadable

logger = logging.getLogger(__name__)

PINS = "frontdesk:teams:pins"
MOST = 20
"""Versions of a team that are kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A version chosen for new calls, since ``at`` (unix seconds)."""

    version: str
    at: float


class VersionStore:
    """Shared by all workers. All methods raise ``RedisError`` when the store is not there."""

    def __init__(self, redis: Redis, codec: Codec | None = None) -> None:
        self._redis: Any = redis  # redis-py leaves its commands half typed
        self._codec = codec or Codec()

    async def keep(self, team: str, version: str, made_of: Mapping[str, Any], at: float) -> None:
        """Keep what a version was made of. One that is known stays as it is, and as old."""
        versions, kept = _keys(team)
        await self._redis.hsetnx(kept, version, self._codec.encode(orjson.dumps(made_of)))
        await self._seal(team, kept)
        await self._redis.zadd(versions, {version: at}, nx=True)
        pinned = (await self.pins()).get(team)
        oldest = [name.decode() for name in await self._redis.zrange(versions, 0, -MOST - 1)]
        if gone := [name for name in oldest if pinned is None or name != pinned.version]:
            await self._redis.zrem(versions, *gone)
            await self._redis.hdel(kept, *gone)

    async def _seal(self, team: str, kept: str) -> None:
        """Keep all versions by the newest key: they outlive calls, and the keys of those."""
        if not self._codec.cipher:
            return
        stored: dict[bytes, bytes] = await self._redis.hgetall(kept)
        for version, packed in stored.items():
            if not self._codec.cipher.is_newest(packed):
                try:
                    data = self._codec.decode(packed, f"version {version.decode()} of team {team}")
                except Unreadable as error:
                    logger.warning("%s", error)
                else:
                    await self._redis.hset(kept, version, self._codec.encode(data))

    async def known(self, team: str) -> dict[str, float]:
        """When each version was first loaded, oldest first."""
        found = await self._redis.zrange(_keys(team)[0], 0, -1, withscores=True)
        return {version.decode(): at for version, at in found}

    async def made_of(self, team: str, version: str) -> dict[str, Any] | None:
        """What a version was made of; None when it is not known any more. Raises
        :class:`~frontdesk.state.errors.Unreadable`."""
        packed: bytes | None = await self._redis.hget(_keys(team)[1], version)
        if packed is None:
            return None
        return orjson.loads(self._codec.decode(packed, f"version {version} of team {team}"))

    async def pins(self) -> dict[str, Pin]:
        """The versions chosen for new calls, by team."""
        found: dict[bytes, bytes] = await self._redis.hgetall(PINS)
        return {team.decode(): Pin(**orjson.loads(pin)) for team, pin in found.items()}

    async def pin(self, team: str, pin: Pin | None) -> None:
        """Choose a version for new calls; None: what the files say."""
        if pin is None:
            await self._redis.hdel(PINS, team)
        else:
            await self._redis.hset(PINS, team, orjson.dumps(asdict(pin)))


def _keys(team: str) -> tuple[str, str]:
    tag = f"frontdesk:team:{{{team}}}"
    return f"{tag}:versions", f"{tag}:files"
