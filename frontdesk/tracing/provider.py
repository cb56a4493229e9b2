"""The process's OpenTelemetry provider, and the socket that trace pipelines plug into.

OpenTelemetry allows one provider a process, for good, and the ``mcp`` package asks that one for
its tracer. So the provider stays, and what listens to it comes and goes.
"""

import os
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.util.types import Attributes

from frontdesk import __version__
from frontdesk.tracing import ahead

SCOPE = "frontdesk"

root_id: ContextVar[int | None] = ContextVar("frontdesk_root_id", default=None)
"""Trace id for the next root span in this context, where it is not ours to choose."""


root_span_id: ContextVar[int | None] = ContextVar("frontdesk_root_span_id", default=None)
"""The same for a span itself: a root, or one that is made later than it begins."""


class _Ids(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        return root_id.get() or super().generate_trace_id()

    def generate_span_id(self) -> int:
        return root_span_id.get() or super().generate_span_id()


def new_span_id() -> int:
    """For a span that is made later, by ``root_span_id``."""
    return _new_ids.generate_span_id()


_new_ids = RandomIdGenerator()


class _OfTurns(Sampler):
    """Leaves out what an MCP connection does for itself: it looks for its server each second while
    that is away, which would be a trace each time, at every backend. A turn's requests have a
    parent, and are sampled as that is: what ``ParentBased`` does, in one step."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: trace.SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[trace.Link] | None = None,
        trace_state: trace.TraceState | None = None,
    ) -> SamplingResult:
        parent = trace.get_current_span(parent_context).get_span_context()
        if not parent.is_valid:
            state, kept = None, not name.startswith("MCP send ")
        else:
            state, kept = parent.trace_state, parent.trace_flags.sampled
        if not kept:
            return SamplingResult(Decision.DROP, None, state)
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, state)

    def get_description(self) -> str:
        return "OfTurns"


class _Silent(trace.NoOpTracer):
    """Spans that nobody sees, with ids of their own: turns are told apart by them."""

    def __init__(self) -> None:
        self._ids = _Ids()

    def start_span(
        self, name: str, context: Context | None = None, *args: Any, **options: Any
    ) -> trace.Span:
        parent = trace.get_current_span(context).get_span_context()
        trace_id = parent.trace_id if parent.is_valid else self._ids.generate_trace_id()
        found = trace.SpanContext(trace_id, self._ids.generate_span_id(), is_remote=False)
        return trace.NonRecordingSpan(found)


class Outlet(SpanProcessor):
    """Forwards to the pipelines that are plugged in, what is done ahead once it is wanted."""

    def __init__(self) -> None:
        self._pipelines: tuple[SpanProcessor, ...] = ()

    def plug(self, pipeline: SpanProcessor) -> None:
        self._pipelines += (pipeline,)

    def unplug(self, pipeline: SpanProcessor) -> None:
        self._pipelines = tuple(each for each in self._pipelines if each is not pipeline)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if not ahead.began(self._begin, span, parent_context):
            self._begin(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        if not ahead.ended(self._end, span):
            self._end(span)

    def _begin(self, span: Span, parent_context: Context | None) -> None:
        for pipeline in self._pipelines:
            pipeline.on_start(span, parent_context)

    def _end(self, span: ReadableSpan) -> None:
        for pipeline in self._pipelines:
            pipeline.on_end(span)

    def shutdown(self) -> None:
        for pipeline in self._pipelines:
            pipeline.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        done = [pipeline.force_flush(timeout_millis) for pipeline in self._pipelines]
        return all(done)


outlet = Outlet()
_provider: TracerProvider | None = None


def disabled() -> bool:
    """Whether nothing is to be traced: ``OTEL_SDK_DISABLED`` of OpenTelemetry's specification."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def tracer() -> trace.Tracer:
    """The tracer of Frontdesk's own spans.

    A provider that was installed before us (auto-instrumentation) is joined, not replaced.
    """
    global _provider
    if disabled():
        return _Silent()
    if _provider is None:
        installed = trace.get_tracer_provider()
        if isinstance(installed, TracerProvider):
            _provider = installed
        else:
            own = None if "OTEL_TRACES_SAMPLER" in os.environ else _OfTurns()
            _provider = TracerProvider(own, resource())
            if isinstance(installed, trace.ProxyTracerProvider):
                trace.set_tracer_provider(_provider)
        _provider.add_span_processor(outlet)
    ours = _provider.get_tracer(SCOPE, __version__)
    # Runs outside a call must get the SDK's trace id; only our own tracer does this.
    setattr(ours, "id_generator", _Ids())  # noqa: B010
    return ours


def resource() -> Resource:
    """What this process is called in spans and metrics that go out."""
    if "OTEL_SERVICE_NAME" in os.environ:
        return Resource.create()
    return Resource.create({"service.name": SCOPE, "service.version": __version__})
