"""The state's health, for a person: ``frontdesk doctor``.

Each look is an async generator of :class:`Finding`; :data:`LOOKS` are all of them, in order. One
that breaks off is a finding, too.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from frontdesk.encryption import load_cipher
from frontdesk.settings import Settings
from frontdesk.state import health_servers as servers
from frontdesk.state.address import Address
from frontdesk.state.codec import Codec
from frontdesk.state.errors import StateError, Unreadable
from frontdesk.state.fitness import infos_of, why_not
from frontdesk.state.health_servers import Finding, Findings, Level, Patient, size
from frontdesk.state.log import CallStore, kept_of
from frontdesk.state.workers import Workers

PATIENCE: Final = 10.0
"""Seconds for one look."""
PINGS, APPENDS = 200, 100
SLOW_MS, TOO_SLOW_MS = 20.0, 100.0
"""Clients are not kept waiting for the record for more than 100 ms."""
SKEW = 2.0
NEWEST = 500
"""Calls that are looked at, to tell how many are live."""
SAMPLE = 20
"""Calls whose memory is measured."""


async def examine(settings: Settings, address: Address, redis: Redis) -> Findings:
    """Everything about a store, whether it can be used or not."""
    silent: dict[str, RedisError] = {}
    try:
        async with asyncio.timeout(PATIENCE):
            infos = await infos_of(redis, address, silent)
    except (RedisError, TimeoutError) as error:
        known = error if isinstance(error, RedisError) else RedisError("it does not answer")
        yield Finding("bad", "store", why_not(known, address))
        return
    for where, error in silent.items():
        says = f"{where} does not answer: {error}"
        yield Finding("bad", "server", says, "Start it: calls in its slots can't be kept.")
    store = CallStore(redis, Codec(load_cipher(settings)), region=settings.region)
    patient = Patient(settings, address, redis, store, infos)
    for name, look in LOOKS.items():
        try:
            async with asyncio.timeout(PATIENCE), aclosing(cast(Any, look(patient))) as findings:
                async for finding in findings:
                    yield finding
        except (RedisError, StateError) as error:
            yield Finding("warn", name, f"cannot be told: {error}")
        except TimeoutError:
            yield Finding("bad", name, f"no answer within {PATIENCE:g} s", _TOO_SLOW)


async def latency(patient: Patient) -> Findings:
    """How long clients wait for the record."""
    redis, store = cast(Any, patient.redis), patient.store
    yield _latency("PING", await _times(PINGS, redis.ping))
    lease = await store.open(f"doctor_{secrets.token_hex(8)}", "doctor", ttl=60)
    heard = {"kind": "heard", "at": 0.0, "item_id": "x", "text": "How are you?", "audio_ms": 1}
    try:
        yield _latency("append", await _times(APPENDS, lambda: store.append(lease, [heard])))
    finally:
        await redis.delete(*kept_of(lease.call_id))
        await redis.zrem(store.index, lease.call_id)


async def clocks(patient: Patient) -> Findings:
    """Deadlines of approvals are by the workers' clocks, leases by the store's."""
    asked = time.time()
    seconds, micros = await _clock(patient.redis)
    now = (asked + time.time()) / 2
    skew = seconds + micros / 1e6 - now
    says = f"the store's is {abs(skew):.2f} s {'ahead of' if skew > 0 else 'behind'} ours"
    mend = "Let both take the time from NTP." if abs(skew) > SKEW else ""
    yield Finding("warn" if mend else "ok", "clocks", says, mend)


async def calls(patient: Patient) -> Findings:
    """How many there are, what they take, and whether they can be read."""
    redis, store = cast(Any, patient.redis), patient.store
    newest = await store.list_calls(limit=NEWEST)
    live = sum(call.owner is not None for call in newest)
    says = f"{live} live, {await redis.zcard(store.index)} known"
    sample = [call.call_id for call in newest[:SAMPLE]]
    if sample:
        taken = [await redis.memory_usage(key, samples=0) for one in sample for key in kept_of(one)]
        each = sum(part or 0 for part in taken) // len(sample)
        says += f"; {size(each)} each (of the newest {len(sample)})"
    yield Finding("ok", "calls", says)
    for call_id in sample[:1]:
        try:
            await store.load(call_id)
        except Unreadable as error:
            yield Finding("bad", "calls", str(error))


async def kept(patient: Patient) -> Findings:
    """How content is kept, and where."""
    encrypted = bool(load_cipher(patient.settings))
    yield Finding("ok", "encryption", "content is encrypted" if encrypted else "off")
    region = patient.settings.region
    yield Finding("ok", "region", f"calls are pinned to {region}" if region else "none")


async def workers(patient: Patient) -> Findings:
    """Who serves on this store."""
    found = await Workers(patient.redis).all()
    for worker in found:
        state = "drains" if worker.draining else "takes calls"
        says = f"{worker.name} at {worker.address}, {worker.version}: {worker.calls} calls, {state}"
        yield Finding("ok", "worker", f"{says} (seen {worker.seen} s ago)")
    if not found:
        yield Finding("ok", "worker", "none runs")


LOOKS: Final[dict[str, Callable[[Patient], Findings]]] = {
    "server": servers.servers,
    "persistence": servers.persistence,
    "memory": servers.memory,
    "latency": latency,
    "clocks": clocks,
    "replicas": servers.replicas,
    "topology": servers.topology,
    "calls": calls,
    "content": kept,
    "workers": workers,
}

_TOO_SLOW = "See what slows it down: SLOWLOG, its disk, the network."


def _latency(what: str, milliseconds: list[float]) -> Finding:
    ordered = sorted(milliseconds)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    level: Level = "ok"
    if p99 > SLOW_MS:
        level = "bad" if p50 > TOO_SLOW_MS else "warn"
    says = f"{what}: {p50:.2f} ms p50, {p99:.2f} ms p99"
    return Finding(level, "latency", says, "" if level == "ok" else _TOO_SLOW)


async def _times(count: int, do: Callable[[], Awaitable[object]]) -> list[float]:
    """Milliseconds that each took."""
    took: list[float] = []
    for _ in range(count):
        begun = time.perf_counter()
        await do()
        took.append(1000 * (time.perf_counter() - begun))
    return took


async def _clock(redis: Redis) -> tuple[int, int]:
    now = await cast(Any, redis).time()
    if isinstance(now, dict):  # of a cluster: each node's
        now = next(iter(cast("dict[str, tuple[int, int]]", now).values()))
    return cast("tuple[int, int]", now)
