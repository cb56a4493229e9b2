"""Checks a server's tool list, tool by tool: one bad tool costs itself, not the list."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from jsonschema import Draft202012Validator, SchemaError
from mcp.types import Tool
from pydantic import ValidationError

from frontdesk.mcp.hidden import visible

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What model APIs accept as a function's name."""
MAX_DESCRIPTION = 4096
MAX_SCHEMA_BYTES = 32 * 1024
MAX_DEPTH = 32
MAX_TOOLS = 512
_WORDS = ("title", "description", "$comment", "default", "examples")
"""What may be cleaned in a schema; whatever else is not as it looks makes it unusable."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one tool of a server. ``dropped``: the tool is not offered; else it is, in
    the way that the ``message`` tells."""

    tool: str
    message: str
    dropped: bool

    def __str__(self) -> str:
        return f"tool {self.tool!r}{' left out' if self.dropped else ''}: {self.message}"


def vet_tools(raw: list[Any]) -> tuple[list[Json], list[Finding]]:
    """Split a ``tools/list`` result into usable tools and what there is to say of them.

    Texts lose invisible characters, and descriptions are cut at ``MAX_DESCRIPTION`` characters. A
    bad output schema is dropped alone.
    """
    good: list[Json] = []
    findings: list[Finding] = []
    seen: set[str] = set()
    for item in raw:
        tool = cast("Json", item) if isinstance(item, dict) else {}
        name = tool.get("name")
        problem = _problem(tool)
        if problem is None and name in seen:
            problem = "the name stands twice in the list"
        if problem is None and len(seen) == MAX_TOOLS:
            problem = f"the server has more than {MAX_TOOLS} tools"
        shown = visible(str(name))[:80]
        if problem is not None:
            findings.append(Finding(shown, problem, dropped=True))
            continue
        seen.add(shown)
        cleaned, notes = _cleaned(tool)
        findings += (Finding(shown, note, dropped=False) for note in notes)
        good.append(cleaned)
    return good, findings


def _problem(tool: Json) -> str | None:
    name = tool.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return "a tool's name is 1 to 64 letters, digits, _ and -"
    schema = tool.get("inputSchema")
    if not isinstance(schema, dict):
        return "it has no input schema"
    schema = cast("Json", schema)
    if schema.get("type") != "object":
        return 'its input schema is not of type "object"'
    if (problem := _schema_problem(schema)) is not None:
        return f"its input schema is not valid: {problem}"
    if (hidden := next(_hidden_names(schema), None)) is not None:
        return f"its input schema has characters that nobody sees, at {visible(hidden)[:80]!r}"
    try:
        Tool.model_validate(_without_bad_output(tool), by_name=False)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return None


def _schema_problem(schema: Json) -> str | None:
    if _depth(schema) > MAX_DEPTH:
        return f"more than {MAX_DEPTH} levels deep"
    if (size := len(json.dumps(schema))) > MAX_SCHEMA_BYTES:
        return f"{size} bytes, of which {MAX_SCHEMA_BYTES} are allowed"
    try:
        Draft202012Validator.check_schema(schema)  # pyright: ignore[reportUnknownMemberType]
    except SchemaError as error:
        return visible(error.message)[:200]
    if (outside := _outside_reference(schema)) is not None:
        return f"reference to another document: {visible(outside)[:200]}"
    return None


def _depth(node: Any) -> int:
    """Levels of ``node``, counted only as far as it matters."""
    level, depth = [node], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [child for node in level for child in _children(node)]
    return depth


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(cast("Json", node).values())
    return cast("list[Any]", node) if isinstance(node, list) else []


def _outside_reference(node: Any) -> str | None:
    if isinstance(node, dict):
        reference = cast("Json", node).get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            return reference
    return next((found for child in _children(node) if (found := _outside_reference(child))), None)


def _hidden_names(node: Any) -> Iterator[str]:
    """Keys and values that are not what they look like; cleaned, they would be others."""
    if isinstance(node, str):
        yield from (node,) if visible(node) != node else ()
    elif isinstance(node, dict):
        for key, value in cast("Json", node).items():
            yield from _hidden_names(key)
            is_words = key in _WORDS and not isinstance(value, dict)  # a dict: a property so named
            yield from () if is_words else _hidden_names(value)
    else:
        for child in _children(node):
            yield from _hidden_names(child)


def _without_bad_output(tool: Json) -> Json:
    output = tool.get("outputSchema")
    if output is None:
        return tool
    if isinstance(output, dict) and _schema_problem(cast("Json", output)) is None:
        return tool
    return {key: value for key, value in tool.items() if key != "outputSchema"}


def _cleaned(tool: Json) -> tuple[Json, list[str]]:
    """The tool as it may be shown to a model, and what was done to it."""
    notes: list[str] = []
    sound = _without_bad_output(tool)
    if sound is not tool:
        notes.append("its output schema is not valid and is not used")
    # The output schema is compared with results, and read by nobody.
    cleaned = {k: v if k == "outputSchema" else _seen(v) for k, v in sound.items()}
    if cleaned != sound:
        notes.append("characters that nobody sees were taken out")
    description = cleaned.get("description")
    if isinstance(description, str) and len(description) > MAX_DESCRIPTION:
        notes.append(f"its description was cut: {len(description)} characters")
        cleaned["description"] = description[:MAX_DESCRIPTION]
    return cleaned, notes


def _seen(node: Any) -> Any:
    if isinstance(node, str):
        return visible(node)
    if isinstance(node, dict):
        return {key: _seen(value) for key, value in cast("Json", node).items()}
    return [_seen(child) for child in _children(node)] if isinstance(node, list) else node
