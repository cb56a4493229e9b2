"""The servers in ``mcp_servers/mcp.json``. The connections themselves are made elsewhere."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from frontdesk.desk.document import read_text
from frontdesk.desk.problems import DeskError, Problem
from frontdesk.desk.references import mapping

SECTIONS = ("mcpServers", "servers")
"""Where hosts put their servers: nearly all of them, and VS Code."""
URLS = ("url", "serverUrl", "httpUrl")
"""What hosts call the address of a server."""


def read_server_names(path: Path) -> tuple[str, ...]:
    """The names of the servers in a standard ``mcpServers`` file; raises as `read_servers` does."""
    return tuple(read_servers(path))


def read_servers(path: Path) -> dict[str, Any]:
    """The servers that a standard ``mcpServers`` file defines, as they stand there.

    Raises `DeskError` when it is not JSON, or a server has neither ``url`` nor ``command``.
    """
    text = read_text(path)
    try:
        data: Any = json.loads(text)
    except json.JSONDecodeError as error:
        problem = Problem(path, error.lineno, error.colno, f"not valid JSON: {error.msg}")
        raise DeskError([problem]) from error
    servers = mapping(data).get(section_of(data))
    if not isinstance(servers, dict):
        message = 'expected {"mcpServers": {"name": {"url": "…"}}}'
        raise DeskError([Problem(path, 1, 1, message)])
    entries = cast("dict[str, Any]", servers)
    if problems := list(_check(entries, path, text)):
        raise DeskError(problems)
    return entries


def section_of(document: Any) -> str:
    """The key that the servers stand under."""
    return next((key for key in SECTIONS if key in mapping(document)), SECTIONS[0])


def _check(servers: dict[str, Any], path: Path, text: str) -> Iterator[Problem]:
    for name, server in servers.items():
        if sum(key in mapping(server) for key in (*URLS, "command")) != 1:
            message = f"the server `{name}` needs either a `url` or a `command`"
            yield Problem(path, *_position(text, name), message)


def _position(text: str, name: str) -> tuple[int, int]:
    # json keeps no positions; the quoted name before a colon is the key.
    match = re.search(re.escape(json.dumps(name)) + r"\s*:", text)
    offset = match.start() if match else 0
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
