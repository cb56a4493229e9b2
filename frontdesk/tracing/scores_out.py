"""Scores out over OTLP: the events ``gen_ai.evaluation.result`` of the GenAI conventions, which are
log records in the context of the span that they are about."""

import logging
import os
from collections.abc import Sequence
from threading import Thread

from opentelemetry import trace as otel
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    LogRecordExporter,
    LogRecordExportResult,
)
from opentelemetry.sdk.resources import Resource

from frontdesk import __version__
from frontdesk.tracing import names, otlp
from frontdesk.tracing.provider import SCOPE, disabled
from frontdesk.tracing.scores import Score

logger = logging.getLogger(__name__)


def wanted() -> bool:
    """Whether there is somewhere to send them. ``OTEL_LOGS_EXPORTER=none``: the backend takes no
    log records."""
    off = os.environ.get("OTEL_LOGS_EXPORTER", "").strip().lower() == "none"
    return otlp.configured("LOGS") and not off and not disabled()


class ScoresOut:
    """Sends scores, in a thread of its own. ``sent`` and ``failed`` count them."""

    def __init__(self, resource: Resource, *, content: bool) -> None:
        """``content``: whether what people wrote goes out, too."""
        # Here, as most processes never need it: protobuf and an HTTP library come with it.
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

        self._content = content
        self._exporter = _Counting(OTLPLogExporter())
        self._provider = LoggerProvider(resource, shutdown_on_exit=False)
        self._provider.add_log_record_processor(BatchLogRecordProcessor(self._exporter))
        self._logger = self._provider.get_logger(SCOPE, __version__)

    @property
    def sent(self) -> int:
        return self._exporter.sent

    @property
    def failed(self) -> int:
        return self._exporter.failed

    def send(self, score: Score, call_id: str | None, span_id: str) -> None:
        """Send a score of a span. Returns at once, never raises."""
        about = otel.SpanContext(
            int(score.trace_id, 16), int(span_id, 16), False, otel.TraceFlags(1)
        )
        told = {
            names.GEN_AI_EVALUATION_NAME: score.name,
            names.GEN_AI_EVALUATION_SCORE_VALUE: score.value,
            names.GEN_AI_EVALUATION_SCORE_LABEL: score.label,
            names.GEN_AI_EVALUATION_EXPLANATION: score.comment if self._content else None,
            names.GEN_AI_CONVERSATION_ID: call_id,
        }
        self._logger.emit(
            LogRecord(
                timestamp=int(score.created * 1e9),
                context=otel.set_span_in_context(otel.NonRecordingSpan(about), Context()),
                severity_number=SeverityNumber.INFO,
                attributes={name: value for name, value in told.items() if value is not None},
                event_name=names.GEN_AI_EVALUATION_RESULT,
            )
        )

    def shutdown(self, timeout: float) -> None:
        """Send what waits, but not for longer than ``timeout`` seconds. Blocks."""
        thread = Thread(target=self._provider.shutdown, name="scores-shutdown", daemon=True)
        thread.start()
        thread.join(timeout)
        if thread.is_alive():
            self._exporter.shutdown()  # ends the retries under way
            thread.join(1.0)


class _Counting(LogRecordExporter):
    """Counts what arrives and what does not, and says once that a backend takes none."""

    def __init__(self, exporter: LogRecordExporter) -> None:
        self._exporter = exporter
        self.sent = self.failed = 0

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        result = self._exporter.export(batch)
        if result is LogRecordExportResult.SUCCESS:
            self.sent += len(batch)
            return result
        if not self.failed:
            logger.warning(
                "the OTLP endpoint does not take scores, which are log records; they are counted "
                "and dropped (OTEL_LOGS_EXPORTER=none sends none)"
            )
        self.failed += len(batch)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True
