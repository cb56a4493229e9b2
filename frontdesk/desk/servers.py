"""The servers in ``mcp_servers/mcp.json``. The connections themselves are made elsewhere."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from frontdesk.desk.document import read_text
from frontdesk.desk.problems import DeskError, Problem
from frontdesk.desk.references import mapping


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
    servers = mapping(data).get("mcpServers")
    if not isinstance(servers, dict):
        message = 'expected {"mcpServers": {"name": {"url": "…"}}}'
        raise DeskError([Problem(path, 1, 1, message)])
    entries = cast("dict[str, Any]", servers)
    if problems := list(_check(entries, path, text)):
        raise DeskError(problems)
    return entries


def _check(servers: dict[str, Any], path: Path, text: str) -> Iterator[Problem]:
    for name, server in servers.items():
        if ("url" in mapping(server)) == ("command" in mapping(server)):
            message = f"the server `{name}` needs either a `url` or a `command`"
            yield Problem(path, *_position(text, name), message)


def _position(text: str, name: str) -> tuple[int, int]:
    # json keeps no positions; the quoted name before a colon is the key.
    match = re.search(re.escape(json.dumps(name)) + r"\s*:", text)
    offset = match.start() if match else 0
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
