"""Tools that the client declared: the model may call them, the run ends, others run them."""

from collections.abc import Collection
from typing import Any

from agents import FunctionTool, FunctionToolResult, RunContextWrapper, ToolsToFinalOutputResult
from frontdesk.team.events import ClientMcpTool, ClientTool
from frontdesk.team.history import NO_OUTPUT_YET

MAX_NAME = 64


class ClientFunctionTool(FunctionTool):
    """Stands for ``declared`` in a run; running it does nothing but end the run."""

    declared: ClientTool | ClientMcpTool


def client_function_tool(
    tool: ClientTool | ClientMcpTool, name: str | None = None
) -> ClientFunctionTool:
    """The SDK's tool for what a client declared, under ``name`` or its own."""
    made = ClientFunctionTool(
        name=name or tool.name,
        description=tool.description,
        params_json_schema=tool.parameters or {"type": "object", "properties": {}},
        on_invoke_tool=_left_to_the_client,
        strict_json_schema=False,
    )
    made.declared = tool
    return made


def offer(
    tools: Collection[ClientTool | ClientMcpTool], taken: set[str]
) -> dict[str, ClientFunctionTool]:
    """The tools by the names that the model calls them by, unlike each other and ``taken``.

    An MCP tool whose name is taken gets its server's label before it; a function's name is the
    client's to choose, so one that is taken is not offered.
    """
    offered: dict[str, ClientFunctionTool] = {}
    for tool in tools:
        names = [tool.name]
        if isinstance(tool, ClientMcpTool):
            names.append(f"{tool.server_label}_{tool.name}"[:MAX_NAME])
        free = (name for name in names if name not in taken and name not in offered)
        if name := next(free, None):
            offered[name] = client_function_tool(tool, name)
    return offered


async def _left_to_the_client(context: Any, arguments: str) -> str:
    # Only a model that is handed over to in the same step gets to read this.
    return NO_OUTPUT_YET


def end_at_client_tools(
    context: RunContextWrapper[Any], results: list[FunctionToolResult]
) -> ToolsToFinalOutputResult:
    """The SDK's question after the tools of a step: is the run over? Yes, if a client must answer,
    or somebody has to be asked.

    All tools of the step have finished by then.
    """
    ends = bool(context.context.asked) or any(
        isinstance(result.tool, ClientFunctionTool) for result in results
    )
    return ToolsToFinalOutputResult(is_final_output=ends, final_output="" if ends else None)
