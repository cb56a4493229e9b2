"""Whether a store can be used: what is asked of it when a worker starts."""

import logging
import re
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    NoPermissionError,
    RedisError,
    TimeoutError,
)

from frontdesk.state.address import Address
from frontdesk.state.errors import StateError

logger = logging.getLogger(__name__)

OLDEST: Final = (6, 2)
MEND = "Start it, mend FRONTDESK_REDIS_URL, or unset that to use the embedded Valkey."

# redis-py gives most of these refusals no type of their own.
_CREDENTIALS = re.compile("username-password|[Aa]uthenticat|invalid password|NOAUTH|WRONGPASS")

RIGHTS = "+@all -@admin ~frontdesk:* &frontdesk:*"
"""What the user of a Redis needs."""

Info = dict[str, Any]


async def check(redis: Redis, address: Address) -> None:
    """Raises :class:`StateError`, with the mend and without the password."""
    try:
        infos = await infos_of(redis, address)
        for where, info in infos.items():
            if trouble := unfit(info, address, where):
                raise StateError(trouble)
        await cast(Any, redis).eval("return redis.call('TIME')", 0)
    except RedisError as error:
        raise StateError(why_not(error, address)) from error
    for where, info in infos.items():
        if evicts(info):
            logger.warning(
                "The Redis at %s may throw calls away when it is full: set its maxmemory-policy "
                "to noeviction (it is %s)",
                where,
                info.get("maxmemory_policy"),
            )


async def infos_of(
    redis: Redis, address: Address, silent: dict[str, RedisError] | None = None
) -> dict[str, Info]:
    """INFO of each server that is written to, by its address. Raises ``RedisError``, but puts what
    a node of a cluster that does not answer raised into ``silent``, if given."""
    if address.kind != "cluster":
        return {address.shown: await cast(Any, redis).info()}
    cluster = cast(Any, redis)
    await cluster.initialize()
    infos: dict[str, Info] = {}
    for node in cluster.get_primaries():
        try:
            infos[node.name] = await cluster.info(target_nodes=node)
        except RedisError as error:
            if silent is None:
                raise
            silent[node.name] = error
    return infos


def unfit(info: Info, address: Address, where: str) -> str | None:
    """Why a server cannot be used."""
    version = str(info["redis_version"])
    if "sentinel" in (info.get("redis_mode"), info.get("server_mode")):  # Redis, Valkey
        return (
            f"{where} is a Sentinel: set FRONTDESK_REDIS_URL to redis+sentinel://host:26379/service"
        )
    if _oldness(version) < OLDEST:
        return f"the Redis at {where} is {version}: 6.2 or newer is needed"
    if address.kind != "cluster" and info.get("cluster_enabled"):
        return (
            f"the Redis at {where} is a node of a cluster: set FRONTDESK_REDIS_URL to "
            "redis+cluster://host1:6379,host2:6379"
        )
    if info.get("role") == "slave":
        return f"the Redis at {where} is a replica and takes no writes. {MEND}"
    return None


def evicts(info: Info) -> bool:
    """Whether it throws calls away when it is full."""
    return bool(info.get("maxmemory")) and info.get("maxmemory_policy") != "noeviction"


def why_not(error: RedisError, address: Address) -> str:
    """Why nothing could be done, and what mends it."""
    reason = str(error).rstrip(".")
    if isinstance(error, NoPermissionError):
        return (
            f"{address.what} does not let its user do that: {reason}. Allow it {RIGHTS}, or put "
            "another user into FRONTDESK_REDIS_URL"
        )
    if isinstance(error, AuthenticationError) or _CREDENTIALS.search(reason):
        return (
            f"{address.what} does not accept these credentials: put the right ones into "
            "FRONTDESK_REDIS_URL, as in redis://user:password@host:6379/0"
        )
    if "Cluster mode is not enabled" in reason:
        return (
            f"{address.what} is no cluster: set FRONTDESK_REDIS_URL to redis://host:6379/0, or "
            "make one of it"
        )
    if "No master found" in reason:
        return (
            f"{address.what}: none of them knows a primary called {address.service!r}, or none "
            f"answers. {MEND}"
        )
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return (
            f"{address.what} has a certificate that is not trusted: {reason}. Set "
            "FRONTDESK_REDIS_CA to the certificate of who signed it"
        )
    if isinstance(error, ClusterDownError) or "slots are not covered" in reason.lower():
        return f"{address.what} is down: {reason}. Look at its CLUSTER INFO. {MEND}"
    if isinstance(error, TimeoutError):
        reason = "it does not answer"
    return f"{address.what} cannot be used: {reason}. {MEND}"


def _oldness(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
