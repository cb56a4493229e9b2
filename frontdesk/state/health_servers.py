"""The health of the servers that calls are kept on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from frontdesk.settings import Settings
from frontdesk.state.address import Address
from frontdesk.state.fitness import Info, evicts, unfit
from frontdesk.state.log import CallStore

Level = Literal["ok", "warn", "bad"]

LAG: Final = 10
SILENCE: Final = 10
"""Seconds, from which on a replica is said to lag, and a Sentinel to be slow."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what it is like, and what mends it."""

    level: Level
    about: str
    says: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """A store that answers. ``infos``: INFO of each server that is written to, by its address."""

    settings: Settings
    address: Address
    redis: Redis
    store: CallStore
    infos: dict[str, Info]


Findings = AsyncIterator[Finding]


async def servers(patient: Patient) -> Findings:
    """What it is."""
    for where, info in patient.infos.items():
        kind, version = _kind(info)
        up = int(info.get("uptime_in_seconds", 0))
        says = f"{kind} {version} at {where}, {info.get('role', '?')}, up for {age(up)}"
        if trouble := unfit(info, patient.address, where):
            yield Finding("bad", "server", trouble)
        else:
            yield Finding("ok", "server", says)


async def persistence(patient: Patient) -> Findings:
    """Whether calls outlive the server."""
    for where, info in patient.infos.items():
        if info.get("loading"):
            yield Finding("bad", "persistence", f"{where} still loads its file", "Wait for it.")
        if info.get("aof_enabled"):
            if info.get("aof_last_write_status", "ok") != "ok":
                mend = "Make room on its disk, or mend that."
                yield Finding("bad", "persistence", f"{where} cannot write its file", mend)
            else:
                yield Finding("ok", "persistence", f"append-only file at {where}")
            continue
        if info.get("rdb_last_bgsave_status", "ok") != "ok":
            mend = "Make room on its disk, or its writes are refused (MISCONF)."
            yield Finding("bad", "persistence", f"{where} cannot write its snapshots", mend)
            continue
        mend = "Set appendonly yes: what is acknowledged is then there after a restart."
        yield Finding("warn", "persistence", f"no append-only file at {where}", mend)


async def memory(patient: Patient) -> Findings:
    """Whether there is room for calls."""
    for where, info in patient.infos.items():
        used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
        says = f"{size(used)} used of {size(limit) if limit else 'any'} at {where}"
        mend = ""
        level: Level = "ok"
        if limit and used > 0.8 * limit:
            level = "bad" if used > 0.95 * limit else "warn"
            mend = "Raise its maxmemory: a full one refuses to write calls."
        yield Finding(level, "memory", says, mend)
        if evicts(info):
            policy = info.get("maxmemory_policy")
            says = f"{where} throws calls away when it is full ({policy})"
            yield Finding("bad", "memory", says, "Set maxmemory-policy to noeviction.")


async def replicas(patient: Patient) -> Findings:
    """Whether another server could go on where this one dies."""
    for where, info in patient.infos.items():
        count = int(info.get("connected_slaves", 0))
        if not count:
            if patient.address.kind in ("sentinel", "cluster"):
                mend = "Give it one: there is nobody to take over when it dies."
                yield Finding("warn", "replicas", f"{where} has none", mend)
            continue
        for number in range(count):
            replica = cast("dict[str, Any]", info.get(f"slave{number}", {}))
            name = f"{replica.get('ip')}:{replica.get('port')}"
            lag, state = int(replica.get("lag", 0)), replica.get("state")
            behind = int(info.get("master_repl_offset", 0)) - int(replica.get("offset", 0))
            says = f"{name} is {lag} s and {size(max(0, behind))} behind {where}"
            healthy = state == "online" and lag <= LAG
            mend = "" if healthy else "See why: what it lacks is lost if it is promoted."
            yield Finding("ok" if healthy else "warn", "replicas", says, mend)
        if int(info.get("min_slaves_good_slaves", -1)) < 0:  # only told where it is required
            mend = (
                "Set min-replicas-to-write 1 and min-replicas-max-lag 10: a primary that is cut "
                "off then takes no writes that are lost."
            )
            yield Finding("warn", "replicas", f"{where} writes without them, too", mend)


async def topology(patient: Patient) -> Findings:
    """Of a cluster, or what watches over a primary."""
    redis = cast(Any, patient.redis)
    if patient.address.kind == "cluster":
        info: dict[str, str] = await redis.cluster_info(target_nodes=redis.get_default_node())
        covered, state = int(info["cluster_slots_ok"]), info["cluster_state"]
        says = (
            f"cluster is {state}: {len(patient.infos)} primaries, "
            f"{len(redis.get_replicas())} replicas, {covered} of 16384 slots"
        )
        healthy = state == "ok" and covered == 16384
        mend = "" if healthy else "See CLUSTER NODES: a node is down, or slots have no owner."
        yield Finding("ok" if healthy else "bad", "cluster", says, mend)
    elif patient.address.kind == "sentinel":
        async for finding in _sentinels(patient):
            yield finding


async def _sentinels(patient: Patient) -> Findings:
    manager = cast(Any, patient.redis.connection_pool).sentinel_manager
    for (host, port), sentinel in zip(patient.address.hosts, [*manager.sentinels], strict=True):
        pool = sentinel.connection_pool.connection_kwargs
        where = f"{pool.get('host', host)}:{pool.get('port', port)}"
        try:
            known: dict[str, Any] = await sentinel.sentinel_master(patient.address.service)
        except RedisError as error:
            yield Finding("warn", "sentinel", f"{where} does not answer: {error}", "Start it.")
            continue
        others, quorum = int(known["num-other-sentinels"]), int(known["quorum"])
        silence = int(known["down-after-milliseconds"]) / 1000
        says = (
            f"{where} knows {others} others and {known['num-slaves']} replicas; "
            f"{quorum} have to agree, after {silence:g} s"
        )
        level: Level = "ok"
        mend = ""
        if others + 1 < max(quorum, 2):
            level, mend = "warn", "Run three or more: one alone can't fail over, or dies with it."
        elif silence > SILENCE:
            level = "warn"
            mend = "Set down-after-milliseconds to 5000: a call waits 30 s for its store."
        yield Finding(level, "sentinel", says, mend)


def _kind(info: Info) -> tuple[str, str]:
    if "valkey_version" in info:
        return "Valkey", str(info["valkey_version"])
    return "Redis", str(info.get("redis_version", "?"))


def size(count: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def age(seconds: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
