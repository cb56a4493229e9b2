"""The way to the store: the embedded Valkey, or the Redis that the settings name."""

import logging
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import AuthenticationError, RedisError

from frontdesk.settings import Settings
from frontdesk.state.errors import StateError

logger = logging.getLogger(__name__)

SCHEMES = ("redis", "rediss", "unix")
OLDEST = (6, 2)
CONNECTIONS = 32
TIMEOUT = 5.0
"""Seconds that one command, or one connection attempt, may take."""

# redis-py gives most of these refusals no type of their own.
_CREDENTIALS = re.compile("username-password|[Aa]uthenticat|invalid password")

MEND = "Start it, mend FRONTDESK_REDIS_URL, or unset that to use the embedded Valkey."


@asynccontextmanager
async def connect(settings: Settings) -> AsyncGenerator[Redis, None]:
    """A client of the store, checked to work. Raises :class:`StateError` saying what to do.

    Without ``redis_url`` an embedded Valkey runs in the data folder for as long as the client.
    """
    if settings.redis_url is not None:
        async with _client(settings.redis_url.get_secret_value()) as redis:
            yield redis
        return
    if sys.platform == "win32":
        raise StateError("no embedded Valkey on Windows: set FRONTDESK_REDIS_URL")

    from frontdesk.state.valkey import embedded_valkey

    async with embedded_valkey(settings.data_dir) as url, _client(url) as redis:
        yield redis


@asynccontextmanager
async def _client(url: str) -> AsyncGenerator[Redis, None]:
    where = _without_secrets(url)
    try:
        pool = cast(Any, BlockingConnectionPool).from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=TIMEOUT,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            # Scripts may be repeated; longer waits are the log writer's business.
            retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), retries=4),
        )
    except ValueError:
        # Its text would quote the URL, password and all.
        raise StateError(
            f"FRONTDESK_REDIS_URL cannot be read ({where}): it is like redis://user:password@"
            "host:6379/0, rediss://… for TLS, or unix:///path/to/socket"
        ) from None
    redis = Redis.from_pool(pool)
    try:
        await _check(redis, where)
        yield redis
    finally:
        await redis.aclose()


async def _check(redis: Redis, where: str) -> None:
    try:
        info: dict[str, Any] = await cast(Any, redis).info()
        await cast(Any, redis).eval("return redis.call('TIME')", 0)
    except RedisError as error:
        reason = str(error).rstrip(".")
        if isinstance(error, AuthenticationError) or _CREDENTIALS.search(reason):
            raise StateError(
                f"the Redis at {where} does not accept these credentials: put the right ones into "
                "FRONTDESK_REDIS_URL, as in redis://user:password@host:6379/0"
            ) from error
        raise StateError(f"the Redis at {where} cannot be used: {reason}. {MEND}") from error
    version = str(info["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise StateError(f"the Redis at {where} is {version}: 6.2 or newer is needed")
    if info.get("role") == "slave":
        raise StateError(f"the Redis at {where} is a replica and takes no writes. {MEND}")
    if info.get("maxmemory") and info.get("maxmemory_policy") != "noeviction":
        logger.warning(
            "The Redis at %s may throw calls away when it is full: set its maxmemory-policy to "
            "noeviction (it is %s)",
            where,
            info.get("maxmemory_policy"),
        )


def _without_secrets(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except ValueError:
        return "a URL with a bad port or host"
    if parts.scheme not in SCHEMES:
        # Without a scheme the first part may be anything, a password too.
        return f"it begins with none of {', '.join(f'{scheme}://' for scheme in SCHEMES)}"
    return f"{parts.scheme}://{host}{port}{parts.path}"
