"""Marks for background work: what is refused, where, and how it is drawn."""

import pytest

from frontdesk.desk.drawing.graph import graph
from frontdesk.desk.drawing.mermaid import mermaid
from frontdesk.desk.loader import load_desk, load_team

TEAM = """\
version: 1
name: shop
entry: front
tools:
  find: { call: "tools.find:find", background: true }
agents:
  front: { description: Front., instructions: hello.md, tools: [find], delegates: [back] }
  back: { description: Back., instructions: hello.md, background: { deadline: 5s } }
"""


@pytest.fixture
def shop(desk):
    desk.write("tools/find.py", "async def find() -> str:\n    '''Finds.'''\n")
    desk.team(TEAM)
    return desk


@pytest.mark.parametrize(
    ("right", "wrong", "finding"),
    [
        ("background: true }", "background: 5 }", "5:48: `background`: expected a mapping"),
        ("deadline: 5s", "deadlin: 5s", "unknown key `deadlin` (did you mean `deadline`?)"),
        ("deadline: 5s", "grace: 9s", "`grace`: expected at most 3"),
        ("deadline: 5s", "deadline: 0s", "`deadline`: expected more than 0"),
        ("deadline: 5s", "duplicates: jon", "did you mean `join`?"),
        ("background: true }", "background: true, timeout: 3s }", "has no `timeout`"),
        ("delegates: [back]", "delegates: [bak]", "no agent `bak` under `agents` (did you mean"),
        (", background: { deadline: 5s }", "", "`back` does not work in the background"),
        ("delegates: [back]", "handoffs: [back]", "never talks to the caller"),
        ("entry: front", "entry: back", "it cannot answer the phone"),
        ("background: { deadline: 5s }", "background: true, delegates: [front]", "no use for"),
    ],
)
def test_a_mark_that_cannot_work_is_found(shop, right, wrong, finding):
    assert right in TEAM
    shop.team(TEAM.replace(right, wrong))
    found = shop.found()
    assert any(finding in problem for problem in found), found


def test_delegations_are_drawn(shop):
    drawn = mermaid(graph(load_team(shop.team_file, {}).team))
    assert '-.->|"in the background"|' in drawn
    assert "find (background)" in drawn
    assert load_team(shop.team_file, {}).warnings == ()


def test_the_example_loads_without_a_warning(repository):
    example = load_desk(repository / "agents" / "examples" / "workshop", {})
    assert example.team("workshop").warnings == ()
