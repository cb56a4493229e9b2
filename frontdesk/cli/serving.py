"""The server itself: what ``frontdesk serve`` loads once the MCP servers are on their way."""

import logging
import socket
import ssl

import typer
import uvicorn

from frontdesk.app import create_app
from frontdesk.call.worker import Worker
from frontdesk.mcp.local import LocalServer
from frontdesk.ports import origin
from frontdesk.settings import Settings
from frontdesk.transports.frames import FrameProtocol
from frontdesk.transports.mcp.server import PATH, AgentServer

INSTANT = (
    "INSTANT MODELS: nothing is understood and nothing is spoken. Transcripts, replies and tones "
    "are made up, for tests and load runs only."
)


LOCAL_MCP_LIMIT = 30.0
"""Seconds to wait for the desk's own MCP servers, which start beside us and may be slower on a busy
machine. One that ended instead is not waited for."""


async def run(
    settings: Settings,
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    started: list[LocalServer],
) -> bool:
    """Serve on ``listener`` until told to stop; returns whether it ever was up."""
    app = create_app(settings, mcp_urls={server.name: server.url for server in started})
    worker: Worker = app.state.worker
    await worker.start()
    # Up means that the desk's own tools are there: the first caller may be quick.
    local = {server.name: server for server in started}
    await worker.mcp.until_ready(local, LOCAL_MCP_LIMIT, lambda name: local[name].ended.is_set())
    config = uvicorn.Config(
        app,
        ws=FrameProtocol,
        ws_max_size=32 * 1024 * 1024,
        ws_per_message_deflate=False,  # doubles the cost of a frame, and audio does not shrink
        log_level="warning",
        timeout_graceful_shutdown=5,
        ssl_context_factory=(lambda config, default: tls) if tls else None,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_true)
    server = _Announcing(config, worker, app.state.agents, len(app.state.keys), started)
    await server.serve(sockets=[listener])
    return server.started


def _is_true(record: logging.LogRecord) -> bool:
    """Not what uvicorn says of each WebSocket that is refused with a body, though all is well:
    https://github.com/Kludex/uvicorn/pull/3138."""
    return record.msg != "ASGI callable returned without completing handshake."


class _Announcing(uvicorn.Server):
    """Says what runs, once it runs."""

    def __init__(
        self,
        config: uvicorn.Config,
        worker: Worker,
        agents: AgentServer,
        keys: int,
        started: list[LocalServer],
    ) -> None:
        super().__init__(config)
        self._worker = worker
        self._agents = agents
        self._keys = keys
        self._mcp = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not (self.started and sockets):
            return
        host, port = sockets[0].getsockname()[:2]
        url = origin(host, port, tls=self.config.is_ssl)
        worker = self._worker
        if worker.settings.models == "instant":
            typer.secho(INSTANT, fg="red", bold=True)
        typer.echo(f"Frontdesk is up. Teams: {', '.join(worker.teams)}.")
        for part, what in worker.describe().items():
            typer.echo(f"  {part:<16} {what}")
        told = f"{self._keys} known" if self._keys else "none: open to this machine alone"
        typer.echo(f"  {'keys':<16} {told}")
        for server in self._mcp:
            typer.echo(f"  {'mcp ' + server.name:<16} started at {server.url}")
        typer.echo(f"  talk             {url}/talk")
        typer.echo(f"  traces           {url}/traces")
        typer.echo(f"  Realtime API     {url.replace('http', 'ws', 1)}/v1/realtime")
        typer.echo(f"  agents by MCP    {url}{PATH}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        typer.echo("Frontdesk stops: calls under way are ended.")
        self._worker.tracing.live.close()  # watchers would hold up the end
        self._agents.stop()
        await super().shutdown(sockets)
