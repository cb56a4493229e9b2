"""The servers without which a desk is not to start."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from frontdesk.desk.loader import LoadedTeam
from frontdesk.desk.problems import Problem
from frontdesk.mcp.connection import STDIO_OPEN_SECONDS
from frontdesk.mcp.connections import McpConnections

LIMIT = 10.0
"""Seconds in which a server is tried again; a first attempt that still runs is waited for."""


async def absent(
    teams: Iterable[LoadedTeam],
    connections: McpConnections,
    has_failed: Callable[[str], bool] = lambda name: False,
) -> list[Problem]:
    """Wait for the servers that the teams say are ``required``: a problem for each that did not
    come, where it is said."""
    teams = list(teams)
    loop = asyncio.get_running_loop()
    patient_until = loop.time() + LIMIT

    def has_come_to_nothing(name: str) -> bool:
        late = connections.get(name).settled.is_set() and loop.time() > patient_until
        return late or has_failed(name)

    names = {name for loaded in teams for name in _required(loaded)}
    await connections.until_ready(names, STDIO_OPEN_SECONDS, has_come_to_nothing)
    return [
        loaded.document.key_problem(
            ("mcp", name, "required"),
            f"the MCP server `{name}` is required, and is not there: "
            f"{connections.get(name).error or 'it does not answer.'}",
            "start it, mend its entry in mcp.json, or drop `required`",
        )
        for loaded in teams
        for name in _required(loaded)
        if connections.get(name).state != "ready"
    ]


def _required(loaded: LoadedTeam) -> Iterator[str]:
    return (name for name, use in loaded.team.mcp.items() if use.required)
