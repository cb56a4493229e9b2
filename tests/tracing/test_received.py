"""OTLP in: what other processes send joins the turn, whatever else they send."""

import asyncio
import contextlib
import gzip
import json
import socket
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from google.rpc.status_pb2 import Status
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from frontdesk.api.otlp import LONGEST, router
from frontdesk.settings import Settings
from frontdesk.tracing import received
from frontdesk.tracing.calls import Tracing, TurnTrace

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


def receiver(tracing: Tracing) -> FastAPI:
    app = FastAPI()
    app.include_router(router(tracing))
    return app


@pytest.fixture
async def url(tracing: Tracing) -> AsyncIterator[str]:
    """A real socket that receives spans."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(receiver(tracing), log_level="error"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1/traces"
    server.should_exit = True
    await task


def post_to(tracing: Any) -> Any:
    transport = httpx2.ASGITransport(app=receiver(tracing))

    async def post(content: bytes | dict[str, Any], headers: dict[str, str]) -> Any:
        body = json.dumps(content).encode() if isinstance(content, dict) else content
        async with httpx2.AsyncClient(transport=transport) as http:
            return await http.post("http://desk/v1/traces", content=body, headers=headers)

    return post


@pytest.fixture
def post(tracing: Tracing) -> Any:
    return post_to(tracing)


@pytest.fixture
def turn(tracing: Tracing) -> TurnTrace:
    turn = tracing.turn(
        call_id="call_1",
        index=0,
        team="support",
        team_version="1",
        agent="frontdesk",
        transport="websocket",
    )
    return turn


async def kept(tracing: Tracing, turn: TurnTrace) -> dict[str, dict[str, Any]]:
    await tracing.flush()
    found = tracing.store.trace(turn.trace_id)
    assert found
    return {span["name"]: span for span in found["spans"]}


def span(trace_id: str, **fields: Any) -> dict[str, Any]:
    """One span in OTLP's JSON."""
    return {
        "traceId": trace_id,
        "spanId": "00f067aa0ba902b7",
        "name": "tools/call find_order",
        "kind": 2,
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": "1700000001500000000",
        **fields,
    }


def batch(*spans: Any) -> dict[str, Any]:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "orders"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


def attribute(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


async def test_spans_of_the_sdks_own_exporter_join_the_turn(
    tracing: Tracing, turn: TurnTrace, url: str
) -> None:
    provider = TracerProvider(resource=Resource({"service.name": "orders"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=url)))
    root = (await kept(tracing, turn))["invoke_workflow support"]
    parent = SpanContext(
        int(turn.trace_id, 16), int(root["span_id"], 16), True, TraceFlags(TraceFlags.SAMPLED)
    )

    def work() -> None:
        tracer = provider.get_tracer("orders")
        context = set_span_in_context(NonRecordingSpan(parent))
        with tracer.start_as_current_span("look up", context) as child:
            child.set_attribute("rows", [1, 2])
            with pytest.raises(ValueError), tracer.start_as_current_span("query"):
                raise ValueError("no such table")

    await asyncio.to_thread(work)  # its exporter blocks
    found = await kept(tracing, turn)
    assert found["look up"]["parent_id"] == root["span_id"]
    assert found["look up"]["attributes"]["rows"] == [1, 2]
    assert found["query"]["parent_id"] == found["look up"]["span_id"]
    assert found["query"]["error"] == "ValueError: no such table"
    assert found["query"]["events"][0]["name"] == "exception"


async def test_json_is_taken_too_and_a_span_that_is_sent_again_is_one(
    tracing: Tracing, turn: TurnTrace, post: Any
) -> None:
    sent = span(
        turn.trace_id,
        attributes=[
            attribute("mcp.method.name", stringValue="tools/call"),
            attribute("rows", intValue="3"),
            attribute("places", arrayValue={"values": [{"stringValue": "Bonn"}]}),
            attribute("more", kvlistValue={"values": [attribute("deep", boolValue=True)]}),
        ],
        status={"code": 2, "message": "no such order"},
    )
    for _ in range(2):
        answer = await post(batch(sent), JSON)
        assert (answer.status_code, answer.json()) == (200, {})
    found = await kept(tracing, turn)
    assert len(found) == 2
    ours = found["tools/call find_order"]
    assert ours["stage"] == "mcp"
    assert (ours["start"], ours["end"]) == (1700000000, 1700000001.5)
    assert ours["error"] == "no such order"
    assert ours["attributes"] == {
        "mcp.method.name": "tools/call",
        "rows": 3,
        "places": ["Bonn"],
        "more": {"deep": True},
    }


async def test_gzip_is_inflated(tracing: Tracing, turn: TurnTrace, post: Any) -> None:
    body = gzip.compress(json.dumps(batch(span(turn.trace_id))).encode())
    assert (await post(body, {**JSON, "content-encoding": "gzip"})).status_code == 200
    assert "tools/call find_order" in await kept(tracing, turn)


async def test_what_cannot_be_kept_is_told_and_the_rest_is_kept(
    tracing: Tracing, turn: TurnTrace, post: Any
) -> None:
    nameless = span(turn.trace_id, spanId="")
    answer = await post(batch(nameless, span(turn.trace_id), span("0" * 32)), JSON)
    assert answer.status_code == 200
    partial = answer.json()["partialSuccess"]
    assert partial["rejectedSpans"] == "2"
    assert "2 of 3 spans" in partial["errorMessage"]
    assert "tools/call find_order" in await kept(tracing, turn)


@pytest.mark.parametrize(
    ("body", "headers", "status", "told"),
    [
        (b"\xff\xff", PROTOBUF, 400, "protobuf"),
        (b"{", JSON, 400, "JSON"),
        (b'{"resourceSpans": 3}', JSON, 400, "JSON"),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [7]}]}]}', JSON, 400, "JSON"),
        (json.dumps(batch(span("xyz"))).encode(), JSON, 400, "JSON"),
        (b"", {"content-type": "application/grpc"}, 415, "application/grpc"),
        (b"", {**PROTOBUF, "content-encoding": "br"}, 415, "gzip"),
        (b"plain", {**PROTOBUF, "content-encoding": "gzip"}, 400, "gzip"),
        (
            gzip.compress(b"0" * 99, mtime=0)[:-9],
            {**PROTOBUF, "content-encoding": "gzip"},
            400,
            "middle",
        ),
        (b"0" * (LONGEST + 1), PROTOBUF, 413, "longer"),
        (
            gzip.compress(b"0" * (LONGEST + 1), 1, mtime=0),
            {**PROTOBUF, "content-encoding": "gzip"},
            413,
            "longer",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_body_of_nonsense_is_refused_in_the_clients_encoding(
    post: Any, body: bytes, headers: dict[str, str], status: int, told: str
) -> None:
    answer = await post(body, headers)
    assert answer.status_code == status
    if headers == JSON:
        message = answer.json()["message"]
    else:
        assert answer.headers["content-type"] == "application/x-protobuf"
        message = Status.FromString(answer.content).message
    assert told in message


async def test_an_empty_batch_is_well(post: Any) -> None:
    answer = await post(b"", PROTOBUF)
    assert answer.status_code == 200
    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()


async def test_a_root_of_another_worker_makes_a_call_that_can_be_listed(
    tracing: Tracing, post: Any
) -> None:
    texts = {
        "gen_ai.conversation.id": "call_elsewhere",
        "gen_ai.workflow.name": "support",
        "gen_ai.agent.name": "frontdesk",
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": "Hello?"}]}]
        ),
    }
    attributes = [attribute(name, stringValue=text) for name, text in texts.items()]
    attributes.append(attribute("voice.turn.index", intValue="0"))
    await post(batch(span("ab" * 16, name="invoke_workflow support", attributes=attributes)), JSON)
    await tracing.flush()
    [call] = tracing.store.calls()
    assert (call["call_id"], call["text"], call["turns"]) == ("call_elsewhere", "Hello?", 1)


