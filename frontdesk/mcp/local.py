"""The MCP servers that a desk ships: found by convention, started beside ``frontdesk serve``.

An entry ``NAME`` of ``mcp.json`` whose URL is on this machine, and for which there is a file
``mcp_servers/NAME/server.py``, is such a server. In production they run as services of their own,
under another host name, and nothing is started here.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from frontdesk.process import start_child, stop_child

TOKEN = "FRONTDESK_MCP_TOKEN"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server to start: ``script`` on ``host:port``."""

    name: str
    script: Path
    host: str
    port: int


def ensure_token(environ: MutableMapping[str, str]) -> None:
    """Make up the bearer token that desk and local servers share, when none is set."""
    environ.setdefault(TOKEN, secrets.token_urlsafe(24))


def local_servers(root: Path, urls: dict[str, str]) -> list[LocalServer]:
    """Servers of the desk at ``root``, given the URLs by name in its ``mcp.json``."""
    found: list[LocalServer] = []
    for name, url in urls.items():
        script = root / "mcp_servers" / name / "server.py"
        address = urlsplit(url)
        if address.hostname in LOOPBACK and address.port and script.is_file():
            found.append(LocalServer(name, script, address.hostname, address.port))
    return found


def is_listening(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=0.5):
        return True
    return False


@asynccontextmanager
async def running(servers: list[LocalServer], data: Path) -> AsyncIterator[list[LocalServer]]:
    """Start those servers that do not run yet; they end with the block, and with this process.

    Yields the ones started. Their output goes to ``<data>/mcp-NAME.log``. Does not wait for them
    to listen: the connections retry by themselves.
    """
    started: list[LocalServer] = []
    children: list[asyncio.subprocess.Process] = []
    try:
        for server in servers:
            if is_listening(server.host, server.port):
                continue
            children.append(
                await start_child(
                    [
                        sys.executable,
                        str(server.script),
                        "--host",
                        server.host,
                        "--port",
                        str(server.port),
                    ],
                    log=data / f"mcp-{server.name}.log",
                    env={**os.environ, "FRONTDESK_DATA": str(data)},
                )
            )
            started.append(server)
        yield started
    finally:
        await asyncio.gather(*(stop_child(child) for child in children))
