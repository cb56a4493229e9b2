"""MCP servers that nobody here wrote, on a desk: their entries pasted into mcp.json, checked, and
used in calls."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(150)  # the first test waits for all servers


def test_check_finds_every_server_there_with_the_tools_that_the_teams_name(desk, environ):
    check = [sys.executable, "-m", "frontdesk", "check", str(desk), "--servers"]
    done = subprocess.run(
        check, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "error" not in done.stdout and "warning" not in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("team", "said", "heard"),
    [
        ("everything", 'echo {"message": "two lamps"}', "Echo: two lamps"),
        ("everything", 'get-sum {"a": 2, "b": 40}', "42"),
        ("everything_stdio", 'get-structured-content {"location": "New York"}', '"humidity":82'),
        ("everything_stdio", "get-tiny-image {}", "image"),
        ("time", 'get_current_time {"timezone": "Asia/Seoul"}', "+09:00"),
        ("time_stdio", 'get_current_time {"timezone": "Europe/Rome"}', "Europe/Rome"),
        ("git", 'git_log {"repo_path": "REPOSITORY"}', "A new lamp"),
        ("filesystem", 'read_text_file {"path": "FILES/opening.txt"}', "We open at nine."),
        ("redis", 'set {"key": "lamp", "value": "Aurora"}', "Success"),
        ("sqlite", 'write_query {"query": "CREATE TABLE lamps (name TEXT)"}', "affected_rows"),
        ("gateway", 'lobby-echo {"message": "by the gateway"}', "Echo: by the gateway"),
    ],
)
async def test_a_caller_hears_what_the_tool_said(call, peers, team, said, heard):
    said = said.replace("REPOSITORY", str(peers.repository)).replace("FILES", str(peers.files))
    async with call(team) as ask:
        assert heard in await ask(said)
