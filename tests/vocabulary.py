"""Spans held against tracing/spans.yaml: nobody writes a name or an attribute that is not there."""

from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).parent.parent / "tracing" / "spans.yaml"


def _flat(names: list[Any]) -> frozenset[str]:
    """Attributes of a kind, those that it shares with others among them."""
    parts = [_flat(name) if isinstance(name, list) else {name} for name in names]
    return frozenset().union(*parts)


def _read() -> dict[str, frozenset[str]]:
    described = yaml.safe_load(_FILE.read_text(encoding="utf-8"))["spans"]
    return {span["name"]: _flat(span["attributes"]) for span in described}


KINDS = _read()
"""The attributes that each kind of span may have."""


def kind(span: dict[str, Any]) -> str:
    """The kind, as spans.yaml calls it, of a span as the API gives it."""
    first = span["name"].partition(" ")[0]
    if "mcp.method.name" in span["attributes"]:
        return first if first == "MCP" else "tools/call"
    return first


def breaches(span: dict[str, Any]) -> set[str]:
    """What a span has that the vocabulary does not know of it: its name, or attributes."""
    known = KINDS.get(kind(span))
    if known is None:
        return {span["name"]}
    return {f"{span['name']}: {name}" for name in span["attributes"].keys() - known}
