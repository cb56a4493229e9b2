"""A real team on the Agents SDK, with a real MCP server on a socket, traced into a real store."""

import asyncio
import gzip
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from agents.mcp import MCPServerStreamableHttp
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from fastapi import FastAPI
from mcp.server import MCPServer
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

import agents
from agents import (
    Agent,
    GuardrailFunctionOutput,
    RunConfig,
    RunContextWrapper,
    Runner,
    Usage,
    function_tool,
    input_guardrail,
)
from frontdesk.settings import Settings
from frontdesk.tracing import calls, pipeline
from frontdesk.tracing.api import router
from frontdesk.tracing.calls import Tracing, TurnTrace
from tests.clickhouse import IS_HERE, ClickHouse


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    # A process that ends waits for so long; the tests read what was sent and written by then.
    for module in (calls, pipeline):
        monkeypatch.setattr(module, "CLOSE", 30.0)
    return Settings(data=tmp_path)


@pytest.fixture
async def tracing(settings: Settings) -> AsyncIterator[Tracing]:
    tracing = Tracing(settings)
    tracing.start()
    yield tracing
    await tracing.aclose()


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    if not IS_HERE:
        pytest.skip("no chdb here: make peers installs it")
    server = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def sdk_left_alone() -> Iterator[None]:
    yield
    agents.set_trace_processors([])


@pytest.fixture
async def orders_server() -> AsyncIterator[MCPServerStreamableHttp]:
    app = MCPServer("orders")

    @app.tool()
    def find_order(number: str) -> str:
        """Find an order by its number."""
        if number == "0":
            raise ValueError("no such order")
        return json.dumps({"number": number, "state": "on its way"})

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app.streamable_http_app(), log_level="error"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    async with MCPServerStreamableHttp(
        {"url": f"http://127.0.0.1:{port}/mcp"}, name="orders", cache_tools_list=True
    ) as client:
        yield client
    server.should_exit = True
    await task


@function_tool
async def delivery_day(city: str) -> str:
    """Estimate the day of delivery."""
    return f"Tuesday, {city}"


@function_tool(failure_error_function=lambda _, error: f"failed: {error}")
async def refund(order: str) -> str:
    """Refund an order."""
    raise RuntimeError("the refund desk is closed")


@input_guardrail
async def no_card_numbers(
    context: RunContextWrapper[Any], agent: Agent[Any], given: Any
) -> GuardrailFunctionOutput:
    return GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)


@pytest.fixture
def team(orders_server: MCPServerStreamableHttp) -> Agent[Any]:
    """Hands over to orders, which asks the MCP server, a tool, and a tool that fails."""
    specialist = ScriptedModel(
        [
            [function_call("find_order", {"number": "48271"}, call_id="c1")],
            [
                function_call("delivery_day", {"city": "Seoul"}, call_id="c2"),
                function_call("refund", {"order": "48271"}, call_id="c3"),
            ],
            ModelStep(
                output=[assistant_message("It comes on Tuesday.")],
                usage=Usage(requests=1, input_tokens=30, output_tokens=7, total_tokens=37),
            ),
        ],
        emit_traces=True,
    )
    orders = Agent(
        name="orders",
        handoff_description="Finds orders.",
        model=specialist,
        tools=[delivery_day, refund],
        mcp_servers=[orders_server],
    )
    front = ScriptedModel(
        [[function_call("transfer_to_orders", {}, call_id="h1")]], emit_traces=True
    )
    return Agent(
        name="frontdesk", model=front, handoffs=[orders], input_guardrails=[no_card_numbers]
    )


async def run_team(team: Agent[Any], turn: TurnTrace, words: str = "Where is order 48271?") -> str:
    """Run the team under the turn, as the call does."""
    with turn.use():
        run = Runner.run_streamed(
            team,
            words,
            run_config=RunConfig(
                workflow_name="support", trace_id=turn.sdk_trace_id, group_id="call_1"
            ),
        )
        async for _ in run.stream_events():
            pass
    return str(run.final_output)


@pytest.fixture
async def answered(tracing: Tracing, team: Agent[Any]) -> TurnTrace:
    """A turn that used everything, ended and stored."""
    turn = tracing.turn(
        call_id="call_1",
        index=0,
        team="support",
        team_version="v1",
        agent="frontdesk",
        transport="websocket",
    )
    turn.put_off()  # as a call does, whose caller waits for the first sound
    assert await run_team(team, turn) == "It comes on Tuesday."
    turn.end(reason="completed")
    await tracing.flush()
    return turn


@pytest.fixture
async def api(tracing: Tracing) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    app.include_router(router(tracing, str.upper))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://frontdesk") as client:
        yield client


class Receiver:
    """What a backend was sent."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.metrics: list[bytes] = []
        self.logs: list[ExportLogsServiceRequest] = []
        self.refuses_logs = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/logs" and outer.refuses_logs:
                    return self.send_error(404)
                if self.path == "/v1/metrics":
                    outer.metrics.append(body)
                elif self.path == "/v1/logs":
                    outer.logs.append(ExportLogsServiceRequest.FromString(body))
                else:
                    outer.requests.append(ExportTraceServiceRequest.FromString(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def spans(self) -> dict[str, dict[str, str]]:
        return {
            span.name: {entry.key: entry.value.string_value for entry in span.attributes}
            | {"trace_id": span.trace_id.hex(), "message": span.status.message}
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }

    @property
    def ids(self) -> dict[str, str]:
        """The ids of spans by their names."""
        return {
            span.name: span.span_id.hex()
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }

    @property
    def events(self) -> list[LogRecord]:
        return [
            record
            for request in self.logs
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    @property
    def service(self) -> str:
        attributes = self.requests[0].resource_spans[0].resource.attributes
        return next(a.value.string_value for a in attributes if a.key == "service.name")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,))
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()
