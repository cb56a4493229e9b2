"""The MCP servers of a desk, up for as long as they are looked at."""

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from frontdesk.desk.loader import LoadedTeam
from frontdesk.desk.problems import Problem
from frontdesk.mcp import local
from frontdesk.mcp.config import HttpServer, load_servers
from frontdesk.mcp.live_check import check_live

LIMIT = 20.0
"""Seconds in which a server must have answered; a command may have to fetch its server first."""


async def check_servers(root: Path, teams: list[LoadedTeam]) -> list[Problem]:
    """What is wrong between ``teams`` and the MCP servers of the desk at ``root``. Those that come
    with the desk are started, as ``serve`` does, with a data folder that is thrown away."""
    used = {name for loaded in teams for name in loaded.team.mcp}
    shipped = [server for server in local.desk_servers(root) if server.name in used]
    with tempfile.TemporaryDirectory(prefix="frontdesk-check-") as data:
        async with local.running(shipped, Path(data)) as started:
            servers = load_servers(root / "mcp_servers" / "mcp.json")
            for server in started:
                config = servers[server.name]
                if isinstance(config, HttpServer):
                    servers[server.name] = replace(config, url=server.url)
            words = {s.name: partial(local.last_line, s, Path(data)) for s in started}
            return await check_live(teams, servers, LIMIT, words)
