"""``frontdesk mcp``: the MCP servers of a desk."""

import typer

from frontdesk.cli.mcp import add, call, doctor, list_servers, login

app = typer.Typer(no_args_is_help=True, help="Look at the MCP servers of the desk, and add some.")
app.command("list")(list_servers.list_servers)
app.command("add", context_settings={"ignore_unknown_options": True})(add.add)
app.command("doctor")(doctor.doctor)
app.command("call")(call.call)
app.command("login")(login.login)
