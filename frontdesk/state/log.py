"""The store of calls: each a log in Redis, written under a lease.

Five keys serve a call, four in one slot of a cluster: ``frontdesk:{<call_id>}:meta`` (a hash:
owner, epoch, until, seq, base, opened, phase, region, told, kept, gone), ``…:log`` (a list: the
entries behind ``base``), ``…:snap`` (the state at ``base``), ``…:events`` (a stream: what its
clients were told last, :mod:`frontdesk.state.events`), and its line in the index
``frontdesk:calls`` (a sorted set; that of a region is ``frontdesk:calls:<region>``).
Only commands of Redis 6.2 are used.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from frontdesk.region import refusal, region_of
from frontdesk.state.codec import Codec
from frontdesk.state.direct import Direct
from frontdesk.state.entries import CallState, Entry
from frontdesk.state.errors import (
    Erased,
    Fenced,
    Held,
    InOtherRegion,
    LogLost,
    StateError,
    Unreadable,
)
from frontdesk.state.events import EVENT_BYTES, Batch
from frontdesk.state.fold import dump, fold, restore

logger = logging.getLogger(__name__)

INDEX = "frontdesk:calls"
INDEX_SIZE = 100_000
CLAIMS = "frontdesk:claims"
"""Channel on which each take-over is told: :mod:`frontdesk.state.claims`."""
RETENTION = 7 * 24 * 3600.0
LEASE = 10.0
MUCH = 64 * 1024
"""Bytes that take a millisecond to pack."""

ERASED = "(erased)"
"""Who owns a call that was erased: no worker has this name."""
MARK_SECONDS = 3600.0
"""How long a call stays marked as erased: longer than any worker goes on without the store."""

_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_packer = ThreadPoolExecutor(1, "packer")
_SUMMARY = ("seq", "owner", "until", "phase")


@dataclass(slots=True)
class Lease:
    """The right of one worker to write one call. ``seq`` is the last acknowledged entry; ``ttl``
    is in seconds; ``region`` is empty unless the call is pinned to one. ``base_bytes`` and
    ``tail_bytes`` are what the last snapshot under it took in the store, and the entries that it
    wrote since."""

    call_id: str
    worker: str
    epoch: int
    ttl: float
    seq: int
    region: str = ""
    base_bytes: int = 0
    tail_bytes: int = 0


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
    """Calls in Redis or Valkey, written by ``codec``. Those that are opened in a ``region`` are
    pinned to it: in another, or in none, they are neither read nor carried on nor listed.

    ``retention``: seconds that a call is kept after it was last written or renewed.

    Every method raises ``redis.exceptions.RedisError`` when the store does not answer or refuses.
    Each may be repeated after such an error: none does its work twice.
    """

    def __init__(
        self,
        redis: Redis,
        codec: Codec | None = None,
        *,
        region: str | None = None,
        retention: float = RETENTION,
    ) -> None:
        self._redis = redis
        self._direct = Direct(redis)
        self._codec = codec or Codec()
        self.region = region
        self.index = f"{INDEX}:{region}" if region else INDEX
        """Key of the list of calls."""
        self._retention = retention
        self._claim = redis.register_script(_script("claim"))
        self._append = redis.register_script(_script("append"))
        self._renew = redis.register_script(_script("renew"))
        self._snapshot = redis.register_script(_script("snapshot"))
        self._load = redis.register_script(_script("load"))
        self._erase = redis.register_script(_script("erase"))

    async def open(
        self, call_id: str, worker: str, ttl: float = LEASE, *, force: bool = False
    ) -> Lease:
        """Make the call, or take it over, for ``ttl`` seconds. Raises :class:`Held` while another
        worker's lease runs, unless by ``force``: whoever showed that it is the caller need not
        wait for a worker that may be dead. Every older lease is void from here on, the same
        worker's too. Raises :class:`InOtherRegion` for a call that is pinned elsewhere."""
        lease = Lease(call_id, worker, epoch=0, ttl=ttl, seq=0)
        force_it, here = "1" if force else "", self.region or ""
        status, *reply = await self._run(self._claim, lease, force_it, here)
        self._check_region(call_id, status, reply)
        if status == b"HELD":
            raise Held(call_id, reply[0].decode(), int(reply[1]) / 1e6)
        lease.epoch, lease.seq, lease.region = int(reply[0]), int(reply[1]), reply[3].decode()
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
        stored = await self._encoded(lines)
        number, told = "", b""
        if events is not None:
            number, told = events.last, self._codec.encode(events.packed)
        args = (lease.seq, _phase(lines), number, told, missing, EVENT_BYTES, *stored)
        status, *reply = await self._run(self._append, lease, *args)
        _accept(lease, status, reply)
        lease.seq += len(lines)
        lease.tail_bytes += sum(map(len, stored))
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
        (stored,) = await self._encoded([dump(state)])
        args = (state.seq, opened, stored, lease.region)
        status, *reply = await self._run(self._snapshot, lease, *args)
        _accept(lease, status, reply)
        lease.base_bytes, lease.tail_bytes = len(stored), 0
        if reply:
            await self._index(lease.call_id, opened)

    async def load(self, call_id: str) -> CallState | None:
        """The call as its log tells it, or None. Raises :class:`Unreadable` when it is damaged or
        encrypted with a key that is not known here, :class:`InOtherRegion`, or
        :class:`StateError` when parts of it are missing."""
        reader = Lease(call_id, worker="", epoch=0, ttl=0.0, seq=0)
        status, *reply = cast("list[Any]", await self._run(self._load, reader, self.region or ""))
        self._check_region(call_id, status, reply)
        if status == b"GONE":
            return None
        seq, snapshot, lines = cast("tuple[bytes, bytes | None, list[bytes]]", reply)
        whose = f"call {call_id}"
        try:
            state = CallState(call_id)
            if snapshot:
                state = restore(self._codec.decode(snapshot, whose))
            fold((orjson.loads(self._codec.decode(line, whose)) for line in lines), state)
        except ValueError as error:
            raise Unreadable(f"{whose} cannot be read: {error}") from error
        if state.seq != int(seq):
            raise StateError(f"call {call_id} is incomplete: {state.seq} of {int(seq)} entries")
        return state

    async def summary(self, call_id: str) -> CallSummary | None:
        """What the list of calls has of one, None if there is no such call. Raises ``ValueError``
        for what is no call id, and :class:`InOtherRegion`."""
        redis = cast(Any, self._redis)
        meta = _keys(call_id)[0]
        found: list[bytes | None] = await redis.hmget(meta, "region", "opened", *_SUMMARY)
        region, opened, *rest = found
        if opened is None:
            return None
        if region and region.decode() != self.region:
            raise InOtherRegion(refusal(f"Call {call_id}", region.decode(), self.region))
        return _summary(call_id, float(opened), rest, _microseconds(await redis.time()))

    def _check_region(self, call_id: str, status: bytes, reply: list[bytes]) -> None:
        if status == b"ELSEWHERE":
            raise InOtherRegion(refusal(f"Call {call_id}", reply[0].decode(), self.region))

    async def erase(self, call_id: str) -> None:
        """Take all of a call out of the store, whoever holds it: they hear that it is
        :class:`Erased`, and cannot write it back."""
        keep, mark = round(self._retention * 1e3), round(MARK_SECONDS * 1e3)
        await self._erase(keys=kept_of(call_id), args=(ERASED, 0, 0, keep, mark))
        region = region_of(call_id)
        index = f"{INDEX}:{region}" if region else INDEX
        await cast(Any, self._redis).zrem(index, call_id)

    async def list_calls(self, limit: int = 50, before: float | None = None) -> list[CallSummary]:
        """Calls, newest first, opened before ``before`` (unix seconds). Best effort: a call may be
        missing if the store failed while it was opened."""
        calls: list[CallSummary] = []
        async for call in self._indexed(limit, before):
            calls.append(call)
            if len(calls) == limit:
                break
        return calls

    async def _encoded(self, values: Sequence[bytes]) -> list[bytes]:
        if sum(map(len, values)) < MUCH:
            return self._codec.encode_all(values)
        # Some milliseconds for an hour's snapshot, and more for an image: not in the loop that
        # moves audio, nor behind the models that other threads are for.
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_packer, self._codec.encode_all, values)

    async def _indexed(self, page: int, before: float | None) -> AsyncIterator[CallSummary]:
        end = "+inf" if before is None else f"({round(before * 1e6)}"
        redis = cast(Any, self._redis)
        start = 0
        now = _microseconds(await redis.time())
        while found := cast(
            list[tuple[bytes, float]],
            await redis.zrevrangebyscore(self.index, end, "-inf", start, page, withscores=True),
        ):
            pipeline = redis.pipeline(transaction=False)
            for call_id, _ in found:
                pipeline.hmget(_keys(call_id.decode())[0], *_SUMMARY)
            gone = 0
            for (call_id, opened), meta in zip(found, await pipeline.execute(), strict=True):
                if meta[0] is None:  # past its retention
                    await redis.zrem(self.index, call_id)
                    gone += 1
                    continue
                yield _summary(call_id.decode(), opened, meta, now)
            start += len(found) - gone

    async def _index(self, call_id: str, opened: int) -> None:
        redis = cast(Any, self._redis)
        try:
            await redis.zadd(self.index, {call_id: opened})
            await redis.zremrangebyrank(self.index, 0, -INDEX_SIZE - 1)
        except RedisError as error:
            # The call matters more than its line in a list.
            logger.warning("Call %s is not in the list of calls: %s", call_id, error)

    async def _run(
        self, script: Any, lease: Lease, *args: Any, ttl: float | None = None
    ) -> list[bytes]:
        ttl = lease.ttl if ttl is None else ttl
        common = (lease.worker, lease.epoch, int(ttl * 1e3), int(self._retention * 1e3))
        return await self._direct.run(script, _keys(lease.call_id), (*common, *args))


def _script(name: str) -> str:
    folder = files("frontdesk.state") / "scripts"
    parts = (f"{part}.lua" for part in ("fence", name))
    return "\n".join((folder / part).read_text(encoding="utf-8") for part in parts)


def _keys(call_id: str) -> tuple[str, str, str, str]:
    if not _CALL_ID.fullmatch(call_id):
        raise ValueError(f"call id {call_id[:80]!r} is not 1 to 128 letters, digits, '_' or '-'")
    tag = f"frontdesk:{{{call_id}}}"
    return f"{tag}:meta", f"{tag}:log", f"{tag}:snap", f"{tag}:events"


def kept_of(call_id: str) -> tuple[str, ...]:
    """All keys of a call, the three of its log first."""
    return _keys(call_id)


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
            if owner == ERASED:
                raise Erased(f"call {lease.call_id} was erased")
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
