"""What is kept of a caller across calls.

=======================================  =======  ==============================================
``frontdesk:caller:{<caller>}:calls``    sorted   ids of their calls, by when the store will have
                                         set      forgotten all of a call (unix seconds)
``frontdesk:caller:{<caller>}:consent``  hash     by team: whether they want to be remembered
``…:told:<call_id>``                     string   what is remembered of a call, by the codec
=======================================  =======  ==============================================

``<caller>`` is a hash of the caller id, so that ids, which may be phone numbers, are not in keys:
those turn up in slow logs, monitors and dashboards. It is a plain hash. A secret kept beside it in
the store would hide nothing from somebody who reads the store, who has the conversations anyway; a
secret kept elsewhere would have to live as long as the oldest trace on any disk, or erasing could
not find that any more. Ids that must not be guessed should be random ones.
"""

import hashlib
import logging
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson
from redis.asyncio import Redis

from frontdesk.region import is_elsewhere
from frontdesk.state.codec import Codec
from frontdesk.state.errors import Unreadable
from frontdesk.state.log import RETENTION

logger = logging.getLogger(__name__)

DAY = 24 * 3600
LONGEST = 128
"""Characters of a caller id."""
_ID = re.compile(rf"(?=.*[A-Za-z0-9])[A-Za-z0-9._~@+:|=,-]{{1,{LONGEST}}}")


@dataclass(frozen=True, slots=True)
class Told:
    """What is remembered of one call of ``team``, begun at the unix time ``at``. ``text`` is None
    until it is summed up; ``by`` says what did that: a model's name, or "extract"."""

    call_id: str
    team: str
    at: float
    text: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether a caller wants a team to remember them. ``how`` it was said: connection, spoken,
    tool, api."""

    given: bool
    at: float
    how: str
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the store has of a caller. ``told`` is oldest first; ``calls`` are ids."""

    calls: tuple[str, ...] = ()
    consents: dict[str, Consent] | None = None
    told: tuple[Told, ...] = ()

    def consent(self, team: str) -> bool | None:
        """Whether the team may remember the caller; None when they never said."""
        found = (self.consents or {}).get(team)
        return None if found is None else found.given


def problem_of(user: str) -> str | None:
    """What is wrong with a caller id, in words for whoever gave it."""
    if _ID.fullmatch(user):
        return None
    hint = " (a + in a URL is written %2B)" if user.startswith(" ") else ""
    return (
        f"a caller id is 1 to {LONGEST} letters, digits and signs of . _ ~ @ + : | = , -, a letter "
        f"or digit among them{hint}."
    )


def caller_of(user: str) -> str:
    """The caller as keys and files name them: 32 hex digits."""
    return hashlib.sha256(f"frontdesk caller {user}".encode()).hexdigest()[:32]


class CallerStore:
    """Callers by :func:`caller_of`. All methods raise ``RedisError`` when the store is not there,
    and may be repeated."""

    def __init__(
        self, redis: Redis, codec: Codec | None = None, *, region: str | None = None
    ) -> None:
        """What is kept is written by ``codec``. Of calls that are pinned to a region other than
        ``region``, nothing is read."""
        self._redis: Any = redis  # redis-py leaves its commands half typed
        self._codec = codec or Codec()
        self._region = region
        script = files("frontdesk.state") / "scripts" / "keep.lua"
        self._keep = self._redis.register_script(script.read_text(encoding="utf-8"))

    async def opened(self, caller: str, call_id: str, now: float, days: int) -> Known:
        """Count a call as theirs, from now on; what is known of them. ``days``: how long anything
        that is remembered of it is kept; the call itself is for its own time."""
        forgotten = round(now + max(days * DAY, RETENTION + DAY))
        calls = _calls(caller)
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zremrangebyscore(calls, "-inf", now)
            pipe.zadd(calls, {call_id: forgotten}, gt=True)
            pipe.zrevrange(calls, 0, 0, withscores=True)
            *_, [(_, last)] = await pipe.execute()
        await self._redis.expireat(calls, round(last))
        return await self.known(caller)

    async def known(self, caller: str) -> Known:
        """Everything about them."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zrange(_calls(caller), 0, -1)
            pipe.hgetall(_consent(caller))
            ids, consents = await pipe.execute()
        calls = tuple(call_id.decode() for call_id in ids)
        here = [call_id for call_id in calls if not is_elsewhere(call_id, self._region)]
        stored: list[bytes | None] = []
        if here:
            stored = await self._redis.mget([_told(caller, call_id) for call_id in here])
        told = [Told(**one) for line in stored if line and (one := self._read(line))]
        said = {team.decode(): self._read(line) for team, line in consents.items()}
        return Known(
            calls,
            {team: Consent(**one) for team, one in said.items() if one},
            tuple(sorted(told, key=lambda one: one.at)),
        )

    async def consent(self, caller: str, team: str, said: Consent, days: int) -> bool:
        """Put on record whether they want to be remembered, for so many days without a call.
        False when the call that it was said in has been erased."""
        value = self._written(said)
        return await self._put(
            caller, said.call_id, _consent(caller), days * DAY, value, field=team
        )

    async def tell(self, caller: str, told: Told, days: int, now: float) -> bool:
        """Remember this of a call, until so many days after it. False when it has been erased."""
        seconds = round(told.at + days * DAY - now)
        if seconds <= 0:
            return False
        key = _told(caller, told.call_id)
        return await self._put(caller, told.call_id, key, seconds, self._written(told))

    async def forget(self, caller: str, team: str) -> int:
        """Forget what a team remembers of them; how many calls that were."""
        known = await self.known(caller)
        keys = [_told(caller, told.call_id) for told in known.told if told.team == team]
        if keys:
            await self._redis.delete(*keys)
        return len(keys)  # its reply would be 0 where it was lost, and the command sent once more

    async def drop(self, caller: str, told: Told) -> None:
        """There is nothing to remember of a call."""
        await self._redis.delete(_told(caller, told.call_id))

    async def erase(self, caller: str, call_ids: tuple[str, ...]) -> None:
        """Take these calls, and what the caller said of being remembered, out of the store. Calls
        that began since are none of these."""
        keys = [_told(caller, call_id) for call_id in call_ids]
        async with self._redis.pipeline(transaction=True) as pipe:
            if call_ids:
                pipe.zrem(_calls(caller), *call_ids)
            pipe.delete(_consent(caller), *keys)
            await pipe.execute()

    async def _put(
        self,
        caller: str,
        call_id: str | None,
        key: str,
        seconds: float,
        value: bytes,
        field: str = "",
    ) -> bool:
        args = (call_id or "", round(seconds), field, value)
        return bool(await self._keep(keys=(_calls(caller), key), args=args))

    def _written(self, said: Told | Consent) -> bytes:
        return self._codec.encode(orjson.dumps(said))

    def _read(self, stored: bytes) -> dict[str, Any] | None:
        """None for what no key opens."""
        try:
            return orjson.loads(self._codec.decode(stored, "what is remembered of a caller"))
        except Unreadable as error:
            logger.warning("%s", error)
            return None


def _calls(caller: str) -> str:
    return f"frontdesk:caller:{{{caller}}}:calls"


def _consent(caller: str) -> str:
    return f"frontdesk:caller:{{{caller}}}:consent"


def _told(caller: str, call_id: str) -> str:
    return f"frontdesk:caller:{{{caller}}}:told:{call_id}"
