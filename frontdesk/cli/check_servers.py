"""The MCP servers of a desk, up for as long as they are looked at."""

from pathlib import Path

from frontdesk.cli.mcp.desk import up
from frontdesk.desk.loader import LoadedTeam
from frontdesk.desk.problems import Problem
from frontdesk.mcp.live_check import check_live

LIMIT = 20.0
"""Seconds in which a server must have answered; a command may have to fetch its server first."""


async def check_servers(root: Path, teams: list[LoadedTeam]) -> list[Problem]:
    """What is wrong between ``teams`` and the MCP servers of the desk at ``root``."""
    async with up(root, {name for loaded in teams for name in loaded.team.mcp}) as servers:
        return await check_live(teams, servers.configs, LIMIT, servers.words)
