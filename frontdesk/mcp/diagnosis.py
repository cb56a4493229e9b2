"""What there is to know of a server, from being its client for a moment."""

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from mcp.types import Tool
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from frontdesk.mcp.auth import ServerAuth, server_auth
from frontdesk.mcp.config import HttpServer, ServerConfig
from frontdesk.mcp.connection import Connection
from frontdesk.mcp.faults import ToolCallError
from frontdesk.mcp.vetting import Finding

ROUNDS = 20
"""Requests that the latency is taken from."""
PROBE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``error`` says why there is no connection, ``mend`` what could help. Milliseconds."""

    config: ServerConfig
    error: str | None = None
    mend: str | None = None
    connected_ms: float = 0.0
    server: str = ""
    protocol: str = ""
    token_seconds: float | None = None
    tools: tuple[Tool, ...] = ()
    findings: tuple[Finding, ...] = ()
    latencies: tuple[float, ...] = field(default=(), repr=False)

    @property
    def has_session(self) -> bool:
        """Whether it speaks the older protocol, which has sessions that may be lost."""
        return self.protocol in HANDSHAKE_PROTOCOL_VERSIONS

    @property
    def p50(self) -> float:
        return statistics.median(self.latencies)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.latencies, n=20, method="inclusive")[-1]


async def diagnose(
    config: ServerConfig, data: Path | None, limit: float, *, starting: bool = False
) -> Diagnosis:
    """Connect to the server, ask for its tools again and again, and say how that went. It has
    ``limit`` seconds to be there; one that is ``starting`` may fail at first, else one attempt is
    enough. Logins are kept in ``data``."""
    auth = server_auth(config, data)
    connection = Connection(config, auth=auth)
    began = time.perf_counter()
    connection.open()
    try:
        if not await _is_there(connection, limit, starting=starting):
            error = f"The {config.name} service did not answer within {limit:g} seconds."
            return Diagnosis(config, connection.error or error, await _mend(config, auth))
        connected = 1000 * (time.perf_counter() - began)
        return Diagnosis(
            config,
            connected_ms=connected,
            server=_named(connection),
            protocol=connection.protocol_version or "",
            token_seconds=auth.tokens.expires_in if auth and auth.tokens else None,
            tools=connection.listing.now.tools,
            findings=connection.listing.now.findings,
            latencies=await _latencies(connection),
        )
    finally:
        await connection.aclose()


async def _is_there(connection: Connection, limit: float, *, starting: bool) -> bool:
    try:
        async with asyncio.timeout(limit):
            await connection.settled.wait()
            while starting and connection.state != "ready":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    return connection.state == "ready"


async def _latencies(connection: Connection) -> tuple[float, ...]:
    found: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        try:
            await connection.ask_for_list()
        except ToolCallError:
            break
        found.append(1000 * (time.perf_counter() - began))
    return tuple(found)


def _named(connection: Connection) -> str:
    info = connection.server_info
    return f"{info.name} {info.version}".strip() if info else ""


async def _mend(config: ServerConfig, auth: ServerAuth | None) -> str | None:
    """What may help, from a look at the server's own refusal."""
    if auth and auth.tokens and auth.tokens.problem:
        return auth.tokens.problem
    if not isinstance(config, HttpServer):
        return "run the command yourself: its words go to where errors go"
    try:
        async with httpx2.AsyncClient(timeout=PROBE_SECONDS) as client:
            answer = await client.post(config.url, json={}, headers=dict(config.headers))
    except httpx2.ConnectError:
        return "nothing listens there: is it running, and is the address right?"
    except httpx2.HTTPError:
        return None
    if answer.status_code == 401 and "resource_metadata" in answer.headers.get(
        "www-authenticate", ""
    ):
        return f'it takes OAuth: give it "oauth": true, and run `frontdesk mcp login {config.name}`'
    if answer.status_code in (401, 403):
        return "give it a token that it takes: see `headers` and `oauth` in docs/mcp.md"
    if answer.status_code == 404:
        return "there is nothing at that path: most servers are at /mcp"
    return None
