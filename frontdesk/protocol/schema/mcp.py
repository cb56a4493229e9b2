"""MCP servers that a client declares, and what it says about calls to them."""

from typing import Annotated, Literal

from pydantic import Field

from frontdesk.protocol.schema.base import Closed, NonEmpty

Label = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


class McpToolFilter(Closed):
    tool_names: list[NonEmpty] | None = None
    read_only: bool | None = None


class McpApprovalFilter(Closed):
    always: McpToolFilter | None = None
    never: McpToolFilter | None = None


class McpTool(Closed):
    """The fields that are refused later, by name, are here too."""

    type: Literal["mcp"]
    server_label: Label
    server_url: str | None = None
    server_description: Annotated[str, Field(max_length=4096)] | None = None
    headers: dict[str, str] | None = None
    authorization: NonEmpty | None = None
    allowed_tools: list[NonEmpty] | McpToolFilter | None = None
    require_approval: Literal["always", "never"] | McpApprovalFilter | None = None
    allowed_callers: list[Literal["direct", "programmatic"]] | None = None
    connector_id: str | None = None
    defer_loading: bool | None = None
    tunnel_id: str | None = None


class ChooseMcp(Closed):
    type: Literal["mcp"]
    server_label: NonEmpty
    name: NonEmpty | None = None
