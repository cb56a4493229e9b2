import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

SERVERS = Path(__file__).parents[2] / "mcp_servers"
TOKEN = "a-token-for-tests"


class RunningServer:
    """A server of mcp_servers/ in its own process, on a free port."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.base = url.removesuffix("/mcp")

    @asynccontextmanager
    async def client(self, token: str = TOKEN, mode: str = "auto") -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=40) as http,
            Client(streamable_http_client(self.url, http_client=http), mode=mode) as client,
        ):
            yield client

    async def call(self, tool: str, **arguments: object) -> dict:
        async with self.client() as client:
            result = await client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        return result.structured_content


def command(name: str, *options: str) -> list[str]:
    return [sys.executable, str(SERVERS / name / "server.py"), *options]


@pytest.fixture(scope="session")
def start_server() -> Iterator[Callable[..., RunningServer]]:
    running: list[subprocess.Popen[str]] = []

    def start(name: str, data: Path) -> RunningServer:
        env = os.environ | {"FRONTDESK_MCP_TOKEN": TOKEN, "FRONTDESK_DATA": str(data)}
        line = command(name, "--port", "0")
        process = subprocess.Popen(line, env=env, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout
        announced = process.stdout.readline()
        assert announced.startswith(f"{name}: http://127.0.0.1:"), announced
        return RunningServer(process, announced.split()[1])

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=40)
        assert process.stdout
        process.stdout.close()


@pytest.fixture(scope="session")
def orders(start_server, tmp_path_factory) -> RunningServer:
    return start_server("orders", tmp_path_factory.mktemp("orders"))


@pytest.fixture(scope="session")
def knowledge(start_server, tmp_path_factory) -> RunningServer:
    return start_server("knowledge", tmp_path_factory.mktemp("knowledge"))


@pytest.fixture(params=["orders", "knowledge"])
def any_server(request: pytest.FixtureRequest) -> RunningServer:
    return request.getfixturevalue(request.param)


@pytest.fixture
def server_command() -> Callable[..., list[str]]:
    return command


@pytest.fixture
def token() -> str:
    return TOKEN
