"""Spans out to any OTLP backend, when one is configured. A dead one costs a counter."""

import logging
import os
from collections.abc import Sequence
from threading import Thread

from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status, StatusCode

from frontdesk.tracing import names
from frontdesk.tracing.rows import OTHER_ERROR

logger = logging.getLogger(__name__)

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
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


def configured() -> bool:
    """Whether an endpoint is set in the environment."""
    return any(os.environ.get(name) for name in _ENDPOINTS)


def captures_content() -> bool:
    """Whether exported spans may carry content: by the convention, only when asked for."""
    wanted = os.environ.get(CAPTURE, "").strip().lower()
    return wanted in ("span_only", "span_and_event", "true")


class OtlpExporter(SpanExporter):
    """Exports over OTLP/HTTP, without content unless ``content``; ``failed`` counts lost spans,
    ``down`` tells whether the last attempt failed."""

    def __init__(self, *, content: bool) -> None:
        # Here, as most processes never need it: protobuf and an HTTP library come with it.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        self._exporter = OTLPSpanExporter()
        self._content = content
        self.down = False
        self.failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        sent = spans if self._content else [without_content(span) for span in spans]
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


def without_content(span: ReadableSpan) -> ReadableSpan:
    """A copy without words, tool data and messages of errors."""
    attributes = span.attributes or {}
    kind = str(attributes.get(names.ERROR_TYPE, OTHER_ERROR))
    failed = span.status.status_code is StatusCode.ERROR
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes={key: value for key, value in attributes.items() if key not in names.PII},
        events=[_bare(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(StatusCode.ERROR, kind) if failed else span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def outline(span: ReadableSpan) -> ReadableSpan:
    """A copy for where no content is kept. What strangers call their content is not known, so of
    their attributes only those stay that hold none."""
    attributes = span.attributes or {}
    kept = {
        name: value
        for name, value in attributes.items()
        if name in names.ATTRIBUTES or name.startswith(_PLAIN)
    }
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=kept,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _bare(event: Event) -> Event:
    hidden = ("exception.message", "exception.stacktrace")
    kept = {key: value for key, value in (event.attributes or {}).items() if key not in hidden}
    return Event(event.name, kept, event.timestamp)
