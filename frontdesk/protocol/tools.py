"""Tools that the client declares: functions of its own, and MCP servers for us to call."""

import re
from collections.abc import Callable, Collection
from typing import Any, cast
from urllib.parse import urlsplit

from frontdesk.protocol.errors import (
    ProtocolError,
    invalid_value,
    missing_parameter,
)
from frontdesk.protocol.mcp_server import McpServer, from_tool

Tool = dict[str, Any]
RefuseUrl = Callable[[str], str | None]
"""Why a server's address is not served, if it can be said from the address alone."""

MAX_SERVERS = 16
SECRETS = frozenset({"authorization", "headers"})
NOT_SERVED = {
    "connector_id": "connectors are the hosted service's own: give the server's 'server_url'.",
    "tunnel_id": "tunnels are the hosted service's own: give the server's 'server_url'.",
    "defer_loading": "tools are always listed at once: leave it out or set it to false.",
    "allowed_callers": "only the model itself calls tools: leave it out or give ['direct'].",
}
KEPT_HEADERS = frozenset(
    "accept accept-encoding connection content-length content-type expect host keep-alive "
    "mcp-protocol-version mcp-session-id proxy-authorization te trailer transfer-encoding "
    "upgrade".split()
)
"""Headers that the connection itself needs to set."""
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")


def check_type(tools: object, prefix: str) -> None:
    """Raise :class:`ProtocolError` naming the first tool of an unknown type."""
    if not isinstance(tools, list):
        return
    for index, tool in enumerate(cast(list[object], tools)):
        kind = cast(Tool, tool).get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str) and kind not in ("function", "mcp"):
            field = f"{prefix}.tools[{index}].type"
            raise invalid_value(field, "supported values are 'function', 'mcp'.")


def check_servers(tools: list[Tool], prefix: str, refuse_url: RefuseUrl) -> None:
    """Raise :class:`ProtocolError` naming what is wrong with, or not served of, an MCP tool.

    The tools have been checked against their shapes.
    """
    labels: set[str] = set()
    for index, tool in enumerate(tools):
        if tool.get("type") != "mcp":
            continue
        field = f"{prefix}.tools[{index}]"
        _refuse_unserved(tool, field)
        _check_url(tool.get("server_url"), f"{field}.server_url", refuse_url)
        _check_headers(tool, field)
        if tool["server_label"] in labels:
            raise invalid_value(f"{field}.server_label", "another server has this label.")
        labels.add(tool["server_label"])
        if len(labels) > MAX_SERVERS:
            raise invalid_value(field, f"at most {MAX_SERVERS} MCP servers can be declared.")


def _refuse_unserved(tool: Tool, field: str) -> None:
    for name, why in NOT_SERVED.items():
        if tool.get(name) and tool[name] != ["direct"]:
            raise ProtocolError(
                "unsupported_value",
                f"Unsupported value for '{field}.{name}': {why}",
                f"{field}.{name}",
            )


def _check_url(url: str | None, field: str, refuse_url: RefuseUrl) -> None:
    if url is None:
        raise missing_parameter(field)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise invalid_value(field, f"{error}.") from None
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        raise invalid_value(field, "give an http or https address.")
    if parts.username is not None or parts.password is not None:
        raise invalid_value(field, "an address is shown: give secrets in 'authorization'.")
    if (why := refuse_url(url)) is not None:
        raise invalid_value(field, why)


def _check_headers(tool: Tool, field: str) -> None:
    headers: dict[str, str] = tool.get("headers") or {}
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise invalid_value(f"{field}.headers", "one of them is not an HTTP header.")
        if name.lower() in KEPT_HEADERS:
            raise invalid_value(f"{field}.headers", f"'{name}' is set by the connection itself.")
    token: str = tool.get("authorization") or ""
    if not HEADER_VALUE.fullmatch(token):
        raise invalid_value(f"{field}.authorization", "it cannot be sent as an HTTP header.")
    if token and any(name.lower() == "authorization" for name in headers):
        raise invalid_value(f"{field}.authorization", "'headers' has an Authorization too.")


def check_choice(choice: object, servers: Collection[McpServer], field: str) -> None:
    """Raise :class:`ProtocolError` when a tool choice names a server that is not declared."""
    if not isinstance(choice, dict):
        return
    named = cast(Tool, choice)
    labels = [server.label for server in servers]
    if named["type"] == "mcp" and named["server_label"] not in labels:
        raise invalid_value(
            f"{field}.server_label",
            f"the tools in force have no MCP server '{named['server_label']}'.",
        )


def declared_servers(tools: list[Tool] | None) -> tuple[McpServer, ...]:
    """The MCP servers among tools that have been checked."""
    return tuple(from_tool(tool) for tool in tools or () if tool.get("type") == "mcp")


def clean_tools(tools: list[Tool]) -> list[Tool]:
    """Tools as they are echoed: typed, without nulls, without ``strict`` and secrets."""
    return [_clean_server(tool) if tool.get("type") == "mcp" else _clean(tool) for tool in tools]


def _clean(tool: Tool) -> Tool:
    return {"type": "function"} | {k: v for k, v in tool.items() if v is not None and k != "strict"}


def _clean_server(tool: Tool) -> Tool:
    shown = {k: _without_nulls(v) for k, v in tool.items() if v is not None and k not in SECRETS}
    return {**shown, "require_approval": shown.get("require_approval", "always")}


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {k: _without_nulls(v) for k, v in cast(Tool, value).items() if v is not None}
