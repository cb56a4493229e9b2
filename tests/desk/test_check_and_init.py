from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from frontdesk.cli.check import check
from frontdesk.cli.init import init

app = typer.Typer()
app.command()(check)
app.command()(init)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_check_counts_what_is_right(repository: Path):
    result = run("check", repository)
    assert result.exit_code == 0
    assert "4 agents, 2 tools, 2 MCP servers: no problems" in result.output


def test_check_takes_one_team_file(repository: Path):
    assert run("check", repository / "agents" / "support.yaml").exit_code == 0


def test_check_looks_at_the_folder_it_is_called_in(repository: Path, monkeypatch):
    monkeypatch.chdir(repository)
    assert "no problems" in run("check").output


def test_check_prints_each_problem_with_its_place_and_fails(desk):
    desk.team(desk.team_file.read_text().replace("entry", "entri"))
    result = run("check", desk.root)
    assert result.exit_code == 1
    assert f"{desk.team_file}:3:1: unknown key `entri` (did you mean `entry`?)" in result.stdout
    assert "2 errors in" in result.stderr


def test_check_prints_warnings_and_succeeds(desk):
    text = desk.team_file.read_text()
    desk.team(text + "  lonely:\n    description: x\n    instructions: hello.md\n")
    result = run("check", desk.root)
    assert result.exit_code == 0
    assert ":8:3: warning: nobody hands over to the agent `lonely`" in result.stdout
    assert "no errors" in result.stdout


@pytest.mark.parametrize("name", ["nowhere", "nowhere.yaml"])
def test_check_of_nothing_says_so(tmp_path: Path, name: str):
    result = run("check", tmp_path / name)
    assert result.exit_code == 1
    assert "no such" in result.stdout


def test_init_makes_a_desk_that_check_likes(tmp_path: Path):
    result = run("init", tmp_path / "mine")
    assert result.exit_code == 0
    assert "frontdesk serve" in result.output
    assert run("check", tmp_path / "mine").exit_code == 0


def test_init_refuses_a_folder_in_use(tmp_path: Path):
    (tmp_path / "x").write_text("")
    result = run("init", tmp_path)
    assert result.exit_code == 1
    assert "is not empty" in result.stderr


def test_the_help_says_what_the_commands_do():
    assert "every mistake" in run("check", "--help").output
    assert "Make a desk" in run("init", "--help").output


def test_check_takes_an_overlay_by_option_by_environment_and_by_file(desk, monkeypatch):
    overlay = desk.write("agents/shop.prod.yaml", "name: prod\n")
    assert "shop (" in run("check", desk.root).output
    assert "prod (" in run("check", desk.root, "--overlay", "prod").output
    assert "prod (" in run("check", desk.team_file, "--overlay", "prod").output
    monkeypatch.setenv("FRONTDESK_OVERLAY", "prod")
    for path in (desk.root, desk.team_file, overlay):
        assert "prod (" in run("check", path).output


@pytest.mark.parametrize("path", ["", "agents/shop.yaml", "agents/shop.prod.yaml"])
def test_check_of_an_overlay_that_is_not_there_fails(desk, path: str):
    desk.write("agents/shop.prod.yaml", "name: prod\n")
    result = run("check", desk.root / path, "--overlay", "prd")
    assert result.exit_code == 1
    assert "overlay `prd`" in result.stdout


def test_check_tells_of_everything_in_mcp_json_that_serve_would_refuse(desk):
    config = '{"mcpServers": {\n"a": {"url": "ftp://x"},\n"b": {"type": "sse", "url": "http://x"}}}'
    desk.write("mcp_servers/mcp.json", config)
    result = run("check", desk.root)
    assert result.exit_code == 1
    places = [line.partition("mcp.json:")[2].split(" ")[0] for line in result.stdout.splitlines()]
    assert places == ["2:7:", "3:7:"]
