"""Real servers for the tests of the store: the embedded Valkey, Debian's Redis, a cluster, and a
primary under a Sentinel."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from frontdesk.settings import Settings
from frontdesk.state import CallStore, connect
from frontdesk.state.fitness import OLDEST
from frontdesk.state.valkey import embedded_valkey
from tests import stores
from tests.commands import Watch

EVERYWHERE = {"test_everywhere", "test_claims", "test_cluster", "test_health"}
ON_A_CLUSTER = {"test_log", "test_writer", "test_events", "test_failover"}


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


@pytest.fixture
def valkey_server(tmp_path: Path) -> Iterator[stores.Server]:
    """One of one's own, to harm."""
    server = stores.Server(tmp_path / "valkey")
    yield server
    server.go_on()
    server.kill()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if stores.REDIS is None:
        pytest.skip("redis-server is not installed")
    server = stores.Server(tmp_path_factory.mktemp("redis"), binary=stores.REDIS)
    watch = Watch(server)
    try:
        yield f"redis://127.0.0.1:{server.port}"
        newer = watch.newer_than(OLDEST)
    finally:
        server.kill()
    assert not newer, "the oldest Redis that we promise to run on does not know these"


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    cluster = stores.Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster.url
    cluster.stop()


@pytest.fixture(scope="session")
def sentinel_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pair = stores.Pair(tmp_path_factory.mktemp("pair"))
    yield pair.url
    pair.stop()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Everything runs on Valkey and on Redis. Behind Sentinels it is the same client."""
    if "store_url" in metafunc.fixturenames:
        module = metafunc.module.__name__.rpartition(".")[2]
        kinds = ["valkey", "redis"]
        kinds += ["cluster"] if module in ON_A_CLUSTER | EVERYWHERE else []
        kinds += ["sentinel"] if module in EVERYWHERE else []
        metafunc.parametrize("store_url", kinds, indirect=True)


@pytest.fixture
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
