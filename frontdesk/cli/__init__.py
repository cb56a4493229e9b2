"""The ``frontdesk`` command: one module a subcommand."""

import gc
import sys

import typer

from frontdesk import __version__
from frontdesk.cli import call, chat, check, demo, init, serve, traces
from frontdesk.cli.failures import explained

app = typer.Typer(
    name="frontdesk",
    help="A voice front end for teams of AI agents. Start with: frontdesk demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    """A voice front end for teams of AI agents."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("init")(init.init)
app.command("check")(check.check)
app.command("call")(call.call)
app.command("chat")(chat.chat)
app.add_typer(traces.app, name="traces")


def main() -> None:
    """Entry point. Expected failures end in one message and exit code 1, never a traceback."""
    # Nothing that is imported or loaded at the start is garbage: looking for some would take a
    # fifth of the time. It is turned on again when a server is up.
    gc.disable()
    with explained():
        sys.exit(app())
