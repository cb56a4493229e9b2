"""The SDK's view of a connection: an ``MCPServer`` narrowed to what one team may use.

Nothing here raises into a run: the tool list is the last good one (empty before the first
connection), and a failed call is a ``ToolCallError`` that the SDK hands to ``on_error``, whose
words the model reads and which the SDK marks on the call's span.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from agents.agent import AgentBase
from agents.mcp import MCPServer, MCPToolMetaContext
from agents.tool_context import ToolContext
from agents.tracing import get_current_span
from mcp.types import CallToolResult, GetPromptResult, ListPromptsResult, Tool

from agents import Agent, RunContextWrapper
from frontdesk.desk.schema import McpUse
from frontdesk.mcp.connection import Connection
from frontdesk.mcp.faults import ToolCallError
from frontdesk.mcp.hidden import visible
from frontdesk.mcp.listing import Listed
from frontdesk.mcp.narrowing import narrowed
from frontdesk.mcp.passing import speaking_for
from frontdesk.mcp.record import CallRecord
from frontdesk.mcp.results import error_text, readable

ProgressListener = Callable[[ToolContext[Any], str], None]
CallerValues = Callable[[ToolContext[Any]], Mapping[str, str]]
ErrorFunction = Callable[[RunContextWrapper[Any], Exception], str]
RecordListener = Callable[[ToolContext[Any], str, CallRecord], None]
Patience = Callable[[RunContextWrapper[Any]], float]

MAX_PROGRESS = 200
"""Characters of one notice of progress."""

_caller: ContextVar[ToolContext[Any] | None] = ContextVar("frontdesk_mcp_caller", default=None)


class McpServerView(MCPServer):
    """``connection`` as one team sees it; cheap, holds no connection of its own.

    ``examples`` are things callers say, by the team's name of a tool, for hosted models to read.
    ``on_progress`` gets the words of progress notices with the tool call they belong to.
    ``caller_values`` tells what the caller gave for servers that act in their name.
    ``on_record`` gets the server's name and what became of a call on its way, when it is over.
    ``patience`` tells how many seconds a run may wait for a server that is still starting.
    """

    def __init__(
        self,
        connection: Connection,
        use: McpUse,
        *,
        on_error: ErrorFunction,
        on_progress: ProgressListener | None = None,
        caller_values: CallerValues = lambda caller: {},
        on_record: RecordListener = lambda caller, server, record: None,
        examples: Mapping[str, tuple[str, ...]] | None = None,
        patience: Patience = lambda context: 0.0,
    ) -> None:
        super().__init__(failure_error_function=on_error, tool_meta_resolver=_remember_caller)
        self.use = use
        self._connection = connection
        self._on_progress = on_progress
        self._caller_values = caller_values
        self._on_record = on_record
        self._examples = examples or {}
        self._patience = patience
        self._seen = Listed()
        self._tools: list[Tool] = []
        self._names: dict[str, str] = {}
        """What the server calls each tool, by the team's name for it."""

    @property
    def name(self) -> str:
        return self._connection.name

    @property
    def cached_tools(self) -> list[Tool]:
        return self._current()

    async def connect(self) -> None:
        """The connection is opened by ``McpConnections``."""

    async def cleanup(self) -> None:
        """The connection is closed by ``McpConnections``."""

    async def list_tools(
        self,
        run_context: RunContextWrapper[Any] | None = None,
        agent: AgentBase[Any] | Agent[Any] | None = None,
    ) -> list[Tool]:
        """The last good list. Its span tells of a server that has not given one yet, and lasts as
        long as that was waited for."""
        if run_context is not None:
            await self._connection.until_listed(self._patience(run_context))
        if self._connection.state != "ready" and not self._connection.tools:
            words = self._connection.error or f"The {self.name} service is still starting."
            if span := get_current_span():
                span.set_error({"message": words, "data": None})
        return self._current()

    async def call_tool(
        self,
        tool_name: str,
        arguments: dict[str, Any] | None,
        meta: dict[str, Any] | None = None,
    ) -> CallToolResult:
        caller = _caller.get()
        record = CallRecord()
        try:
            given = {} if caller is None else dict(self._caller_values(caller))
            async with speaking_for(self._connection, given) as connection:
                result = await connection.call(
                    self._names.get(tool_name, tool_name),
                    arguments or {},
                    seconds=self.use.timeout,
                    meta=meta,
                    progress=self._reporter(caller, record),
                    concurrency=self.use.concurrency,
                    record=record,
                )
            if result.is_error:
                record.fault = "tool"
                raise ToolCallError(error_text(result))
        finally:
            if caller is not None:
                self._on_record(caller, self.name, record)
        return readable(result, self.use.max_result_bytes)

    async def list_prompts(self) -> ListPromptsResult:
        return ListPromptsResult(prompts=[])

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None
    ) -> GetPromptResult:
        raise ToolCallError("Prompts of MCP servers are not used: a team's prompts are its own.")

    def _reporter(self, caller: ToolContext[Any] | None, record: CallRecord) -> Any:
        async def report(progress: float, total: float | None, message: str | None) -> None:
            words = visible(message or "").strip()[:MAX_PROGRESS]
            if not words:
                return
            record.heard(words)
            if self._on_progress is not None and caller is not None:
                self._on_progress(caller, words)

        return report

    def _current(self) -> list[Tool]:
        seen = self._connection.listing.use()
        if self._seen is not seen:
            self._seen = seen
            blocked = {change.tool for change in seen.changed} if self.use.pin == "block" else ()
            trusted = (tool for tool in seen.tools if tool.name not in blocked)
            offered = narrowed(trusted, self.use.tools)
            self._names = {name: tool.name for name, tool in offered.items()}
            self._tools = [self._offered(name, tool) for name, tool in offered.items()]
        return self._tools

    def _offered(self, name: str, tool: Tool) -> Tool:
        description = with_examples(tool.description or "", self._examples.get(name, ()))
        return tool.model_copy(update={"name": name, "description": description})


def with_examples(description: str, examples: tuple[str, ...]) -> str:
    """``description`` with things that callers say, for a hosted model to decide by."""
    if not examples:
        return description
    return f"{description}\nCallers say, for example: {'; '.join(examples)}".strip()


def _remember_caller(context: MCPToolMetaContext) -> None:
    # The SDK asks for request metadata in the task that then makes the call, with the tool
    # call's context, which `call_tool` itself is not given.
    caller = context.run_context
    _caller.set(caller if isinstance(caller, ToolContext) else None)
