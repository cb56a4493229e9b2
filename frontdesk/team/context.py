"""What travels with a run: for the functions of a desk, and for ourselves."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from agents.tool_context import ToolContext

from agents import RunContextWrapper
from frontdesk.mcp.record import CallRecord
from frontdesk.team.client_tools import ClientFunctionTool
from frontdesk.team.events import (
    AnswerNeeded,
    ApprovalNeeded,
    ClientMcpTool,
    ClientPrompt,
    ClientTool,
    Decided,
    Jobs,
    Memories,
    ToolRecord,
)
from frontdesk.team.guardrails.guard import Outcome
from frontdesk.team.held import HeldCalls


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a function of ``tools/`` may know of the call it works for.

    A function gets it by annotating its first parameter so. ``report`` takes a few words of
    progress while the function runs.
    """

    call_id: str
    variables: Mapping[str, Any]
    report: Callable[[str], None]


@dataclass(slots=True)
class TurnContext:
    """The SDK's run context of one user turn."""

    call_id: str
    variables: dict[str, Any]
    report: Callable[[str, str], None]
    """Takes a tool call's id and words of progress."""
    guarded: Callable[[Outcome], None]
    """Takes what a guardrail of a tool came to."""
    caller: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """What the client gave for MCP servers that act in the caller's name."""
    waits_until: float = 0.0
    """Until when (the loop's time) the turn waits for MCP servers that are still starting."""
    language: str | None = None
    """What the caller speaks."""
    instructions: str | None = None
    prompt: ClientPrompt | None = None
    client_tools: tuple[ClientTool | ClientMcpTool, ...] = ()
    only_client_tools: bool = False
    """Whether the model must call one of them."""
    cleared: Callable[[], Awaitable[None]] | None = None
    """What a tool waits for before it runs."""
    offered: dict[str, dict[str, ClientFunctionTool]] = field(
        default_factory=dict[str, dict[str, ClientFunctionTool]]
    )
    """The client's tools that an agent was really offered, by agent and name."""
    failed: set[str] = field(default_factory=set[str])
    """Ids of the tool calls that failed."""
    refused: set[str] = field(default_factory=set[str])
    """Ids of those whose arguments a guardrail refused: they are not remembered."""
    decided: dict[str, Decided] = field(default_factory=dict[str, Decided])
    """The calls that the run begins with, by id."""
    held: HeldCalls | None = None
    """None: nobody can be asked anything."""
    asked: dict[str, ApprovalNeeded | AnswerNeeded] = field(
        default_factory=dict[str, "ApprovalNeeded | AnswerNeeded"]
    )
    """What has to be asked before the run can go on, by tool call."""
    jobs: Jobs | None = None
    """Takes background work."""
    record: ToolRecord | None = None
    """Where tools are put on record before they run."""
    memories: Memories | None = None
    """What is remembered of the caller."""
    trace_id: str = ""
    """Of the turn, or of the background work."""
    mcp_calls: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """What became of calls to MCP servers on their way, by tool call id, for their spans."""

    def for_function(self, tool: ToolContext[Any]) -> CallContext:
        """The context that one tool call's function sees."""
        return CallContext(self.call_id, self.variables, lambda words: report(tool, words))


def patience(context: RunContextWrapper[Any]) -> float:
    """Seconds that a run may still wait for MCP servers that are starting."""
    turn = context.context
    if not isinstance(turn, TurnContext):
        return 0.0
    return turn.waits_until - asyncio.get_running_loop().time()


def report(tool: ToolContext[Any], words: str) -> None:
    """Pass on a running tool's progress."""
    if isinstance(tool.context, TurnContext):
        tool.context.report(tool.tool_call_id, words)


def caller_values(tool: ToolContext[Any]) -> Mapping[str, str]:
    """What the caller of a running tool gave for servers that act in their name."""
    return tool.context.caller if isinstance(tool.context, TurnContext) else {}


def note_mcp_call(tool: ToolContext[Any], server: str, record: CallRecord) -> None:
    """Keep what became of a call to an MCP server."""
    if isinstance(tool.context, TurnContext):
        tool.context.mcp_calls[tool.tool_call_id] = {"server": server, **asdict(record)}
