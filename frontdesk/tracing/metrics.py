"""Metrics of the process, read off the spans that it makes, for Prometheus and OTLP.

Counting happens in the thread that writes the traces, so a call pays nothing for it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Observation
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from frontdesk.tracing import metric_names as metric
from frontdesk.tracing import names, otlp
from frontdesk.tracing.metric_names import BUCKETS, METRICS
from frontdesk.tracing.pricing import UNIT
from frontdesk.tracing.rows import SpanRow, number

STAGES = frozenset(
    ("end_of_turn", "speech_to_text", "model", "tools", "guardrail", "text_to_speech")
)
"""The stages whose spans are the time of one piece of work each."""

_DURATIONS = {
    names.CHAT: metric.GEN_AI_CLIENT_INFERENCE_DURATION,
    names.EXECUTE_TOOL: metric.GEN_AI_EXECUTE_TOOL_DURATION,
    names.DEAD_AIR: metric.VOICE_DEAD_AIR_DURATION,
}
"""Metrics of the durations of spans, by the first word of their names."""

_VALUES = {
    names.INVOKE_WORKFLOW: {
        names.VOICE_TURN_LATENCY: metric.VOICE_TURN_LATENCY,
        names.VOICE_TURN_HELD: metric.VOICE_TURN_HELD,
        names.VOICE_INTERRUPTION_TIME: metric.VOICE_INTERRUPTION_DURATION,
        names.VOICE_TURN_SAVED: metric.VOICE_TURN_SAVED,
    },
    names.CHAT: {
        names.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: (
            metric.GEN_AI_CLIENT_INFERENCE_TIME_TO_FIRST_CHUNK
        ),
        names.GEN_AI_USAGE_INPUT_TOKENS: metric.GEN_AI_CLIENT_INFERENCE_USAGE_INPUT_TOKENS,
        names.GEN_AI_USAGE_OUTPUT_TOKENS: metric.GEN_AI_CLIENT_INFERENCE_USAGE_OUTPUT_TOKENS,
    },
}
"""Metrics of attributes that are numbers, by the first word of the span's name."""


class Metrics:
    """``registry`` is what a Prometheus endpoint shows; over OTLP they go out every minute when
    an endpoint is set (``OTEL_METRIC_EXPORT_INTERVAL``).

    ``live`` tells how many calls are under way, ``lost`` what could not be kept or sent, by where.
    """

    def __init__(
        self, resource: Resource, live: Callable[[], int], lost: Callable[[], Mapping[str, int]]
    ) -> None:
        self.registry = CollectorRegistry()
        prometheus = PrometheusMetricReader(registry=self.registry, scope_info_enabled=False)
        self._provider = MeterProvider(
            [prometheus, *_over_otlp()],
            resource=resource,
            shutdown_on_exit=False,
            # What is counted here is counted in the writer's thread, where no span is current.
            exemplar_filter=AlwaysOffExemplarFilter(),
        )
        self._meter = self._provider.get_meter("frontdesk")
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for name, (instrument, unit, meaning, _, buckets) in METRICS.items():
            if instrument == "counter":
                self._counters[name] = self._meter.create_counter(name, unit, meaning)
            elif instrument == "histogram":
                self._histograms[name] = self._meter.create_histogram(
                    name, unit, meaning, explicit_bucket_boundaries_advisory=BUCKETS[buckets]
                )

        self.observe(metric.VOICE_CALLS_LIVE, None, lambda: {"": live()})
        self.observe(metric.VOICE_SPANS_LOST, names.VOICE_LOST_TO, lost)

    def observe(
        self, name: str, label: str | None, values: Callable[[], Mapping[str, int]]
    ) -> None:
        """Show what ``values`` are when somebody looks, by their ``label`` where they have one."""

        def look(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(n, {label: of} if label else {}) for of, n in values().items()]

        instrument, unit, meaning, *_ = METRICS[name]
        if instrument == "gauge":
            self._meter.create_observable_gauge(name, [look], unit, meaning)
        else:
            self._meter.create_observable_counter(name, [look], unit, meaning)

    def span(self, row: SpanRow) -> None:
        """Count a span that has ended. A few microseconds each, in the traces' thread."""
        if row.end is None:
            return
        seconds = row.end - row.start
        kind = row.name.partition(" ")[0]
        if row.stage in STAGES:
            self._record(metric.VOICE_STAGE_DURATION, seconds, row, {names.VOICE_STAGE: row.stage})
        if kind in _DURATIONS:
            self._record(_DURATIONS[kind], seconds, row)
        elif kind == "MCP":  # as the mcp package calls what it sends
            self._record(metric.MCP_CLIENT_OPERATION_DURATION, seconds, row)
        for attribute, name in _VALUES.get(kind, {}).items():
            if (value := number(row.attributes.get(attribute))) is not None:
                self._record(name, value, row)
        if row.cost:
            self._count(metric.VOICE_COST, row, row.cost / UNIT)
        if kind == names.INVOKE_WORKFLOW and row.parent_id is None:
            self._turn(row)
        elif kind == names.GUARDRAIL and row.attributes.get(names.VOICE_GUARDRAIL_TRIGGERED):
            self._count(metric.VOICE_GUARDRAIL_TRIPS, row)

    def _turn(self, row: SpanRow) -> None:
        self._count(metric.VOICE_TURNS, row)
        if names.VOICE_INTERRUPTED_AT in row.attributes:
            self._count(metric.VOICE_INTERRUPTIONS, row)
        if names.VOICE_INTERRUPTION_FALSE in row.attributes:
            self._count(metric.VOICE_INTERRUPTIONS_FALSE, row)
        if names.VOICE_TURN_SAVED in row.attributes:
            self._count(metric.VOICE_SPECULATIONS, row, outcome="adopted")
        if discarded := number(row.attributes.get(names.VOICE_SPECULATION_DISCARDED)):
            self._count(metric.VOICE_SPECULATIONS, row, discarded, outcome="discarded")

    def lagged(self, seconds: float) -> None:
        """The event loop was so late."""
        self._histograms[metric.VOICE_EVENT_LOOP_LAG].record(max(0.0, seconds))

    def _count(
        self, name: str, row: SpanRow, amount: float = 1, *, outcome: str | None = None
    ) -> None:
        more = {names.VOICE_SPECULATION_OUTCOME: outcome} if outcome else {}
        self._counters[name].add(amount, {**_labels(name, row), **more})

    def _record(
        self, name: str, value: float, row: SpanRow, more: Mapping[str, str] | None = None
    ) -> None:
        self._histograms[name].record(value, {**_labels(name, row), **(more or {})})

    def shutdown(self, timeout: float) -> None:
        """Send the last ones, within ``timeout`` seconds. Blocks."""
        self._provider.shutdown(timeout * 1000)


def _labels(name: str, row: SpanRow) -> dict[str, Any]:
    wanted = METRICS[name].attributes
    return {label: row.attributes[label] for label in wanted if label in row.attributes}


def _over_otlp() -> list[MetricReader]:
    if not otlp.configured("METRICS"):
        return []
    # Here, as most processes never need it: protobuf and an HTTP library come with it.
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    return [PeriodicExportingMetricReader(OTLPMetricExporter())]
