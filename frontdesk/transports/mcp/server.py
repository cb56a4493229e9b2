"""``/mcp``: the agents of the desk as tools, over Streamable HTTP in both eras of the protocol."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from jsonschema import Draft202012Validator
from mcp.server import Server, ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from sse_starlette.sse import AppStatus
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from frontdesk import __version__
from frontdesk.call.given import given_by
from frontdesk.call.identity import identity_by
from frontdesk.call.worker import Worker
from frontdesk.transports.mcp.asking import Asking, NotAnswered
from frontdesk.transports.mcp.tools import CONVERSATION, INPUT, REQUEST, agent_tools

PATH = "/mcp"
LAST_WORDS = 1.0
"""Seconds that answers get to be sent in when the server stops."""
MOST_SESSIONS = 1000
"""Sessions of clients of the older protocol; each costs a task and some 30 KB."""

INSTRUCTIONS = (
    "Each tool is an agent who answers in words. Say what you want as to a person, and everything "
    "that is needed for it. To go on after an answer, or to answer a question, give its "
    "conversation_id."
)

Context = ServerRequestContext[Any, Any]


class AgentServer:
    """An ASGI application. It serves while ``running``; who comes in is the door's to say."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._asking = Asking(worker)
        self._manager: StreamableHTTPSessionManager | None = None
        self._stopping = asyncio.Event()
        self._answering: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Serve, until the block ends or :meth:`stop` is called."""
        ready = asyncio.Event()
        serving = asyncio.create_task(self._serve(ready))
        await ready.wait()
        try:
            yield
        finally:
            self.stop()
            await serving

    def stop(self) -> None:
        """Answer nobody any more, and end the streams: they would hold up the end."""
        self._stopping.set()

    async def _serve(self, ready: asyncio.Event) -> None:
        server: Server[Any] = Server(
            "frontdesk",
            version=__version__,
            title="Frontdesk",
            instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
        )
        # It would end every stream as soon as the process is told to stop, and with it the answers
        # that a drain waits for: streams end with their manager, below.
        AppStatus.disable_automatic_graceful_drain()
        manager = StreamableHTTPSessionManager(server, max_sessions=MOST_SESSIONS)
        async with manager.run():
            self._manager = manager
            ready.set()
            await self._stopping.wait()
            self._manager = None
            if self._answering:  # calls are over by now, which is still being told
                await asyncio.wait(self._answering, timeout=LAST_WORDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._manager is None:
            stopping = PlainTextResponse("The server stops.", 503, {"retry-after": "1"})
            await stopping(scope, receive, send)
            return
        handling = asyncio.ensure_future(self._manager.handle_request(scope, receive, send))
        if scope["method"] == "POST":
            self._answering.add(handling)
            handling.add_done_callback(self._answering.discard)
        try:
            await handling
        finally:
            handling.cancel()

    async def _list_tools(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=[a.tool for a in agent_tools(self._worker.teams).values()])

    async def _call_tool(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        tools = agent_tools(self._worker.teams)
        tool = tools.get(params.name)
        if tool is None:
            known = ", ".join(tools)
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name}. There are: {known}.")
        asked: dict[str, Any] = params.arguments or {}
        if problem := _problem(asked):
            return _error(problem)
        steps = 0

        async def progress(words: str) -> None:
            nonlocal steps
            steps += 1
            await context.session.report_progress(steps, None, words)

        try:
            nothing: dict[str, Any] = {"headers": []}
            scope = context.request.scope if context.request else nothing
            answer = await self._asking.ask(
                tool,
                asked[REQUEST],
                asked.get(CONVERSATION),
                given_by(scope),
                identity_by(scope),
                progress,
            )
        except (NotAnswered, ValueError) as error:
            return _error(str(error))
        return CallToolResult(
            content=[
                TextContent(type="text", text=answer.text),
                TextContent(type="text", text=f"({CONVERSATION}: {answer.conversation})"),
            ],
            structured_content={
                "answer": answer.text,
                CONVERSATION: answer.conversation,
                "agent": answer.agent,
            },
        )


def _problem(asked: dict[str, Any]) -> str | None:
    """What is wrong with the arguments, in words for a model that can mend them."""
    validator = Draft202012Validator(INPUT)
    errors: Any = validator.iter_errors(asked)  # pyright: ignore[reportUnknownMemberType]
    found = [f"{error.json_path}: {error.message[:200]}" for error in errors]
    if not found and not asked[REQUEST].strip():
        found = [f"$.{REQUEST}: it has no words"]
    return f"The arguments are wrong: {'; '.join(found)}." if found else None


def _error(words: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=words)], is_error=True)
