"""Tools that the client declared: the model may call them, the client runs them."""

from typing import Any

from agents import FunctionTool, FunctionToolResult, RunContextWrapper, ToolsToFinalOutputResult
from frontdesk.team.events import ClientTool
from frontdesk.team.history import NO_OUTPUT_YET


class ClientFunctionTool(FunctionTool):
    """Stands for a client's tool in a run; running it does nothing but end the run."""


def client_function_tool(tool: ClientTool) -> ClientFunctionTool:
    """The SDK's tool for what a client declared."""
    return ClientFunctionTool(
        name=tool.name,
        description=tool.description,
        params_json_schema=tool.parameters or {"type": "object", "properties": {}},
        on_invoke_tool=_left_to_the_client,
        strict_json_schema=False,
    )


async def _left_to_the_client(context: Any, arguments: str) -> str:
    # Only a model that is handed over to in the same step gets to read this.
    return NO_OUTPUT_YET


def end_at_client_tools(
    context: RunContextWrapper[Any], results: list[FunctionToolResult]
) -> ToolsToFinalOutputResult:
    """The SDK's question after the tools of a step: is the run over? Yes, if a client must answer.

    All tools of the step have finished by then.
    """
    ends = any(isinstance(result.tool, ClientFunctionTool) for result in results)
    return ToolsToFinalOutputResult(is_final_output=ends, final_output="" if ends else None)
