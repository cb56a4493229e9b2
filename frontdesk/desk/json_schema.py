"""The JSON Schema of team files, for editors: ``python -m frontdesk.desk.json_schema FILE``."""

import json
import sys
from pathlib import Path

from frontdesk.desk.schema import Team


def team_schema() -> str:
    """The schema as JSON text, with a line end. docs/schema/team.json must equal it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Team.model_json_schema(),
        "title": "Frontdesk team",
        "description": "A team of voice agents: agents/NAME.yaml",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_team_schema(path: Path) -> None:
    """Write the schema to ``path``, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(team_schema(), encoding="utf-8")


if __name__ == "__main__":
    write_team_schema(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/schema/team.json"))
