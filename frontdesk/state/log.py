"""The store of calls: each a log in Redis, written under a lease.

Five keys serve a call, four in one slot of a cluster: ``frontdesk:{<call_id>}:meta`` (a hash:
owner, epoch, until, seq, base, opened, phase, told, kept, gone), ``…:log`` (a list: the entries
behind ``base``), ``…:snap`` (the state at ``base``), ``…:events`` (a stream: what its clients were
told last, :mod:`frontdesk.state.events`), and its line in the index ``frontdesk:calls`` (a sorted
set).
Only commands of Redis 6.2 are used.
"""

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from frontdesk.state.entries import CallState, Entry
from frontdesk.state.errors import Fenced, Held, LogLost, StateError
from frontdesk.state.events import EVENT_BYTES, Batch
from frontdesk.state.fold import dump, fold, restore

logger = logging.getLogger(__name__)

INDEX = "frontdesk:calls"
INDEX_SIZE = 100_000
CLAIMS = "frontdesk:claims"
"""Channel on which each take-over is told: :mod:`frontdesk.state.claims`."""
RETENTION = 7 * 24 * 3600.0
LEASE = 10.0

_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SUMMARY = ("seq", "owner", "until", "phase")


@dataclass(slots=True)
class Lease:
    """The right of one worker to write one call. ``seq`` is the last acknowledged entry;
    ``ttl`` is in seconds."""

    call_id: str
    worker: str
    epoch: int
    ttl: float
    seq: int


@dataclass(frozen=True, slots=True)
class CallSummary:
    """One line of the list of calls. ``owner`` is the worker whose lease runs, if any;
    ``opened_at`` in unix seconds by the store's clock; ``entries`` is the length of the log."""

    call_id: str
    opened_at: float
    entries: int
    owner: str | None
    ended: bool


class CallStore:
    """Calls in Redis or Valkey.

    ``retention``: seconds that a call is kept after it was last written or renewed.

    Every method raises ``redis.exceptions.RedisError`` when the store does not answer or refuses.
    Each may be repeated after such an error: none does its work twice.
    """

    def __init__(self, redis: Redis, *, retention: float = RETENTION) -> None:
        self._redis = redis
        self._retention = retention
        self._claim = redis.register_script(_script("claim"))
        self._append = redis.register_script(_script("append"))
        self._renew = redis.register_script(_script("renew"))
        self._snapshot = redis.register_script(_script("snapshot"))

    async def open(
        self, call_id: str, worker: str, ttl: float = LEASE, *, force: bool = False
    ) -> Lease:
        """Make the call, or take it over, for ``ttl`` seconds. Raises :class:`Held` while another
        worker's lease runs, unless by ``force``: whoever showed that it is the caller need not
        wait for a worker that may be dead. Every older lease is void from here on, the same
        worker's too."""
        lease = Lease(call_id, worker, epoch=0, ttl=ttl, seq=0)
        status, *reply = await self._run(self._claim, lease, "1" if force else "")
        if status == b"HELD":
            raise Held(call_id, reply[0].decode(), int(reply[1]) / 1e6)
        lease.epoch, lease.seq = int(reply[0]), int(reply[1])
        if reply[2]:
            await self._index(call_id, int(reply[2]))
        else:
            await self._tell(lease)
        return lease

    async def _tell(self, lease: Lease) -> None:
        """Whoever had the call hears that it is gone, and falls silent."""
        notice = {
            "what": "claimed",
            "call_id": lease.call_id,
            "epoch": lease.epoch,
            "worker": lease.worker,
        }
        try:
            await cast(Any, self._redis).publish(CLAIMS, orjson.dumps(notice))
        except RedisError as error:  # it is fenced at its next write
            logger.warning("Call %s: nobody is told of the claim: %s", lease.call_id, error)

    async def append(
        self,
        lease: Lease,
        entries: Sequence[Entry | bytes],
        events: Batch | None = None,
        missing: str = "",
    ) -> int:
        """Append entries (dicts, or their JSON) and what clients were told with them, and prolong
        the lease; the last entry's number. ``missing``: the id of the last event that the stream
        may have lost.

        After an error, repeat with the same entries first: those that arrived are skipped.
        Raises :class:`Fenced` or :class:`LogLost`.
        """
        lines = [line if isinstance(line, bytes) else orjson.dumps(line) for line in entries]
        number, told = ("", b"") if events is None else (events.last, events.packed)
        args = (lease.seq, _phase(lines), number, told, missing, EVENT_BYTES, *lines)
        status, *reply = await self._run(self._append, lease, *args)
        _accept(lease, status, reply)
        lease.seq += len(lines)
        return lease.seq

    async def renew(self, lease: Lease) -> None:
        """Prolong the lease. Raises :class:`Fenced` or :class:`LogLost`."""
        status, *reply = await self._run(self._renew, lease)
        _accept(lease, status, reply)

    async def release(self, lease: Lease) -> None:
        """Give the call back, so that another worker need not wait. A lost lease is no error."""
        await self._run(self._renew, lease, ttl=0)

    async def snapshot(self, lease: Lease, state: CallState) -> None:
        """Put ``state`` in place of the entries it was folded from. Raises :class:`Fenced`.

        When the store has less than that (or nothing), it has all of ``state`` afterwards.
        """
        opened = int(state.opened_at * 1e6)
        status, *reply = await self._run(self._snapshot, lease, state.seq, opened, dump(state))
        _accept(lease, status, reply)
        if reply:
            await self._index(lease.call_id, opened)

    async def load(self, call_id: str) -> CallState | None:
        """The call as its log tells it, or None. Raises :class:`StateError` when it is damaged."""
        pipeline: Any = self._redis.pipeline(transaction=True)
        meta, log, snap, _ = _keys(call_id)
        pipeline.hget(meta, "seq").get(snap).lrange(log, 0, -1)
        seq, snapshot, lines = cast(
            tuple[bytes | None, bytes | None, list[bytes]], await pipeline.execute()
        )
        if seq is None:
            return None
        try:
            state = restore(snapshot) if snapshot else CallState(call_id)
            fold(map(orjson.loads, lines), state)
        except ValueError as error:
            raise StateError(f"call {call_id} cannot be read from the store: {error}") from error
        if state.seq != int(seq):
            raise StateError(f"call {call_id} is incomplete: {state.seq} of {int(seq)} entries")
        return state

    async def summary(self, call_id: str) -> CallSummary | None:
        """What the list of calls has of one, None if there is no such call. Raises ``ValueError``
        for what is no call id."""
        redis = cast(Any, self._redis)
        meta = _keys(call_id)[0]
        found: list[bytes | None] = await redis.hmget(meta, "opened", *_SUMMARY)
        if found[0] is None:
            return None
        return _summary(call_id, float(found[0]), found[1:], _microseconds(await redis.time()))

    async def list_calls(self, limit: int = 50, before: float | None = None) -> list[CallSummary]:
        """Calls, newest first, opened before ``before`` (unix seconds). Best effort: a call may be
        missing if the store failed while it was opened."""
        calls: list[CallSummary] = []
        async for call in self._indexed(limit, before):
            calls.append(call)
            if len(calls) == limit:
                break
        return calls

    async def _indexed(self, page: int, before: float | None) -> AsyncIterator[CallSummary]:
        end = "+inf" if before is None else f"({round(before * 1e6)}"
        redis = cast(Any, self._redis)
        start = 0
        now = _microseconds(await redis.time())
        while found := cast(
            list[tuple[bytes, float]],
            await redis.zrevrangebyscore(INDEX, end, "-inf", start, page, withscores=True),
        ):
            pipeline = redis.pipeline(transaction=False)
            for call_id, _ in found:
                pipeline.hmget(_keys(call_id.decode())[0], *_SUMMARY)
            gone = 0
            for (call_id, opened), meta in zip(found, await pipeline.execute(), strict=True):
                if meta[0] is None:  # past its retention
                    await redis.zrem(INDEX, call_id)
                    gone += 1
                    continue
                yield _summary(call_id.decode(), opened, meta, now)
            start += len(found) - gone

    async def _index(self, call_id: str, opened: int) -> None:
        redis = cast(Any, self._redis)
        try:
            await redis.zadd(INDEX, {call_id: opened})
            await redis.zremrangebyrank(INDEX, 0, -INDEX_SIZE - 1)
        except RedisError as error:
            # The call matters more than its line in a list.
            logger.warning("Call %s is not in the list of calls: %s", call_id, error)

    async def _run(
        self, script: Any, lease: Lease, *args: Any, ttl: float | None = None
    ) -> list[bytes]:
        ttl = lease.ttl if ttl is None else ttl
        common = (lease.worker, lease.epoch, int(ttl * 1e3), int(self._retention * 1e3))
        reply: Awaitable[list[bytes]] = script(keys=_keys(lease.call_id), args=(*common, *args))
        return await reply


