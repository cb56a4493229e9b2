"""The desk as an MCP server, for other agents."""
