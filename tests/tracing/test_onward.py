"""Spans of the desk's own MCP servers stand in our trace and reach the user's backend, too."""

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from frontdesk.api.otlp import router
from frontdesk.mcp import local
from frontdesk.ports import free_port
from frontdesk.settings import Settings
from frontdesk.tracing.calls import Tracing

SERVER = Path(__file__).parents[2] / "mcp_servers" / "orders" / "server.py"
CALL = "tools/call find_order"


def receiving(tracing: Tracing) -> FastAPI:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    app.include_router(router(tracing))
    return app


async def find_order(url: str) -> None:
    headers = {"Authorization": f"Bearer {os.environ[local.TOKEN]}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        await client.call_tool("find_order", {"order_number": "4711"})


async def answering(url: str) -> None:
    """Wait for a server that is being started."""
    async with httpx2.AsyncClient() as http:
        while True:
            try:
                await http.get(url)
            except httpx2.TransportError:
                await asyncio.sleep(0.02)
            else:
                return


async def test_they_join_our_trace_and_go_on_once(
    settings: Settings, receiver: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    tracing = Tracing(settings)
    tracing.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "deflate")  # not of what comes to us
    listener = socket.create_server(("127.0.0.1", 0))
    web = uvicorn.Server(uvicorn.Config(receiving(tracing), log_level="error"))
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    spans = local.spans_to(f"http://127.0.0.1:{listener.getsockname()[1]}")
    orders = local.LocalServer("orders", SERVER, f"http://127.0.0.1:{free_port()}/mcp")
    turn = tracing.turn(
        call_id="call_1", index=0, team="support", team_version="1", agent="frontdesk",
        transport="websocket",
    )  # fmt: skip
    came = asyncio.Event()
    loop, add = asyncio.get_running_loop(), tracing.send_on

    def sent_on(spans: Any) -> None:
        add(spans)
        if any(span.name == CALL for span in spans):  # others may come before it
            loop.call_soon_threadsafe(came.set)

    monkeypatch.setattr(tracing, "send_on", sent_on)
    async with local.running([orders], tmp_path, spans):
        await answering(orders.url)
        with turn.use():
            await find_order(orders.url)
        await came.wait()
    turn.end(reason="completed")
    await tracing.flush()
    found = tracing.store.trace(turn.trace_id)
    assert found
    ours = {span["name"]: span for span in found["spans"]}
    assert ours[CALL]["parent_id"] == ours[f"MCP send {CALL}"]["span_id"]
    web.should_exit = True
    await serving
    await tracing.aclose()
    theirs = [
        (group.resource.attributes, span)
        for request in receiver.requests
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]
    assert sorted(span.name for _, span in theirs) == sorted(ours)
    (service, call) = next((who, span) for who, span in theirs if span.name == CALL)
    assert call.trace_id.hex() == turn.trace_id
    assert any(pair.value.string_value == "orders" for pair in service)


async def test_what_others_send_here_does_not_go_on(
    settings: Settings, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    tracing = Tracing(settings)
    tracing.start()
    app = receiving(tracing)
    span = {"spanId": "00f067aa0ba902b7", "startTimeUnixNano": "1700000000000000000"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)) as http:
        for trace_id, headers in (("ab" * 16, {}), ("cd" * 16, {local.ONWARD: "1"})):
            spans = [{**span, "traceId": trace_id, "name": trace_id}]
            body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
            answer = await http.post("http://desk/v1/traces", json=body, headers=headers)
            assert answer.status_code == 200
    await tracing.aclose()
    assert tracing.store.trace("ab" * 16) and tracing.store.trace("cd" * 16)
    assert [found["trace_id"] for found in receiver.spans.values()] == ["cd" * 16]
