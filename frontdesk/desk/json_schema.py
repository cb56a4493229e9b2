"""The JSON Schemas of a desk's files, for editors.

``python -m frontdesk.desk.json_schema FOLDER`` writes them.
"""

import json
import sys
from pathlib import Path
from typing import Any

from frontdesk.desk.prices import Prices
from frontdesk.desk.references import items, mapping
from frontdesk.desk.schema import Team

FILES = ("team.json", "team-part.json", "prices.json")
_NEEDS = ("required", "minProperties", "minItems")
_NAMED = ("properties", "patternProperties", "$defs")


def team_schema() -> str:
    """The schema of a team as JSON text, with a line end. docs/schema/team.json must equal it."""
    return _text(Team.model_json_schema(), "Frontdesk team", "A team of voice agents.")


def part_schema() -> str:
    """The schema of overlays and of files to include: nothing is needed, ``null`` is anywhere."""
    about = "An overlay of a team, or sections that teams include."
    return _text(_part(Team.model_json_schema()), "Part of a Frontdesk team", about)


def prices_schema() -> str:
    """The schema of ``prices.yaml``."""
    return _text(Prices.model_json_schema(), "Prices of a Frontdesk desk", "What models cost.")


def write_schemas(folder: Path) -> None:
    """Write the schemas into ``folder``, making it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in zip(FILES, (team_schema(), part_schema(), prices_schema()), strict=True):
        (folder / name).write_text(text, encoding="utf-8")


def _text(schema: dict[str, Any], title: str, description: str) -> str:
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    whole = {**dialect, **schema, "title": title, "description": description}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _part(schema: dict[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _NAMED:
            optional = _part if key == "$defs" else _removable
            part[key] = {name: optional(inner) for name, inner in mapping(value).items()}
        elif key == "additionalProperties" and isinstance(value, dict):
            part[key] = _removable(mapping(value))
        elif key in ("anyOf", "prefixItems"):
            part[key] = [_part(mapping(inner)) for inner in items(value)]
        elif key not in _NEEDS:
            part[key] = value
    return part


def _removable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [_part(schema), {"type": "null"}]}


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/schema"))
