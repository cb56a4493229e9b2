"""Tool calls that wait for somebody at a screen, where every worker can see and decide them.

Only what is open is here, and the decision on its way to the call; the record is the call's log.

============================================  =======  ==============================
``frontdesk:{approvals}:open``                sorted   ids by deadline (unix seconds)
                                              set
``frontdesk:{approvals}:asked:<id>``          string   the question, by the codec
``frontdesk:{approvals}:decided:<id>``        string   who decided what, by the codec
============================================  =======  ==============================

All keys share a hash tag, so they lie in one slot of a Redis Cluster. A region has its own, with
the tag ``{approvals:<region>}``.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any, cast

import orjson
from redis.asyncio import Redis

from frontdesk.state.codec import Codec
from frontdesk.state.errors import Unreadable

logger = logging.getLogger(__name__)

GRACE = 60.0
"""Seconds that a question is kept after its deadline: a decision may be on its way."""

Question = dict[str, Any]
Decision = dict[str, Any]


class ApprovalStore:
    """Questions for a screen. Raises ``RedisError`` when the store does not answer. What no key
    opens is passed over with a warning where several are read, and is ``Unreadable`` alone."""

    def __init__(
        self, redis: Redis, codec: Codec | None = None, *, region: str | None = None
    ) -> None:
        self._redis: Any = redis  # redis-py leaves its commands half typed
        self._codec = codec or Codec()
        self._prefix = f"frontdesk:{{approvals{f':{region}' if region else ''}}}:"
        self._open = f"{self._prefix}open"

    async def put(self, question: Question) -> None:
        """Show a question until its deadline. Repeating it does no harm."""
        seconds = max(1, round(question["deadline"] - time.time() + GRACE))
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(self._asked(question["id"]), self._dump(question), ex=seconds)
            pipe.zadd(self._open, {question["id"]: question["deadline"]})
            pipe.zremrangebyscore(self._open, "-inf", time.time() - GRACE)
            await pipe.execute()

    async def drop(self, question_id: str) -> None:
        """A question is decided, and its call knows."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.delete(self._asked(question_id), self._decided(question_id))
            pipe.zrem(self._open, question_id)
            await pipe.execute()

    async def open(self) -> list[Question]:
        """What can still be decided, the most urgent first."""
        found = await self._redis.zrangebyscore(self._open, time.time(), "+inf")
        ids = [_text(question_id) for question_id in found]
        if not ids:
            return []
        asked = await self._redis.mget([self._asked(i) for i in ids])
        decided = await self._redis.mget([self._decided(i) for i in ids])
        pairs = zip(asked, decided, strict=True)
        found = (self._known(raw) for raw, decision in pairs if raw and not decision)
        return [question for question in found if question]

    async def decide(self, question_id: str, decision: Decision) -> Decision | None:
        """Record a decision. The first one counts: returns the one that does, or None when there
        is no such question, or its time is up."""
        raw = await self._redis.get(self._asked(question_id))
        if raw is None or (question := self._load(raw))["deadline"] <= time.time():
            return None
        seconds = max(1, round(question["deadline"] - time.time() + GRACE))
        key = self._decided(question_id)
        if await self._redis.set(key, self._dump(decision), nx=True, ex=seconds):
            return decision
        stored = await self._redis.get(key)
        return None if stored is None else self._load(stored)

    async def erase(self, call_id: str) -> None:
        """Take all that waits of a call away. Ids of questions begin with their call's."""
        found = await self._redis.zrange(self._open, 0, -1)
        for question_id in map(_text, found):
            if question_id.startswith(f"q_{call_id}_"):
                await self.drop(question_id)

    async def decisions(self, question_ids: Sequence[str]) -> dict[str, Decision]:
        """What was decided of these, by id."""
        if not question_ids:
            return {}
        raws = await self._redis.mget([self._decided(i) for i in question_ids])
        pairs = zip(question_ids, raws, strict=True)
        known = ((question_id, self._known(raw)) for question_id, raw in pairs if raw)
        return {question_id: decision for question_id, decision in known if decision}

    def _dump(self, value: dict[str, Any]) -> bytes:
        return self._codec.encode(orjson.dumps(value))

    def _known(self, stored: bytes) -> dict[str, Any] | None:
        try:
            return self._load(stored)
        except Unreadable as error:
            logger.warning("%s", error)
            return None

    def _load(self, stored: bytes) -> dict[str, Any]:
        return orjson.loads(self._codec.decode(stored, "what waits for approval"))

    def _asked(self, question_id: str) -> str:
        return f"{self._prefix}asked:{question_id}"

    def _decided(self, question_id: str) -> str:
        return f"{self._prefix}decided:{question_id}"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else cast("str", value)
