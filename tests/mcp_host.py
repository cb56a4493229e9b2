"""A real MCP server on a real socket that can be killed, hushed, slowed and broken at will."""

import asyncio
from collections.abc import Callable
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import Context
from pydantic import AnyHttpUrl
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from frontdesk.mcp.config import HttpServer
from tests.ports import hold_port

TOKEN = "let-me-in"


PATIENT = {
    "frontdesk.mcp.connection.ATTEMPT_SECONDS": 30.0,
    "frontdesk.mcp.connection.LONG_GONE_SECONDS": 1000.0,
}
"""A server that is back is found to be by the next call, however busy the machine."""


class Verifier:
    async def verify_token(self, token: str) -> AccessToken | None:
        if token != TOKEN:
            return None
        return AccessToken(token=token, client_id="frontdesk", scopes=[], subject="frontdesk")


class Host:
    """``kill`` cuts every connection as a crash does; ``start`` brings it back on the same port.

    ``status`` makes every answer that HTTP status; while ``deaf`` is clear, requests get none
    (``unanswered`` counts those for tools);
    ``fiddle`` changes the bytes of answers, whose length is told unless ``tells_length`` is false;
    ``legacy`` makes it a 2025-era server.
    """

    def __init__(self, *, legacy: bool = False) -> None:
        self.legacy = legacy
        self.status: int | None = None
        self.refused = self.unanswered = 0
        self.deaf = asyncio.Event()
        self.deaf.set()
        self._refusals: list[tuple[int, str]] = []
        self.answer: bytes | None = None
        self.tells_length = True
        self.log: list[str] = []
        self.running = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.release = asyncio.Event()
        self.fiddle: Callable[[bytes], bytes] = lambda body: body
        self.port = hold_port(self)
        self._task: asyncio.Task[None] | None = None
        self.mcp: MCPServer[Any]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def config(self) -> HttpServer:
        return HttpServer("orders", self.url, {"authorization": f"Bearer {TOKEN}"})

    def build(self) -> MCPServer[Any]:
        server: MCPServer[Any] = MCPServer(
            "orders",
            token_verifier=Verifier(),
            auth=AuthSettings(
                issuer_url=AnyHttpUrl("http://127.0.0.1:1"),
                resource_server_url=AnyHttpUrl(self.url),
                required_scopes=[],
                validate_token_resource=False,
            ),
            log_level="ERROR",
        )

        @server.tool()
        async def find_order(order_id: str) -> dict[str, Any]:
            """Finds an order by its number."""
            self.log.append(order_id)
            return {"order_id": order_id, "status": "on its way"}

        @server.tool()
        async def refund_order(order_id: str) -> str:
            """Pays an order back."""
            raise ValueError("secret stack")

        @server.tool()
        async def wait() -> str:
            """Takes until released."""
            self.running.set()
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
            return "released"

        @server.tool()
        async def count(ctx: Context[Any, Any]) -> str:
            """Counts aloud."""
            for n in range(3):
                await ctx.report_progress(n, 3, f"step {n}")
            return "counted"

        @server.tool()
        async def huge(size: int) -> str:
            """Says a lot."""
            return "x" * size

        @server.tool()
        async def grow(ctx: Context[Any, Any]) -> str:
            """Adds a tool."""

            async def grown() -> str:
                return "grown"

            if not any(tool.name == "grown" for tool in await server.list_tools()):
                server.add_tool(grown)
            await ctx.notify_tools_changed()
            return "done"

        return server

    async def start(self) -> None:
        self.mcp = self.build()
        inner = self.mcp.streamable_http_app()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await self._serve(inner, scope, receive, send)
            else:
                await inner(scope, receive, send)

        config = uvicorn.Config(
            app, host="127.0.0.1", port=self.port, log_level="critical", lifespan="on"
        )
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            assert not self._task.done()
            await asyncio.sleep(0.005)

    async def _serve(self, inner: Any, scope: Scope, receive: Receive, send: Send) -> None:
        if self.status is not None:
            self.refused += 1
            refusal = PlainTextResponse("no", self.status, {"retry-after": "60"})
            await refusal(scope, receive, send)
            return
        body, messages = b"", list[Message]()
        while scope["method"] == "POST":
            message = await receive()
            messages.append(message)
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if not self.deaf.is_set():
            self.unanswered += b'"tools/call"' in body
            await self.deaf.wait()
        if self.legacy and b"server/discover" in body:
            await PlainTextResponse("no such method", 404)(scope, receive, send)
            return

        if b'"tools/call"' in body and self._refusals:
            status, retry_after = self._refusals.pop()
            await PlainTextResponse("no", status, {"retry-after": retry_after})(
                scope, receive, send
            )
            return

        async def replay() -> Message:
            return messages.pop(0) if messages else await receive()

        waiting: list[Message] = []  # a head that tells a length, until what it is the length of

        async def fiddled(message: Message) -> None:
            if message["type"] == "http.response.body" and message.get("body"):
                message["body"] = self.fiddle(message["body"])
            if b"content-length" in dict(message.get("headers", ())):
                waiting.append(message)
                return
            for head in waiting:
                length = str(len(message.get("body", b""))).encode()
                told = [(b"content-length", length)] if self.tells_length else []
                others = [h for h in head["headers"] if h[0] != b"content-length"]
                await send(head | {"headers": others + told})
            waiting.clear()
            await send(message)

        await inner(scope, replay, fiddled)

    def refuse_next(self, calls: int, status: int, retry_after: str) -> None:
        """Answer the next calls of tools so."""
        self._refusals = [(status, retry_after)] * calls

    def cut(self) -> None:
        """Abort every open connection, as a crashed host does."""
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()

    async def kill(self) -> None:
        if self._task is None:
            return
        for server in self._server.servers:
            server.close()
        self.cut()
        self._server.should_exit = self._server.force_exit = True
        await self._task
        self._task = None
