"""``frontdesk serve``: one worker, with the desk's own MCP servers beside it."""

import asyncio
import os
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from frontdesk.app import create_app
from frontdesk.call.worker import Worker
from frontdesk.cli.failures import Failure, make_data_dir
from frontdesk.mcp import local
from frontdesk.mcp.config import HttpServer, load_servers
from frontdesk.settings import Settings

INSTANT = (
    "INSTANT MODELS: nothing is understood and nothing is spoken. Transcripts, replies and tones "
    "are made up, for tests and load runs only."
)


def serve(
    desk: Annotated[Path, typer.Argument(help="The desk: a folder with agents/.")] = Path(),
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    models: Annotated[
        str | None,
        typer.Option(help="auto, embedded, openai; or instant: made-up models for load runs."),
    ] = None,
    mcp_servers: Annotated[
        bool, typer.Option(help="Start the desk's own MCP servers when they do not run.")
    ] = True,
) -> None:
    """Serve a desk: the Realtime API at /v1/realtime, a page to talk at /talk, traces at /traces.

    Settings come from FRONTDESK_* variables; the options here win over them.
    """
    given = {"desk": desk, "host": host, "port": port, "models": models}
    settings = Settings.model_validate(
        {
            **Settings().model_dump(),
            **{key: value for key, value in given.items() if value is not None},
        }
    )
    with _bind(settings.host, settings.port) as listener:
        _run(_serve(settings, listener, mcp_servers))


def _run(serving: Coroutine[None, None, None]) -> None:
    """On uvloop, which halves what a frame costs, where there is one."""
    if sys.platform == "win32":
        asyncio.run(serving)
    else:
        import uvloop

        uvloop.run(serving)


async def _serve(settings: Settings, listener: socket.socket, with_mcp_servers: bool) -> None:
    make_data_dir(settings)
    servers = _local_servers(settings) if with_mcp_servers else []
    async with local.running(servers, settings.data_dir) as started:
        app = create_app(settings, mcp_urls={server.name: server.url for server in started})
        await app.state.worker.start()
        config = uvicorn.Config(
            app,
            ws="websockets-sansio",
            ws_max_size=32 * 1024 * 1024,
            ws_per_message_deflate=False,  # doubles the cost of a frame, and audio does not shrink
            log_level="warning",
            timeout_graceful_shutdown=5,
        )
        server = _Announcing(config, app.state.worker, started)
        await server.serve(sockets=[listener])
    if not server.started:
        raise typer.Exit(1)


class _Announcing(uvicorn.Server):
    """Says what runs, once it runs."""

    def __init__(
        self, config: uvicorn.Config, worker: Worker, started: list[local.LocalServer]
    ) -> None:
        super().__init__(config)
        self._worker = worker
        self._mcp = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not (self.started and sockets):
            return
        host, port = sockets[0].getsockname()[:2]
        address = f"{host}:{port}"
        worker = self._worker
        if worker.settings.models == "instant":
            typer.secho(INSTANT, fg="red", bold=True)
        typer.echo(f"Frontdesk is up. Teams: {', '.join(worker.teams)}.")
        for part, what in worker.describe().items():
            typer.echo(f"  {part:<16} {what}")
        for server in self._mcp:
            typer.echo(f"  {'mcp ' + server.name:<16} started at {server.url}")
        typer.echo(f"  talk             http://{address}/talk")
        typer.echo(f"  traces           http://{address}/traces")
        typer.echo(f"  Realtime API     ws://{address}/v1/realtime")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._worker.tracing.live.close()  # watchers would hold up the end
        await super().shutdown(sockets)


def _bind(host: str, port: int) -> socket.socket:
    """Take the port before anything is loaded, so that a busy one is known at once."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Failure(
            f"cannot listen on {host}:{port}: {error.strerror}. "
            "Choose another with --port or FRONTDESK_PORT; --port 0 takes a free one."
        ) from error
    return listener


def _local_servers(settings: Settings) -> list[local.LocalServer]:
    path = settings.desk / "mcp_servers" / "mcp.json"
    if not path.is_file():
        return []
    environ = {local.TOKEN: "", **os.environ}  # made up when the servers start
    servers = load_servers(path, environ)
    urls = {name: s.url for name, s in servers.items() if isinstance(s, HttpServer)}
    return local.local_servers(settings.desk.resolve(), urls)
