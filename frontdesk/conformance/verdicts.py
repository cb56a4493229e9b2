"""How a check can end, and what is told when it fails."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, cast

Event = dict[str, Any]


def inner(event: object, *path: str) -> dict[str, Any]:
    """The object at a path in an event; empty when there is none."""
    for key in path:
        event = cast("Event", event).get(key) if isinstance(event, dict) else None
    return cast("Event", event) if isinstance(event, dict) else {}


def several(event: object, *path: str) -> list[Any]:
    """The list at a path in an event; empty when there is none."""
    found = inner(event, *path[:-1]).get(path[-1])
    return cast("list[Any]", found) if isinstance(found, list) else []


Status = Literal["passed", "failed", "skipped"]


class Failed(Exception):
    """The server did something else than the protocol says."""

    def __init__(
        self, expected: str, seen: Event | str | None = None, *, overdue: bool = False
    ) -> None:
        """``overdue``: the server had time, and sent nothing more."""
        super().__init__(expected)
        self.expected = expected
        self.seen = seen
        self.overdue = overdue


class Skipped(Exception):
    """The check cannot be made against this server; the message says why."""


@dataclass(slots=True)
class Check:
    """One line of the report: a scenario, or a rule over all streams."""

    area: str
    name: str
    rule: str
    """What must hold, and the section of the reference that says so."""
    status: Status
    reason: str = ""
    """Why it was skipped, or what was expected when it failed."""
    seen: Event | str | None = None
    scenario: str = ""
    """Where a broken rule was seen first."""
    before: list[str] = field(default_factory=list[str])
    """The last frames before the failure, oldest first."""
    covers: tuple[str, ...] = ()
    seconds: float = 0.0
    event: str = ""
    """The type of the first failing event: the last one when none came."""


@dataclass(slots=True)
class Ledger:
    """How often each rule was judged, and where it was first broken."""

    scenario: str = ""
    judged: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    broken: dict[tuple[str, str], Check] = field(default_factory=dict[tuple[str, str], Check])
    recent: list[str] = field(default_factory=list[str])

    def judge(self, area: str, name: str, holds: bool, expected: str, seen: Event | None) -> bool:
        """Note one judgement; only the first breach of a rule is kept. Returns ``holds``."""
        self.judged[area, name] += 1
        if not holds and (area, name) not in self.broken:
            self.broken[area, name] = Check(
                area, name, "", "failed", expected, seen, self.scenario, self.before()
            )
            self.broken[area, name].event = str(seen["type"]) if seen else "(no event)"
        return holds

    def before(self) -> list[str]:
        """The last frames, in which a run of one kind is one line."""
        runs: list[tuple[str, int]] = []
        for line in self.recent:
            if runs and runs[-1][0].split()[:2] == line.split()[:2]:
                runs[-1] = (line, runs[-1][1] + 1)
            else:
                runs.append((line, 1))
        return [line if count == 1 else f"{line}  (x{count})" for line, count in runs[-8:]]

    def add(self, other: "Ledger") -> None:
        """Take over what another stream showed."""
        self.judged += other.judged
        for key, check in other.broken.items():
            self.broken.setdefault(key, check)
