"""Tool calls that wait for somebody at a screen, where every worker can see and decide them.

Only what is open is here, and the decision on its way to the call; the record is the call's log.

============================================  =======  ==============================
``frontdesk:{approvals}:open``                sorted   ids by deadline (unix seconds)
                                              set
``frontdesk:{approvals}:asked:<id>``          string   the question, as JSON
``frontdesk:{approvals}:decided:<id>``        string   who decided what, as JSON
============================================  =======  ==============================

All keys share a hash tag, so they lie in one slot of a Redis Cluster.
"""

import time
from collections.abc import Sequence
from typing import Any, cast

import orjson
from redis.asyncio import Redis

PREFIX = "frontdesk:{approvals}:"
OPEN = f"{PREFIX}open"
GRACE = 60.0
"""Seconds that a question is kept after its deadline: a decision may be on its way."""

Question = dict[str, Any]
Decision = dict[str, Any]


class ApprovalStore:
    """Questions for a screen. Raises ``RedisError`` when the store does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def put(self, question: Question) -> None:
        """Show a question until its deadline. Repeating it does no harm."""
        seconds = max(1, round(question["deadline"] - time.time() + GRACE))
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(_asked(question["id"]), orjson.dumps(question), ex=seconds)
            pipe.zadd(OPEN, {question["id"]: question["deadline"]})
            pipe.zremrangebyscore(OPEN, "-inf", time.time() - GRACE)
            await pipe.execute()

    async def drop(self, question_id: str) -> None:
        """A question is decided, and its call knows."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.delete(_asked(question_id), _decided(question_id))
            pipe.zrem(OPEN, question_id)
            await pipe.execute()

    async def open(self) -> list[Question]:
        """What can still be decided, the most urgent first."""
        found = await cast("Any", self._redis).zrangebyscore(OPEN, time.time(), "+inf")
        ids = [_text(question_id) for question_id in found]
        if not ids:
            return []
        asked = await self._redis.mget([_asked(i) for i in ids])
        decided = await self._redis.mget([_decided(i) for i in ids])
        pairs = zip(asked, decided, strict=True)
        return [orjson.loads(raw) for raw, decision in pairs if raw and not decision]

    async def decide(self, question_id: str, decision: Decision) -> Decision | None:
        """Record a decision. The first one counts: returns the one that does, or None when there
        is no such question, or its time is up."""
        raw = await self._redis.get(_asked(question_id))
        if raw is None or (question := orjson.loads(raw))["deadline"] <= time.time():
            return None
        seconds = max(1, round(question["deadline"] - time.time() + GRACE))
        key = _decided(question_id)
        if await self._redis.set(key, orjson.dumps(decision), nx=True, ex=seconds):
            return decision
        stored = await self._redis.get(key)
        return None if stored is None else orjson.loads(stored)

    async def erase(self, call_id: str) -> None:
        """Take all that waits of a call away. Ids of questions begin with their call's."""
        found = await cast("Any", self._redis).zrange(OPEN, 0, -1)
        for question_id in map(_text, found):
            if question_id.startswith(f"q_{call_id}_"):
                await self.drop(question_id)

    async def decisions(self, question_ids: Sequence[str]) -> dict[str, Decision]:
        """What was decided of these, by id."""
        if not question_ids:
            return {}
        raws = await self._redis.mget([_decided(i) for i in question_ids])
        pairs = zip(question_ids, raws, strict=True)
        return {question_id: orjson.loads(raw) for question_id, raw in pairs if raw}


def _asked(question_id: str) -> str:
    return f"{PREFIX}asked:{question_id}"


def _decided(question_id: str) -> str:
    return f"{PREFIX}decided:{question_id}"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else cast("str", value)
