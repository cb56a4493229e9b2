"""Tools called in the caller's own name."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from frontdesk.mcp.caller import CallerHeader, calling_for
from frontdesk.mcp.config import HttpServer
from frontdesk.mcp.connection import Connection
from frontdesk.mcp.faults import ToolCallError


@asynccontextmanager
async def speaking_for(
    connection: Connection, caller: Mapping[str, str]
) -> AsyncGenerator[Connection]:
    """The connection to call a tool on, in the name of a caller who gave these values: they go
    where mcp.json names them.

    Since 2026-07-28 every request stands for itself, so the connection is the shared one. A session
    of the older protocol belongs to whom it was opened for: such a server gets a connection for the
    one call.

    Raises:
        ToolCallError: a value is missing.
    """
    config = connection.config
    if not isinstance(config, HttpServer) or not config.caller_headers:
        yield connection
        return
    _check(config.name, config.caller_headers, caller)
    with calling_for(caller):
        if connection.protocol_version not in HANDSHAKE_PROTOCOL_VERSIONS:
            yield connection
            return
        own = Connection(config, auth=connection.auth)
        own.open()  # its task takes the values along
        try:
            yield own
        finally:
            await own.aclose()


def _check(server: str, headers: Mapping[str, CallerHeader], values: Mapping[str, str]) -> None:
    """Raises :class:`ToolCallError` when the server cannot be called for a caller with these."""
    lacking = {name: None for header in headers.values() for name in header.missing(values)}
    if lacking:
        raise ToolCallError(
            f"The {server} service acts in the caller's own name, and this call came without the "
            f"caller's {' and '.join(lacking)}.",
            status=401,
        )
