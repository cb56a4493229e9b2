"""What a team file says of MCP servers, held against the servers themselves."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from frontdesk.desk.document import Document, Location
from frontdesk.desk.loader import LoadedTeam
from frontdesk.desk.problems import Problem, did_you_mean, warning
from frontdesk.desk.schema import McpUse
from frontdesk.mcp.config import ServerConfig
from frontdesk.mcp.connection import Connection
from frontdesk.mcp.connections import McpConnections
from frontdesk.mcp.narrowing import is_allowed, narrowed

Starting = Mapping[str, Callable[[], str | None]]
"""Servers by name, each with a function that tells what it wrote last."""


async def check_live(
    teams: Iterable[LoadedTeam],
    servers: Mapping[str, ServerConfig],
    limit: float,
    starting: Starting | None = None,
) -> list[Problem]:
    """Connect to the servers that the teams use, within ``limit`` seconds. Errors for those that do
    not answer and for tools that they do not have, warnings for phrases of tools that the team may
    not use.

    Those in ``starting`` were started just now: they may fail at first, while one attempt is enough
    for the others; and where they don't come up, it is asked what they said last.
    """
    teams, starting = list(teams), starting or {}
    used = {name: servers[name] for team in teams for name in team.team.mcp if name in servers}
    connections = McpConnections(used)
    try:
        await connections.start(limit)
        await connections.until_ready((name for name in starting if name in used), limit)
        return [
            problem
            for loaded in teams
            for name, use in loaded.team.mcp.items()
            for problem in _check(loaded.document, use, name, servers, connections, starting)
        ]
    finally:
        await connections.aclose()


def _check(
    document: Document,
    use: McpUse,
    name: str,
    servers: Mapping[str, ServerConfig],
    connections: McpConnections,
    starting: Starting,
) -> Iterator[Problem]:
    at = ("mcp", name)
    if name not in servers:
        message = f'the MCP server `{name}` is `"disabled": true` in mcp.json'
        yield document.key_problem(at, message)
        return
    connection = connections.get(name)
    if connection.state != "ready":
        message = f"the MCP server `{name}` does not answer: {connection.error or 'no word of it'}"
        said = starting[name]() if name in starting else connection.last_words.line
        yield document.key_problem(at, message, said and f"its last words: {said}")
        return
    yield from _check_tools(document, use, connection, at)


def _check_tools(
    document: Document, use: McpUse, connection: Connection, at: Location
) -> Iterator[Problem]:
    names = [tool.name for tool in connection.tools]
    for key, globs in (("allow", use.tools.allow), ("deny", use.tools.deny)):
        for index, glob in enumerate(globs):
            place = (*at, "tools", key, index)
            if place in document.values and not any(fnmatchcase(name, glob) for name in names):
                yield document.problem(place, _missing(connection, glob), _near(glob, names))
    yield from _check_renames(document, use, connection, at)
    offered = [*narrowed(connection.tools, use.tools)]
    for tool in use.phrases:
        place = (*at, "phrases", tool)
        if tool not in offered and tool not in names:
            known = [*offered, *names]
            yield document.key_problem(place, _missing(connection, tool), _near(tool, known))
        elif tool not in offered:
            message = f"phrases for `{tool}`, which the team may not use"
            yield warning(document.key_problem(place, message, "see `tools` above"))


def _check_renames(
    document: Document, use: McpUse, connection: Connection, at: Location
) -> Iterator[Problem]:
    names = [tool.name for tool in connection.tools]
    for old, new in use.tools.rename.items():
        place = (*at, "tools", "rename", old)
        if old not in names:
            yield document.key_problem(place, _missing(connection, old), _near(old, names))
        elif not is_allowed(old, use.tools):
            message = f"a new name for `{old}`, which the team may not use"
            yield warning(document.key_problem(place, message, "see `tools` above"))
        elif new in names and new not in use.tools.rename and is_allowed(new, use.tools):
            message = f"the MCP server `{connection.name}` has a tool `{new}` already"
            yield document.problem(place, message, "deny that one, rename it too, or choose")


def _missing(connection: Connection, tool: str) -> str:
    return f"the MCP server `{connection.name}` has no tool `{tool}`"


def _near(tool: str, names: list[str]) -> str | None:
    return did_you_mean(tool, names) or (
        f"it has {', '.join(sorted(names)[:8])}" if names else None
    )
