"""Tools pinned on first use: what a server says later of a tool is held against what it said.

A description is an instruction to a model. A server that was looked at once, and has since been
changed or broken into, may say another thing in it ("rug pull", CVE-2025-54136), or give a tool of
a new name; so both are noticed, and nothing but a person's word makes them the pinned ones.
"""

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from mcp.types import Tool


class PinStore(Protocol):
    """Where the pins of servers are kept, so that all workers and the next start know them."""

    async def read(self, server: str) -> dict[str, str]:
        """What each tool of ``server`` said, by its name; nothing for one never seen.

        Raises:
            Exception: the store cannot be read.
        """
        ...

    async def write(self, server: str, pins: Mapping[str, str]) -> None:
        """Keep what tools say, over what was kept of them."""
        ...


class MemoryPins:
    """Pins for as long as the process: for servers that are looked at once."""

    def __init__(self) -> None:
        self._pins: dict[str, dict[str, str]] = {}

    async def read(self, server: str) -> dict[str, str]:
        """As `PinStore` has it."""
        return dict(self._pins.get(server, {}))

    async def write(self, server: str, pins: Mapping[str, str]) -> None:
        """As `PinStore` has it."""
        self._pins.setdefault(server, {}).update(pins)


@dataclass(frozen=True, slots=True)
class ToolChange:
    """A tool that is not what was pinned. ``diff`` is a unified diff of what models see of it;
    ``digest`` stands for what it is now."""

    tool: str
    kind: Literal["changed", "new"]
    diff: str
    digest: str


def says(tool: Tool) -> str:
    """All that a tool tells models and approvals, as text to be read and compared."""
    annotations = tool.annotations
    hints = annotations.model_dump(by_alias=True, exclude_none=True) if annotations else {}
    parts = [f"{tool.name}: {tool.title or ''}".rstrip(), tool.description or "", _json(hints)]
    return "\n\n".join([*parts, _json(tool.input_schema)])


def changes(tools: Iterable[Tool], pins: Mapping[str, str]) -> tuple[ToolChange, ...]:
    """What is not as it was pinned. A tool that is gone is none: it cannot be called."""
    return tuple(
        _change(tool.name, pins.get(tool.name), now)
        for tool in tools
        if pins.get(tool.name) != (now := says(tool))
    )


def _change(name: str, before: str | None, now: str) -> ToolChange:
    lines = difflib.unified_diff(
        (before or "").splitlines(), now.splitlines(), "pinned", "now", lineterm="", n=1
    )
    digest = hashlib.sha256(now.encode()).hexdigest()
    return ToolChange(name, "new" if before is None else "changed", "\n".join(lines), digest)


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
