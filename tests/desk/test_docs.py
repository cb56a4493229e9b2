"""docs/teams.md says what is really so."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from frontdesk.desk.schema import Agent, Team

BLOCK = re.compile(r"(?:<!-- (?P<mark>[^>]*) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```", re.S)
MINIMAL = {
    "version": 1,
    "name": "a",
    "entry": "b",
    "agents": {"b": {"description": "", "instructions": "b.md"}},
}


@pytest.fixture
def page(repository: Path) -> str:
    return (repository / "docs" / "teams.md").read_text(encoding="utf-8")


def test_excerpts_are_word_for_word_from_their_files(page: str, repository: Path):
    excerpts = [
        (match["mark"].removeprefix("from "), match["text"])
        for match in BLOCK.finditer(page)
        if (match["mark"] or "").startswith("from ")
    ]
    assert len(excerpts) >= 12
    for file, text in excerpts:
        assert text in (repository / file).read_text(encoding="utf-8"), (file, text)


def test_every_other_yaml_example_is_valid(page: str):
    examples = [m for m in BLOCK.finditer(page) if m["language"] == "yaml"]
    own = [m["text"] for m in examples if m["mark"] == "part of another team"]
    assert own
    assert all(m["mark"] for m in examples)
    for text in own:
        Team.model_validate(MINIMAL | YAML(typ="safe").load(text))


def test_every_section_and_agent_key_is_told_of(page: str):
    for name in (*Team.model_fields, *Agent.model_fields):
        assert f"`{name}`" in page or f"\n{name}:" in page or f" {name}:" in page, name


def test_the_findings_shown_are_worded_as_check_words_them(page: str, desk):
    desk.team(
        desk.team_file.read_text().replace("    instructions", "    handofs: []\n    instructions")
    )
    (found,) = desk.found()
    shown = "unknown key `handofs` (did you mean `handoffs`?)"
    assert found.endswith(shown)
    assert shown in page
