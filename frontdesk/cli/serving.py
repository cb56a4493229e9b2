"""The server itself: what ``frontdesk serve`` loads once the MCP servers are on their way."""

import asyncio
import logging
import os
import signal
import socket
import ssl
import threading
from types import FrameType

import typer
import uvicorn

from frontdesk.api.keys import described
from frontdesk.app import create_app
from frontdesk.call.presence import address
from frontdesk.call.worker import Worker
from frontdesk.desk.problems import DeskError
from frontdesk.mcp.local import LocalServer
from frontdesk.mcp.required import absent
from frontdesk.ports import origin
from frontdesk.settings import Settings
from frontdesk.transports.frames import FrameProtocol
from frontdesk.transports.mcp.server import PATH, AgentServer

logger = logging.getLogger(__name__)

INSTANT = (
    "INSTANT MODELS: nothing is understood and nothing is spoken. Transcripts, replies and tones "
    "are made up, for tests and load runs only."
)


LOCAL_MCP_LIMIT = 30.0
"""Seconds to wait for the desk's own MCP servers, which start beside us and may be slower on a busy
machine. One that ended instead is not waited for."""


ENDING = 8.0
"""Seconds at the end of a drain for what is not handed over yet, and for everything else to end."""
LAST_WORDS = 2
"""Seconds that connections get to be closed in, once the drain is over."""


async def run(
    settings: Settings,
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    started: list[LocalServer],
) -> int:
    """Serve on ``listener`` until told to stop; returns the exit code."""
    app = create_app(settings, mcp_urls={server.name: server.url for server in started})
    worker: Worker = app.state.worker
    worker.presence.address = address(settings, listener.getsockname()[1])
    await worker.start()
    try:
        await _until_mcp(worker, started)
    except BaseException:
        await worker.aclose()
        raise
    config = uvicorn.Config(
        app,
        ws=FrameProtocol,
        ws_max_size=32 * 1024 * 1024,
        ws_per_message_deflate=False,  # doubles the cost of a frame, and audio does not shrink
        log_level="warning",
        timeout_graceful_shutdown=LAST_WORDS,
        ssl_context_factory=(lambda config, default: tls) if tls else None,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_true)
    for transport in ("streamable_http", "stdio"):
        logging.getLogger(f"mcp.client.{transport}").addFilter(_without_stack)
    keys = described(app.state.keys.roles)
    server = _Announcing(config, worker, app.state.agents, keys, started)
    await server.serve(sockets=[listener])
    return server.exit_code if server.started else 1


async def _until_mcp(worker: Worker, started: list[LocalServer]) -> None:
    """Up means that the desk's own tools are there, as the first caller may be quick, and what the
    teams can't do without. Raises ``DeskError`` when that is missing."""
    local = {server.name: server for server in started}

    def has_ended(name: str) -> bool:
        return name in local and local[name].ended.is_set()

    await worker.mcp.until_ready(local, LOCAL_MCP_LIMIT, has_ended)
    teams = [team.loaded for team in worker.teams.values()]
    if problems := await absent(teams, worker.mcp, has_ended):
        raise DeskError(problems)


def _is_true(record: logging.LogRecord) -> bool:
    """Not what uvicorn says of each WebSocket that is refused with a body, though all is well:
    https://github.com/Kludex/uvicorn/pull/3138."""
    return record.msg != "ASGI callable returned without completing handshake."


def _without_stack(record: logging.LogRecord) -> bool:
    """The nonsense that an MCP server sends is no fault of ours, and told in a sentence."""
    record.exc_info = record.exc_text = None
    return True


def give_up_after(seconds: float) -> None:
    """Be gone by then, whatever hangs. What this process started ends with it."""

    def give_up() -> None:
        logger.error("Frontdesk has not come to its end within %g s, and stops as it is.", seconds)
        os._exit(1)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()


class _Announcing(uvicorn.Server):
    """Says what runs, once it runs; hands its calls over when it is told to stop."""

    def __init__(
        self,
        config: uvicorn.Config,
        worker: Worker,
        agents: AgentServer,
        keys: str,
        started: list[LocalServer],
    ) -> None:
        super().__init__(config)
        self._worker = worker
        self._agents = agents
        self._keys = keys
        self._mcp = started
        self._loop = asyncio.get_running_loop()
        self.exit_code = 0

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
        typer.echo(f"  {'keys':<16} {self._keys}")
        for server in self._mcp:
            typer.echo(f"  {'mcp ' + server.name:<16} started at {server.url}")
        typer.echo(f"  talk             {url}/talk")
        typer.echo(f"  traces           {url}/traces")
        typer.echo(f"  Realtime API     {url.replace('http', 'ws', 1)}/v1/realtime")
        typer.echo(f"  agents by MCP    {url}{PATH}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit and sig == signal.SIGINT and not self._worker.drain.hurried:
            self._loop.call_soon_threadsafe(self._worker.drain.hurry)
            return
        if not self.should_exit:
            self._loop.call_soon_threadsafe(self._worker.drain.begin)
            give_up_after(max(self._worker.settings.drain_seconds, ENDING))
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        drain, calls = self._worker.drain, len(self._worker.calls)
        seconds = max(self._worker.settings.drain_seconds - ENDING, 0.0)
        how = f", each at a pause, within {seconds:g} s. Ctrl-C: at once" if drain.waits else ""
        typer.echo(f"Frontdesk stops. Calls to hand over: {calls}{how}.")
        typer.echo(str(await drain.run(seconds)))
        self._worker.tracing.live.close()  # watchers would hold up the end
        self._worker.following.close()
        self._agents.stop()
        await super().shutdown(sockets)
        # uvicorn would raise them again, in the middle of what else is to be ended.
        self.exit_code = 130 if signal.SIGINT in self._captured_signals else 0
        self._captured_signals.clear()
