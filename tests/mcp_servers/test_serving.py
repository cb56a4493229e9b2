"""What both servers do alike: tokens, health, start and end."""

import os
import signal
import socket
import subprocess

import httpx2
import pytest

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "x"}])
async def test_a_call_without_the_right_token_is_refused(any_server, headers: dict):
    async with httpx2.AsyncClient(timeout=40) as http:
        answer = await http.post(any_server.url, json=CALL, headers=headers | ACCEPT)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "tools" not in answer.text


async def test_health_needs_no_token(any_server):
    async with httpx2.AsyncClient(timeout=40) as http:
        answer = await http.get(f"{any_server.base}/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


async def test_a_foreign_host_name_is_refused(any_server, token: str):
    headers = {"Authorization": f"Bearer {token}", "Host": "evil.example", **ACCEPT}
    async with httpx2.AsyncClient(timeout=40) as http:
        answer = await http.post(any_server.url, json=CALL, headers=headers)
    assert answer.status_code == 421


@pytest.mark.parametrize("mode", ["auto", "legacy", "2026-07-28"])
async def test_clients_of_both_eras_are_served(any_server, mode: str):
    async with any_server.client(mode=mode) as client:
        assert (await client.list_tools()).tools


async def test_every_tool_and_argument_is_described_and_every_result_has_a_schema(any_server):
    async with any_server.client() as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        assert tool.description
        assert "  " not in tool.description
        assert tool.output_schema
        for argument in tool.input_schema["properties"].values():
            assert argument["description"]


@pytest.mark.parametrize(("name", "value"), [("orders", None), ("knowledge", "")])
def test_a_server_refuses_to_start_without_a_token(server_command, name: str, value: str | None):
    env = {key: value for key, value in os.environ.items() if key != "FRONTDESK_MCP_TOKEN"}
    env |= {} if value is None else {"FRONTDESK_MCP_TOKEN": value}
    done = subprocess.run(
        server_command(name, "--port", "0"), env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "set FRONTDESK_MCP_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["orders", "knowledge"])
def test_a_port_in_use_is_said_plainly(server_command, name: str, tmp_path):
    env = os.environ | {"FRONTDESK_MCP_TOKEN": "x", "FRONTDESK_DATA": str(tmp_path)}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = server_command(name, "--port", port)
        done = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"can't listen on 127.0.0.1:{port}: Address already in use" in done.stderr


@pytest.mark.parametrize(
    ("name", "number"), [("orders", signal.SIGTERM), ("knowledge", signal.SIGINT)]
)
def test_a_server_ends_quietly_and_leaves_nothing_behind(
    server_command, name: str, number: signal.Signals, tmp_path
):
    env = {key: value for key, value in os.environ.items() if key != "FRONTDESK_DATA"}
    env |= {"FRONTDESK_MCP_TOKEN": "x", "TMPDIR": str(tmp_path)}
    line = server_command(name, "--port", "0")
    with subprocess.Popen(
        line, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=40)
    assert (process.returncode, errors) == (0, "")
    assert list(tmp_path.iterdir()) == []
