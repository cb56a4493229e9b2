"""Metrics: counted from the spans, shown to Prometheus, sent over OTLP."""

import asyncio
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from prometheus_client.parser import text_string_to_metric_families

from frontdesk.api.metrics import router
from frontdesk.settings import Settings
from frontdesk.tracing import messages, names
from frontdesk.tracing.calls import Tracing, TurnTrace
from frontdesk.tracing.loop_lag import LoopLag
from frontdesk.tracing.metric_names import METRICS


def open_turn(tracing: Tracing) -> TurnTrace:
    return tracing.turn(
        call_id="call_1",
        index=0,
        team="support",
        team_version="1",
        agent="frontdesk",
        transport="websocket",
    )


async def shown(tracing: Tracing) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What Prometheus would see: values by name and labels, without those of the buckets."""
    await tracing.flush()
    app = FastAPI()
    app.include_router(router(tracing))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://desk") as http:
        answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }


def value(found: dict[Any, float], name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


async def test_a_turn_with_everything_is_counted(tracing: Tracing, answered: TurnTrace) -> None:
    found = await shown(tracing)
    team = {"gen_ai_workflow_name": "support"}
    done = value(found, "voice_turns_total", **team, voice_turn_end_reason="completed")
    assert done == 1
    tools = {
        dict(labels)["gen_ai_tool_name"]: count
        for (name, labels), count in found.items()
        if name == "gen_ai_execute_tool_duration_seconds_count"
    }
    assert tools == {"find_order": 1, "delivery_day": 1, "refund": 1}
    steps = sum(v for (n, _), v in found.items() if n == "voice_stage_duration_seconds_count")
    assert steps >= 5
    sent = "mcp_client_operation_duration_seconds_count"
    assert value(found, sent, mcp_method_name="tools/call") == 1


async def test_what_callers_bear_is_measured(tracing: Tracing) -> None:
    turn = open_turn(tracing)
    turn.record(
        "dead_air model",
        start=100.0,
        end=103.5,
        attributes={names.VOICE_SILENCE_STAGE: "model"},
    )
    turn.set(**{names.VOICE_TURN_LATENCY: 0.5, names.VOICE_INTERRUPTED_AT: 1.25})
    turn.end(reason="interrupted")
    found = await shown(tracing)
    team = {"gen_ai_workflow_name": "support"}
    assert value(found, "voice_turn_latency_seconds_sum", **team) == 0.5
    assert value(found, "voice_interruptions_total", **team) == 1
    assert value(found, "voice_dead_air_duration_seconds_sum", voice_silence_stage="model") == 3.5


async def test_live_calls_and_what_was_lost_are_read_when_asked(tracing: Tracing) -> None:
    tracing.call_opened("call_1")
    tracing.call_opened("call_2")
    tracing.call_closed("call_1")
    found = await shown(tracing)
    assert value(found, "voice_calls_live") == 1
    assert value(found, "voice_spans_lost_total", voice_lost_to="store") == 0


async def test_spans_of_others_are_not_counted_as_ours(tracing: Tracing) -> None:
    turn = open_turn(tracing)
    tracing.store.flush()
    spans: list[Any] = []
    tracing.store.add = lambda span, seen=None: spans.append((span, seen)) or True  # type: ignore[method-assign]
    turn.end(reason="completed")
    del tracing.store.add
    tracing.received(spans[0][0])
    found = await shown(tracing)
    assert not [name for name, _ in found if name == "voice_turns_total"]


async def test_a_loop_that_was_held_up_is_late(tracing: Tracing) -> None:
    late: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    lag = LoopLag(lambda seconds: late.done() or late.set_result(seconds))
    assert await late >= 0
    lag.stop()
    tracing.metrics.lagged(0.25)
    assert value(await shown(tracing), "voice_event_loop_lag_seconds_sum") >= 0.25


async def test_every_metric_is_shown_under_its_name(tracing: Tracing) -> None:
    assert set(METRICS) == {*tracing.metrics._counters, *tracing.metrics._histograms} | {
        name for name, metric in METRICS.items() if metric.instrument in ("gauge", "total")
    }


async def test_metrics_go_out_over_otlp(
    receiver: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    tracing = Tracing(settings)
    tracing.start()
    turn = open_turn(tracing)
    turn.set(**{names.GEN_AI_INPUT_MESSAGES: messages.user("my secret")})
    turn.end(reason="completed")
    await tracing.aclose()
    [sent] = receiver.metrics
    request = ExportMetricsServiceRequest.FromString(sent)
    found = {
        metric.name
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert {"voice.turns", "voice.calls.live"} <= found
    assert b"secret" not in sent
