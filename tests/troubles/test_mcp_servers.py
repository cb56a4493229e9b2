"""An MCP server that is down, dies in a call, and comes back."""

import asyncio
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def orders_desk(tmp_path):
    """The example's team with the orders desk in front, so that instant models call its tools."""
    root = tmp_path / "desk"
    for part in ("agents", "tools", "mcp_servers"):
        shutil.copytree(ROOT / part, root / part)
    file = root / "agents" / "support.yaml"
    file.write_text(file.read_text().replace("entry: frontdesk", "entry: orders"))
    return root


def orders_server(children):
    """The process of the orders server, if it runs."""
    for pid, command in children.items():
        words = command.split()
        if "orders/server.py" in command and "launch.py" not in words[1:4]:
            return pid
    return None


def outputs(conversation):
    """What the tools of a call gave."""
    items = [stored["item"] for stored in conversation["items"]]
    return [str(item["output"]) for item in items if item["type"] == "function_call_output"]


async def test_a_server_that_dies_is_an_error_of_the_tool_and_comes_back(
    serve, orders_desk, dial, get, children, kill
):
    server = serve(desk=orders_desk)
    line = await dial(server)
    path = f"/api/calls/{line.call_id}/conversation"

    async def tool_output():
        assert (await line.ask("Where is my order?"))["status"] == "completed"
        return outputs(get(server, path))[-1]

    assert "found" in await tool_output()
    first = orders_server(children(server))
    kill(first)
    failed = await tool_output()
    assert "orders service" in failed or "found" in failed
    async with asyncio.timeout(40):
        while "found" not in await tool_output():
            pass
    assert orders_server(children(server)) not in (None, first)
    assert "MCP server orders ended" in server.log.read_text()


async def test_a_server_that_is_down_at_start_is_told_once_and_the_desk_works(
    serve, orders_desk, dial, get
):
    config = orders_desk / "mcp_servers" / "mcp.json"
    config.write_text(config.read_text().replace("127.0.0.1:8101", "127.0.0.1:1"))
    (orders_desk / "mcp_servers" / "orders" / "server.py").unlink()
    server = serve(desk=orders_desk)
    line = await dial(server)
    assert (await line.ask("Where is my order?"))["status"] == "completed"
    async with asyncio.timeout(40):
        while "MCP server orders:" not in server.log.read_text():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert (await line.ask("Hello?"))["status"] == "completed"
    told = [text for text in server.log.read_text().splitlines() if "MCP server orders" in text]
    assert told == [
        "MCP server orders: The orders service cannot be reached right now. It is tried again."
    ]


async def test_what_a_server_did_is_in_the_trace_of_the_turn(serve, orders_desk, dial, get):
    server = serve(desk=orders_desk)
    line = await dial(server)
    assert (await line.ask("Where is my order?"))["status"] == "completed"

    def spans():
        found = get(server, f"/api/calls/{line.call_id}")["turns"]
        trace = get(server, f"/api/traces/{found[0]['trace_id']}") if found else {"spans": []}
        return {span["name"]: span for span in trace["spans"]}

    async with asyncio.timeout(40):  # it sends them a moment later
        while "tools/call find_order" not in (found := await asyncio.to_thread(spans)):
            pass
    sent, served = (found[f"{side}tools/call find_order"] for side in ("MCP send ", ""))
    assert served["parent_id"] == sent["span_id"]
