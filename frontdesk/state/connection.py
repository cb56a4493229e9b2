"""The way to the store: the embedded Valkey, or the Redis that the settings name."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import ConnectionError

from frontdesk.settings import Settings
from frontdesk.state import links
from frontdesk.state.address import Address, read_address
from frontdesk.state.cluster import Cluster
from frontdesk.state.errors import StateError
from frontdesk.state.fitness import check

CONNECTIONS = 64
"""To one server. Whoever finds all in use waits for ``TIMEOUT``."""
NODE_CONNECTIONS = 1024
"""To one node of a cluster, where nobody waits for one: each call on the worker may need one."""
TIMEOUT = 3.0
"""Seconds that one command may take."""
CONNECT_TIMEOUT = 3.0
SENTINEL_TIMEOUT = 1.0
"""Seconds that a Sentinel has for its answer, before the next one is asked."""


@asynccontextmanager
async def connect(settings: Settings) -> AsyncGenerator[Redis, None]:
    """A client of the store, checked to work. Raises :class:`StateError` saying what to do.

    Without ``redis_url`` an embedded Valkey runs in the data folder for as long as the client. The
    client of a cluster is none of ``Redis``, but has the same commands: no pipeline with a
    transaction, no command or script with keys of several slots.
    """
    async with located(settings) as address, opened(address) as redis:
        await check(redis, address)
        yield redis


@asynccontextmanager
async def located(settings: Settings) -> AsyncGenerator[Address, None]:
    """Where the store is. The embedded one runs meanwhile. Raises :class:`StateError`."""
    if settings.redis_url is not None:
        yield read_address(settings)
        return
    if sys.platform == "win32":
        raise StateError("no embedded Valkey on Windows: set FRONTDESK_REDIS_URL")

    from frontdesk.state.valkey import embedded_valkey

    async with embedded_valkey(settings.data_dir) as url:
        yield Address("socket", url, options={"path": url.removeprefix("unix://")})


@asynccontextmanager
async def opened(address: Address) -> AsyncGenerator[Redis, None]:
    """A client, which need not be able to reach anything."""
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        # A connection that broke. A server that does not answer is not asked again: scripts may
        # be repeated, but to wait longer is the log writer's business.
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), 4, (ConnectionError,)),
        **address.options,
    }
    match address.kind:
        case "cluster":
            opening = _cluster(address, options)
        case "sentinel":
            opening = _sentinel(address, options)
        case "server" | "socket":
            opening = _server(address, options)
    async with opening as redis:
        yield redis


@asynccontextmanager
async def _server(address: Address, options: dict[str, Any]) -> AsyncGenerator[Redis, None]:
    if address.kind == "socket":
        options["connection_class"] = links.Socket
    else:
        options["host"], options["port"] = address.hosts[0]
        options["connection_class"] = links.Tls if address.tls else links.Tcp
    options = {"max_connections": CONNECTIONS, "timeout": TIMEOUT, **options}
    async with _closed(Redis.from_pool(BlockingConnectionPool(**options))) as redis:
        yield redis


@asynccontextmanager
async def _sentinel(address: Address, options: dict[str, Any]) -> AsyncGenerator[Redis, None]:
    tls = {"ssl": True, **{k: v for k, v in options.items() if k.startswith("ssl_")}}
    asking = {
        "socket_timeout": SENTINEL_TIMEOUT,
        "socket_connect_timeout": SENTINEL_TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
        **(tls if address.tls else {}),
        **address.sentinel,
    }
    sentinel = Sentinel(address.hosts, sentinel_kwargs=asking)
    options["connection_class"] = links.SentinelTls if address.tls else links.SentinelTcp
    options = {"max_connections": CONNECTIONS, "timeout": TIMEOUT, **options}
    pool = links.SentinelPool(address.service, sentinel, **options)
    async with _closed(Redis.from_pool(pool)) as redis:
        try:
            yield redis
        finally:
            await sentinel.aclose()


@asynccontextmanager
async def _cluster(address: Address, options: dict[str, Any]) -> AsyncGenerator[Redis, None]:
    nodes = [ClusterNode(host, port) for host, port in address.hosts]
    options = {"max_connections": NODE_CONNECTIONS, "ssl": address.tls, **options}
    async with _closed(cast(Redis, Cluster(startup_nodes=nodes, **options))) as redis:
        yield redis


@asynccontextmanager
async def _closed(redis: Redis) -> AsyncGenerator[Redis, None]:
    try:
        yield redis
    finally:
        await redis.aclose()
