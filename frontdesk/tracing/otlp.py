"""Spans out to any OTLP backend, when one is configured. A dead one costs a counter."""

import logging
import os
import time
from collections.abc import Sequence
from threading import Lock, Thread
from typing import Literal
from urllib.parse import urlsplit

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


def configured(signal: Literal["TRACES", "METRICS", "LOGS"]) -> bool:
    """Whether an endpoint for it is set in the environment."""
    variables = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return any(os.environ.get(name) for name in variables)


def host() -> str:
    """Where spans go: host and port, without what else stands in the address."""
    names = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    address = next((found for name in names if (found := os.environ.get(name))), "")
    return urlsplit(address).netloc.rpartition("@")[2]


def captures_content(on: Literal["span", "event"]) -> bool:
    """Whether what is exported may carry content: by the convention, only when asked for."""
    wanted = os.environ.get(CAPTURE, "").strip().lower()
    return wanted in (f"{on}_only", "span_and_event", "true")


REST = 30.0
"""Seconds for which a backend that did not answer is left alone."""
WAITING = 2048
"""Spans that may wait to be sent, as OpenTelemetry has it; ``OTEL_BSP_MAX_QUEUE_SIZE`` is another
number."""


class OtlpExporter(SpanExporter):
    """Exports over OTLP/HTTP what ``clean`` leaves of spans, without content unless ``content``,
    with what they cost by ``pricing``. A backend that is down costs one attempt each 30 s, and of
    the spans in between nothing but the count.

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
        self._room = int(os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE") or WAITING)
        self._waiting = 0
        self._again = 0.0
        self._given_up = False
        self._lock = Lock()
        self.down = False
        self.sent = self.failed = 0

    def admit(self) -> bool:
        """Whether a span may wait to be sent. One that may not is counted: else a backend that
        hangs would have OpenTelemetry's queue lose what waits longest, unseen."""
        with self._lock:
            if self._rests() or self._waiting >= self._room:
                self.failed += 1
                return False
            self._waiting += 1
            return True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        if not self._rests():
            result = self._exporter.export([self._outgoing(span) for span in spans])
            self._found(down=result is not SpanExportResult.SUCCESS)
        with self._lock:
            if self._given_up:
                return result
            self._waiting -= len(spans)
            if result is SpanExportResult.SUCCESS:
                self.sent += len(spans)
            else:
                self.failed += len(spans)
        return result

    def _outgoing(self, span: ReadableSpan) -> ReadableSpan:
        found = priced(span, self._pricing)
        # What is not sent need not be redacted first.
        return self._clean(found if self.content else without_content(found))

    def _rests(self) -> bool:
        return self.down and time.monotonic() < self._again

    def _found(self, *, down: bool) -> None:
        if down:
            self._again = time.monotonic() + REST
        if down and not self.down:
            logger.warning("the OTLP endpoint does not take spans; they are counted and dropped")
        elif self.down and not down:
            logger.warning("the OTLP endpoint takes spans again; lost meanwhile: %d", self.failed)
        self.down = down

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def give_up(self) -> None:
        """Count what still waits, as nobody will send it any more."""
        with self._lock:
            self.failed += self._waiting
            self._given_up, self._waiting = True, 0

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
    exporter.give_up()


def priced(span: ReadableSpan, pricing: Pricing) -> ReadableSpan:
    """The span, or a copy with what it cost."""
    attributes = span.attributes or {}
    failed = span.status.status_code is StatusCode.ERROR
    bill = pricing.bill(span.name.partition(" ")[0], attributes, failed)
    if bill is None or not bill.attributes:
        return span
    return copy(span, {**attributes, **bill.attributes}, span.status, span.events, span.links)
