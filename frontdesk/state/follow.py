"""Following calls from outside, from any worker: one reader a process, fanned out in memory."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisError

from frontdesk.state.errors import Unreadable
from frontdesk.state.events import (
    START,
    Event,
    EventStream,
    Number,
    stored_number,
    stream_of,
    unpack,
)

logger = logging.getLogger(__name__)

BLOCK = 0.25
"""Seconds that one reading waits for news; as long as somebody new may wait to be read for, too."""
QUEUE = 256
"""Entries that may wait for a slow follower, some ten minutes of talk; then it is dropped."""
RETRY = 1.0

_Entry = tuple[bytes, dict[bytes, bytes]]


@dataclass(slots=True, eq=False)
class _Follower:
    waiting: deque[bytes] = field(default_factory=deque[bytes])
    news: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    def push(self, packed: bytes) -> None:
        self.waiting.append(packed)
        self.closed = self.closed or len(self.waiting) > QUEUE
        self.news.set()


@dataclass(slots=True)
class _Followed:
    last: Number
    followers: set[_Follower] = field(default_factory=set[_Follower])


class Following:
    """Reads the streams of the calls that somebody follows; writes nothing, and takes no lease."""

    def __init__(self, redis: Redis, stream: EventStream) -> None:
        self._redis: Any = redis
        self._apart = isinstance(redis, RedisCluster)
        self._stream = stream
        self._calls: dict[str, _Followed] = {}
        self._reading: asyncio.Task[None] | None = None
        self._closed = False

    async def follow(
        self, call_id: str, after: Number | None, idle: float
    ) -> AsyncGenerator[Event | None]:
        """Events since ``after``, or all that are kept, then those to come, without end; None each
        time that there is no more for now, and after ``idle`` seconds of that. It ends when the
        follower is too slow, or this is closed.

        Raises :class:`Gap` when some of them are no longer kept, and ``RedisError`` when the store
        does not answer at the start.
        """
        tail = await self._stream.tail(call_id)
        told = tail.after(tail.gone if after is None else after)
        if told is None:
            raise Gap
        follower = _Follower(closed=self._closed)
        last = told[-1].number if told else after or START
        followed = self._calls.setdefault(call_id, _Followed(last))
        # The reader may be ahead of the tail that was read here, or behind it.
        ahead = followed.last > last
        followed.followers.add(follower)
        try:
            if self._reading is None:
                self._reading = asyncio.create_task(self._read(), name="following calls")
            for event in told:
                yield event
            if ahead:
                for packed in (await self._stream.tail(call_id, last)).entries:
                    for event in unpack(packed, last):
                        last = event.number
                        yield event
            while not follower.closed:
                follower.news.clear()
                while follower.waiting:
                    for event in unpack(follower.waiting.popleft(), last):
                        last = event.number
                        yield event
                yield None
                try:
                    async with asyncio.timeout(idle):
                        await follower.news.wait()
                except TimeoutError:
                    continue
        finally:
            followed.followers.discard(follower)
            if not followed.followers:
                self._calls.pop(call_id, None)

    async def _read(self) -> None:
        try:
            while self._calls:
                try:
                    await self._read_some()
                except RedisError as error:
                    logger.warning("the events of calls cannot be read: %s", error)
                    await asyncio.sleep(RETRY)
        finally:
            self._reading = None

    async def _read_some(self) -> None:
        wanted = {
            stream_of(call_id): (call_id, f"{call.last[0]}-{call.last[1]}")
            for call_id, call in self._calls.items()
        }
        places = {name: last for name, (_, last) in wanted.items()}
        for name, entries in await self._news(places):
            call_id = wanted[name.decode()][0]
            followed = self._calls.get(call_id)
            if followed is None:
                continue
            for entry_id, fields in entries:
                followed.last = max(followed.last, stored_number(entry_id))
                try:
                    packed = self._stream.decode(call_id, fields)
                except Unreadable as error:
                    logger.warning("%s", error)
                    continue
                for follower in followed.followers:
                    follower.push(packed)

    async def _news(self, places: dict[str, str]) -> list[tuple[bytes, list[_Entry]]]:
        """What came in any of these streams. In a cluster they lie on different nodes."""
        block = round(1000 * BLOCK)
        if self._apart:
            each = [self._redis.xread({name: at}, block=block) for name, at in places.items()]
            return [news for found in await asyncio.gather(*each) for news in found or ()]
        return await self._redis.xread(places, block=block) or []

    def close(self) -> None:
        """End all following, so that a server can stop."""
        self._closed = True
        for followed in self._calls.values():
            for follower in followed.followers:
                follower.closed = True
                follower.news.set()

    async def aclose(self) -> None:
        self.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)


class Gap(Exception):
    """Some of what was asked for is no longer kept."""