def _script(name: str) -> str:
    folder = files("frontdesk.state") / "scripts"
    parts = (f"{part}.lua" for part in ("fence", name))
    return "\n".join((folder / part).read_text(encoding="utf-8") for part in parts)


def _keys(call_id: str) -> tuple[str, str, str, str]:
    if not _CALL_ID.fullmatch(call_id):
        raise ValueError(f"call id {call_id[:80]!r} is not 1 to 128 letters, digits, '_' or '-'")
    tag = f"frontdesk:{{{call_id}}}"
    return f"{tag}:meta", f"{tag}:log", f"{tag}:snap", f"{tag}:events"


def _phase(lines: Sequence[bytes]) -> str:
    for line in reversed(lines):
        # Parsing only what can matter: most batches have neither.
        if b'"call.' in line:
            match orjson.loads(line).get("kind"):
                case "call.opened":
                    return "open"
                case "call.ended":
                    return "ended"
                case _:
                    pass
    return ""


def _accept(lease: Lease, status: bytes, reply: list[bytes]) -> None:
    match status:
        case b"OK":
            return
        case b"FENCED":
            owner = reply[0].decode() or "nobody"
            raise Fenced(f"call {lease.call_id} is no longer {lease.worker}'s: {owner} has it")
        case b"GAP":
            raise LogLost(f"the store lost entries of call {lease.call_id} after {int(reply[0])}")
        case _:
            raise LogLost(f"the store lost call {lease.call_id}")


def _summary(call_id: str, opened: float, meta: list[bytes | None], now: int) -> CallSummary:
    seq, owner, until, phase = meta
    live = int(until or 0) > now
    return CallSummary(
        call_id=call_id,
        opened_at=opened / 1e6,
        entries=int(seq or 0),
        owner=owner.decode() if owner and live else None,
        ended=phase == b"ended",
    )


def _microseconds(time: tuple[int, int]) -> int:
    return time[0] * 1_000_000 + time[1]
