"""``frontdesk check``: is this desk right?"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from frontdesk.cli.desks import Overlay, load_teams, root_of
from frontdesk.desk.loader import LoadedTeam
from frontdesk.desk.problems import DeskError, Problem, in_order


def check(
    path: Annotated[
        Path, typer.Argument(help="A desk (a folder with agents/ in it) or one team file.")
    ] = Path(),
    overlay: Overlay = None,
    servers: Annotated[
        bool,
        typer.Option(
            "--servers",
            help="Ask the MCP servers, too: do they answer, do they have the tools that the team "
            "names? Those that come with the desk are started for it.",
        ),
    ] = False,
) -> None:
    """Find every mistake in a desk, running nothing.

    Looks at the teams, their prompts, tools and MCP servers. Each mistake is printed as
    FILE:LINE:COLUMN: MESSAGE, as compilers do, so editors and CI can jump to it. The exit code is
    1 when there is an error; warnings alone leave it at 0.
    """
    teams, problems = _load(path, overlay)
    errors = _errors(problems)
    if servers and not errors:
        from frontdesk.cli.check_servers import check_servers  # takes a second to import

        problems = in_order([*problems, *asyncio.run(check_servers(root_of(path), teams))])
        errors = _errors(problems)
    elif servers:
        typer.echo("The MCP servers are not asked before the errors are mended.", err=True)
    for problem in problems:
        typer.echo(str(problem))
    if errors:
        typer.echo(f"{_count(errors, 'error')} in {path}", err=True)
        raise typer.Exit(1)
    for team in teams:
        warned = any(problem.file == team.path for problem in problems)
        typer.echo(_summary(team, warned or bool(team.warnings)))


def _load(path: Path, overlay: str | None) -> tuple[list[LoadedTeam], tuple[Problem, ...]]:
    try:
        teams = load_teams(path, overlay)
        problems = [warning for team in teams for warning in team.warnings]
    except DeskError as error:
        teams, problems = [], [*error.problems]
    lines = {(problem.file, problem.line) for problem in problems}
    unusable = _mcp_json(root_of(path))
    return teams, in_order([*problems, *(p for p in unusable if (p.file, p.line) not in lines)])


def _mcp_json(root: Path) -> Sequence[Problem]:
    """What ``serve`` would not accept of mcp.json."""
    from frontdesk.mcp.config import McpConfigError, load_servers
    from frontdesk.mcp.local import TOKEN

    try:
        load_servers(root / "mcp_servers" / "mcp.json", {TOKEN: "", **os.environ})
    except McpConfigError as error:
        return error.problems
    return ()


def _errors(problems: Sequence[Problem]) -> int:
    return sum(problem.severity == "error" for problem in problems)


def _summary(loaded: LoadedTeam, warned: bool) -> str:
    team = loaded.team
    parts = [_count(len(team.agents), "agent"), _count(len(team.tools), "tool")]
    parts.append(_count(len(team.mcp), "MCP server"))
    verdict = "no errors" if warned else "no problems"
    return f"{team.name} ({loaded.version}): {', '.join(parts)}: {verdict}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
