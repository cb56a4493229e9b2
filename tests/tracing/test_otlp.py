"""OTLP out: to a real HTTP receiver, without content unless asked for, and to nowhere."""

import socket
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanKind

from frontdesk.settings import Settings
from frontdesk.tracing import messages, names, otlp, received
from frontdesk.tracing.calls import Tracing, TurnTrace
from frontdesk.tracing.otlp import CAPTURE, JSON, REST, OtlpExporter
from frontdesk.tracing.pricing import Pricing
from frontdesk.tracing.rows import row


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
    settings: Settings, receiver: Any, monkeypatch: pytest.MonkeyPatch
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
    settings: Settings, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv(CAPTURE, "SPAN_ONLY")
    tracing = Tracing(settings)
    tracing.start()
    await one_turn(tracing)
    assert "my secret" in receiver.spans["user_speech"][names.GEN_AI_INPUT_MESSAGES]


async def test_content_that_is_not_kept_is_not_sent_either(
    settings: Settings, receiver: Any, monkeypatch: pytest.MonkeyPatch
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
    with socket.socket() as deaf:  # the port is taken, and nobody listens
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
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


async def test_a_turn_that_is_taken_out_as_otlp_reads_as_it_was(
    answered: TurnTrace, api: httpx2.AsyncClient
) -> None:
    kept = (await api.get(f"/api/traces/{answered.trace_id}")).json()["spans"]
    taken = await api.get(f"/api/traces/{answered.sdk_trace_id}/otlp")
    read = [span for span in received.spans(received.read(taken.content, JSON)) if span]
    assert len(read) == len(kept)
    for before, after in zip(kept, (row(span, Pricing()).export() for span in read), strict=True):
        for name in ("start", "end"):
            assert after[name] == pytest.approx(before[name], abs=1e-6)
        same = ("span_id", "parent_id", "name", "stage", "agent", "status", "error", "attributes")
        assert {name: after[name] for name in same} == {name: before[name] for name in same}
    kinds = {span.name.partition(" ")[0]: span.kind for span in read}
    assert (kinds["invoke_workflow"], kinds["MCP"]) == (SpanKind.INTERNAL, SpanKind.CLIENT)
    missing = await api.get(f"/api/traces/{'0' * 32}/otlp")
    assert missing.status_code == 404
    one = await api.get(f"/api/traces/{answered.trace_id}/spans/{kept[1]['span_id']}")
    assert one.json() == kept[1]


async def test_a_backend_that_is_down_is_left_alone_and_each_span_is_counted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "3")
    exporter = OtlpExporter(lambda span: span, content=True, pricing=Pricing())
    backend = SimpleNamespace(answer=SpanExportResult.FAILURE, asked=0)

    def export(spans: list[Any]) -> SpanExportResult:
        backend.asked += 1
        return backend.answer

    monkeypatch.setattr(exporter._exporter, "export", export)
    clock = SimpleNamespace(monotonic=lambda: clock.now, now=100.0)
    monkeypatch.setattr(otlp, "time", clock)
    span = ReadableSpan("chat fast")
    assert [exporter.admit() for _ in range(4)] == [True, True, True, False]  # it hangs
    assert exporter.failed == 1
    exporter.export([span, span])
    exporter.export([span])
    assert (backend.asked, exporter.failed, exporter.admit()) == (1, 4, False)
    clock.now += REST
    backend.answer = SpanExportResult.SUCCESS
    assert exporter.admit()
    exporter.export([span])
    assert (backend.asked, exporter.failed, exporter.down) == (2, 5, False)
    exporter.shutdown()


async def test_nothing_is_traced_when_the_sdk_is_disabled(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    tracing = Tracing(settings)
    tracing.start()
    turns = [await one_turn(tracing) for _ in range(2)]
    assert turns[0].trace_id != turns[1].trace_id
    assert tracing.store.calls() == []
