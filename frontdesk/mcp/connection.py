"""One supervised connection to one MCP server.

A task of its own owns the ``mcp.Client`` from entry to exit and opens it again, with growing
pauses, when it ends. Calls run beside it, each in a task of its own, so nothing that happens to
the client (its task group may cancel whoever stands in it) can cancel a caller. Both protocol
eras work: 2026-07-28 has no session to lose, 2025 sessions are opened anew when the server has
forgotten them.
"""

import asyncio
import logging
import random
from contextlib import AsyncExitStack, suppress
from typing import Any, Literal

from mcp import Client, StdioServerParameters, stdio_client
from mcp.client import IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.dispatcher import ProgressFnT
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CONNECTION_CLOSED,
    CallToolResult,
    Tool,
    ToolListChangedNotification,
)

from frontdesk.mcp.auth import ServerAuth
from frontdesk.mcp.config import HttpServer, ServerConfig
from frontdesk.mcp.faults import Fault, ToolCallError, call_error, in_words, watch_faults
from frontdesk.mcp.guard import AddressGuard
from frontdesk.mcp.http import MAX_ANSWER_BYTES, http_client
from frontdesk.mcp.transport import seen_through

logger = logging.getLogger(__name__)

State = Literal["starting", "ready", "down", "closed"]

HTTP_OPEN_SECONDS = 15.0
STDIO_OPEN_SECONDS = 60.0
"""Longest opening of a connection, its handshake and list of tools together. Behind an HTTP address
each request may start a process (supergateway does so); a command may have to fetch its server
first. Nobody waits for it longer than calls have time."""
GRACE_SECONDS, ATTEMPT_SECONDS = 0.5, 1.5
"""How long a call waits for a lost server to come back, and how much longer while an attempt to
connect is under way."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
START_SECONDS = 3.0
"""A server that never answered yet may be just starting; after this long, the operator is told and
no turn waits for its tools any more."""
LONG_OUTAGE_SECONDS, LONG_OUTAGE_PAUSE = 60.0, 5.0
"""After a minute down, knock less often; a call in need knocks at once all the same."""
MAX_PAGES = 50


class Connection:
    """Supervised access to ``config``; shared by all that use the server.

    ``guard`` watches over a server that a stranger named; ``auth`` is what its requests carry
    beside the fixed headers.
    """

    def __init__(
        self,
        config: ServerConfig,
        guard: AddressGuard | None = None,
        auth: ServerAuth | None = None,
    ) -> None:
        self.config = config
        self.auth = auth
        self._guard = guard
        self.state: State = "starting"
        self.tools: tuple[Tool, ...] = ()
        """The last good list, vetted; it stays while the server is down."""
        self.error: str | None = None
        self.protocol_version: str | None = None
        """The revision of the protocol that the server speaks, once it was there."""
        self.settled = asyncio.Event()
        """Set once the first attempt to connect has succeeded or failed."""
        self._listed = asyncio.Event()
        self._starts_until = 0.0
        self._client: Client | None = None
        self._ready = asyncio.Event()
        self._ended = asyncio.Event()
        self._changed = asyncio.Event()
        self._knock = asyncio.Event()
        self._calls: set[asyncio.Task[CallToolResult]] = set()
        self._tried = asyncio.Event()
        """Set while the outcome of the last attempt to connect is known and stands."""
        self._was_ready = False
        self._reported: str | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.config.name

    def open(self) -> None:
        """Begin to connect; returns at once."""
        if self._supervisor is None:
            self.expect(START_SECONDS)
            self._supervisor = asyncio.create_task(self._supervise(), name=f"mcp {self.name}")

    def expect(self, seconds: float) -> None:
        """The server is known to be starting, and has this long for it."""
        self._starts_until = asyncio.get_running_loop().time() + seconds

    async def until_listed(self, seconds: float) -> None:
        """Wait for the first list of a server that is still in the time it has for starting, and
        at most ``seconds``. One that has had that time, or was there before, is not waited for."""
        left = min(seconds, self._starts_until - asyncio.get_running_loop().time())
        if left > 0 and not self._listed.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._listed.wait(), left)

    async def aclose(self) -> None:
        """End the connection and every call on it."""
        self.state = "closed"
        tasks: list[asyncio.Task[Any]] = [
            *self._calls,
            *([self._supervisor] if self._supervisor else []),
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def call(
        self,
        tool: str,
        arguments: dict[str, Any],
        *,
        seconds: float,
        meta: dict[str, Any] | None = None,
        progress: ProgressFnT | None = None,
    ) -> CallToolResult:
        """Call ``tool``; ``seconds`` bounds all of it, waiting for the connection included.

        A request that surely never reached the server is sent once more after reconnecting.

        Raises:
            ToolCallError: whatever goes wrong, in words for the model.
        """
        try:
            async with asyncio.timeout(seconds):
                for attempt in (1, 2):
                    client = await self._ready_client()
                    with watch_faults() as faults:
                        error = await self._attempt(client, tool, arguments, meta, progress, faults)
                    if isinstance(error, CallToolResult):
                        return error
                    if attempt == 2 or not self._is_unsent(client, faults):
                        raise call_error(self.name, error, faults)
        except TimeoutError:
            raise ToolCallError(
                f"The {self.name} service did not answer within {seconds:g} seconds; "
                "it is not known whether the request took effect."
            ) from None
        raise AssertionError("unreachable")

    async def _ready_client(self) -> Client:
        for event, seconds in ((self._ready, GRACE_SECONDS), (self._tried, ATTEMPT_SECONDS)):
            if self._client is None and self.state != "closed":
                self._knock.set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), seconds)
        if self._client is None:
            words = self.error or f"The {self.name} service is not connected yet."
            raise ToolCallError(words, status=503)
        return self._client

    async def _attempt(
        self,
        client: Client,
        tool: str,
        arguments: dict[str, Any],
        meta: dict[str, Any] | None,
        progress: ProgressFnT | None,
        faults: list[Fault],
    ) -> CallToolResult | BaseException | None:
        """One try: the result, or what went wrong (None: the client's end took the call along)."""
        call: asyncio.Task[CallToolResult] = asyncio.create_task(
            client.call_tool(
                tool,
                arguments,
                progress_callback=progress,
                meta=meta,  # pyright: ignore[reportArgumentType]
            )
        )
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        try:
            await asyncio.wait({call})
        except asyncio.CancelledError:
            call.cancel()
            # Long enough to tell the server; a wedged connection must not hold the caller.
            await asyncio.wait({call}, timeout=0.25)
            raise
        if call.cancelled():
            self._lose(client)
            return None
        error = call.exception()
        if error is None:
            return call.result()
        if self._means_lost(client, error, faults):
            self._lose(client)
        return error

    def _means_lost(self, client: Client, error: BaseException, faults: list[Fault]) -> bool:
        if any(fault.kind == "unreachable" or _forgotten(client, fault) for fault in faults):
            return True
        return isinstance(error, MCPError) and error.code == CONNECTION_CLOSED and not faults

    def _is_unsent(self, client: Client, faults: list[Fault]) -> bool:
        return bool(faults) and all(
            fault.kind == "unreachable" or _forgotten(client, fault) for fault in faults
        )

    def _lose(self, client: Client) -> None:
        """``client`` is of no more use; its owner closes it and the supervisor opens another."""
        if self._client is client:
            self._knock.set()
            self._end()

    def _end(self) -> None:
        self._client = None
        self._ready.clear()
        self._tried.clear()
        self._ended.set()
        if self.state == "ready":
            self.state = "down"
            self.error = f"The {self.name} service is not connected right now."

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        pause, last_up = FIRST_PAUSE, loop.time()
        while True:
            self._knock.clear()
            began = loop.time()
            was_ready = await self._open_once()
            if was_ready:
                last_up = loop.time()
                self._report(self.error)
                # One that keeps falling over at once is treated as one that stays down.
                pause = FIRST_PAUSE if last_up - began > LONG_OUTAGE_PAUSE else pause
            elif loop.time() - last_up > START_SECONDS:
                self._report(self.error)
            await self._pause(pause * random.uniform(0.8, 1.2))
            longest = LONG_OUTAGE_PAUSE if loop.time() - last_up > LONG_OUTAGE_SECONDS else 0
            pause = min(pause * 2, max(longest, LONGEST_PAUSE))

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(FIRST_PAUSE)  # so that a stream of calls cannot make it spin
        try:
            await asyncio.wait_for(self._knock.wait(), seconds)
        except TimeoutError:
            return

    async def _open_once(self) -> bool:
        """Connect, stay while it lasts, and note how it ended; returns whether it was ready."""
        self._ended.clear()
        self._changed.clear()
        self._was_ready = False
        self._tried.clear()
        with watch_faults() as faults:
            owner = asyncio.create_task(self._own())
        try:
            await asyncio.wait({owner})
        except asyncio.CancelledError:
            owner.cancel()
            await asyncio.wait({owner})
            raise
        finally:
            self._end()
        error = None if owner.cancelled() else owner.exception()
        if not self._was_ready:
            self.state, self.error = "down", in_words(self.name, error, faults)
            self._tried.set()
        self.settled.set()
        logger.debug("MCP server %s: %r", self.name, error)
        return self._was_ready

    def _report(self, error: str | None) -> None:
        """Tell an operator of each change, and not of each attempt."""
        if error == self._reported:
            return
        if error:
            logger.warning("MCP server %s: %s It is tried again.", self.name, error)
        elif self._reported:
            logger.warning("MCP server %s is there again.", self.name)
        self._reported = error

    async def _own(self) -> None:
        async with AsyncExitStack() as stack:
            if isinstance(self.config, HttpServer):
                http = await stack.enter_async_context(
                    http_client(self.config.headers, self._guard, self.auth)
                )
                transport = streamable_http_client(
                    self.config.url, http_client=http, max_sse_event_size=MAX_ANSWER_BYTES
                )
                seconds = HTTP_OPEN_SECONDS
            else:
                transport = stdio_client(
                    StdioServerParameters(
                        command=self.config.command,
                        args=list(self.config.args),
                        env=dict(self.config.env),
                        cwd=self.config.cwd,
                    )
                )
                seconds = STDIO_OPEN_SECONDS
            client = Client(
                seen_through(transport, self._warn, self._end),
                mode="auto",
                cache=None,
                message_handler=self._on_message,
            )
            async with asyncio.timeout(seconds):
                await stack.enter_async_context(client)
                self.tools = await self._fetch_tools(client)
            self._client, self._was_ready = client, True
            self.protocol_version = client.protocol_version
            self.state, self.error = "ready", None
            self._ready.set()
            self._listed.set()
            self._tried.set()
            self.settled.set()
            logger.info("MCP server %s is ready: %d tools", self.name, len(self.tools))
            self._report(None)
            await self._stay(client)

    async def _stay(self, client: Client) -> None:
        """Until the end, fetch the tool list again whenever the server says that it changed."""
        listening = asyncio.create_task(self._listen(client))
        ended = asyncio.create_task(self._ended.wait())
        changed = asyncio.create_task(self._changed.wait())
        try:
            while not ended.done():
                await asyncio.wait({changed, ended}, return_when=asyncio.FIRST_COMPLETED)
                if changed.done() and not ended.done():
                    self._changed.clear()
                    async with asyncio.timeout(HTTP_OPEN_SECONDS):
                        self.tools = await self._fetch_tools(client)
                    changed = asyncio.create_task(self._changed.wait())
        finally:
            helpers = (listening, ended, changed)
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _listen(self, client: Client) -> None:
        """Keep the 2026-07-28 stream of change notices open; its loss tells of a lost server."""
        if client.session.discover_result is None:
            return  # the 2025 era sends notices without being asked
        try:
            async with client.listen(tools_list_changed=True) as notices:
                async for _ in notices:
                    self._changed.set()
        except (SubscriptionLost, MCPError) as error:
            if isinstance(error, MCPError) and error.code != CONNECTION_CLOSED:
                logger.info("MCP server %s sends no change notices: %s", self.name, error)
                return
        self._lose(client)

    async def _fetch_tools(self, client: Client) -> tuple[Tool, ...]:
        tools: dict[str, Tool] = {}
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await client.list_tools(cursor=cursor)
            for tool in page.tools:
                tools.setdefault(tool.name, tool)
            if (cursor := page.next_cursor) is None:
                break
        return tuple(tools.values())

    async def _on_message(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._changed.set()

    def _warn(self, problem: str) -> None:
        logger.warning("MCP server %s: %s", self.name, problem)


def _forgotten(client: Client, fault: Fault) -> bool:
    """Whether a 2025-era server refused a request because it no longer knows the session."""
    is_session = client.session.initialize_result is not None
    return is_session and fault.kind == "status" and fault.status in (400, 404)
