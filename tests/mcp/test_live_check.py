"""A team file held against real servers: do they answer, do they have the tools it names?"""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from frontdesk.cli import app
from frontdesk.desk.loader import LoadedTeam, load_team
from frontdesk.mcp import required
from frontdesk.mcp.config import HttpServer, ServerConfig, StdioServer
from frontdesk.mcp.connections import McpConnections
from frontdesk.mcp.live_check import check_live
from frontdesk.mcp.local import TOKEN, running

ROOT = Path(__file__).parents[2]
TEAM = """\
version: 1
name: shop
entry: hello
mcp:
  orders:
    tools:
      allow: [find_order, "h*", finde_order, "cancel_*"]
      deny: [huge, hug]
    phrases:
      find_order: { examples: [Where is it?] }
      find_ordr: { examples: [Where is it?] }
      huge: { examples: [Say much.] }
agents:
  hello:
    description: Greets.
    instructions: hello.md
    mcp: [orders]
"""


def desk(root: Path, tools: str, phrases: str) -> None:
    (root / "agents").mkdir()
    (root / "mcp_servers").mkdir()
    (root / "agents" / "hello.md").write_text("You greet.")
    team = TEAM[: TEAM.index("    tools:")]
    team += f"    tools: {tools}\n    phrases: {{ {phrases} }}\n"
    (root / "agents" / "shop.yaml").write_text(team + TEAM[TEAM.index("agents:") :])
    config = {"mcpServers": {"orders": {"url": "http://127.0.0.1:1/mcp"}}}
    (root / "mcp_servers" / "mcp.json").write_text(json.dumps(config))


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedTeam:
    (tmp_path / "agents").mkdir()
    (tmp_path / "mcp_servers").mkdir()
    (tmp_path / "agents" / "hello.md").write_text("You greet.")
    (tmp_path / "agents" / "shop.yaml").write_text(TEAM)
    config = {"mcpServers": {"orders": {"url": "http://127.0.0.1:1/mcp"}}}
    (tmp_path / "mcp_servers" / "mcp.json").write_text(json.dumps(config))
    return load_team(tmp_path / "agents" / "shop.yaml", {})


async def found(
    loaded: LoadedTeam, servers: Mapping[str, ServerConfig], limit: float = 30.0
) -> list[str]:
    problems = await check_live([loaded], servers, limit)
    return [str(problem).replace(f"{loaded.path}:", "") for problem in problems]


async def test_tools_that_the_server_does_not_have_are_found_with_the_nearest(
    loaded: LoadedTeam, host: Any
) -> None:
    missing = "the MCP server `orders` has no tool"
    assert [
        line.partition(" (it has")[0] for line in await found(loaded, {"orders": host.config})
    ] == [
        f"7:33: {missing} `finde_order` (did you mean `find_order`?)",
        f"7:46: {missing} `cancel_*`",
        f"8:20: {missing} `hug` (did you mean `huge`?)",
        f"11:7: {missing} `find_ordr` (did you mean `find_order`?)",
        "12:7: warning: phrases for `huge`, which the team may not use (see `tools` above)",
    ]


async def test_new_names_are_held_against_the_servers_own(tmp_path: Path, host: Any) -> None:
    tools = "{ deny: [huge], rename: { find_order: track, count: wait, hug: x, huge: y } }"
    desk(tmp_path, tools, "track: { examples: [Where is it?] }")
    loaded = load_team(tmp_path / "agents" / "shop.yaml", {})
    assert await found(loaded, {"orders": host.config}) == [
        "6:64: the MCP server `orders` has a tool `wait` already "
        "(deny that one, rename it too, or choose)",
        "6:70: the MCP server `orders` has no tool `hug` (did you mean `huge`?)",
        "6:78: warning: a new name for `huge`, which the team may not use (see `tools` above)",
    ]


async def test_rules_of_approval_are_held_against_the_servers_tools(
    tmp_path: Path, host: Any
) -> None:
    desk(tmp_path, "{}", "")
    file = tmp_path / "agents" / "shop.yaml"
    rules = """\
    approve:
      refnd_*: spoken
      refund_*: { by: spoken, when: { arguments: { order: { given: true } } } }
      find_order: { by: screen, when: { arguments: { order_id: { equals: "1" } } } }
"""
    file.write_text(file.read_text().replace("agents:\n", f"{rules}agents:\n"))
    lines = await found(load_team(file, {}), {"orders": host.config})
    assert lines[0].startswith("9:7: the MCP server `orders` has no tool `refnd_*`")
    assert lines[1:] == [
        "10:7: no tool that `refund_*` fits has an argument `order` (did you mean `order_id`?)"
    ]


