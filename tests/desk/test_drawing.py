"""Teams as drawings: nothing is left out, nothing overlaps, nothing breaks the format."""

import re
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from frontdesk.cli import app
from frontdesk.desk.drawing.graph import graph
from frontdesk.desk.drawing.layout import CARD, Card, layout
from frontdesk.desk.drawing.mermaid import mermaid
from frontdesk.desk.drawing.svg import svg
from frontdesk.desk.drawing.words import width, wrapped
from frontdesk.desk.schema import Team

SVG = "{http://www.w3.org/2000/svg}"
ROOT = Path(__file__).parents[2]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@st.composite
def teams(draw: st.DrawFn) -> Team:
    names = [f"agent{number}" for number in range(draw(st.integers(1, 7)))]
    agents = {}
    for name in names:
        others = [other for other in names if other != name]
        targets = draw(st.lists(st.sampled_from(others), unique=True)) if others else []
        handoffs = [{"to": to, "say": draw(st.none() | TEXTS)} for to in targets]
        agents[name] = {
            "description": draw(TEXTS),
            "instructions": "x.md",
            "tools": draw(st.sampled_from([[], ["look_up"]])),
            "mcp": draw(st.sampled_from([[], ["orders"]])),
            "handoffs": handoffs,
        }
    return Team.model_validate(
        {
            "version": 1,
            "name": "team",
            "entry": draw(st.sampled_from(names)),
            "tools": {"look_up": {"call": "a:b", "examples": []}},
            "mcp": {"orders": {"tools": {"allow": ["find_*"], "deny": ["find_all"]}}},
            "agents": agents,
        }
    )


def handoffs(team: Team) -> list[tuple[str, str]]:
    return [(edge.source, edge.target) for edge in graph(team).edges]


@given(teams())
def test_agents_never_overlap_and_nothing_leaves_the_picture(team: Team):
    placed = layout(graph(team))
    for one, other in combinations(placed.cards.values(), 2):
        apart_x = one.x + CARD <= other.x or other.x + CARD <= one.x
        apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert apart_x or apart_y
    points = [point for link in placed.links for point in link.points]
    points += [(card.x + CARD, card.y + card.height) for card in placed.cards.values()]
    assert all(0 <= x <= placed.width and 0 <= y <= placed.height for x, y in points)


def touches(card: Card, x: float, y: float) -> bool:
    on_side = x in (card.x, card.x + CARD) and card.y <= y <= card.y + card.height
    return on_side or (y in (card.y, card.y + card.height) and card.x <= x <= card.x + CARD)


@given(teams())
def test_each_handoff_is_one_direction_of_a_line_from_agent_to_agent(team: Team):
    placed = layout(graph(team))
    drawn = []
    for link in placed.links:
        assert touches(link.first, *link.points[0])
        assert touches(link.second, *link.points[-1])
        drawn += [(edge.source, edge.target) for edge in (link.there, link.back) if edge]
    assert sorted(drawn) == sorted(handoffs(team))


@given(teams())
def test_lines_never_run_through_an_agent(team: Team):
    placed = layout(graph(team))
    for link in placed.links:
        for (x1, y1), (x2, y2) in pairwise(link.points):
            for card in placed.cards.values():
                inside_x = max(x1, x2) > card.x and min(x1, x2) < card.x + CARD
                inside_y = max(y1, y2) > card.y and min(y1, y2) < card.y + card.height
                assert not (inside_x and inside_y)


@given(teams())
def test_the_svg_is_well_formed_and_names_every_agent_tool_and_server(team: Team):
    root = ElementTree.fromstring(svg(graph(team)))
    told = [element.text for element in root.iter(f"{SVG}text")]
    for name, agent in team.agents.items():
        assert name in told
        assert told.count("look_up") == sum(bool(a.tools) for a in team.agents.values())
        if agent.mcp:
            assert "orders: find_* but find_all" in told
    lines = [path for path in root.iter(f"{SVG}path") if path.get("class") == "link"]
    pairs = {frozenset(pair) for pair in handoffs(team)}
    assert len(lines) == len(pairs) + 1  # and the caller's


@given(teams())
def test_the_mermaid_text_has_a_line_for_each_part(team: Team):
    lines = mermaid(graph(team)).splitlines()
    assert lines[0] == "flowchart TD"
    solid = [line for line in lines if re.fullmatch(r'  a\d+ -->(\|"[^"|]*"\|)? a\d+', line)]
    dotted = [line for line in lines if re.fullmatch(r"  a\d+ -\.-> [tm]\d+", line)]
    nodes = [
        line for line in lines if re.fullmatch(r'  a\d+\["<b>agent\d</b><br/>[^"<>]*"\]', line)
    ]
    assert len(solid) == len(handoffs(team))
    assert len(dotted) == sum(len(a.tools) + len(a.mcp) for a in team.agents.values())
    assert len(nodes) == len(team.agents)


def test_an_agent_that_nobody_hands_over_to_is_drawn_apart():
    agent = {"description": "d", "instructions": "x.md"}
    team = Team.model_validate(
        {
            "version": 1,
            "name": "t",
            "entry": "a",
            "agents": {"a": agent, "lost": {**agent, "handoffs": ["a"]}},
        }
    )
    assert 'class="card lost"' in svg(graph(team))
    assert layout(graph(team)).cards["lost"].row == 1


def test_text_breaks_at_spaces_and_in_words_that_are_too_long():
    assert wrapped("one two three", 10, width("one two", 10), 5) == ["one two", "three"]
    assert wrapped("상담원입니다", 10, 30, 5) == ["상담원", "입니다"]
    assert wrapped("a b c d", 10, width("a", 10), 2) == ["a", "b …"]
    assert wrapped("", 10, 100, 3) == []


@pytest.mark.parametrize("arguments", [[], ["support"], ["agents/support.yaml"], ["."]])
def test_graph_draws_the_team_that_is_named(arguments: list[str], monkeypatch):
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, ["graph", *arguments])
    assert result.exit_code == 0, result.output
    assert "<b>shipping</b>" in result.stdout
    assert '|"I\'ll pass you to our orders desk."|' in result.stdout


def test_graph_writes_svg(monkeypatch):
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, ["graph", "--format", "svg"])
    root = ElementTree.fromstring(result.stdout)
    assert root.tag == f"{SVG}svg"
    assert "estimate_delivery" in result.stdout
