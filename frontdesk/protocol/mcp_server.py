"""An MCP server as a client declared it: where it is, and which of its tools may be used how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class McpServer:
    """``headers`` are secrets: they go to the server and nowhere else.

    ``allowed_tools`` and ``require_approval`` are as on the wire; a tool is a dict with ``name``
    and, if its server annotated it, ``annotations``.
    """

    label: str
    url: str
    description: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    allowed_tools: list[str] | Json | None = None
    require_approval: str | Json = "always"

    def same_list(self, other: "McpServer") -> bool:
        """Whether both would list the same tools: then nothing has to be listed anew."""
        mine = (self.label, self.url, self.headers, self.allowed_tools)
        return mine == (other.label, other.url, other.headers, other.allowed_tools)

    def allows(self, tool: Json) -> bool:
        """Whether the model may be offered this tool."""
        if isinstance(self.allowed_tools, list):
            return tool["name"] in self.allowed_tools
        return self.allowed_tools is None or _matches(self.allowed_tools, tool)

    def needs_approval(self, tool: Json) -> bool:
        """Whether a call waits for the client's consent.

        With filters, ``always`` wins over ``never``. A tool in neither needs none if only
        ``always`` was given, since that names the tools that do.
        """
        if isinstance(self.require_approval, str):
            return self.require_approval != "never"
        always, never = (self.require_approval.get(key) for key in ("always", "never"))
        if always is not None and _matches(always, tool):
            return True
        if never is not None:
            return not _matches(never, tool)
        return always is None


def from_tool(tool: Json) -> McpServer:
    """The server of a checked tool of type ``mcp``."""
    headers: dict[str, str] = dict(tool.get("headers") or {})
    if token := tool.get("authorization"):
        given = cast(str, token)
        headers["authorization"] = given if given.startswith("Bearer ") else f"Bearer {given}"
    return McpServer(
        tool["server_label"],
        tool["server_url"],
        tool.get("server_description") or "",
        headers,
        tool.get("allowed_tools"),
        tool.get("require_approval") or "always",
    )


def _matches(filter: Json, tool: Json) -> bool:
    """Whether a tool fits all that a filter says; read-only is what its server says it is."""
    names: list[str] | None = filter.get("tool_names")
    read_only: bool | None = filter.get("read_only")
    if names is not None and tool["name"] not in names:
        return False
    annotations: Json = tool.get("annotations") or {}
    annotated = annotations.get("readOnlyHint") is True
    return read_only is None or annotated == read_only
