"""An MCP server of the suite's own on loopback, for servers under test on this machine."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from mcp.server import MCPServer
from mcp_types import ToolAnnotations
from starlette.types import ASGIApp, Receive, Scope, Send

from frontdesk.conformance.target import Target
from frontdesk.conformance.verdicts import Skipped

TOKEN = "conformance-token"


@dataclass(slots=True)
class Tools:
    """Where they are, and what was seen of the callers. ``own``: it is the suite's server."""

    url: str
    own: bool = True
    tokens: set[str] = field(default_factory=set[str])
    """What came as ``Authorization``."""
    said: list[str] = field(default_factory=list[str])


@asynccontextmanager
async def tools_for(target: Target) -> AsyncGenerator[Tools]:
    """An MCP server that ``target`` can reach. Raises :class:`Skipped` when there is none."""
    if target.mcp_url:
        yield Tools(target.mcp_url, own=False)
        return
    if not target.local:
        raise Skipped("the server is elsewhere and cannot reach this machine: give --mcp-url")
    tools = Tools("")
    config = uvicorn.Config(_app(tools), host="127.0.0.1", port=0, log_level="critical")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # connections wait until it is up
        tools.url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        serving = asyncio.create_task(_serve(server, listener))
        try:
            yield tools
        finally:
            server.should_exit = server.force_exit = True
            await serving


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    # Not ``serve``, which takes over the process's signals.
    await server._serve([listener])  # pyright: ignore[reportPrivateUsage]


def _app(tools: Tools) -> ASGIApp:
    mcp: MCPServer[None] = MCPServer("conformance", log_level="CRITICAL")
    read_only = ToolAnnotations(read_only_hint=True)

    @mcp.tool(annotations=read_only)
    async def echo(text: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """Gives back what it is given."""
        tools.said.append(text)
        return f"echo: {text}"

    @mcp.tool()
    async def fail(text: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """Always fails."""
        raise ValueError("this tool always fails")

    inner = mcp.streamable_http_app()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for name, value in scope.get("headers", []):
            if name == b"authorization":
                tools.tokens.add(value.decode())
        with contextlib.suppress(asyncio.CancelledError):
            await inner(scope, receive, send)

    return app
