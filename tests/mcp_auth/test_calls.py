"""The caller's own values, from the client that gives them to the server that is sent them."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

KEY = "fd-a-key-of-the-tests-0123456789"
AUTHORIZED = {"authorization": f"Bearer {KEY}"}
CANARY = "canary-of-"

TEAM = """
version: 1
name: shop
entry: clerk
models: { main: { provider: instant } }
voice: { stt: { provider: instant }, tts: { provider: instant } }
mcp: { shop: {} }
agents:
  clerk: { description: Answers., instructions: clerk.md, mcp: [shop] }
"""


def write_desk(root: Path, url: str) -> Path:
    (root / "agents").mkdir(parents=True)
    (root / "agents" / "shop.yaml").write_text(TEAM)
    (root / "agents" / "clerk.md").write_text("Answer briefly.")
    (root / "mcp_servers").mkdir()
    entry = {"url": url, "headers": {"X-Customer": "${caller:customer}"}}
    (root / "mcp_servers" / "mcp.json").write_text(json.dumps({"mcpServers": {"shop": entry}}))
    return root


@pytest.fixture
async def desk_of(open_shop: Any, server_process: Any, tmp_path: Path) -> AsyncIterator[Any]:
    """A desk with keys, beside the shop."""
    open_shop.together.set()
    desk = write_desk(tmp_path / "desk", open_shop.url)
    environ = {"FRONTDESK_API_KEYS": KEY}
    (tmp_path / "data").mkdir()
    start = lambda: server_process(tmp_path / "data", desk=desk, environ=environ)  # noqa: E731
    running = await asyncio.to_thread(start)
    yield running
    await asyncio.to_thread(running.stop)


async def turn(phone: Any, words: str) -> str:
    """Say something, and hear the answer out; returns all frames as one text."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}]}
    await phone.send(json.dumps({"type": "conversation.item.create", "item": item}))
    await phone.send(json.dumps({"type": "response.create"}))
    frames: list[str] = []
    async for frame in phone:
        frames.append(str(frame))
        if json.loads(frame)["type"] == "response.done":
            break
    return "".join(frames)


@asynccontextmanager
async def phone(server: Any, query: str = "", **headers: str) -> AsyncGenerator[Any]:
    url = f"{server.ws}/v1/realtime?show=tools{query}"
    async with connect(url, additional_headers={**AUTHORIZED, **headers}) as line:
        session = {"type": "realtime", "output_modalities": ["text"]}
        await line.send(json.dumps({"type": "session.update", "session": session}))
        while json.loads(await line.recv())["type"] != "session.updated":
            pass
        yield line


def customers(shop: Any) -> list[str | None]:
    return [customer for _, customer in shop.who]


async def test_callers_values_reach_their_own_tool_calls_and_no_other_place(
    desk_of: Any, open_shop: Any
) -> None:
    """By header, by client secret, by a second connection that renews it, and over MCP."""
    seen = ""

    async def by_header(name: str) -> str:
        async with phone(desk_of, **{"X-Frontdesk-Caller-Customer": CANARY + name}) as line:
            return await turn(line, "Who am I?")

    names = ["anna", "bert", "cleo", "dora"]
    heard = await asyncio.gather(*map(by_header, names))
    assert sorted(map(str, customers(open_shop))) == sorted(CANARY + name for name in names)
    for name, said in zip(names, heard, strict=True):  # the tool's result is shown
        assert {other for other in names if other in said} == {name}
    seen += "".join(heard)

    open_shop.who.clear()
    backend = AsyncOpenAI(api_key=KEY, base_url=f"{desk_of.url}/v1")
    made = await backend.realtime.client_secrets.create(
        extra_body={"caller": {"customer": f"{CANARY}emil"}}
    )
    await backend.close()
    seen += made.model_dump_json()
    async with phone(desk_of, authorization=f"Bearer {made.value}") as line:
        seen += await turn(line, "Who am I?")
        async with phone(desk_of) as other:
            assert "without the caller's customer" in await turn(other, "Who am I?")
    assert customers(open_shop) == [f"{CANARY}emil"]

    open_shop.who.clear()
    async with phone(desk_of, **{"X-Frontdesk-Caller-Customer": f"{CANARY}fred"}) as line:
        await turn(line, "Hello.")
        await line.send(json.dumps({"type": "session.update", "session": {"type": "realtime"}}))
        call_id = json.loads(await line.recv())["session"]["id"]
        renewed = {"X-Frontdesk-Caller-Customer": f"{CANARY}fred-2"}
        query = f"{desk_of.ws}/v1/realtime?call_id={call_id}"
        headers = {**AUTHORIZED, **renewed}
        async with connect(query, additional_headers=headers, max_queue=None) as beside:
            await beside.recv()
            await turn(line, "Hello again.")
    assert customers(open_shop) == [f"{CANARY}fred", f"{CANARY}fred-2"]

    open_shop.who.clear()
    headers = {**AUTHORIZED, "x-frontdesk-caller-customer": f"{CANARY}gina"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport = streamable_http_client(f"{desk_of.url}/mcp", http_client=http)
        async with Client(transport) as client:
            told = await client.call_tool("shop_clerk", {"request": "Who am I?"})
    seen += told.model_dump_json()
    assert customers(open_shop) == [f"{CANARY}gina"]

    async with httpx2.AsyncClient(base_url=desk_of.url, headers=AUTHORIZED, timeout=40) as http:
        for value in ("", "a\x01b", "ümlaut", "x" * 8193):
            body = {"caller": {"customer": value}}
            refused = await http.post("/v1/realtime/client_secrets", json=body)
            assert refused.status_code == 400
            assert refused.json()["error"]["param"] == "caller.customer"
    with pytest.raises(InvalidStatus) as closed:
        headers = {"X-Frontdesk-Caller-Customer": "x", "authorization": f"Bearer {made.value}"}
        await connect(f"{desk_of.ws}/v1/realtime", additional_headers=headers)
    assert closed.value.response.status_code == 403

    await asyncio.to_thread(desk_of.stop)  # all is written
    seen += desk_of.log.read_text()
    assert CANARY not in seen
    files = [path for path in desk_of.data.rglob("*") if path.is_file()]
    assert {"traces.db"} <= {path.name for path in files}
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]
