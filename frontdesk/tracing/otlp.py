"""Spans out to any OTLP backend, when one is configured. A dead one costs a counter."""

import logging
import os
from collections.abc import Sequence
from threading import Thread
from typing import Literal

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from frontdesk.tracing.content import copy, without_content
from frontdesk.tracing.pricing import Pricing
from frontdesk.tracing.stores import Clean

logger = logging.getLogger(__name__)

PROTOBUF, JSON = "application/x-protobuf", "application/json"
"""Media types of OTLP over HTTP."""

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_LOGGERS = ("opentelemetry.exporter.otlp", "opentelemetry.sdk._shared_internal")


def configured(signal: Literal["TRACES", "METRICS"]) -> bool:
    """Whether an endpoint for it is set in the environment."""
    variables = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return any(os.environ.get(name) for name in variables)


def captures_content() -> bool:
    """Whether exported spans may carry content: by the convention, only when asked for."""
    wanted = os.environ.get(CAPTURE, "").strip().lower()
    return wanted in ("span_only", "span_and_event", "true")


class OtlpExporter(SpanExporter):
    """Exports over OTLP/HTTP what ``clean`` leaves of spans, without content unless ``content``,
    with what they cost by ``pricing``.

    ``sent`` and ``failed`` count spans that arrived and that were lost, ``down`` tells whether the
    last attempt failed.
    """

    def __init__(self, clean: Clean, *, content: bool, pricing: Pricing) -> None:
        # Here, as most processes never need it: protobuf and an HTTP library come with it.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        self._exporter = OTLPSpanExporter()
        self._clean = clean
        self._pricing = pricing
        self.content = content
        self.down = False
        self.sent = self.failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export([self._outgoing(span) for span in spans])
        failed = result is not SpanExportResult.SUCCESS
        if failed:
            self.failed += len(spans)
        else:
            self.sent += len(spans)
        if failed and not self.down:
            logger.warning("the OTLP endpoint does not take spans; they are counted and dropped")
        self.down = failed
        return result

    def _outgoing(self, span: ReadableSpan) -> ReadableSpan:
        found = priced(span, self._pricing)
        # What is not sent need not be redacted first.
        return self._clean(found if self.content else without_content(found))

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def processor(exporter: SpanExporter) -> SpanProcessor:
    """The batching processor around an exporter; a dead endpoint is reported once, by us."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return BatchSpanProcessor(exporter)


def shut_down(batches: SpanProcessor, exporter: OtlpExporter, timeout: float) -> None:
    """Send what waits, but not for longer than ``timeout`` seconds; not at all to a backend that
    is known to be down. Blocks."""
    thread = Thread(target=batches.shutdown, name="otlp-shutdown", daemon=True)
    thread.start()
    thread.join(0 if exporter.down else timeout)
    if thread.is_alive():
        exporter.shutdown()  # ends the retries under way: what they carried is counted
        thread.join(1.0)


def priced(span: ReadableSpan, pricing: Pricing) -> ReadableSpan:
    """The span, or a copy with what it cost."""
    attributes = span.attributes or {}
    failed = span.status.status_code is StatusCode.ERROR
    bill = pricing.bill(span.name.partition(" ")[0], attributes, failed)
    if bill is None or not bill.attributes:
        return span
    return copy(span, {**attributes, **bill.attributes}, span.status, span.events, span.links)
