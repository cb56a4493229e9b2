"""``frontdesk mcp doctor``: what is wrong with a server, in plain words."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

import typer

from frontdesk.cli.desks import load_teams
from frontdesk.cli.failures import Failure
from frontdesk.cli.mcp.desk import Desk, access, addresses, chosen, settings_of, up
from frontdesk.cli.server import running
from frontdesk.desk.problems import DeskError
from frontdesk.settings import Settings

if TYPE_CHECKING:
    from frontdesk.mcp.diagnosis import Diagnosis

Verdict = Literal["ok", "note", "warn", "bad"]
Line = tuple[Verdict, str]
COLOURS = {"ok": "green", "note": None, "warn": "yellow", "bad": "red"}
SLOW_MS = 1000.0
"""A caller hears a pause of a second."""


def doctor(
    names: Annotated[
        list[str] | None, typer.Argument(help="Servers, as mcp.json names them. Default: all.")
    ] = None,
    desk: Desk = None,
    seconds: Annotated[float, typer.Option(help="How long a server may take to be there.")] = 20.0,
) -> None:
    """Connect to servers and tell how they are.

    Handshake, protocol, access, tools and what was found in them, latency, pins. The exit code is 1
    when one cannot be used. Servers that come with the desk are started for it.
    """
    if not asyncio.run(_doctor(settings_of(desk), names, seconds)):
        raise typer.Exit(1)


async def _doctor(settings: Settings, names: list[str] | None, seconds: float) -> bool:
    from frontdesk.mcp.diagnosis import diagnose  # takes a second to import

    well, where = True, addresses(settings.desk)
    async with up(settings.desk, names) as servers:
        for name in names or servers.configs:
            config = chosen(servers, name)
            typer.secho(f"{name}  {where[name]}", bold=True)
            ours = name in servers.words
            found = await diagnose(config, settings.data_dir, seconds, starting=ours)
            said = servers.words[name]() if found.error and ours else None
            lines = [*_lines(found, said), *_uses(settings, found)]
            lines += await asyncio.to_thread(_pins, settings, name)
            for verdict, words in lines:
                typer.secho(f"  {verdict:4}  {words}", fg=COLOURS[verdict])
            well = well and not any(verdict == "bad" for verdict, _ in lines)
        if not servers.configs:
            typer.echo("mcp.json has no servers. Add one: frontdesk mcp add URL")
    return well


def _lines(found: "Diagnosis", said: str | None) -> Iterator[Line]:
    if found.error:
        yield "bad", found.error
        yield "note", f"access: {access(found.config)}"
        if found.mend:
            yield "note", found.mend
        if said:
            yield "note", f"its last words: {said}"
        return
    yield "ok", f"there within {found.connected_ms:.0f} ms: {found.server or 'it gives no name'}"
    yield "ok", _protocol(found)
    yield "ok", f"access: {access(found.config)}{_token(found)}"
    dropped = {finding.tool for finding in found.findings if finding.dropped}
    if found.tools:
        names = ", ".join(tool.name for tool in found.tools)
        yield "ok", f"{_tools(len(found.tools))} can be used: {names}"
    else:
        yield "bad", "it has no tool that can be used"
    if dropped:
        yield "warn", f"{_tools(len(dropped))} cannot be used:"
    for finding in found.findings:
        yield "warn", str(finding)
    for tool in found.tools:
        if not (tool.description or "").strip():
            yield "warn", f"tool {tool.name!r}: no description, so models can but guess its use"
    if found.latencies:
        slow = found.p95 > SLOW_MS
        rounds = f"of {len(found.latencies)} lists of its tools"
        pace = f"answers in {found.p50:.1f} ms (p50), {found.p95:.1f} ms (p95) {rounds}"
        yield ("warn" if slow else "ok"), pace
    else:
        yield "bad", "it lost the connection when it was asked for its tools again"


def _tools(number: int) -> str:
    return f"{number} tool{'' if number == 1 else 's'}"


def _protocol(found: "Diagnosis") -> str:
    if found.has_session:
        return f"speaks {found.protocol}: sessions, opened anew when it forgets one"
    return f"speaks {found.protocol}: every request stands for itself"


def _token(found: "Diagnosis") -> str:
    left = found.token_seconds
    return "" if left is None else f"; the token is good for {max(left, 0) / 60:.0f} more minutes"


def _uses(settings: Settings, found: "Diagnosis") -> Iterator[Line]:
    name = found.config.name
    try:
        teams = load_teams(settings.desk, settings.overlay)
    except DeskError:
        yield "note", "the teams have mistakes: see `frontdesk check`"
        return
    users = [loaded.team.name for loaded in teams if name in loaded.team.mcp]
    yield ("note", f"used by: {', '.join(users)}") if users else ("note", "no team uses it")


def _pins(settings: Settings, name: str) -> Iterator[Line]:
    """The pins are kept in the store, which belongs to a Frontdesk that runs."""
    try:
        server = running(settings)
        told: dict[str, Any] | None = server and server.get(f"/api/mcp/{quote(name, safe='')}")
    except Failure as failure:
        yield "note", f"pins: not known: {failure}"
        return
    if told is None:
        yield "note", "pins: not known, as no Frontdesk runs here"
        return
    for change in told["changes"]:
        verb = "is new" if change["kind"] == "new" else "is not what was pinned"
        yield "warn", f"tool {change['tool']!r} {verb}: see `frontdesk mcp accept {name}`"
    if not told["changes"]:
        yield "ok", "pins: its tools are what they were when they were first seen"
