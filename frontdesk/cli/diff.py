"""``frontdesk diff``: what a change to a team means."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from frontdesk.cli.desks import root_of
from frontdesk.cli.failures import Failure
from frontdesk.desk.changes import Change, changes, server_changes
from frontdesk.desk.loader import LoadedTeam, load_desk, load_team
from frontdesk.desk.problems import DeskError
from frontdesk.desk.servers import read_servers

LONG, AROUND = 60, 24
"""Letters of a value that is cut to where it differs, and how many are left around that."""


def diff(
    before: Annotated[Path, typer.Argument(help="A team file, or a desk.", metavar="A")],
    after: Annotated[Path, typer.Argument(help="The other one.", metavar="B")],
    patch: Annotated[
        bool, typer.Option("--patch", "-p", help="Show the changed lines of prompts.")
    ] = False,
) -> None:
    """Say what differs in meaning between two teams or desks.

    Agents, handoffs, tools, models, voice, MCP servers and prompts; not layout, comments or order.
    References such as ${env:NAME} are compared as they are written. The exit code is 0 when
    nothing differs, 1 when something does, 2 when that can't be told.
    """
    try:
        for path in (before, after):
            if not path.exists():
                raise Failure(f"{path}: no such file or folder")
        if before.is_dir() != after.is_dir():
            raise Failure(f"{before} and {after}: name two team files, or two desks")
        compare = _desks if before.is_dir() else _files
        found = dict(compare(before, after))
    except (DeskError, Failure) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    for title, differences in found.items():
        typer.echo(f"{title}:")
        for change in differences:
            for line in _lines(change, patch):
                typer.echo(f"  {line}")
    if found:
        raise typer.Exit(1)


Found = Iterator[tuple[str, list[Change]]]


def _files(before: Path, after: Path) -> Found:
    old, new = load_team(before), load_team(after)
    if found := changes(old, new):
        yield old.team.name, found


def _desks(before: Path, after: Path) -> Found:
    old, new = load_desk(before).teams, load_desk(after).teams
    for name in sorted({*old, *new}):
        if found := _team(old.get(name), new.get(name)):
            yield name, found
    servers = [_servers(root_of(path)) for path in (before, after)]
    if found := server_changes(*servers):
        yield "mcp_servers/mcp.json", found


def _team(old: LoadedTeam | None, new: LoadedTeam | None) -> list[Change]:
    if old and new:
        return changes(old, new)
    return [Change("-" if old else "+", "the team")]


def _servers(root: Path) -> dict[str, object]:
    path = root / "mcp_servers" / "mcp.json"
    return read_servers(path) if path.is_file() else {}


def _lines(change: Change, patch: bool) -> Iterator[str]:
    old, new = change.before, change.after
    if change.sign != "~" or old is None or new is None:
        value = new if old is None else old
        yield f"{change.sign} {change.where}" + (f": {value}" if value is not None else "")
    elif "\n" in old + new or change.where.endswith(".instructions"):
        lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), n=1, lineterm=""))
        added, removed = (sum(line[0] == sign for line in lines[2:]) for sign in "+-")
        yield f"~ {change.where}: {_count(added)} added, {_count(removed)} removed"
        if patch:
            yield from (f"    {line}" for line in lines[2:])
    else:
        old, new = _focused(old, new)
        yield f"~ {change.where}: {old} → {new}"


def _focused(old: str, new: str) -> tuple[str, str]:
    """Two long texts, cut to where they differ."""
    if max(len(old), len(new)) <= LONG:
        return old, new
    start = _alike(old, new)
    rest = _alike(old[start:][::-1], new[start:][::-1])
    ends = (len(old) - rest, len(new) - rest)
    first, last = max(start - AROUND, 0), AROUND
    cut = (text[first : end + last] for text, end in zip((old, new), ends, strict=True))
    short_old, short_new = (("…" if first else "") + text for text in cut)
    tail = "…" if rest > last else ""
    return short_old + tail, short_new + tail


def _alike(one: str, other: str) -> int:
    """How many letters two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _count(number: int) -> str:
    return f"{number} line" + ("" if number == 1 else "s")
