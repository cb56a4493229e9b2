"""A desk with servers to look at, and the command to look with."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from starlette.types import Message, Receive, Scope, Send
from typer.testing import CliRunner, Result

from frontdesk.cli import app
from tests.oauth import Authority, Served, Shop

TEAM = """
version: 1
name: support
entry: clerk
models: { main: { provider: instant } }
voice: { stt: { provider: instant }, tts: { provider: instant } }
mcp: { tools: {} }
agents:
  clerk: { description: Answers., instructions: clerk.md, mcp: [tools] }
"""

Command = Callable[..., Awaitable[Result]]


class Tools(Served):
    """An MCP server with good tools; ``fiddle`` changes what it answers."""

    def __init__(self) -> None:
        super().__init__()
        self.fiddle: Callable[[bytes], bytes] = lambda body: body

    @property
    def url(self) -> str:
        return f"{self.origin}/mcp"

    async def open(self) -> None:
        server: MCPServer[Any] = MCPServer("Desk Tools", version="1.2", log_level="CRITICAL")

        @server.tool()
        async def count(ctx: Context[Any, Any], to: int = 2) -> dict[str, int]:
            """Counts aloud."""
            for number in range(to):
                await ctx.report_progress(number, to, f"at {number}")
            return {"counted": to}

        @server.tool()
        async def fail() -> str:
            raise ValueError("boom")

        inner = server.streamable_http_app()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def fiddled(message: Message) -> None:
                if message["type"] == "http.response.start":
                    headers = message["headers"]
                    message["headers"] = [h for h in headers if h[0] != b"content-length"]
                if message.get("body"):
                    message["body"] = self.fiddle(message["body"])
                await send(message)

            await inner(scope, receive, fiddled)

        await self.start(app)


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    running = Tools()
    await running.open()
    yield running
    await running.stop()


@pytest.fixture
async def authority() -> AsyncIterator[Authority]:
    running = Authority()
    await running.start(running.app())
    yield running
    await running.stop()


@pytest.fixture
async def shop(authority: Authority) -> AsyncIterator[Shop]:
    running = Shop(authority)
    await running.open()
    yield running
    await running.stop()


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """One team, and no servers yet."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "support.yaml").write_text(TEAM)
    (tmp_path / "agents" / "clerk.md").write_text("Answer briefly.")
    (tmp_path / "mcp_servers").mkdir()
    return tmp_path


@pytest.fixture
def write(desk: Path) -> Callable[..., Path]:
    """Write the servers of mcp.json."""

    def written(**servers: Any) -> Path:
        path = desk / "mcp_servers" / "mcp.json"
        path.write_text(json.dumps({"mcpServers": servers}, indent=2))
        return path

    return written


@pytest.fixture
def command(desk: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """``frontdesk mcp …`` at the desk, beside the servers of the test."""
    monkeypatch.setenv("FRONTDESK_DESK", str(desk))
    monkeypatch.setenv("FRONTDESK_DATA", str(desk / "data"))
    monkeypatch.setenv("FRONTDESK_PORT", "9")  # no Frontdesk of this machine has a word in it
    runner = CliRunner()

    async def run(*words: str, **options: Any) -> Result:
        return await asyncio.to_thread(runner.invoke, app, ["mcp", *words], **options)

    return run