async def test_attributes_of_the_wrong_type_cost_nobody_their_traces(
    tracing: Tracing, turn: TurnTrace, post: Any
) -> None:
    wrong = [
        attribute(name, arrayValue={"values": [{"boolValue": True}]})
        for name in (
            "gen_ai.conversation.id",
            "gen_ai.workflow.name",
            "gen_ai.agent.name",
            "gen_ai.input.messages",
            "gen_ai.usage.input_tokens",
            "voice.turn.index",
            "voice.turn.latency",
            "voice.audio.offset_ms",
            "error.type",
        )
    ]
    for name in ("invoke_workflow x", "chat fast", "user_speech", "handoff to nobody"):
        await post(batch(span("cd" * 16, name=name, attributes=wrong)), JSON)
    await post(batch(span(turn.trace_id)), JSON)
    assert "tools/call find_order" in await kept(tracing, turn)
    assert tracing.lost["store"] == 0


async def test_without_content_a_strangers_attributes_are_not_kept(settings: Settings) -> None:
    tracing = Tracing(settings.model_copy(update={"trace_content": False}))
    tracing.start()
    sent = span(
        "ef" * 16,
        attributes=[
            attribute("input.value", stringValue="my secret"),
            attribute("gen_ai.prompt.0.content", stringValue="my secret"),
            attribute("gen_ai.input.messages", stringValue="my secret"),
            attribute("mcp.method.name", stringValue="tools/call"),
            attribute("http.route", stringValue="/mcp"),
        ],
        events=[{"name": "my secret", "timeUnixNano": "1"}],
        status={"code": 2, "message": "my secret"},
    )
    assert (await post_to(tracing)(batch(sent), JSON)).status_code == 200
    await tracing.flush()
    found = tracing.store.trace("ef" * 16)
    assert found
    [ours] = found["spans"]
    assert ours["attributes"] == {"mcp.method.name": "tools/call", "http.route": "/mcp"}
    assert (ours["error"], ours["events"]) == ("_OTHER", [])
    await tracing.aclose()


async def test_a_store_that_cannot_follow_asks_for_the_batch_again() -> None:
    tracing: Any = SimpleNamespace(received=lambda span: False)
    answer = await post_to(tracing)(batch(span("ab" * 16)), JSON)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


nonsense = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "key value stringValue intValue arrayValue values attributes links traceId "
                "spanId name kind status code startTimeUnixNano events".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


# A thread of another test may use `random` meanwhile, to send something again.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@given(content=nonsense)
@settings(max_examples=100, deadline=None)
def test_whatever_is_sent_is_taken_or_refused(content: Any) -> None:
    for sent in (content, batch(content), batch({**span("ab" * 16), "attributes": content})):
        with contextlib.suppress(received.Unreadable):
            for found in received.spans(received.read(json.dumps(sent).encode(), received.JSON)):
                assert found is None or found.context.is_valid
