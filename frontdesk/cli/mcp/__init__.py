"""``frontdesk mcp``: the MCP servers of a desk."""

import logging
from functools import partial

import typer

from frontdesk.cli.mcp import accept, add, call, doctor, list_servers, login

app = typer.Typer(no_args_is_help=True)
app.command("list")(list_servers.list_servers)
app.command("add", context_settings={"ignore_unknown_options": True})(add.add)
app.command("doctor")(doctor.doctor)
app.command("accept")(accept.accept)
app.command("call")(call.call)
app.command("login")(login.login)


@app.callback()
def quiet(context: typer.Context) -> None:
    """Look at the MCP servers of the desk, and add some."""
    # What is wrong is in what the commands say; the log is for servers that run for days.
    log = logging.getLogger("frontdesk.mcp")
    context.call_on_close(partial(log.setLevel, log.level))
    log.setLevel(logging.ERROR)
