"""A crew of workers that share a store, and callers who outlive them."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from mcp.server import MCPServer

from tests import stores
from tests.chaos.caller import Caller
from tests.chaos.crew import HERE, Crew
from tests.chaos.world import World
from tests.forks import Forks


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    forks = Forks(sys.executable, "chaos_stand_ins", path=[HERE / "stand_ins"])
    yield forks
    forks.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path / "world.sock") as world:
        yield world


@pytest.fixture
async def counter(world: World) -> AsyncIterator[str]:
    """The address of an MCP server that counts."""
    mcp: MCPServer[Any] = MCPServer("counter", log_level="ERROR")

    @mcp.tool()
    async def count(turn: str) -> str:
        """Counts; must not be done twice."""
        return await world.happens("count", turn, 0)

    listener = socket.create_server(("127.0.0.1", 0))
    app = mcp.streamable_http_app()
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="on"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    server.should_exit = server.force_exit = True
    await serving
    listener.close()


Stored = stores.Server | stores.Cluster | None


@pytest.fixture(params=["embedded"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stored]:
    """None: the embedded Valkey, which the workers run themselves."""
    match request.param:
        case "valkey":
            store = stores.Server(tmp_path / "store", "--appendonly", "yes")
        case "redis":
            if stores.REDIS is None:
                pytest.skip("redis-server is not installed")
            store = stores.Server(tmp_path / "store", "--appendonly", "yes", binary=stores.REDIS)
        case "cluster":
            store = stores.Cluster(tmp_path / "store")
        case _:
            store = None
    yield store
    match store:
        case stores.Server():
            store.kill()
        case stores.Cluster():
            store.stop()
        case None:
            pass


@pytest.fixture
async def crew(
    forks: Forks, store: Stored, world: World, counter: str, tmp_path: Path
) -> AsyncIterator[Crew]:
    environ = {"CHAOS_WORLD": str(world.socket), "CHAOS_COUNTER": counter}
    if store is not None:
        environ["FRONTDESK_REDIS_URL"] = store_url(store)
    crew = Crew(forks, tmp_path, environ)
    yield crew
    crew.close()
    for worker in crew.all:
        assert "Traceback" not in worker.words, worker.words


@pytest.fixture
async def caller(world: World) -> AsyncIterator[Callable[..., Caller]]:
    callers: list[Caller] = []

    def caller(*, spoken: bool = False) -> Caller:
        callers.append(Caller(f"caller{len(callers)}", world, spoken=spoken))
        return callers[-1]

    yield caller
    for one in callers:
        await one.close()


def store_url(store: stores.Server | stores.Cluster) -> str:
    if isinstance(store, stores.Cluster):
        return store.url
    return f"redis://127.0.0.1:{store.port}"
