"""The MCP servers that a desk ships: found by convention, started beside ``frontdesk serve``.

An entry ``NAME`` of ``mcp.json`` whose URL is on this machine, and for which there is a file
``mcp_servers/NAME/server.py``, is such a server. In production they run as services of their own,
under another host name, and nothing is started here.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import sys
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from frontdesk.mcp.config import HttpServer, load_servers
from frontdesk.ports import free_port
from frontdesk.process import Process

logger = logging.getLogger(__name__)

TOKEN = "FRONTDESK_MCP_TOKEN"
ONWARD = "x-frontdesk-onward"
"""The header of spans that are to go on to the user's own backend, where there is one."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
"""Seconds before a server that ended is started again."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server of the desk: ``script``, to listen at ``url``."""

    name: str
    script: Path
    url: str
    ended: asyncio.Event = field(default_factory=asyncio.Event, compare=False, repr=False)
    """Set once it ended by itself: it may be up again, or may never be."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of ``url``."""
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    def moved(self, port: int) -> "LocalServer":
        """The same server on another port."""
        parts = urlsplit(self.url)
        return replace(self, url=parts._replace(netloc=f"{parts.hostname}:{port}").geturl())


def desk_servers(root: Path) -> list[LocalServer]:
    """Servers of the desk at ``root``, where its ``mcp.json`` has them. Raises `McpConfigError`."""
    environ = {TOKEN: "", **os.environ}  # made up when the servers start
    servers = load_servers(root / "mcp_servers" / "mcp.json", environ)
    urls = {name: server.url for name, server in servers.items() if isinstance(server, HttpServer)}
    return local_servers(root.resolve(), urls)


def local_servers(root: Path, urls: Mapping[str, str]) -> list[LocalServer]:
    """Servers of the desk at ``root``, given the URLs by name in its ``mcp.json``."""
    found: list[LocalServer] = []
    for name, url in urls.items():
        script = root / "mcp_servers" / name / "server.py"
        if urlsplit(url).hostname in LOOPBACK and script.is_file():
            found.append(LocalServer(name, script, url))
    return found


@asynccontextmanager
async def running(
    servers: Iterable[LocalServer], data: Path, spans: Mapping[str, str] | None = None
) -> AsyncGenerator[list[LocalServer]]:
    """Start the servers; they are started again when they end, and end with the block, and
    with this process even on SIGKILL.

    Where the token was set by the user, a server that already listens is theirs and is used.
    Without one, a token is made up and put into the environment; then whatever listens cannot
    be ours, so a free port is taken. Yields those started, where they really are. Their output
    goes to ``<data>/mcp-NAME.log``. Does not wait for them: the connections try again.
    """
    shared = TOKEN in os.environ
    os.environ.setdefault(TOKEN, secrets.token_urlsafe(24))
    started: list[LocalServer] = []
    keepers: list[asyncio.Task[None]] = []
    try:
        for server in servers:
            if _is_listening(*server.address):
                if shared:
                    continue
                server = server.moved(free_port())
            keepers.append(asyncio.create_task(_keep(server, data, spans or {})))
            started.append(server)
        yield started
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        if not shared:  # or whoever is started next would take it for the user's
            os.environ.pop(TOKEN, None)


async def _keep(server: LocalServer, data: Path, spans: Mapping[str, str]) -> None:
    """Run the server, and start it again when it ends, until cancelled."""
    loop = asyncio.get_running_loop()
    pause = FIRST_PAUSE
    while True:
        began = loop.time()
        child = _start(server, data, spans)
        try:
            code = await asyncio.shield(child.ended)
        except OSError as error:
            logger.error("MCP server %s cannot be started: %s", server.name, error)
            return
        finally:
            await child.stop()
        server.ended.set()
        pause = FIRST_PAUSE if loop.time() - began > LONGEST_PAUSE else pause
        logger.warning(
            "MCP server %s ended (exit %d) and is started again; its last words are in %s",
            server.name,
            code,
            _last_words(server, data),
        )
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def last_line(server: LocalServer, data: Path) -> str | None:
    """The end of what a server wrote before it ended last; of what it writes, if it never did."""
    log = _log(server, data)
    for file in (log.with_suffix(".last.log"), log):
        with contextlib.suppress(OSError):
            lines = file.read_text(errors="replace").splitlines()
            return next((line.strip() for line in reversed(lines) if line.strip()), None)
    return None


def _last_words(server: LocalServer, data: Path) -> Path:
    """Its log, put aside from the one that the next start writes anew."""
    log = _log(server, data)
    kept = log.with_suffix(".last.log")
    with contextlib.suppress(OSError):
        log.replace(kept)
    return kept


def _log(server: LocalServer, data: Path) -> Path:
    return data / f"mcp-{server.name}.log"


def spans_to(url: str, certificate: Path | None = None) -> dict[str, str]:
    """The environment with which OpenTelemetry's exporters send spans to a Frontdesk at ``url``,
    with the MCP servers' token. Only spans of a turn are sent, soon enough to be watched.

    Where the user has an endpoint of their own for them, they get there from here, with the rest of
    their turns.
    """
    environ = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{url}/v1/traces",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "none",
        "OTEL_TRACES_SAMPLER": "parentbased_always_off",
        "OTEL_BSP_SCHEDULE_DELAY": "200",  # ms
    }
    if certificate is not None:
        environ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"] = str(certificate.resolve())
    return environ


def _start(server: LocalServer, data: Path, spans: Mapping[str, str]) -> Process:
    host, port = server.address
    command = [sys.executable, str(server.script), "--host", host, "--port", str(port)]
    # Nor is it any of their business what callers come in with.
    environ = {k: v for k, v in os.environ.items() if not k.startswith("FRONTDESK_API_KEY")}
    environ["FRONTDESK_DATA"] = str(data)
    if spans:
        headers = f"Authorization=Bearer%20{environ[TOKEN]},{ONWARD}=1"
        environ.update(spans, OTEL_EXPORTER_OTLP_TRACES_HEADERS=headers)
    data.mkdir(parents=True, exist_ok=True)
    return Process(command, _log(server, data), env=environ)


def _is_listening(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=0.5):
        return True
    return False
