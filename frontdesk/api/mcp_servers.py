"""How the desk's MCP servers are, what was found in their tools, and what changed in them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict

from frontdesk.call.worker import Worker
from frontdesk.mcp.config import McpConfigError
from frontdesk.mcp.connection import Connection


class Acceptance(BaseModel):
    """Changes by their digests; without any: all that there are."""

    model_config = ConfigDict(extra="forbid")
    digests: Sequence[str] | None = None


def router(worker: Worker) -> APIRouter:
    """``GET /api/mcp``, ``GET /api/mcp/{name}`` and ``POST /api/mcp/{name}/accept``."""
    routes = APIRouter()

    @routes.get("/api/mcp")
    async def servers() -> dict[str, Any]:
        return {"servers": [described(connection) for connection in worker.mcp]}

    @routes.get("/api/mcp/{name}")
    async def server(name: str) -> dict[str, Any]:
        return described(_connection(worker, name))

    @routes.post("/api/mcp/{name}/accept")
    async def accept(name: str, acceptance: Acceptance | None = None) -> dict[str, Any]:
        """Pin what changed as it is now. Given digests, only what still is what they stand for."""
        listing = _connection(worker, name).listing
        wanted = acceptance.digests if acceptance else None
        known = {change.digest for change in listing.now.changed}
        if gone := sorted(set(wanted or ()) - known):
            raise HTTPException(409, f"No change has these digests (any more): {', '.join(gone)}")
        try:
            accepted = await listing.accept(wanted)
        except Exception as error:
            raise HTTPException(503, "The store does not answer. Try again.") from error
        return {"accepted": accepted, **described(_connection(worker, name))}

    return routes


def described(connection: Connection) -> dict[str, Any]:
    """A server, without its address, headers and arguments, which may hold secrets."""
    listed = connection.listing.now
    return {
        "name": connection.name,
        "state": connection.state,
        "error": connection.error,
        "tools": [tool.name for tool in listed.tools],
        "findings": [asdict(finding) for finding in listed.findings],
        "changes": [asdict(change) for change in listed.changed],
    }


def _connection(worker: Worker, name: str) -> Connection:
    try:
        return worker.mcp.get(name)
    except McpConfigError as error:
        raise HTTPException(404, f"There is no MCP server {name!r}.") from error
