"""What is wrong with a desk, and where."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake at one place. ``line`` and ``column`` count from 1.

    An ``error`` keeps a team from loading; a ``warning`` does not.
    """

    file: Path
    line: int
    column: int
    message: str
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        kind = "warning: " if self.severity == "warning" else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {kind}{self.message}{hint}"


class DeskError(Exception):
    """A desk or team that can't be loaded, with every problem found, in reading order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, by file, line and column."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (str(p.file), p.line, p.column)))


def warning(problem: Problem) -> Problem:
    """The same, as a warning."""
    return replace(problem, severity="warning")


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint with the nearest known name, if one is near."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else None


def one_of(names: Sequence[str]) -> str:
    """``a``, ``b`` or ``c``, for a message."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