async def test_a_server_that_is_not_there_is_found_where_the_team_names_it(
    loaded: LoadedTeam, unused_tcp_port: int
) -> None:
    gone = HttpServer("orders", f"http://127.0.0.1:{unused_tcp_port}/mcp")
    (line,) = await found(loaded, {"orders": gone})
    assert line.startswith("5:3: the MCP server `orders` does not answer: ")
    assert len(line) > len("5:3: the MCP server `orders` does not answer: ") + 10


async def test_a_server_that_refuses_is_told_with_its_reason(loaded: LoadedTeam, host: Any) -> None:
    host.status = 401
    (line,) = await found(loaded, {"orders": host.config})
    assert line.startswith("5:3: the MCP server `orders` does not answer: ")
    assert "sign" in line or "401" in line or "credential" in line


async def test_a_server_that_says_nothing_holds_the_check_up_no_longer_than_the_limit(
    loaded: LoadedTeam, black_hole: str
) -> None:
    (line,) = await found(loaded, {"orders": HttpServer("orders", black_hole)}, limit=0.2)
    assert line == "5:3: the MCP server `orders` does not answer: no word of it"


async def test_a_command_that_is_not_there_is_found(loaded: LoadedTeam) -> None:
    (line,) = await found(loaded, {"orders": StdioServer("orders", "no-such-command-here")})
    assert line.startswith("5:3: the MCP server `orders` does not answer: ")


async def test_a_server_that_is_switched_off_is_told_so(loaded: LoadedTeam) -> None:
    assert await found(loaded, {}) == [
        '5:3: the MCP server `orders` is `"disabled": true` in mcp.json'
    ]


def test_check_starts_the_servers_of_the_desk_and_finds_nothing_wrong() -> None:
    result = CliRunner().invoke(app, ["check", str(ROOT), "--servers"])
    assert result.exit_code == 0, result.output
    assert "2 MCP servers: no problems" in result.output


def test_check_asks_servers_only_when_told_to_and_then_fails(loaded: LoadedTeam) -> None:
    assert CliRunner().invoke(app, ["check", str(loaded.root)]).exit_code == 0
    result = CliRunner().invoke(app, ["check", str(loaded.root), "--servers"])
    assert result.exit_code == 1
    assert f"{loaded.path}:5:3: the MCP server `orders` does not answer: " in result.stdout


def test_check_with_mistakes_says_that_the_servers_were_not_asked(loaded: LoadedTeam) -> None:
    loaded.path.write_text(TEAM.replace("entry", "entri"))
    result = CliRunner().invoke(app, ["check", str(loaded.root), "--servers"])
    assert result.exit_code == 1
    assert "not asked before the errors are mended" in result.stderr


def test_a_server_of_the_desk_that_ends_at_once_is_told_with_its_last_words(
    loaded: LoadedTeam, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def once_it_ended(teams: Any, servers: Any, limit: float, starting: Any) -> Any:
        while not starting["orders"]():  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.01)
        return await check_live(teams, servers, 0.1, starting)

    monkeypatch.setattr("frontdesk.cli.check_servers.check_live", once_it_ended)
    folder = loaded.root / "mcp_servers"
    url = f"http://127.0.0.1:{unused_tcp_port}/mcp"
    (folder / "mcp.json").write_text(json.dumps({"mcpServers": {"orders": {"url": url}}}))
    (folder / "orders").mkdir()
    (folder / "orders" / "server.py").write_text("raise SystemExit('no database')\n")
    result = CliRunner().invoke(app, ["check", str(loaded.root), "--servers"])
    assert result.exit_code == 1
    assert "(its last words: no database)" in result.stdout


async def test_the_token_made_up_for_a_desks_servers_goes_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    async with running([], tmp_path):
        assert os.environ[TOKEN]
    assert TOKEN not in os.environ


async def test_a_required_server_that_is_not_there_is_a_mistake_where_that_is_said(
    tmp_path: Path, host: Any, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setattr(required, "LIMIT", 0.0)
    desk(tmp_path, "{ }", "")
    file = tmp_path / "agents" / "shop.yaml"
    file.write_text(file.read_text().replace("    tools: { }", "    required: true"))
    loaded = load_team(file, {})
    for address, problems in (
        (host.url, []),
        (
            f"http://127.0.0.1:{unused_tcp_port}/mcp",
            [
                "6:5: the MCP server `orders` is required, and is not there: The orders service "
                "cannot be reached right now. (start it, mend its entry in mcp.json, or drop "
                "`required`)"
            ],
        ),
    ):
        connections = McpConnections({"orders": replace(host.config, url=address)})
        await connections.start(settle=30)
        found = await required.absent([loaded], connections)
        assert [str(problem).replace(f"{file}:", "") for problem in found] == problems
        await connections.aclose()
