import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from frontdesk.desk.json_schema import FILES, part_schema, prices_schema, team_schema
from frontdesk.desk.schema import Team


def test_the_published_schemas_are_those_of_the_models(repository: Path):
    for name, schema in zip(FILES, (team_schema(), part_schema(), prices_schema()), strict=True):
        published = (repository / "docs" / "schema" / name).read_text(encoding="utf-8")
        assert published == schema, "run: python -m frontdesk.desk.json_schema"


def test_the_example_team_is_valid_by_the_published_schema(repository: Path):
    data = YAML(typ="safe").load(repository / "agents" / "support.yaml")
    jsonschema.Draft202012Validator(json.loads(team_schema())).validate(data)


@pytest.mark.parametrize(
    "wrong", [{"entri": "x"}, {"name": "My Shop"}, {"agents": {}}, {"lines": {"sory": ""}}]
)
def test_the_schema_refuses_what_the_loader_refuses(wrong: dict):
    team = {
        "version": 1,
        "name": "a",
        "entry": "b",
        "agents": {"b": {"description": "", "instructions": "b.md"}},
    }
    validator = jsonschema.Draft202012Validator(json.loads(team_schema()))
    assert validator.is_valid(team)
    assert not validator.is_valid(team | wrong)
    with pytest.raises(ValueError, match="validation error"):
        Team.model_validate(team | wrong)


def test_the_example_team_names_the_schema_for_editors(repository: Path):
    path = repository / "agents" / "support.yaml"
    first = path.read_text(encoding="utf-8").splitlines()[0]
    marker, _, relative = first.partition("$schema=")
    assert marker == "# yaml-language-server: "
    assert (path.parent / relative).resolve() == repository / "docs" / "schema" / "team.json"


@pytest.mark.parametrize("name", ["support.prod.yaml", "common/hosted.yaml"])
def test_the_parts_of_the_example_team_are_valid_and_name_their_schema(repository: Path, name: str):
    path = repository / "agents" / name
    jsonschema.Draft202012Validator(json.loads(part_schema())).validate(YAML(typ="safe").load(path))
    relative = path.read_text(encoding="utf-8").splitlines()[0].partition("$schema=")[2]
    assert (path.parent / relative).resolve() == repository / "docs" / "schema" / FILES[1]


@pytest.mark.parametrize(
    ("part", "right"),
    [
        ({}, True),
        ({"include": ["common/lines.yaml"]}, True),
        ({"agents": {"orders": {"model": "smart"}, "billing": None}}, True),
        ({"agents": {"orders": {"handoffs": [{"to": "x"}], "voice": None}}}, True),
        ({"models": {"main": {"timeout": "5s", "temperature": None}}, "lines": None}, True),
        ({"agents": {"orders": {"modell": "smart"}}}, False),
        ({"agents": {"orders": {"model": 7}}}, False),
        ({"models": {"main": {"provider": "opnai"}}}, False),
        ({"entri": "x"}, False),
    ],
)
def test_the_schema_of_parts_needs_nothing_and_still_knows_what_is_wrong(part: dict, right: bool):
    validator = jsonschema.Draft202012Validator(json.loads(part_schema()))
    assert validator.is_valid(part) == right
