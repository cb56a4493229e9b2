"""MCP servers that nobody here wrote, on a desk: their entries pasted into mcp.json, checked, and
used in calls."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mcp_peers import servers

pytestmark = pytest.mark.timeout(240)  # the first test waits for all servers


def check(*words: object, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "frontdesk", "check", *map(str, words), "--servers"]
    return subprocess.run(
        command, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )


def test_check_finds_every_server_there(desk, environ):
    done = check(desk, environ=environ)
    assert done.returncode == 0, done.stdout
    assert "error" not in done.stdout and "warning" not in done.stdout, done.stdout
    assert done.stderr == "", "what servers write to their standard error"


def test_check_tells_of_a_wrong_token_a_wrong_tool_and_a_command_that_fails(
    desk, environ, tmp_path
):
    root = shutil.copytree(desk, tmp_path / "desk")
    for team in (root / "agents").glob("*.yaml"):
        if team.stem not in ("gateway", "filesystem", "sqlite"):
            team.unlink()
    team = root / "agents" / "filesystem.yaml"
    narrowed = "{ timeout: 25s, tools: { allow: [read_text_fil] } }"
    team.write_text(team.read_text().replace("{ timeout: 25s }", narrowed))
    config = root / "mcp_servers" / "mcp.json"
    config.write_text(config.read_text().replace("--db-path", "--database"))
    wrong = {**environ, "GATEWAY_TOKEN": servers.token("a secret of somebody else with 32 bytes")}
    done = check(root, environ=wrong)
    assert done.returncode == 1
    told = {Path(line.split(":")[0]).stem: line for line in done.stdout.splitlines()}
    assert "did you mean `read_text_file`?" in told["filesystem"]
    assert "refused access (401)" in told["gateway"]
    assert "does not answer" in told["sqlite"] and "--database" in told["sqlite"], told["sqlite"]


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


async def test_all_of_a_large_servers_tools_reach_the_model(call, model):
    async with call("redis") as ask:
        await ask('hset {"name": "lamp:1", "key": "shade", "value": "Aurora"}')
        assert "Aurora" in await ask('hget {"name": "lamp:1", "key": "shade"}')
    assert len(model.offered()) == 53
    for tool in model.offered().values():
        assert tool["description"], tool["name"]
        assert tool["parameters"]["type"] == "object", tool["name"]


@pytest.mark.parametrize(
    ("team", "said", "heard"),
    [
        ("filesystem", 'read_text_file {"path": "/etc/passwd"}', "outside allowed directories"),
        ("time", 'get_current_time {"timezone": "Mars/Olympus"}', "Mars"),
        ("git", 'git_log {"repo_path": "/"}', "repository"),
        ("sqlite", 'read_query {"query": "DROP TABLE lamps"}', "SELECT"),
        ("everything", 'get-sum {"a": "two", "b": 3}', "expected number"),
        ("gateway", 'lobby-get-sum {"a": "two", "b": 3}', "number"),
    ],
)
async def test_a_tool_that_refuses_is_heard_with_its_reason(call, team, said, heard):
    async with call(team) as ask:
        assert heard in await ask(said)


async def test_calls_are_answered_again_after_a_server_that_keeps_sessions_was_restarted(
    call, peers
):
    async with call("everything") as ask:
        assert await ask('echo {"message": "one"}') == "Echo: one"
        peers.everything.stop()
        assert "everything service" in await ask('echo {"message": "two"}')
        peers.everything.start()
        await asyncio.to_thread(peers.everything.wait)
        async with asyncio.timeout(40):
            while await ask('echo {"message": "three"}') != "Echo: three":
                pass
