"""Connections that break as redis-py expects it, and pools that follow the primary.

A server that was demoted says READONLY to each write, and a script of a Redis before 7 says so in
the middle of a sentence. Such a connection is dropped, so that the next one asks again where the
primary is: a name that now points elsewhere, or the Sentinels.

Where asyncio's transport drops what is written after the other end has closed, uvloop's raises a
``RuntimeError``, which redis-py does not take for the broken connection that it is.
"""

from typing import Any

from redis.asyncio.connection import (
    BlockingConnectionPool,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.sentinel import (
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.exceptions import ConnectionError, ResponseError


class _Breaking:
    """Of a connection: a write after its end is a broken connection on any event loop."""

    async def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
        try:
            await super().send_packed_command(*args, **kwargs)  # type: ignore[misc]
        except RuntimeError as error:
            raise ConnectionError(f"the server closed the connection: {error}") from error


class _Following(_Breaking):
    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        self_: Any = self
        try:
            return await super().read_response(*args, **kwargs)  # type: ignore[misc]
        except ResponseError as error:
            if type(error).__name__ == "ReadOnlyError" or "READONLY" in str(error):
                await self_.disconnect()
                raise ConnectionError(f"the primary is a replica now: {error}") from error
            raise


class Tcp(_Following, Connection):
    """``redis://``"""


class Tls(_Following, SSLConnection):
    """``rediss://``"""


class Socket(_Following, UnixDomainSocketConnection):
    """``unix://``"""


class Node(_Breaking, Connection):
    """``redis+cluster://``"""


class NodeTls(_Breaking, SSLConnection):
    """``rediss+cluster://``"""


class SentinelTcp(_Following, SentinelManagedConnection):
    """``redis+sentinel://``"""


class SentinelTls(_Following, SentinelManagedSSLConnection):
    """``rediss+sentinel://``"""


class SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the primary that the Sentinels name; who finds all in use waits a while."""
