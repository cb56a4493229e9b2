"""The SDK's own way out, to OpenAI's dashboard: only for calls whose words may go as they are."""

from typing import Any

from agents.tracing import Span, Trace, TracingProcessor

from frontdesk.tracing.ahead import when_wanted
from frontdesk.tracing.capture import Captures


class OpenAiDashboard(TracingProcessor):
    """Hands ``exporter``, the SDK's, what belongs to calls that are not private."""

    def __init__(self, exporter: TracingProcessor, captures: Captures) -> None:
        self._exporter = exporter
        self._captures = captures

    def _may_go(self, trace_id: str) -> bool:
        try:
            identity = int(trace_id.removeprefix("trace_"), 16)
        except ValueError:
            identity = 0  # of code of the desk, which chose it
        return not self._captures.of_trace(identity).is_private

    def on_trace_start(self, trace: Trace) -> None:
        if self._may_go(trace.trace_id):
            when_wanted(self._exporter.on_trace_start, trace)

    def on_trace_end(self, trace: Trace) -> None:
        if self._may_go(trace.trace_id):
            when_wanted(self._exporter.on_trace_end, trace)

    def on_span_start(self, span: Span[Any]) -> None:
        if self._may_go(span.trace_id):
            when_wanted(self._exporter.on_span_start, span)

    def on_span_end(self, span: Span[Any]) -> None:
        if self._may_go(span.trace_id):
            when_wanted(self._exporter.on_span_end, span)

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self) -> None:
        self._exporter.force_flush()
