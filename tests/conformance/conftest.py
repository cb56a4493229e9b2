"""A server that breaks the protocol in chosen ways: a proxy before a real one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Event = dict[str, Any]


@pytest.fixture(autouse=True)
def every_frame_is_checked() -> None:
    """Not here: what is wrong is for the suite to find."""


Mutation = Callable[[Event, list[Event]], Iterable[Event]]
"""From an event of the server, and what the client sent so far, to those that are passed on."""


class Proxy:
    """Passes everything on, the server's events through ``mutation``."""

    def __init__(self, upstream: str, mutation: Mutation) -> None:
        self._upstream = upstream
        self._mutation = mutation
        self.url = ""

    async def __call__(self, client: ServerConnection) -> None:
        address = f"{self._upstream}{client.request.path if client.request else ''}"
        async with connect(address, max_size=None) as server:
            sent: list[Event] = []
            up = asyncio.create_task(self._up(client, server, sent))
            try:
                async for frame in server:
                    for event in self._mutation(json.loads(frame), sent):
                        await client.send(json.dumps(event))
            except ConnectionClosed:
                pass
            finally:
                up.cancel()

    async def _up(self, client: ServerConnection, server: Any, sent: list[Event]) -> None:
        try:
            async for frame in client:
                sent.append(json.loads(frame))
                await server.send(frame)
        except (ConnectionClosed, ValueError):
            pass
        await server.close()


@pytest.fixture
async def broken(server: Any) -> AsyncIterator[Callable[[Mutation], Any]]:
    """Starts a proxy with a mutation; returns its address."""
    async with AsyncExitStack() as stack:

        async def start(mutation: Mutation) -> str:
            proxy = Proxy(server.ws, mutation)
            listening = await stack.enter_async_context(
                serve(proxy, "127.0.0.1", 0, max_size=None, close_timeout=1)
            )
            return f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"

        yield start
