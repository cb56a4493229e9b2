"""What of a server's tools a team may use, and by which names."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from mcp.types import Tool

from frontdesk.desk.schema import ToolFilter


def is_allowed(name: str, tools: ToolFilter) -> bool:
    """Whether the globs of ``tools`` let a tool through, by the server's own name for it; ``deny``
    wins."""
    if any(fnmatchcase(name, glob) for glob in tools.deny):
        return False
    return any(fnmatchcase(name, glob) for glob in tools.allow)


def narrowed(tools: Iterable[Tool], narrowing: ToolFilter) -> dict[str, Tool]:
    """The tools that are let through, as the server gave them, by the names that the team knows.

    A new name wins over a tool of the server that happens to have it, which is not offered then:
    the file says what it means, and a server may get new tools at any time.
    """
    allowed = [tool for tool in tools if is_allowed(tool.name, narrowing)]
    taken = {narrowing.rename[tool.name] for tool in allowed if tool.name in narrowing.rename}
    return {
        narrowing.rename.get(tool.name, tool.name): tool
        for tool in allowed
        if tool.name in narrowing.rename or tool.name not in taken
    }
