"""A desk whose agents have one slow tool each, and clients that call them as tools."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

KEY = "fd-a-key-of-the-tests-0123456789"

TEAM = """
version: 1
name: {name}
description: Answers for a shop.
entry: front
models: {{ main: {{ provider: instant }} }}
voice: {{ stt: {{ provider: instant }}, tts: {{ provider: instant }} }}
tools: {{ wait: {{ call: "tools.patience:wait" }} }}
agents:
  front: {{ description: Greets., instructions: clerk.md }}
  clerk: {{ description: Works., instructions: clerk.md, tools: [wait] }}
"""
TOOL = '''
import asyncio
from pathlib import Path

HERE = Path(__file__).parent


async def wait() -> str:
    """Works until it is told that it may end."""
    (HERE / "began").touch()
    try:
        while not (HERE / "may_end").exists():
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        (HERE / "cancelled").touch()
        raise
    return "done"
'''


class Patience:
    """The slow tool, seen from outside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reset(self, *, may_end: bool) -> None:
        for name in ("began", "cancelled", "may_end"):
            (self._folder / name).unlink(missing_ok=True)
        if may_end:
            (self._folder / "may_end").touch()

    def let_end(self) -> None:
        (self._folder / "may_end").touch()

    async def until(self, name: str) -> None:
        """Wait until it ``began``, or was ``cancelled``; pytest's time-out is the bound."""
        while not (self._folder / name).exists():  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("agents_desk")
    (root / "agents").mkdir()
    for name in ("support", "sales"):
        (root / "agents" / f"{name}.yaml").write_text(TEAM.format(name=name))
    (root / "agents" / "clerk.md").write_text("Answer briefly.")
    (root / "tools").mkdir()
    (root / "tools" / "patience.py").write_text(TOOL)
    return root


@pytest.fixture
def patience(desk: Path) -> Iterator[Patience]:
    tool = Patience(desk / "tools")
    tool.reset(may_end=True)
    yield tool
    tool.let_end()


@pytest.fixture(scope="session")
def key() -> str:
    return KEY


@pytest.fixture(scope="session")
def agents_server(
    server_process: Any, tmp_path_factory: pytest.TempPathFactory, desk: Path
) -> Iterator[Any]:
    """A server with a key; it logs no error and no key."""
    environ = {"FRONTDESK_API_KEYS": KEY, "FRONTDESK_TEAM": "support"}
    running = server_process(tmp_path_factory.mktemp("agents"), desk=desk, environ=environ)
    yield running
    running.stop()
    log = running.log.read_text()
    assert "ERROR" not in log
    assert "Traceback" not in log
    assert KEY not in log


Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture(params=["2026", "2025"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """A stock client of each protocol era."""
    mode = "auto" if request.param == "2026" else "legacy"

    @asynccontextmanager
    async def connected(server: Any, **headers: str) -> AsyncGenerator[Client]:
        headers = {"authorization": f"Bearer {KEY}", **headers}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(f"{server.url}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                yield client

    return connected
