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


IDLE = 1.5
"""Seconds without an event, after one was kept back or made up, after which who waits for more
waits in vain."""


class Proxy:
    """Passes everything on, the server's events through ``mutation``. ``hangs_up``: on a client
    that waits in vain, so that its patience, which is for a busy machine, is not tried."""

    def __init__(self, upstream: str, mutation: Mutation, *, hangs_up: bool) -> None:
        self._upstream = upstream
        self._mutation = mutation
        self._hangs_up = hangs_up

    async def __call__(self, client: ServerConnection) -> None:
        address = f"{self._upstream}{client.request.path if client.request else ''}"
        async with connect(address, max_size=None) as server:
            sent: list[Event] = []
            up = asyncio.create_task(self._up(client, server, sent))
            try:
                meddled = False
                while True:
                    async with asyncio.timeout(IDLE if meddled and self._hangs_up else None):
                        frame = await server.recv()
                    events = [*self._mutation(json.loads(frame), sent)]
                    meddled |= len(events) != 1
                    for event in events:
                        await client.send(json.dumps(event))
            except (ConnectionClosed, TimeoutError):
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
async def broken(server: Any) -> AsyncIterator[Callable[..., Any]]:
    """Starts a :class:`Proxy` with a mutation; returns its address."""
    async with AsyncExitStack() as stack:

        async def start(mutation: Mutation, *, hangs_up: bool = False) -> str:
            proxy = Proxy(server.ws, mutation, hangs_up=hangs_up)
            listening = await stack.enter_async_context(
                serve(proxy, "127.0.0.1", 0, max_size=None, close_timeout=1)
            )
            return f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"

        yield start
