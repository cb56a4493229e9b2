"""One supervised connection to one MCP server.

A task of its own owns the ``mcp.Client`` from entry to exit and opens it again, with growing
pauses, when it ends. Calls run beside it, each in a task of its own, so nothing that happens to
the client (its task group may cancel whoever stands in it) can cancel a caller. Both protocol
eras work: 2026-07-28 has no session to lose, 2025 sessions are opened anew when the server has
forgotten them.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, Literal

from mcp import Client, StdioServerParameters, stdio_client
from mcp.client import IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.dispatcher import ProgressFnT
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CONNECTION_CLOSED,
    CallToolResult,
    Implementation,
    Tool,
    ToolListChangedNotification,
)

from frontdesk.mcp.auth import ServerAuth
from frontdesk.mcp.calls import Calls, Request
from frontdesk.mcp.config import HttpServer, ServerConfig
from frontdesk.mcp.elicitation import Askers
from frontdesk.mcp.faults import Fault, ToolCallError, in_words, watch_faults
from frontdesk.mcp.guard import AddressGuard
from frontdesk.mcp.http import MAX_ANSWER_BYTES, http_client
from frontdesk.mcp.last_words import LastWords
from frontdesk.mcp.listing import Listing
from frontdesk.mcp.notices import until_lost
from frontdesk.mcp.pace import Pace
from frontdesk.mcp.pins import PinStore
from frontdesk.mcp.record import CallRecord
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
LONG_GONE_SECONDS = 5.0
"""After so long without a connection a call waits for no attempt that hangs."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
START_SECONDS = 3.0
"""A server that never answered yet may be just starting; after this long, the operator is told and
no turn waits for its tools any more."""
LONG_OUTAGE_SECONDS, LONG_OUTAGE_PAUSE = 60.0, 5.0
"""After a minute down, knock less often; a call in need knocks at once all the same."""
CONCURRENCY = 64
"""Calls of one server at once, where a team says nothing else."""


