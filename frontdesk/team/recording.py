"""Before a tool runs: that it does is on record, so that a crash can neither hide it nor have it
run twice."""

from fnmatch import fnmatchcase
from typing import Any

from agents.tool_context import ToolContext
from mcp.types import ToolAnnotations

from agents import FunctionTool
from frontdesk.desk.schema import McpUse
from frontdesk.team.context import TurnContext
from frontdesk.team.events import ToolCall


def on_record(tool: FunctionTool, *, again: bool, server: str | None = None) -> None:
    """Put each call of ``tool`` on record before it runs, in place. ``again``: it may be run twice.
    ``server`` is the MCP server that it belongs to."""
    invoke = tool.on_invoke_tool

    async def recorded(context: ToolContext[Any], arguments: str) -> Any:
        turn: TurnContext = context.context
        if turn.record is None:
            return await invoke(context, arguments)
        agent = context.agent.name if context.agent else ""
        call = ToolCall(context.tool_call_id, tool.name, arguments, agent, server, again)
        refusal = await turn.record.begin(call)
        if refusal is not None:
            turn.failed.add(context.tool_call_id)
            return refusal
        return await invoke(context, arguments)

    tool.on_invoke_tool = recorded


def may_run_twice(name: str, use: McpUse, hints: ToolAnnotations | None) -> bool:
    """Whether a tool of an MCP server does no harm when it runs twice: by the team's word, or where
    the team says nothing by the server's, whose tools it uses."""
    if use.idempotent is not None:
        return any(fnmatchcase(name, glob) for glob in use.idempotent)
    return bool(hints and (hints.read_only_hint or hints.idempotent_hint))
