"""``frontdesk mcp login``: a person says yes in a browser, and the desk keeps the tokens."""

import asyncio
import webbrowser
from typing import Annotated

import typer

from frontdesk.cli.failures import Failure, make_data_dir
from frontdesk.cli.mcp.desk import FILE, Desk, Name, Servers, chosen, settings_of
from frontdesk.mcp.config import HttpServer, load_servers
from frontdesk.settings import Settings


def login(
    name: Name,
    desk: Desk = None,
    browser: Annotated[
        bool, typer.Option(help="Open a browser; else the address is only printed.")
    ] = True,
) -> None:
    """Log in to a server that takes OAuth, with a browser.

    The tokens are kept in the data folder, for us alone to read. A Frontdesk that runs takes them
    up at once, and refreshes them.
    """
    settings = settings_of(desk)
    config = chosen(Servers(load_servers(settings.desk / FILE), {}), name)
    if not isinstance(config, HttpServer) or config.oauth is None:
        raise Failure(f'{name} takes no OAuth: give it "oauth": true in mcp.json first')
    if config.oauth.grant == "client_credentials":
        raise Failure(f"{name} needs no login: it is given tokens for its client credentials")
    make_data_dir(settings)
    asyncio.run(_login(settings, config, browser))
    typer.echo(f"Logged in to {name}.")


async def _login(settings: Settings, config: HttpServer, browser: bool) -> None:
    from frontdesk.mcp.login import log_in  # they take a second to import
    from frontdesk.mcp.oauth_provider import OAuthFailed

    async def show(url: str) -> None:
        typer.echo(f"Log in here:\n\n  {url}\n")
        if browser:
            await asyncio.to_thread(webbrowser.open, url)

    try:
        await log_in(config, settings.data_dir, show)
    except OAuthFailed as error:
        raise Failure(f"no login: {error}") from None
