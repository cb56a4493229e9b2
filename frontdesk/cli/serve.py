"""``frontdesk serve``: one worker, with the desk's own MCP servers beside it."""

import asyncio
import signal
import socket
import ssl
import sys
import textwrap
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import typer

from frontdesk.api.keys import load_keys
from frontdesk.cli.failures import Failure, make_data_dir
from frontdesk.cli.tls import server_context
from frontdesk.mcp import local
from frontdesk.ports import origin
from frontdesk.settings import ModelSet, Settings


def _settings() -> str:
    """What the environment may say, as a list for the help."""
    lines = ["\b", "Settings, from the environment:"]
    for name, field in Settings.model_fields.items():
        lines.append(f"  FRONTDESK_{name.upper()}")
        lines += textwrap.wrap(
            field.description or "", 70, initial_indent=" " * 6, subsequent_indent=" " * 6
        )
    return "\n".join(lines)


SETTINGS = _settings()


def serve(
    desk: Annotated[
        Path | None, typer.Argument(help="The desk: a folder with agents/. Default: this folder.")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on. Default: 127.0.0.1, this machine only."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one. Default: 8080."),
    ] = None,
    overlay: Annotated[
        str | None,
        typer.Option(help="Overlay of the teams: prod takes agents/TEAM.prod.yaml, too."),
    ] = None,
    models: Annotated[
        ModelSet | None,
        typer.Option(
            help="Which models `provider: auto` means. Default: auto, which is OpenAI with "
            "OPENAI_API_KEY, else embedded. instant: made-up ones, for load runs."
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Certificate (PEM, with its chain): https and wss."),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Private key of the certificate (PEM).")
    ] = None,
    mcp_servers: Annotated[
        bool, typer.Option(help="Start the desk's own MCP servers when they do not run.")
    ] = True,
) -> None:
    """Answer calls: Realtime API, page to talk at, traces.

    The API is at /v1/realtime, the page at /talk, the calls at /traces, and /healthz says whether
    it is up. Options win over the settings.
    """
    given = {
        "desk": desk,
        "overlay": overlay,
        "host": host,
        "port": port,
        "models": models,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
    }
    settings = Settings.model_validate(
        {
            **Settings().model_dump(),
            **{key: value for key, value in given.items() if value is not None},
        }
    )
    load_keys(settings)  # what is wrong with them is better known before anything is loaded
    tls = server_context(settings)
    with _bind(settings.host, settings.port) as listener:
        _run(_serve(settings, listener, tls, mcp_servers))


def _run(serving: Coroutine[None, None, None]) -> None:
    """On uvloop, which halves what a frame costs, where there is one."""
    try:
        if sys.platform == "win32":
            asyncio.run(serving)
        else:
            import uvloop

            uvloop.run(serving)
    except asyncio.CancelledError:  # by SIGTERM: all is ended, as was asked for
        return


async def _serve(
    settings: Settings,
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    with_mcp_servers: bool,
) -> None:
    make_data_dir(settings)
    end_on_sigterm()
    typer.echo("Starting Frontdesk: loading the desk and its models.")
    servers = local.desk_servers(settings.desk) if with_mcp_servers else []
    host, port = listener.getsockname()[:2]
    spans = local.spans_to(origin(host, port, tls=tls is not None), settings.tls_cert)
    async with local.running(servers, settings.data_dir, spans) as started:
        # Takes a second to import, in which the MCP servers start.
        from frontdesk.cli.serving import run

        code = await run(settings, listener, tls, started)
    if code:
        raise typer.Exit(code)


def end_on_sigterm() -> None:
    """SIGTERM ends this task as Ctrl-C does, so that all it started is ended, too."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def end(*_: object) -> None:
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    signal.signal(signal.SIGTERM, end)


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
