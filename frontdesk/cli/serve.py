"""``frontdesk serve``: one worker, with the desk's own MCP servers beside it."""

import asyncio
import os
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import typer

from frontdesk.cli.failures import Failure, make_data_dir
from frontdesk.mcp import local
from frontdesk.mcp.config import HttpServer, load_servers
from frontdesk.settings import Settings


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
    typer.echo("Starting Frontdesk: loading the desk and its models.")
    servers = _local_servers(settings) if with_mcp_servers else []
    async with local.running(servers, settings.data_dir) as started:
        # Takes a second to import, in which the MCP servers start.
        from frontdesk.cli.serving import run

        up = await run(settings, listener, started)
    if not up:
        raise typer.Exit(1)


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
