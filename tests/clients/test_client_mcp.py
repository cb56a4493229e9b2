"""MCP servers that a stock ``openai`` client declares, through a real socket."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from mcp.server import MCPServer
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from tests.conftest import ROOT, ServerProcess


@pytest.fixture
async def shop() -> AsyncIterator[str]:
    """The address of an MCP server with one tool."""
    mcp: Any = MCPServer("shop", log_level="ERROR")

    @mcp.tool()
    async def price(item: str) -> str:
        """The price of an item."""
        return f"{item} costs 12"

    listener = socket.create_server(("127.0.0.1", 0))
    app = mcp.streamable_http_app()
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    server.should_exit = server.force_exit = True
    await task
    listener.close()


@pytest.fixture
async def connection(
    tmp_path: Path, server_process: type[ServerProcess]
) -> AsyncIterator[AsyncRealtimeConnection]:
    """A call with a team whose clients may name servers on this machine."""
    desk = shutil.copytree(ROOT / "benchmarks" / "desk", tmp_path / "desk")
    team = desk / "agents" / "bench.yaml"
    team.write_text(team.read_text() + 'client_mcp: { private_hosts: ["127.0.0.1"] }\n')
    server = server_process(tmp_path, desk=desk)
    client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
    async with client.realtime.connect(model="bench") as connection:
        yield connection
    await client.close()
    server.stop()


async def until(connection: AsyncRealtimeConnection, kind: str, item: str = "") -> list[Any]:
    """Events up to the first of this type, and of this type of item."""
    events: list[Any] = []
    async with asyncio.timeout(40):
        while not events or events[-1].type != kind or (item and events[-1].item.type != item):
            events.append(await connection.recv())
            assert events[-1].type != "error", events[-1]
    return events


async def test_a_server_is_listed_asked_for_and_called_when_the_client_approves(
    connection: AsyncRealtimeConnection, shop: str
) -> None:
    tool = {"type": "mcp", "server_label": "shop", "server_url": shop, "authorization": "HUSH"}
    session: Any = {"type": "realtime", "output_modalities": ["text"], "tools": [tool]}
    await connection.session.update(session=session)
    listed = await until(connection, "conversation.item.done", "mcp_list_tools")
    assert [tool.name for tool in listed[-1].item.tools] == ["price"]
    choice: Any = {"type": "mcp", "server_label": "shop"}
    await connection.response.create(response={"tool_choice": choice})
    asked = await until(connection, "response.done")
    [request] = [e.item for e in asked if e.type == "conversation.item.done"]
    assert request.type == "mcp_approval_request"
    [call] = asked[-1].response.output
    assert call.approval_request_id == request.id
    answer: Any = {"type": "mcp_approval_response", "approval_request_id": request.id}
    await connection.conversation.item.create(item={**answer, "approve": True})
    ran = await until(connection, "conversation.item.done", "mcp_call")
    assert ran[-2].type == "response.mcp_call.completed"
    assert ran[-1].item.output == "example costs 12"
    await connection.response.create()
    answered = await until(connection, "response.done")
    assert answered[-1].response.output[0].type == "message"
    assert "HUSH" not in str([*listed, *asked, *ran, *answered])


async def test_a_private_address_is_refused_by_name(server: ServerProcess, shop: str) -> None:
    client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
    async with client.realtime.connect(model="support") as connection:
        session: Any = {"type": "realtime"}
        session["tools"] = [{"type": "mcp", "server_label": "shop", "server_url": shop}]
        await connection.session.update(session=session)
        assert (await connection.recv()).type == "session.created"
        refused = await connection.recv()
        assert refused.type == "error"
        assert refused.error.param == "session.tools[0].server_url"
    await client.close()
