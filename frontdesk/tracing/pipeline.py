"""Where the spans of a process go: to the store, and out over OTLP."""

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from frontdesk.tracing import otlp
from frontdesk.tracing.metrics import Metrics
from frontdesk.tracing.stores import Store

CLOSE = 3.0
"""Seconds that the end of the process may wait for the disk and for the OTLP endpoint."""


class Pipeline(SpanProcessor):
    """From OpenTelemetry's hooks to the store and to OTLP. Both only queue."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self.out: otlp.OtlpExporter | None = None
        self.batches: SpanProcessor | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._store.begin(span)

    def on_end(self, span: ReadableSpan) -> None:
        self._store.add(span)
        self.send(span)

    def send(self, span: ReadableSpan) -> None:
        """Over OTLP, where that is configured."""
        if self.batches is not None and (self.out is None or self.out.admit()):
            self.batches.on_end(span)

    def shutdown(self) -> None:
        self._store.close(CLOSE)
        self._metrics.shutdown(CLOSE)
        if self.batches is not None and self.out is not None:
            otlp.shut_down(self.batches, self.out, CLOSE)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._store.flush(timeout_millis / 1000)
