"""What there is to tell of a worker's teams: their versions, and what is wrong with their files."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from frontdesk.call.live_team import LiveTeam
from frontdesk.desk.files import plain
from frontdesk.desk.problems import Problem
from frontdesk.state.versions import Pin


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why what the files say is not in use, since ``at`` (unix seconds)."""

    at: float
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class Versions:
    """One team. ``chosen`` is up when somebody chose a version for new calls (``pin``); ``known``
    are versions by when they were first loaded."""

    newest: LiveTeam
    pin: Pin | None = None
    chosen: LiveTeam | None = None
    known: dict[str, float] = field(default_factory=dict[str, float])
    trouble: Trouble | None = None

    @property
    def current(self) -> LiveTeam:
        """What new calls get."""
        return self.chosen or self.newest


def report(
    root: Path,
    teams: Mapping[str, Versions],
    strays: Mapping[Path, Trouble],
    in_use: Iterable[LiveTeam],
) -> dict[str, Any]:
    """For people and programs: ``{"teams": […], "other_files": […]}``, times in unix seconds."""
    calls = Counter((live.loaded.team.name, live.version) for live in in_use)
    return {
        "teams": [_team(root, name, team, calls) for name, team in teams.items()],
        "other_files": [
            {"file": _place(root, path), "trouble": _told(root, trouble)}
            for path, trouble in strays.items()
        ],
    }


def _team(
    root: Path, name: str, team: Versions, calls: Mapping[tuple[str, str], int]
) -> dict[str, Any]:
    versions = sorted(team.known.items(), key=lambda known: -known[1])
    return {
        "name": name,
        "file": _place(root, team.newest.loaded.path),
        "current": team.current.version,
        "newest": team.newest.version,
        "chosen": team.pin and {"version": team.pin.version, "at": team.pin.at},
        "versions": [
            {
                "version": version,
                "loaded_at": at,
                "calls": calls.get((name, version), 0),
                "current": version == team.current.version,
            }
            for version, at in versions
        ],
        "trouble": team.trouble and _told(root, team.trouble),
    }


def _told(root: Path, trouble: Trouble) -> dict[str, Any]:
    errors = (problem for problem in trouble.problems if problem.severity == "error")
    return {"at": trouble.at, "problems": [_problem(root, problem) for problem in errors]}


def _problem(root: Path, problem: Problem) -> dict[str, Any]:
    return {
        "file": _place(root, problem.file),
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "hint": problem.hint,
    }


def _place(root: Path, path: Path) -> str:
    """A file as people of the desk name it."""
    inside = plain(path).is_relative_to(plain(root))
    return str(plain(path).relative_to(plain(root)) if inside else path)
