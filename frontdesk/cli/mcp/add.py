"""``frontdesk mcp add``: one more server, tried before it is written down."""

import asyncio
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from frontdesk.cli.failures import Failure
from frontdesk.cli.mcp.desk import FILE, Desk, settings_of
from frontdesk.desk.servers import read_servers
from frontdesk.mcp.config import McpConfigError, ServerConfig, load_servers
from frontdesk.mcp.editing import EMPTY, with_server
from frontdesk.mcp.hidden import visible

if TYPE_CHECKING:
    from frontdesk.mcp.diagnosis import Diagnosis

SECONDS = 60.0
"""A command may have to fetch its server first."""


def add(
    target: Annotated[
        list[str],
        typer.Argument(metavar="URL | COMMAND...", help="Its address, or what starts it."),
    ],
    name: Annotated[
        str | None, typer.Option(help="What to call it. Default: what it calls itself.")
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:VALUE", help="Sent with every request; '${X}' for secrets."),
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Variables of the command.")
    ] = None,
    oauth: Annotated[bool, typer.Option("--oauth", help="It takes OAuth.")] = False,
    untried: Annotated[
        bool, typer.Option("--untried", help="Write it down even if it does not answer.")
    ] = False,
    desk: Desk = None,
) -> None:
    """Try a server, and write it into mcp_servers/mcp.json.

    Everything else in the file stays as it is. Options come before the address or the command:
    frontdesk mcp add --name files -- npx -y some-server /srv
    """
    settings = settings_of(desk)
    file = settings.desk / FILE
    entry = _entry(target, header or [], env or [], oauth)
    if name and file.exists() and name in read_servers(file):
        raise Failure(f"{file} has a server {name!r} already. Choose another name with --name.")
    guess = _name(urlsplit(target[0]).hostname or Path(target[-1]).name)
    found = asyncio.run(_tried(entry, name or guess, settings.data_dir))
    if found.error and not untried:
        told = f"{found.error} ({found.mend})" if found.mend else found.error
        raise Failure(f"{told}\nNothing was written; --untried writes it all the same.")
    name = name or _name(found.server.rpartition(" ")[0] or found.server, guess)
    text = file.read_text(encoding="utf-8") if file.exists() else EMPTY
    try:
        written = with_server(text, name, entry)
    except ValueError as error:
        raise Failure(f"{file}: {error}. Choose another name with --name.") from None
    file.parent.mkdir(parents=True, exist_ok=True)
    _replace(file, written)
    tools = ", ".join(tool.name for tool in found.tools)
    typer.echo(f"{name} is in {file}{f', with the tools {tools}' if tools else ''}.")
    for finding in found.findings:
        typer.echo(f"note: {finding}", err=True)
    typer.echo(
        f"Give it to an agent:  mcp: {{ {name}: {{}} }}  and  mcp: [{name}]  with the agent."
    )


def _entry(target: list[str], headers: list[str], env: list[str], oauth: bool) -> dict[str, Any]:
    if re.match(r"https?://", target[0]):
        if len(target) > 1 or env:
            raise Failure("an address takes no arguments and no --env: those are for commands")
        entry: dict[str, Any] = {"type": "http", "url": target[0]}
        if headers:
            entry["headers"] = dict(_pair(text, ":", "--header") for text in headers)
        return {**entry, "oauth": True} if oauth else entry
    if headers or oauth:
        raise Failure("a command takes no --header and no --oauth: those are for addresses")
    entry = {"command": target[0], "args": target[1:]}
    return {**entry, "env": dict(_pair(text, "=", "--env") for text in env)} if env else entry


def _pair(text: str, sign: str, option: str) -> tuple[str, str]:
    name, found, value = text.partition(sign)
    if not (found and name.strip() and value.strip()):
        raise Failure(f"{option} {name}: expected NAME{sign}VALUE")
    if "authorization" in name.lower() and "${" not in value:
        typer.echo(
            f"note: {name} will stand in mcp.json in plain; '${{NAME}}' takes it from the "
            "environment.",
            err=True,
        )
    return name.strip(), value.strip()


async def _tried(entry: dict[str, Any], name: str, data: Path) -> "Diagnosis":
    """The server as it will be read from the file, asked. Raises :class:`Failure`."""
    from frontdesk.mcp.diagnosis import diagnose  # takes a second to import

    return await diagnose(_config(entry, name), data, SECONDS)


def _config(entry: dict[str, Any], name: str) -> ServerConfig:
    with tempfile.TemporaryDirectory(prefix="frontdesk-mcp-") as folder:
        alone = Path(folder) / "mcp.json"
        alone.write_text(with_server(EMPTY, name, entry), encoding="utf-8")
        try:
            return load_servers(alone)[name]
        except McpConfigError as error:
            problems = "; ".join(problem.message for problem in error.problems)
            raise Failure(problems or str(error)) from None


def _name(*told: str) -> str:
    """The first that makes a name."""
    names = (re.sub(r"[^a-z0-9_]+", "-", visible(text).lower()).strip("-") for text in told)
    return next((name[:40] for name in names if name), "server")


def _replace(file: Path, text: str) -> None:
    """All or nothing, so that a server that reads it meanwhile sees one or the other."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        if file.exists():
            fresh.chmod(file.stat().st_mode & 0o777)
        fresh.replace(file)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