class Connection:
    """Supervised access to ``config``; shared by all that use the server.

    ``guard`` watches over a server that a stranger named; ``pins`` hold what tools said at first;
    ``auth`` is what its requests carry beside the fixed headers.
    """

    def __init__(
        self,
        config: ServerConfig,
        guard: AddressGuard | None = None,
        pins: PinStore | None = None,
        auth: ServerAuth | None = None,
    ) -> None:
        self.config = config
        self.auth = auth
        self._guard = guard
        self.state: State = "starting"
        self.listing = Listing(config.name, pins)
        self.error: str | None = None
        self.protocol_version: str | None = None
        """The revision of the protocol that the server speaks, once it was there."""
        self.last_words = LastWords(config.name)
        """Of a server that we start."""
        self.server_info: Implementation | None = None
        self.settled = asyncio.Event()
        """Set once the first attempt to connect has succeeded or failed."""
        self._starts_until = self._gone_since = 0.0
        self.askers = Askers()
        """The calls that the server may ask something about."""
        self._client: Client | None = None
        self._ready = asyncio.Event()
        self._ended = asyncio.Event()
        self._knock = asyncio.Event()
        self._pace = Pace()
        self._calls = Calls(config.name, self, self._pace, self.listing.due.set)
        self._under_way: set[asyncio.Task[CallToolResult]] = set()
        self._tried = asyncio.Event()
        """Set while the outcome of the last attempt to connect is known and stands."""
        self._was_ready = False
        self._reported: str | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The last good list, vetted; it stays while the server is down."""
        return self.listing.now.tools

    def open(self) -> None:
        """Begin to connect; returns at once."""
        if self._supervisor is None:
            self.expect(START_SECONDS)
            self._gone_since = asyncio.get_running_loop().time()
            self._supervisor = asyncio.create_task(self._supervise(), name=f"mcp {self.name}")

    def expect(self, seconds: float) -> None:
        """The server is known to be starting, and has this long for it."""
        self._starts_until = asyncio.get_running_loop().time() + seconds

    async def until_listed(self, seconds: float) -> None:
        """Wait for the first list of a server that is still in the time it has for starting, and
        at most ``seconds``. One that has had that time, or was there before, is not waited for."""
        left = min(seconds, self._starts_until - asyncio.get_running_loop().time())
        if left > 0 and not self.listing.arrived.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.listing.arrived.wait(), left)

    async def ask_for_list(self) -> None:
        """Ask for the tools once, and keep nothing: to see how quick the server is. Raises
        ``ToolCallError`` and what the client raises."""
        await (await self._ready_client()).list_tools()

    async def aclose(self) -> None:
        """End the connection and every call on it."""
        self.state = "closed"
        tasks: list[asyncio.Task[Any]] = [
            *self._under_way,
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
        concurrency: int = CONCURRENCY,
        record: CallRecord | None = None,
        allowed: Callable[[], bool] = lambda: True,
    ) -> CallToolResult:
        """Call ``tool``; ``seconds`` bounds all of it, waiting for the connection included.

        It is one of at most ``concurrency`` calls of the server. A request that surely did nothing
        is made again: once when it never reached the server, and when the server wanted it later,
        if there is time for that. ``record`` is filled in as the call goes on its way; ``allowed``
        is asked before each request.

        Raises:
            ToolCallError: whatever goes wrong, in words for the model.
        """
        return await self._calls.make(
            Request(tool, arguments, meta, progress, allowed),
            seconds=seconds,
            concurrency=concurrency,
            record=record or CallRecord(),
        )

    @property
    def absence(self) -> ToolCallError | None:
        """Why there is no connection, when there is none."""
        if self._client is not None:
            return None
        words = self.error or f"The {self.name} service is not connected yet."
        return ToolCallError(words, status=503, fault="unreachable")

    async def attempt(
        self, request: Request, record: CallRecord
    ) -> tuple[CallToolResult | BaseException | None, list[Fault], bool]:
        """As `Line` has it."""
        client = await self._ready_client()
        if not request.allowed():
            words = f"The tool {request.tool} is not what it was, and waits to be accepted."
            raise ToolCallError(words, status=503, fault="blocked")
        record.asked(asyncio.get_running_loop().time())
        record.host, record.port = self.config.address
        record.protocol = self.protocol_version
        with watch_faults() as faults:
            outcome = await self._ask(client, request, faults)
        return outcome, faults, self._is_unsent(client, faults)

    async def _ready_client(self) -> Client:
        long_gone = asyncio.get_running_loop().time() - self._gone_since > LONG_GONE_SECONDS
        waits = ((self._ready, GRACE_SECONDS), (self._tried, ATTEMPT_SECONDS))
        for event, seconds in waits[:1] if long_gone else waits:
            if self._client is None and self.state != "closed":
                self._knock.set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), seconds)
        if self._client is None:
            raise self.absence or AssertionError("unreachable")
        return self._client

    async def _ask(
        self, client: Client, request: Request, faults: list[Fault]
    ) -> CallToolResult | BaseException | None:
        """The result, or what went wrong (None: the client's end took the call along)."""
        call: asyncio.Task[CallToolResult] = asyncio.create_task(
            client.call_tool(
                request.tool,
                request.arguments,
                progress_callback=request.progress,
                meta=request.meta,  # pyright: ignore[reportArgumentType]
            )
        )
        self._under_way.add(call)
        call.add_done_callback(self._under_way.discard)
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
            self._gone_since = asyncio.get_running_loop().time()
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
            elif loop.time() > max(last_up + START_SECONDS, self._starts_until):
                self._report(self.error)
            await self._pause(pause * random.uniform(0.8, 1.2))
            longest = LONG_OUTAGE_PAUSE if loop.time() - last_up > LONG_OUTAGE_SECONDS else 0
            pause = min(pause * 2, max(longest, LONGEST_PAUSE))

    async def _pause(self, seconds: float) -> None:
        # So that a stream of calls cannot make it spin, and a busy server is left alone.
        await asyncio.sleep(max(FIRST_PAUSE, min(self._pace.pause, LONG_OUTAGE_SECONDS)))
        # Not wait_for: before Python 3.12 it loses a cancellation that comes with the knock.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._knock.wait()

    async def _open_once(self) -> bool:
        """Connect, stay while it lasts, and note how it ended; returns whether it was ready."""
        self._ended.clear()
        self._was_ready = False
        self._tried.clear()
        with watch_faults() as faults:
            owner = asyncio.create_task(self._own())
        try:
            await asyncio.wait({owner})
        except asyncio.CancelledError:
            owner.cancel()
            await asyncio.gather(owner, return_exceptions=True)  # what it raises is of no use now
            raise
        finally:
            self._end()
        error = None if owner.cancelled() else owner.exception()
        if not self._was_ready:
            self.state, self.error = "down", in_words(self.name, error, faults)
            self._pace.note(faults)
            self._tried.set()
        self.settled.set()
        logger.debug("MCP server %s: %r", self.name, error)
        return self._was_ready

    def _report(self, error: str | None) -> None:
        """Tell an operator of each change, and not of each attempt."""
        if error == self._reported:
            return
        if error:
            said = f" Its last words: {line}" if (line := self.last_words.line) else ""
            logger.warning("MCP server %s: %s It is tried again.%s", self.name, error, said)
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
                    ),
                    errlog=await stack.enter_async_context(self.last_words.heard()),
                )
                seconds = STDIO_OPEN_SECONDS
            client = Client(
                seen_through(transport, self.listing.found, self._end),
                mode="auto",
                cache=None,
                message_handler=self._on_message,
                elicitation_callback=None if self._guard else self.askers.elicit,
            )
            async with asyncio.timeout(seconds):
                await stack.enter_async_context(client)
                await self.listing.fetch(client)
            self._client, self._was_ready = client, True
            self.protocol_version = client.protocol_version
            self.server_info = client.server_info
            self.state, self.error = "ready", None
            self._ready.set()
            self._tried.set()
            self.settled.set()
            self._calls.circuit.answered()
            self._report(None)
            await self._stay(client)

    async def _stay(self, client: Client) -> None:
        """Until the end, keep the tool list as the server has it."""
        self.listing.due.clear()

        def failed(error: Exception, faults: list[Fault]) -> None:
            if self._means_lost(client, error, faults):
                self._lose(client)

        helpers = (
            asyncio.create_task(self._listen(client)),
            asyncio.create_task(self.listing.keep(client, self._calls.circuit.answered, failed)),
        )
        try:
            await self._ended.wait()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _listen(self, client: Client) -> None:
        """Hear of changes, and of the server's end; in the 2025 era they come without asking."""
        if client.session.discover_result is None:
            return
        if await until_lost(client, self.name, self.listing.due.set):
            self._lose(client)

    async def _on_message(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self.listing.due.set()


def _forgotten(client: Client, fault: Fault) -> bool:
    """Whether a 2025-era server refused a request because it no longer knows the session."""
    is_session = client.session.initialize_result is not None
    return is_session and fault.kind == "status" and fault.status in (400, 404)
