"""Scripts by the shortest way, for those that run several times a turn.

What redis-py does around a command (to borrow a connection under a lock, check that, write in a
task of its own so that the writing may time out, prepare to try again, measure) takes more CPU than
the command, and two rounds of the loop before anything is written. So a few connections are kept,
and a script goes out on one of them at once, with one time limit for all of it. When that fails it
is run again as redis-py does it: only scripts that may be repeated go this way.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError, NoScriptError
from redis.exceptions import TimeoutError as TooLate

MOST = 8
"""Connections that are kept, and at most a quarter of all there may be: everything else the store
is asked waits for one of the others."""


class Direct:
    """Runs the scripts of a client. That of a cluster has to find the node first."""

    def __init__(self, redis: Redis) -> None:
        self._pool: Any = getattr(redis, "connection_pool", None)
        self._kept: list[Any] = []
        self._most = min(MOST, self._pool.max_connections // 4) if self._pool else 0
        self._limit = self._pool.connection_kwargs.get("socket_timeout") if self._pool else None

    async def run(self, script: Any, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """The script's reply. Raises ``RedisError``."""
        if self._pool is not None:
            try:
                return await self._run(script.sha, keys, args)
            except (ConnectionError, NoScriptError):
                pass  # the server was restarted, or another is the primary now
        return await script(keys=keys, args=args)

    async def _run(self, sha: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        connection = self._kept.pop() if self._kept else await self._pool.get_connection()
        connection.socket_timeout = None  # the limit is below
        whole = False
        try:
            async with asyncio.timeout(self._limit):
                await connection.send_command("EVALSHA", sha, len(keys), *keys, *args)
                reply = await connection.read_response()
            whole = True
        except TimeoutError as error:
            raise TooLate(f"no reply within {self._limit:g} s") from error
        finally:
            if whole and len(self._kept) < self._most:
                self._kept.append(connection)
            else:
                connection.socket_timeout = self._limit
                if not whole:  # its reply may still come
                    await connection.disconnect(nowait=True)
                await self._pool.release(connection)
        return reply
