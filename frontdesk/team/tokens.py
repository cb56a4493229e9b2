"""About how many tokens something takes of a model's context.

An estimate, as a tokenizer is another for each model: four bytes of UTF-8 a token, which OpenAI
gives as the rule of thumb for English and which is near enough for Korean or Chinese (three bytes
and about 0.7 tokens a character).
"""

from typing import Any

import orjson
from mcp.types import Tool as McpTool

from agents import FunctionTool, Handoff
from frontdesk.mcp.server import McpServerView
from frontdesk.team.build import TeamAgent


def estimate(text: str) -> int:
    """About how many tokens a text has."""
    return -(-(len(text) if text.isascii() else len(text.encode())) // 4)


def definition_tokens(name: str, description: str | None, schema: Any) -> int:
    """About how many tokens the definition of a tool has."""
    return estimate(name) + estimate(description or "") + -(-len(orjson.dumps(schema)) // 4)


class Definitions:
    """What an agent's model is told of its tools and handoffs: counted once for each listing."""

    def __init__(self, agent: TeamAgent) -> None:
        tools = [tool for tool in agent.tools if isinstance(tool, FunctionTool)]
        handoffs = [edge for edge in agent.handoffs if isinstance(edge, Handoff)]
        self._own = sum(
            definition_tokens(tool.name, tool.description, tool.params_json_schema)
            for tool in tools
        ) + sum(
            definition_tokens(edge.tool_name, edge.tool_description, edge.input_json_schema)
            for edge in handoffs
        )
        self._servers = [view for view in agent.mcp_servers if isinstance(view, McpServerView)]
        self._listed: dict[str, tuple[list[McpTool], int]] = {}

    @property
    def tokens(self) -> int:
        """Of all that is offered now."""
        return self._own + sum(map(self._of_server, self._servers))

    def _of_server(self, view: McpServerView) -> int:
        tools = view.cached_tools
        known, tokens = self._listed.get(view.name, (None, 0))
        if known is not tools:
            tokens = sum(
                definition_tokens(tool.name, tool.description, tool.input_schema) for tool in tools
            )
            self._listed[view.name] = tools, tokens
        return tokens
