"""``frontdesk check``: is this desk right?"""

from pathlib import Path
from typing import Annotated

import typer

from frontdesk.desk.loader import Desk, LoadedTeam, load_desk, load_team
from frontdesk.desk.problems import DeskError


def check(
    path: Annotated[
        Path, typer.Argument(help="A desk (a folder with agents/ in it) or one team file.")
    ] = Path(),
) -> None:
    """Find every mistake in a desk, running nothing.

    Looks at the teams, their prompts, tools and MCP servers. Each mistake is printed as
    FILE:LINE:COLUMN: MESSAGE, as compilers do, so editors and CI can jump to it. The exit code is
    1 when there is an error; warnings alone leave it at 0.
    """
    try:
        teams, warnings = _load(path)
    except DeskError as error:
        for problem in error.problems:
            typer.echo(str(problem))
        errors = sum(problem.severity == "error" for problem in error.problems)
        typer.echo(f"{_count(errors, 'error')} in {path}", err=True)
        raise typer.Exit(1) from None
    for warning in warnings:
        typer.echo(str(warning))
    for team in teams:
        typer.echo(_summary(team, bool(team.warnings)))


def _load(path: Path) -> tuple[list[LoadedTeam], tuple[object, ...]]:
    if path.suffix in (".yaml", ".yml") or path.is_file():
        team = load_team(path)
        return [team], team.warnings
    desk: Desk = load_desk(path)
    return list(desk.teams.values()), desk.warnings


def _summary(loaded: LoadedTeam, warned: bool) -> str:
    team = loaded.team
    parts = [_count(len(team.agents), "agent"), _count(len(team.tools), "tool")]
    parts.append(_count(len(team.mcp), "MCP server"))
    verdict = "no errors" if warned else "no problems"
    return f"{team.name} ({loaded.version}): {', '.join(parts)}: {verdict}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
