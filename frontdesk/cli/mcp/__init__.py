"""``frontdesk mcp``: the MCP servers of a desk."""

import logging

import typer

from frontdesk.cli.mcp import add, call, doctor, list_servers, login

app = typer.Typer(no_args_is_help=True)
app.command("list")(list_servers.list_servers)
app.command("add", context_settings={"ignore_unknown_options": True})(add.add)
app.command("doctor")(doctor.doctor)
app.command("call")(call.call)
app.command("login")(login.login)


@app.callback()
def quiet() -> None:
    """Look at the MCP servers of the desk, and add some."""
    # What is wrong is in what the commands say; the log is for servers that run for days.
    logging.getLogger("frontdesk.mcp").setLevel(logging.ERROR)
