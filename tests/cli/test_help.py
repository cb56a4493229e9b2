"""What a newcomer reads first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from frontdesk import __version__
from frontdesk.cli import app
from frontdesk.settings import Settings

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "demo",
    "serve",
    "key",
    "init",
    "check",
    "graph",
    "diff",
    "call",
    "chat",
    "conformance",
    "mcp",
    "traces",
)
OF_MCP = ("list", "add", "doctor", "call", "login")


def frontdesk(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "frontdesk", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def help_of(*command: str) -> str:
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80"})
    assert shown.exit_code == 0
    return shown.output


def test_the_help_lists_each_command_with_a_whole_sentence() -> None:
    listed = [line.split(None, 1) for line in help_of().splitlines() if line.startswith("  ")]
    sentences = {words[0]: words[1] for words in listed if len(words) == 2}
    for command in COMMANDS:
        assert sentences[command].endswith("."), command
        assert "..." not in sentences[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_that_fits_a_terminal(command: str) -> None:
    assert all(len(line) <= 80 for line in help_of(command).splitlines())


@pytest.mark.parametrize("command", OF_MCP)
def test_each_command_of_mcp_has_help_that_fits_a_terminal(command: str) -> None:
    assert all(len(line) <= 80 for line in help_of("mcp", command).splitlines())


def test_the_help_of_serve_names_every_setting() -> None:
    shown = help_of("serve")
    for name in Settings.model_fields:
        assert f"FRONTDESK_{name.upper()}" in shown


def test_the_version_is_told() -> None:
    assert frontdesk("--version").stdout == f"frontdesk {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "Usage: "),
        (("dmeo",), 2, "No such command 'dmeo'"),
        (("serve", "--models", "huge"), 2, "'embedded'"),
        (("serve", "nowhere"), 1, "nowhere"),
        (("serve", "--overlay", "nope"), 1, "no team has an overlay `nope`"),
        (("call", "nothing.wav"), 1, "nothing.wav"),
        (("check", "nowhere"), 1, "nowhere"),
    ],
)
def test_a_mistake_gets_a_message_and_an_exit_code_but_no_traceback(
    arguments: tuple[str, ...], code: int, message: str, tmp_path: Path
) -> None:
    result = frontdesk(*arguments, FRONTDESK_DATA=str(tmp_path), FRONTDESK_PORT="0")
    told = result.stdout + result.stderr
    assert result.returncode == code
    assert message in told
    assert "Traceback" not in told


def test_a_setting_that_is_wrong_is_named() -> None:
    result = frontdesk("serve", FRONTDESK_MODELS="huge")
    assert result.returncode == 1
    assert "FRONTDESK_MODELS" in result.stderr


def test_the_desk_can_be_named_by_the_environment(tmp_path: Path) -> None:
    result = frontdesk("serve", FRONTDESK_DESK=str(tmp_path / "elsewhere"), FRONTDESK_PORT="0")
    assert result.returncode == 1
    assert "elsewhere" in result.stderr
