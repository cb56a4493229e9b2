"""OTLP out: to a real HTTP receiver, without content unless asked for, and to nowhere."""

import gzip
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from frontdesk.settings import Settings
from frontdesk.tracing import messages, names
from frontdesk.tracing.calls import Tracing, TurnTrace
from frontdesk.tracing.otlp import CAPTURE


class Receiver:
    """What a backend was sent."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
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


async def one_turn(tracing: Tracing) -> TurnTrace:
    turn = tracing.turn(
        call_id="c", index=0, team="t", team_version="1", agent="a", transport="text"
    )
    said = {names.GEN_AI_INPUT_MESSAGES: messages.user("my secret")}
    turn.record("user_speech", start=1.0, end=2.0, attributes=said, error="secret words")
    turn.end(reason="completed")
    await tracing.aclose()
    return turn


async def test_spans_reach_the_backend_without_content(
    settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.delenv(CAPTURE, raising=False)
    tracing = Tracing(settings)
    tracing.start()
    turn = await one_turn(tracing)
    spans = receiver.spans
    assert set(spans) == {"invoke_workflow t", "user_speech"}
    assert receiver.service == "frontdesk"
    assert spans["user_speech"]["trace_id"] == turn.trace_id
    assert spans["user_speech"][names.GEN_AI_CONVERSATION_ID] == "c"
    assert names.GEN_AI_INPUT_MESSAGES not in spans["user_speech"]
    assert spans["user_speech"]["message"] == "_OTHER"
    found = tracing.store.trace(turn.trace_id)
    assert found and "secret" in str(found)  # our own store has it
    assert tracing.lost == {"store": 0, "otlp": 0}


async def test_content_is_sent_when_it_is_asked_for(
    settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv(CAPTURE, "SPAN_ONLY")
    tracing = Tracing(settings)
    tracing.start()
    await one_turn(tracing)
    assert "my secret" in receiver.spans["user_speech"][names.GEN_AI_INPUT_MESSAGES]


async def test_content_that_is_not_kept_is_not_sent_either(
    settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv(CAPTURE, "SPAN_ONLY")
    tracing = Tracing(settings.model_copy(update={"trace_content": False}))
    tracing.start()
    await one_turn(tracing)
    assert "secret" not in str(receiver.requests)


async def test_a_dead_backend_costs_a_counter(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    tracing = Tracing(settings)
    tracing.start()
    turn = await one_turn(tracing)
    assert tracing.lost == {"store": 0, "otlp": 2}
    assert tracing.store.trace(turn.trace_id)
    assert [record.name for record in caplog.records] == ["frontdesk.tracing.otlp"]


async def test_nothing_is_sent_when_nothing_is_configured(settings: Settings) -> None:
    tracing = Tracing(settings)
    tracing.start()
    assert tracing._pipeline.batches is None
    await tracing.aclose()
