"""``frontdesk traces`` on a real store."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from frontdesk.cli.traces import app
from frontdesk.tracing.calls import Tracing, TurnTrace

run = CliRunner().invoke


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FRONTDESK_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


async def test_list_and_show(here: Path, tracing: Tracing, answered: TurnTrace) -> None:
    listed = run(app, ["list"])
    assert listed.exit_code == 0
    assert "call_1" in listed.output and "frontdesk > orders" in listed.output
    assert "1 err" in listed.output
    for identity in ("call_1", answered.trace_id, answered.sdk_trace_id, answered.trace_id[:10]):
        shown = run(app, ["show", identity])
        assert shown.exit_code == 0, shown.output
        lines = shown.output.splitlines()
        assert lines[0].startswith(f"turn 0  {answered.sdk_trace_id}")
        assert all(len(line) <= 100 for line in lines)
        (tool,) = [line for line in lines if "execute_tool find_order" in line]
        assert tool.startswith("          execute_tool") and " ms" in tool and "█" in tool
        (failed,) = [line for line in lines if "execute_tool refund" in line]
        assert failed.startswith("x")
        assert "the refund desk is closed" in shown.output


async def test_what_is_said_cannot_drive_the_terminal(here: Path, tracing: Tracing) -> None:
    turn = tracing.turn(
        call_id="c\x1b[2J", index=0, team="t", team_version="1", agent="a", transport="text"
    )
    turn.record("custom \x1b]0;owned\x07", start=1.0, end=2.0, error="\x1b[31mred\nrow")
    turn.end(reason="failed")
    await tracing.flush()
    listed, shown = run(app, ["list"]).output, run(app, ["show", turn.trace_id]).output
    assert "c [2J" in listed and "red row" in shown
    assert "\x1b" not in listed + shown and "\x07" not in listed + shown


def test_without_traces_it_says_what_to_do(here: Path) -> None:
    result = run(app, ["list"])
    assert result.exit_code == 1
    assert "No traces yet" in result.output


async def test_an_unknown_id_says_where_to_look(
    here: Path, tracing: Tracing, answered: TurnTrace
) -> None:
    result = run(app, ["show", "nothing"])
    assert result.exit_code == 1 and "frontdesk traces list" in result.output


async def test_nothing_matches_is_said(here: Path, tracing: Tracing, answered: TurnTrace) -> None:
    result = run(app, ["list", "--agent", "nobody"])
    assert result.exit_code == 0 and "No calls match" in result.output


async def test_a_broken_store_is_reported(here: Path) -> None:
    (here / "traces.db").write_bytes(b"no database" * 500)
    result = run(app, ["list"])
    assert result.exit_code == 1 and "cannot be read" in result.output
