"""OTLP out: to a real HTTP receiver, without content unless asked for, and to nowhere."""

import socket
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from frontdesk.settings import Settings
from frontdesk.tracing import messages, names, otlp
from frontdesk.tracing.calls import Tracing, TurnTrace
from frontdesk.tracing.otlp import CAPTURE, REST, OtlpExporter
from frontdesk.tracing.pricing import Pricing


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
