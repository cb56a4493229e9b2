"""Real servers for the tests of the store: the embedded Valkey, and Debian's Redis."""

import asyncio
import contextlib
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from frontdesk.settings import Settings
from frontdesk.state import CallStore, connect
from frontdesk.state.valkey import answers, embedded_valkey


class BackgroundServer:
    """The embedded Valkey on a loop of its own, so that one serves a whole test session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runner = asyncio.Runner()

    def __enter__(self) -> str:
        self._context = embedded_valkey(self._folder)
        return self._runner.run(self._context.__aenter__())

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._context.__aexit__(None, None, None))
        self._runner.close()


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with BackgroundServer(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed")
    socket = tmp_path_factory.mktemp("redis") / "redis.sock"
    with asyncio.Runner() as runner:
        process = runner.run(
            asyncio.create_subprocess_exec(
                binary,
                *("--port", "0", "--unixsocket", str(socket), "--save", ""),
                stdout=asyncio.subprocess.DEVNULL,
            )
        )
        runner.run(eventually(lambda: answers(socket)))
        yield f"unix://{socket}"
        process.terminate()
        runner.run(process.wait())


@pytest.fixture(params=["valkey", "redis"])
def store_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def redis(store_url: str) -> AsyncIterator[Redis]:
    async with connect(Settings(redis_url=store_url)) as client:
        yield client


@pytest.fixture
async def valkey(valkey_url: str) -> AsyncIterator[Redis]:
    async with connect(Settings(redis_url=valkey_url)) as client:
        yield client


@pytest.fixture
def store(redis: Redis) -> CallStore:
    return CallStore(redis)


@pytest.fixture
def call_id() -> str:
    return f"sess_{uuid.uuid4().hex}"


async def eventually(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait until ``condition`` holds: for what another process does, and no event tells of."""
    async with asyncio.timeout(15):
        while True:
            with contextlib.suppress(OSError):
                if await condition():
                    return
            await asyncio.sleep(0.01)


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]:
    return eventually
