"""A tool called in the caller's own name."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mcp.shared.dispatcher import ProgressFnT
from mcp.types import CallToolResult
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from frontdesk.mcp.caller import calling_for, check, filled
from frontdesk.mcp.config import HttpServer
from frontdesk.mcp.connection import Connection


async def call_for(
    connection: Connection,
    caller: Mapping[str, str],
    tool: str,
    arguments: dict[str, Any],
    *,
    seconds: float,
    meta: dict[str, Any] | None = None,
    progress: ProgressFnT | None = None,
) -> CallToolResult:
    """Call ``tool`` for a caller who gave these values; they go where mcp.json names them.

    Since 2026-07-28 every request stands for itself, so the connection is shared. A session of
    the older protocol belongs to whom it was opened for: such a server gets a connection for this
    one call.

    Raises:
        ToolCallError: whatever goes wrong, and when a value is missing.
    """
    config = connection.config
    if not isinstance(config, HttpServer) or not config.caller_headers:
        return await connection.call(tool, arguments, seconds=seconds, meta=meta, progress=progress)
    check(config.name, config.caller_headers, caller)
    with calling_for(caller):
        if connection.protocol_version not in HANDSHAKE_PROTOCOL_VERSIONS:
            return await connection.call(
                tool, arguments, seconds=seconds, meta=meta, progress=progress
            )
        headers = {**config.headers, **filled(config.caller_headers)}
        own = Connection(replace(config, headers=headers, caller_headers={}), auth=connection.auth)
    own.open()
    try:
        return await own.call(tool, arguments, seconds=seconds, meta=meta, progress=progress)
    finally:
        await own.aclose()
