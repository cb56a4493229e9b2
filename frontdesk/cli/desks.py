"""A desk or a team file, named on the command line."""

import os
from pathlib import Path
from typing import Annotated

import typer

from frontdesk.desk.layers import ENDINGS, overlays
from frontdesk.desk.loader import LoadedTeam, load_desk, load_team
from frontdesk.desk.problems import DeskError, Problem, did_you_mean

Overlay = Annotated[
    str | None,
    typer.Option(
        envvar="FRONTDESK_OVERLAY",
        show_envvar=False,
        help="Overlay of the teams: prod takes agents/TEAM.prod.yaml, too.",
    ),
]


def load_teams(path: Path, overlay: str | None = None) -> list[LoadedTeam]:
    """The team of a file, or all of a desk. An overlay's file stands for its team with it.

    Raises `DeskError`, also when one file is named and has no such overlay."""
    if not _is_file(path):
        return list(load_desk(path, overlay=overlay).teams.values())
    if overlay and path.is_file() and not path.stem.endswith(f".{overlay}"):
        there_are = overlays(path)
        if overlay not in there_are:
            message = f"has no overlay `{overlay}`: expected {path.stem}.{overlay}{path.suffix}"
            raise DeskError([Problem(path, 1, 1, message, did_you_mean(overlay, there_are))])
    return [load_team(path, os.environ, overlay)]


def root_of(path: Path) -> Path:
    """The desk that a path of the command line belongs to."""
    if not _is_file(path):
        return path
    return path.parent.parent if path.parent.name == "agents" else path.parent


def _is_file(path: Path) -> bool:
    return path.suffix in ENDINGS or path.is_file()
