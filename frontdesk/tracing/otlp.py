"""Spans out to any OTLP backend, when one is configured. A dead one costs a counter."""

import logging
import os
from collections.abc import Mapping, Sequence
from threading import Thread
from typing import Literal

from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from frontdesk.tracing import names
from frontdesk.tracing.pricing import Pricing
from frontdesk.tracing.rows import OTHER_ERROR

logger = logging.getLogger(__name__)

PROTOBUF, JSON = "application/x-protobuf", "application/json"
"""Media types of OTLP over HTTP."""

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_PLAIN = (
    "jsonrpc.",
    "network.",
    "rpc.",
    "server.",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "db.system",
    "db.operation.name",
)
"""What the attributes of OpenTelemetry's conventions begin with that never hold content."""
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
    """Exports over OTLP/HTTP, without content unless ``content``, with what spans cost by
    ``pricing``; ``failed`` counts lost spans, ``down`` tells whether the last attempt failed."""

    def __init__(self, *, content: bool, pricing: Pricing) -> None:
        # Here, as most processes never need it: protobuf and an HTTP library come with it.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        self._exporter = OTLPSpanExporter()
        self._content = content
        self._pricing = pricing
        self.down = False
        self.failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        sent = [priced(span, self._pricing) for span in spans]
        if not self._content:
            sent = [without_content(span) for span in sent]
        result = self._exporter.export(sent)
        failed = result is not SpanExportResult.SUCCESS
        if failed:
            self.failed += len(spans)
        if failed and not self.down:
            logger.warning("the OTLP endpoint does not take spans; they are counted and dropped")
        self.down = failed
        return result

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
    return _copy(span, {**attributes, **bill.attributes}, span.status, span.events, span.links)


def without_content(span: ReadableSpan) -> ReadableSpan:
    """A copy without words, tool data and messages of errors."""
    attributes = span.attributes or {}
    kind = str(attributes.get(names.ERROR_TYPE, OTHER_ERROR))
    failed = span.status.status_code is StatusCode.ERROR
    return _copy(
        span,
        {key: value for key, value in attributes.items() if key not in names.PII},
        Status(StatusCode.ERROR, kind) if failed else span.status,
        [_bare(event) for event in span.events],
        span.links,
    )


def outline(span: ReadableSpan) -> ReadableSpan:
    """A copy for where no content is kept. What strangers call their content is not known, so of
    their attributes only those stay that hold none."""
    kept = {
        name: value
        for name, value in (span.attributes or {}).items()
        if name in names.ATTRIBUTES or name.startswith(_PLAIN)
    }
    return _copy(span, kept, Status(span.status.status_code))


def _copy(
    span: ReadableSpan,
    attributes: Mapping[str, AttributeValue],
    status: Status,
    events: Sequence[Event] = (),
    links: Sequence[Link] = (),
) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=events,
        links=links,
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _bare(event: Event) -> Event:
    hidden = ("exception.message", "exception.stacktrace")
    kept = {key: value for key, value in (event.attributes or {}).items() if key not in hidden}
    return Event(event.name, kept, event.timestamp)
