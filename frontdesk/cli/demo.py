"""``frontdesk demo``: a whole call, spoken and answered, on this machine alone."""

import asyncio
import contextlib
import importlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.cli.server import started
from frontdesk.desk.starter import init_desk
from frontdesk.settings import Settings

if TYPE_CHECKING:
    from frontdesk.cli.demo_call import DemoCaller


def demo(
    exit_after: Annotated[
        bool, typer.Option("--exit", help="End after the call; exit code 0 only if all was right.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The recording; default: demo.wav in the data folder.")
    ] = None,
) -> None:
    """Start everything, place a spoken call of three turns, and leave it running to talk to.

    Runs the desk in this folder, or the example desk when there is none. Needs no API key, no
    server and no network: models and state come from installed packages. Ctrl-C ends all of it.
    """
    right = asyncio.run(_demo(exit_after, out))
    if exit_after and not right:
        raise typer.Exit(1)


async def _demo(exit_after: bool, out: Path | None) -> bool:
    began = time.monotonic()
    settings = _desk(Settings())
    getting_ready = asyncio.create_task(_caller())
    async with started(settings) as server:
        for part, what in server.in_use.items():
            typer.echo(f"  {part:<16} {what}")
        caller = await getting_ready
        typer.echo(f"  {'started in':<16} {time.monotonic() - began:.1f} s")
        right = await caller.call(server, out or settings.data_dir / "demo.wav")
        if not exit_after:
            typer.echo(f"\nTalk to it at {server.url}/talk (Ctrl-C ends all of it).")
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            typer.echo("\nEnding Frontdesk …")
    return right


def _desk(settings: Settings) -> Settings:
    """The desk of this folder, or a fresh example desk."""
    if (settings.desk / "agents").is_dir():
        return settings
    desk = settings.data or Path(tempfile.mkdtemp(prefix="frontdesk-"))
    if not (desk / "agents").is_dir():
        init_desk(desk)
    typer.echo(f"No desk in this folder: the example desk is put into {desk}.", err=True)
    return settings.model_copy(update={"desk": desk})


async def _caller() -> "DemoCaller":
    # In a thread: the import takes a good part of the server's start.
    module = await asyncio.to_thread(importlib.import_module, "frontdesk.cli.demo_call")
    caller: DemoCaller = module.DemoCaller()
    await caller.prepare()
    return caller
