"""Writes a server into an ``mcp.json``, and leaves every other byte of the file as it is."""

import json
import re
from typing import Any, cast

from frontdesk.desk.servers import section_of

_SPACE = re.compile(r"\s*")
_DECODER = json.JSONDecoder()

EMPTY = '{\n  "mcpServers": {}\n}\n'


def with_server(text: str, name: str, entry: dict[str, Any]) -> str:
    """``text`` with one more server, at the end of those there are. Raises ``ValueError`` when it
    is no ``mcp.json``, or has a server of that name."""
    document: Any = json.loads(text)
    section = section_of(document)
    servers: Any = cast("dict[str, Any]", document).get(section) if document else None
    if not isinstance(servers, dict):
        raise ValueError(f'expected {{"{section}": {{…}}}}')
    if name in servers:
        raise ValueError(f"there is a server {name!r} already")
    start, end = _member(text, section)
    unit, margin = _indent(text, start)
    body = json.dumps({name: entry}, indent=unit, ensure_ascii=False)
    lines = body.splitlines()[1:-1]
    fresh = "\n".join(margin + line for line in lines)
    if not servers:
        return f"{text[:start]}{{\n{fresh}\n{margin}}}{text[end:]}"
    last = len(text[: end - 1].rstrip())
    return f"{text[:last]},\n{fresh}\n{margin}}}{text[end:]}"


def _member(text: str, key: str) -> tuple[int, int]:
    """Where the value of ``key`` stands in the object that ``text`` is."""
    at = _after_space(text, _after_space(text, 0) + 1)
    while True:
        found, at = _DECODER.raw_decode(text, at)
        start = _after_space(text, _after_space(text, at) + 1)
        _, at = _DECODER.raw_decode(text, start)
        if found == key:
            return start, at
        at = _after_space(text, _after_space(text, at) + 1)


def _indent(text: str, start: int) -> tuple[int | str, str]:
    """What the file indents by, and what the line of ``start`` begins with."""
    line = text.rfind("\n", 0, start) + 1
    margin = _SPACE.match(text, line)
    before = margin.group().replace("\n", "") if margin and margin.end() <= start else ""
    return ("\t" if "\t" in before else len(before) or 2), before


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
