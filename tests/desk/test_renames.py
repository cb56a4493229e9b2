"""New names for tools of MCP servers."""

import json

import pytest

from frontdesk.desk.drawing.graph import tools_of
from frontdesk.desk.loader import load_team
from frontdesk.desk.problems import DeskError

TEAM = """\
version: 1
name: shop
entry: hello
mcp:
  orders:
    tools: { rename: { find: track, list: track } }
    phrases: { find: { examples: [Where?] } }
  stock:
    tools: { rename: { find: look, count: track, add: transfer_to_other, drop: "no name" } }
tools:
  look: { call: "tools.shop:look" }
agents:
  hello: &all
    description: Greets.
    instructions: hello.md
    tools: [look]
    mcp: [orders, stock]
    handoffs: [other]
  other: { description: Others., instructions: hello.md, mcp: [stock], handoffs: [hello] }
"""


@pytest.fixture
def team(tmp_path):
    (tmp_path / "agents").mkdir()
    (tmp_path / "mcp_servers").mkdir()
    (tmp_path / "tools").mkdir()
    (tmp_path / "agents" / "hello.md").write_text("You greet.")
    (tmp_path / "tools" / "shop.py").write_text('async def look() -> str:\n    """Look."""\n')
    servers = {"orders": {"url": "http://h/mcp"}, "stock": {"url": "http://h/mcp"}}
    (tmp_path / "mcp_servers" / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
    file = tmp_path / "agents" / "shop.yaml"

    def team(text=TEAM):
        file.write_text(text)
        return load_team(file, {})

    return team


def test_a_name_that_would_stand_for_two_things_is_found_where_it_is_given(team):
    with pytest.raises(DeskError) as caught:
        team()
    assert [str(problem).partition("shop.yaml:")[2] for problem in caught.value.problems] == [
        "6:43: `track` is the new name of `find` already",
        "7:16: `find` is called `track` here",
        "9:30: `look` is taken: it is a function of `hello`, which uses this server",
        "9:43: `track` is taken: it is a tool of the MCP server `orders`, and `hello` uses both",
        "9:55: `transfer_to_other` is taken: it is a handoff of `hello`, which uses this server",
        "9:80: `drop`: expected a tool's name: 1 to 64 letters, digits, - and _",
    ]


def test_new_names_are_drawn(team):
    text = TEAM.replace("list: track", "list: orders").replace("{ find: {", "{ track: {")
    text = text.replace('find: look, count: track, add: transfer_to_other, drop: "no name"', "")
    loaded = team(text)
    assert tools_of(loaded.team, "orders") == "all tools (find as track, list as orders)"
