"""``frontdesk mcp list``: which servers there are, and who uses them."""

import os

import typer

from frontdesk.cli.desks import load_teams
from frontdesk.cli.mcp.desk import FILE, Desk, access, addresses, settings_of
from frontdesk.mcp.config import load_servers
from frontdesk.mcp.local import TOKEN


def list_servers(desk: Desk = None) -> None:
    """List the servers of mcp.json: address, access, the teams that use them.

    Asks none of them; `frontdesk mcp doctor` does.
    """
    settings = settings_of(desk)
    servers = load_servers(settings.desk / FILE, {TOKEN: "", **os.environ})
    if not servers:
        typer.echo(f"No servers: {settings.desk / FILE} has none. Add one: frontdesk mcp add URL")
        return
    users: dict[str, list[str]] = {}
    for loaded in load_teams(settings.desk, settings.overlay):
        for name in loaded.team.mcp:
            users.setdefault(name, []).append(loaded.team.name)
    where = addresses(settings.desk)
    width = max(map(len, servers))
    for name, config in servers.items():
        typer.echo(f"{name:{width}}  {where[name]}")
        typer.echo(f"{'':{width}}  access: {access(config)}")
        typer.echo(f"{'':{width}}  used by: {', '.join(users.get(name, [])) or 'no team'}")
