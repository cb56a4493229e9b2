"""Connections to MCP servers: isolation, reconnect, vetting, progress."""
