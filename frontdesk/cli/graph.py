"""``frontdesk graph``: a team as a drawing."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from frontdesk.cli.desks import Overlay, load_teams
from frontdesk.cli.failures import Failure
from frontdesk.desk.drawing.graph import graph as graph_of
from frontdesk.desk.drawing.mermaid import mermaid
from frontdesk.desk.drawing.svg import svg
from frontdesk.desk.loader import LoadedTeam
from frontdesk.desk.problems import did_you_mean


def graph(
    team: Annotated[
        str | None,
        typer.Argument(help="A team of the desk in this folder by name, a team file, or a desk."),
    ] = None,
    format: Annotated[
        Literal["mermaid", "svg"], typer.Option(help="Text for Mermaid, or a picture.")
    ] = "mermaid",
    overlay: Overlay = None,
) -> None:
    """Draw a team: its agents, handoffs, tools and MCP servers.

    Writes to the terminal: frontdesk graph --format svg > team.svg
    """
    drawing = graph_of(_chosen(team, overlay).team)
    sys.stdout.write(svg(drawing) if format == "svg" else mermaid(drawing))


def _chosen(team: str | None, overlay: str | None) -> LoadedTeam:
    path = Path(team or ".")
    if team is None or path.exists() or path.suffix:
        teams = load_teams(path, overlay)
        if len(teams) > 1:
            raise Failure(f"say which team: {', '.join(loaded.team.name for loaded in teams)}")
        return teams[0]
    teams = {loaded.team.name: loaded for loaded in load_teams(Path(), overlay)}
    if team not in teams:
        hint = did_you_mean(team, teams) or f"this desk has {', '.join(teams)}"
        raise Failure(f"no team {team!r}: {hint}")
    return teams[team]
