"""Connections to MCP servers: isolation, reconnect, vetting, progress."""

from frontdesk.mcp.config import HttpServer, McpConfigError, ServerConfig, StdioServer, load_servers
from frontdesk.mcp.connection import Connection
from frontdesk.mcp.connections import McpConnections, ServerStatus
from frontdesk.mcp.faults import ToolCallError
from frontdesk.mcp.server import McpServerView

__all__ = [
    "Connection",
    "HttpServer",
    "McpConfigError",
    "McpConnections",
    "McpServerView",
    "ServerConfig",
    "ServerStatus",
    "StdioServer",
    "ToolCallError",
    "load_servers",
]
