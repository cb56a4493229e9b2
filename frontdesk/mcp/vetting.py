"""Checks a server's tool list, tool by tool: one bad tool costs itself, not the list."""

import re
import unicodedata
from typing import Any, cast

from jsonschema import Draft202012Validator, SchemaError
from mcp.types import Tool
from pydantic import ValidationError

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What model APIs accept as a function's name."""
MAX_DESCRIPTION = 4096
_JOINERS = "\u200c\u200d"  # format characters that words of some scripts need


def vet_tools(raw: list[Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Split a ``tools/list`` result into usable tools and what is wrong with each other one.

    Descriptions lose invisible characters (they can carry text for the model that no person
    sees) and are cut at ``MAX_DESCRIPTION`` characters. A bad output schema is dropped alone.
    """
    good: list[dict[str, Any]] = []
    problems: list[str] = []
    seen: set[str] = set()
    for item in raw:
        tool = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        name = tool.get("name")
        problem = _problem(tool)
        if problem is None and name in seen:
            problem = "the name stands twice in the list"
        if problem is not None:
            problems.append(f"tool {str(name)[:80]!r} left out: {problem}")
            continue
        seen.add(cast("str", name))
        good.append(_cleaned(tool))
    return good, problems


def _problem(tool: dict[str, Any]) -> str | None:
    name = tool.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return "a tool's name is 1 to 64 letters, digits, _ and -"
    schema = tool.get("inputSchema")
    if not isinstance(schema, dict):
        return "it has no input schema"
    schema = cast("dict[str, Any]", schema)
    if schema.get("type") != "object":
        return 'its input schema is not of type "object"'
    if (problem := _schema_problem(schema)) is not None:
        return f"its input schema is not valid: {problem}"
    try:
        Tool.model_validate(_without_bad_output(tool), by_name=False)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return None


def _schema_problem(schema: dict[str, Any]) -> str | None:
    try:
        Draft202012Validator.check_schema(schema)  # pyright: ignore[reportUnknownMemberType]
    except SchemaError as error:
        return error.message[:200]
    if (outside := _outside_reference(schema)) is not None:
        return f"reference to another document: {outside}"
    return None


def _outside_reference(node: Any) -> str | None:
    if isinstance(node, dict):
        mapping = cast("dict[str, Any]", node)
        reference = mapping.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            return reference
        children = list(mapping.values())
    else:
        children = cast("list[Any]", node) if isinstance(node, list) else []
    return next((found for child in children if (found := _outside_reference(child))), None)


def _without_bad_output(tool: dict[str, Any]) -> dict[str, Any]:
    output = tool.get("outputSchema")
    if output is None:
        return tool
    if isinstance(output, dict) and _schema_problem(cast("dict[str, Any]", output)) is None:
        return tool
    return {key: value for key, value in tool.items() if key != "outputSchema"}


def _cleaned(tool: dict[str, Any]) -> dict[str, Any]:
    cleaned = _without_bad_output(tool)
    description = cleaned.get("description")
    if isinstance(description, str):
        return {**cleaned, "description": visible(description)[:MAX_DESCRIPTION]}
    return cleaned


def visible(text: str) -> str:
    """``text`` without format characters (zero-width, bidirectional, tags), joiners excepted."""
    return "".join(c for c in text if c in _JOINERS or unicodedata.category(c) != "Cf")
