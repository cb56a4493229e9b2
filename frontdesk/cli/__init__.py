"""The ``frontdesk`` command: one module a subcommand."""

import gc
import sys
from typing import Annotated

import typer

from frontdesk import __version__
from frontdesk.cli import (
    call,
    chat,
    check,
    conformance,
    demo,
    diff,
    doctor,
    graph,
    init,
    key,
    mcp,
    serve,
    traces,
)
from frontdesk.cli.failures import explained

BEGIN = """\b
To begin:
  frontdesk demo                      hear a call being answered
  frontdesk init mydesk && cd mydesk  a desk of your own, to change at will
  frontdesk check                     is it right?
  frontdesk serve                     talk to it at http://127.0.0.1:8080/talk
"""

app = typer.Typer(
    name="frontdesk",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=BEGIN,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"frontdesk {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """A voice front end for teams of AI agents: people call, specialists answer."""


app.command("demo")(demo.demo)
app.command("serve", epilog=serve.SETTINGS)(serve.serve)
app.command("key")(key.key)
app.command("init")(init.init)
app.command("check")(check.check)
app.command("doctor")(doctor.doctor)
app.command("graph")(graph.graph)
app.command("diff")(diff.diff)
app.command("call")(call.call)
app.command("chat")(chat.chat)
app.command("conformance")(conformance.conformance)
app.add_typer(mcp.app, name="mcp")
app.add_typer(traces.app, name="traces")


def main() -> None:
    """Entry point. Expected failures end in one message and exit code 1, never a traceback."""
    # Nothing that is imported or loaded at the start is garbage: looking for some would take a
    # fifth of the time. It is turned on again when a server is up.
    gc.disable()
    with explained():
        sys.exit(app())
