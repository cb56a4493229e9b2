"""A stream of change notices that does not live long."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp.types import TextContent
from starlette.types import Message, Receive, Scope, Send

from frontdesk.mcp.connections import McpConnections
from tests.mcp.conftest import Host


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    """A server of the 2026-07-28 era that ends each stream of notices after its first event, as a
    proxy may. ``streams`` counts them."""
    host: Any = Host()
    host.streams = 0
    serve = host._serve

    async def ending(inner: Any, scope: Scope, receive: Receive, send: Send) -> None:
        body, messages, over = b"", list[Message](), False
        while scope["method"] == "POST" and not over:
            messages.append(await receive())
            body += messages[-1].get("body", b"")
            over = not messages[-1].get("more_body")
        listens = b"subscriptions/listen" in body
        host.streams += listens
        ended = asyncio.Event()

        async def replay() -> Message:
            if messages:
                return messages.pop(0)
            if not listens:
                return await receive()
            await ended.wait()
            return {"type": "http.disconnect"}

        async def short(message: Message) -> None:
            if ended.is_set():
                return
            if listens and message.get("body"):
                message["more_body"] = False
                ended.set()
            await send(message)

        await serve(inner, scope, replay, short)

    host._serve = ending
    await host.start()
    yield host
    host.release.set()
    await host.kill()


async def test_its_end_is_no_end_of_the_calls_under_way(
    connections: McpConnections, host: Any, wait_until: Any
) -> None:
    connection = connections.get("orders")
    call = asyncio.create_task(connection.call("wait", {}, seconds=30))
    await host.running.wait()
    before = host.streams
    await wait_until(lambda: host.streams > before + 1)
    assert connection.state == "ready"
    host.release.set()
    [text] = (await call).content
    assert isinstance(text, TextContent) and text.text == "released"


async def test_a_change_between_two_streams_is_not_missed(
    connections: McpConnections, wait_until: Any
) -> None:
    connection = connections.get("orders")
    await connection.call("grow", {}, seconds=30)
    await wait_until(lambda: any(tool.name == "grown" for tool in connection.tools))
