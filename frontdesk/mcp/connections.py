"""All MCP servers of the process."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from frontdesk.mcp.auth import server_auth
from frontdesk.mcp.config import HttpServer, McpConfigError, ServerConfig, load_servers
from frontdesk.mcp.connection import Connection, State
from frontdesk.mcp.pins import PinStore

SETTLE_SECONDS = 3.0
"""How long ``start`` waits for first connections; slower servers join when they can."""


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How a server is doing, for banners and health pages. ``error`` is one plain sentence."""

    name: str
    url: str
    state: State
    tools: tuple[str, ...]
    error: str | None


class McpConnections:
    """Connections by server name, opened once and shared by all calls."""

    def __init__(
        self,
        servers: Mapping[str, ServerConfig] | None = None,
        pins: PinStore | None = None,
        data: Path | None = None,
    ) -> None:
        """``pins``: what tools said when they were first seen; None: nothing is held against it.
        ``data``: the folder where logins to servers are kept."""
        self._pins = pins
        self._data = data
        self._connections = {name: self._to(config) for name, config in (servers or {}).items()}

    @classmethod
    def from_file(cls, path: Path) -> "McpConnections":
        """The servers of an ``mcp.json`` (see ``load_servers``)."""
        return cls(load_servers(path))

    async def start(self, settle: float = SETTLE_SECONDS) -> None:
        """Connect to all servers at once; returns when each has answered or failed, and at the
        latest after ``settle`` seconds. A server that is down is not an error here."""
        for connection in self._connections.values():
            connection.open()
        waits = [asyncio.create_task(c.settled.wait()) for c in self._connections.values()]
        if waits:
            await asyncio.wait(waits, timeout=settle)
        for wait in waits:
            wait.cancel()

    def add(self, servers: Mapping[str, ServerConfig]) -> None:
        """Connect to those among ``servers`` that are new; they join when they can."""
        for name, config in servers.items():
            if name not in self._connections:
                self._connections[name] = self._to(config)
                self._connections[name].open()

    def _to(self, config: ServerConfig) -> Connection:
        return Connection(config, pins=self._pins, auth=server_auth(config, self._data))

    async def until_ready(
        self,
        names: Iterable[str],
        limit: float,
        has_failed: Callable[[str], bool] = lambda name: False,
    ) -> None:
        """Wait for servers that are known to be starting, ``limit`` seconds at most, and not for
        those that have failed to."""
        waited_for = [self.get(name) for name in names]
        for connection in waited_for:
            connection.expect(2 * limit)  # whoever needs one that is late waits a moment, too
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while any(  # noqa: ASYNC110
                    c.state != "ready" and not has_failed(c.name) for c in waited_for
                ):
                    await asyncio.sleep(0.05)

    def get(self, name: str) -> Connection:
        """Raises ``McpConfigError`` for a server that the file does not name."""
        try:
            return self._connections[name]
        except KeyError:
            known = ", ".join(sorted(self._connections)) or "none"
            raise McpConfigError(
                f"MCP server {name!r} is not in mcp_servers/mcp.json (it has: {known})"
            ) from None

    def status(self) -> list[ServerStatus]:
        return [
            ServerStatus(
                name=connection.name,
                url=_address(connection.config),
                state=connection.state,
                tools=tuple(tool.name for tool in connection.tools),
                error=connection.error,
            )
            for connection in self._connections.values()
        ]

    async def aclose(self) -> None:
        await asyncio.gather(*(connection.aclose() for connection in self._connections.values()))


def _address(config: ServerConfig) -> str:
    if isinstance(config, HttpServer):
        return config.url
    return " ".join([config.command, *config.args])
