"""The call's connections to the MCP servers that its client declared.

Each server has a supervised connection of its own, watched over by the desk's address guard; it is
opened when the protocol asks for a list, and closed when it is no longer declared or the call
ends. Lists and calls are tasks that post what came of them to the call.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from mcp.types import Tool

from frontdesk.call.clock import Clock
from frontdesk.call.events import CallEvent
from frontdesk.call.turn import McpApproval, Turn
from frontdesk.mcp.config import HttpServer
from frontdesk.mcp.connection import Connection
from frontdesk.mcp.faults import ToolCallError
from frontdesk.mcp.guard import AddressGuard
from frontdesk.mcp.results import as_text, error_text
from frontdesk.protocol.commands import DropMcpServer, ListMcpTools, McpCallRefused, RunMcpTool
from frontdesk.protocol.engine import McpCallEnded, McpToolsFailed, McpToolsListed
from frontdesk.wordless import Words

logger = logging.getLogger(__name__)

Json = dict[str, Any]

LIST_SECONDS = 15.0
"""Longest wait for a connection and its list; what it is made of has shorter limits."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """A list that came, or not, when no turn was there to tell it. Unix seconds."""

    label: str
    started: float
    ended: float
    tools: list[str]
    error: str | None


class ClientServers:
    """Owned by the call; its methods run in the call's writer."""

    def __init__(
        self,
        call_id: str,
        guard: AddressGuard,
        *,
        seconds: float,
        clock: Clock,
        post: Callable[[CallEvent], None],
    ) -> None:
        """``seconds`` is the longest that one call of a tool may take."""
        self._call_id = call_id
        self._guard = guard
        self._seconds = seconds
        self._clock = clock
        self._post = post
        self._connections: dict[str, Connection] = {}
        self._tasks: dict[asyncio.Task[None], str] = {}
        """What runs, and on which connection."""
        self._listings: dict[str, asyncio.Task[None]] = {}
        self._turns: dict[str, list[Turn]] = {}
        """For each call that a response made and that is not settled, the response's turn."""
        self._untold: list[_Listing] = []

    def turn_began(self, turn: Turn) -> None:
        """Lists that came since the last turn belong to this one."""
        for known in self._untold:
            turn.listed_tools(
                known.label, known.tools, start=known.started, end=known.ended, error=known.error
            )
        self._untold.clear()

    def called(self, response_id: str, turn: Turn) -> None:
        """The model of a response called a tool, in this turn."""
        self._turns.setdefault(response_id, []).append(turn)

    def obey(self, command: ListMcpTools | DropMcpServer | RunMcpTool | McpCallRefused) -> None:
        """Do what the protocol commands."""
        match command:
            case ListMcpTools():
                self._connect(command)
            case RunMcpTool():
                self._start(self._run(command, self._turn_of(command)), command.list_id)
            case McpCallRefused():
                self._refused(command)
            case DropMcpServer(item_id):
                self._drop(item_id)

    def _connect(self, command: ListMcpTools) -> None:
        server = command.server
        config = HttpServer(server.label, server.url, server.headers)
        connection = self._connections[command.item_id] = Connection(config, self._guard)
        connection.open()
        listing = self._start(self._list(command.item_id, connection), command.item_id)
        self._listings[command.item_id] = listing

    def _refused(self, command: McpCallRefused) -> None:
        """A call is not made: its turn tells why."""
        if turn := self._turn_of(command):
            now = self._clock.now()
            approval = "denied" if command.denied else None
            turn.called_mcp(command.item, approval, start=now, end=now)

    def _drop(self, list_id: str) -> None:
        """A server is not needed any more, once the calls to it are over."""
        if listing := self._listings.pop(list_id, None):
            listing.cancel()  # a client that changes its mind all the time leaves nothing behind
        if connection := self._connections.pop(list_id, None):
            pending = [task for task, where in self._tasks.items() if where == list_id]
            self._start(_close(connection, pending), "")

    async def aclose(self) -> None:
        """Close all connections; calls under way are given up."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(c.aclose() for c in self._connections.values()))
        self._connections.clear()

    def _start(self, work: Coroutine[Any, Any, None], list_id: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks[task] = list_id
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return task

    def _turn_of(self, command: RunMcpTool | McpCallRefused) -> Turn | None:
        """The turn that a call belongs to; None if that was before the call was carried on."""
        turns = self._turns.get(command.response_id or "", [])
        turn = turns.pop() if turns else None
        if not turns:
            self._turns.pop(command.response_id or "", None)
        return turn

    async def _list(self, item_id: str, connection: Connection) -> None:
        started = self._clock.now()
        try:
            async with asyncio.timeout(LIST_SECONDS):
                await connection.settled.wait()
        except TimeoutError:
            logger.warning("call %s: MCP server %s hangs", self._call_id, connection.name)
        self._listings.pop(item_id, None)
        if connection.state == "ready" or connection.tools:
            tools = [_on_the_wire(tool) for tool in connection.tools]
            self._listed(connection.name, started, [tool["name"] for tool in tools], None)
            self._post(McpToolsListed(item_id, tools))
            return
        words = connection.error or f"The {connection.name} service did not answer in time."
        logger.warning("call %s: an MCP server of its client: %s", self._call_id, Words(words))
        self._listed(connection.name, started, [], words)
        self._post(McpToolsFailed(item_id, words))
        self._connections.pop(item_id, None)
        await connection.aclose()

    def _listed(self, label: str, started: float, tools: list[str], error: str | None) -> None:
        listing = _Listing(label, started, self._clock.now(), tools, error)
        self._untold = [*self._untold[-15:], listing]

    async def _run(self, command: RunMcpTool, turn: Turn | None) -> None:
        connection = self._connections.get(command.list_id)
        started = self._clock.now()
        output: str | None = None
        error: Json | None = _wire_error(ToolCallError("The session ended before the tool."))
        try:
            output, error = await self._output(command, connection)
            self._post(McpCallEnded(command.item_id, output, error))
        finally:
            if turn:
                item: Json = {"id": command.item_id, "name": command.name}
                item |= {"server_label": connection.name if connection else None}
                item |= {"arguments": command.arguments, "output": output, "error": error}
                approval: McpApproval | None = "approved" if command.approved else None
                turn.called_mcp(item, approval, start=started, end=self._clock.now())

    async def _output(
        self, command: RunMcpTool, connection: Connection | None
    ) -> tuple[str | None, Json | None]:
        """The output of a call, or its error as on the wire."""
        try:
            if connection is None:
                raise ToolCallError("The MCP server is not declared any more.")
            arguments: Json = json.loads(command.arguments)
            result = await connection.call(command.name, arguments, seconds=self._seconds)
            if result.is_error:
                raise ToolCallError(error_text(result))
            return as_text(result), None
        except ToolCallError as error:
            return None, _wire_error(error)
        except Exception:
            logger.exception("call %s: calling a client's tool failed", self._call_id)
            return None, _wire_error(ToolCallError("The server had an internal error."))


async def _close(connection: Connection, pending: list[asyncio.Task[None]]) -> None:
    try:
        if pending:
            await asyncio.wait(pending)
    finally:
        await connection.aclose()


def _on_the_wire(tool: Tool) -> Json:
    """A tool as a list item shows it. A JavaScript client needs a description."""
    shown: Json = {
        "name": tool.name,
        "description": tool.description or "",
        "input_schema": tool.input_schema,
    }
    if tool.annotations is not None:
        shown["annotations"] = tool.annotations.model_dump(by_alias=True, exclude_none=True)
    return shown


def _wire_error(error: ToolCallError) -> Json:
    message = str(error)
    if error.status is not None:
        return {"type": "http_error", "code": error.status, "message": message}
    if error.code is not None:
        return {"type": "protocol_error", "code": error.code, "message": message}
    return {"type": "tool_execution_error", "message": message}
