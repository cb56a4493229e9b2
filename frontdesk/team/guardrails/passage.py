"""What a guardrail is given, and what it finds wrong."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Stage = Literal["input", "output", "arguments", "results"]


@dataclass(frozen=True, slots=True)
class Passage:
    """Words to be checked. ``before`` is what the agent said in this answer until then, or
    nothing; ``tool`` the tool's name, where they are its arguments or results."""

    text: str
    stage: Stage
    before: str = ""
    agent: str = ""
    call_id: str = ""
    tool: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Violation:
    """Something is wrong. ``reason`` is for the trace, and for the model when a tool is refused;
    ``replacement`` is the whole text as it may be said."""

    reason: str
    replacement: str | None = None


Check = Callable[[Passage], Violation | Awaitable[Violation | None] | None]
"""Looks at a passage. Any exception is the guardrail's own failure."""
OpenFrom = Callable[[str], int]
"""From where the end of a text may be the first half of what is looked for; its length when
there is nothing of the kind."""


def nothing_open(text: str) -> int:
    """For checks that cannot tell."""
    return len(text)
