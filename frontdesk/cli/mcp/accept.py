"""``frontdesk mcp accept``: a person's word that a server's tools may be what they now are."""

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

import typer

from frontdesk.cli.failures import Failure
from frontdesk.cli.server import Server, reachable
from frontdesk.settings import Settings

LIMIT = 20.0
"""Seconds for the MCP server to be there."""


def accept(
    name: Annotated[str, typer.Argument(help="The server, as mcp.json names it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    url: Annotated[
        str | None,
        typer.Option(help="A running Frontdesk. Default: the one of this machine, or a new one."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="API key. Default: FRONTDESK_API_KEY.", show_default=False)
    ] = None,
) -> None:
    """Show what changed in a server's tools since they were pinned, and accept it.

    All workers that share the store know of it within seconds.
    """
    asyncio.run(_accept(name, yes, url, key))


async def _accept(name: str, yes: bool, url: str | None, key: str | None) -> None:
    # No call is made: a server of our own need load no models.
    settings = Settings().model_copy(update={"models": "instant"})
    async with reachable(url, settings, key) as server:
        path = f"/api/mcp/{quote(name, safe='')}"
        changes = (await _ready(server, path))["changes"]
        if not changes:
            typer.echo(f"Nothing to accept: the tools of {name} are as they were pinned.")
            return
        for change in changes:
            typer.secho(f"{change['tool']} ({change['kind']})", bold=True)
            typer.echo(f"{change['diff']}\n")
        if yes or await asyncio.to_thread(typer.confirm, "Accept this?"):
            digests = [change["digest"] for change in changes]
            told = await asyncio.to_thread(server.post, f"{path}/accept", {"digests": digests})
            typer.echo(f"Accepted: {', '.join(told['accepted'])}.")


async def _ready(server: Server, path: str) -> dict[str, Any]:
    """The MCP server as Frontdesk sees it, once it is there. Raises :class:`Failure`."""
    told: dict[str, Any] = {}
    for _ in range(int(LIMIT / 0.25)):
        told = await asyncio.to_thread(server.get, path)
        if told["state"] == "ready":
            return told
        await asyncio.sleep(0.25)
    raise Failure(f"the MCP server {told['name']} is not there: {told['error'] or told['state']}")
