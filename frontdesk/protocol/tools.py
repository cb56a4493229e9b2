"""Tools that the client declares."""

from typing import Any, cast

from frontdesk.protocol.errors import ProtocolError


def refuse_mcp(tools: object, prefix: str) -> None:
    """Raise :class:`ProtocolError` naming the first MCP tool: servers stand in the desk's files."""
    if not isinstance(tools, list):
        return
    for index, tool in enumerate(cast(list[object], tools)):
        if isinstance(tool, dict) and cast(dict[str, Any], tool).get("type") == "mcp":
            raise ProtocolError(
                "unsupported_value",
                "MCP tools declared by a client are not supported: "
                "add the MCP server to the team's desk, or declare a function tool.",
                f"{prefix}.tools[{index}].type",
            )


def clean_tools(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Function tools as they are echoed: typed, without nulls, without ``strict``."""
    return [
        {"type": "function"} | {k: v for k, v in tool.items() if v is not None and k != "strict"}
        for tool in tools
    ]
