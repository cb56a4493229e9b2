"""Servers of both protocol eras, and connections to them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from frontdesk.mcp.connections import McpConnections
from tests.mcp_host import PATIENT, Host


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    for path, seconds in PATIENT.items():
        monkeypatch.setattr(path, seconds)


@pytest.fixture(params=["2026", "2025"])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[Host]:
    """The server of each protocol era, started."""
    running = Host(legacy=request.param == "2025")
    await running.start()
    yield running
    running.release.set()
    await running.kill()


@pytest.fixture
async def connections(host: Host) -> AsyncIterator[McpConnections]:
    opened = McpConnections({"orders": host.config})
    await opened.start(settle=30)
    yield opened
    await opened.aclose()


@pytest.fixture
async def black_hole() -> AsyncIterator[str]:
    """The address of a server that accepts and never says a word."""
    writers: list[asyncio.StreamWriter] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError):
            await reader.read()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    server.close()
    for writer in writers:
        writer.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait for ``condition``; pytest's time-out is the bound."""
    while not condition():  # noqa: ASYNC110 (no event to wait for)
        await asyncio.sleep(0.005)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object]], Any]:
    return until
