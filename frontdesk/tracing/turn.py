"""The trace of one user turn, as the call writes it."""

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, cast

from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, Status, StatusCode

from frontdesk.tracing import messages, names
from frontdesk.tracing.processor import AgentsProcessor
from frontdesk.tracing.rows import OTHER_ERROR

EndReason = Literal["completed", "interrupted", "session_closed", "worker_lost", "failed"]


class OpenSpan:
    """A span under way."""

    def __init__(self, span: otel.Span, content: bool) -> None:
        self._span = span
        self._content = content
        self.span_id = f"{span.get_span_context().span_id:016x}"

    def set(self, **attributes: Any) -> None:
        """Set attributes; those with dots are given as ``**{names.X: value}``."""
        if self._span.is_recording():
            self._span.set_attributes(clean(attributes, self._content))

    def end(self, end: float | None = None, error: str | None = None) -> None:
        """Close the span, ``end`` (unix seconds) or now; with ``error``, as failed."""
        if not self._span.is_recording():
            return
        if error is not None:
            kind = error_type(self._span)
            self._span.set_attribute(names.ERROR_TYPE, kind)
            self._span.set_status(Status(StatusCode.ERROR, error if self._content else kind))
        self._span.end(nanoseconds(end))


class TurnTrace:
    """The trace of one user turn: a root span and what is recorded under it.

    ``trace_id`` is 32 hex digits. No method raises because of what it is told to record.
    """

    def __init__(
        self,
        tracer: otel.Tracer,
        processor: AgentsProcessor,
        root: otel.Span,
        call_id: str,
        content: bool,
        index: int = 0,
    ) -> None:
        """``index`` of the turn in its call."""
        self._tracer = tracer
        self._processor = processor
        self._root = root
        self._call_id = call_id
        self._content = content
        self._context = otel.set_span_in_context(root, Context())
        self.trace_id = f"{root.get_span_context().trace_id:032x}"
        self.ref = f"{self.trace_id}-{root.get_span_context().span_id:016x}-{index}"
        """The trace, its root and its turn, for whoever may have to close it in our place."""
        processor.join(self.trace_id, self._context, call_id)

    @property
    def sdk_trace_id(self) -> str:
        """The same id as the Agents SDK spells it."""
        return f"trace_{self.trace_id}"

    @property
    def started(self) -> float:
        """When its root began (unix seconds)."""
        return ((self._root.start_time if isinstance(self._root, ReadableSpan) else 0) or 0) / 1e9

    def link(self, ref: str) -> None:
        """Point to a trace (its :attr:`ref`), of any process, that this one comes of."""
        self._root.add_link(context_of(ref))

    @contextmanager
    def use(self) -> Generator[None]:
        """Make the root current in this task and in those it starts, so that others' spans nest."""
        token = otel_context.attach(otel.set_span_in_context(self._root))
        try:
            yield
        finally:
            otel_context.detach(token)

    def put_off(self) -> None:
        """The caller waits: the runner's spans are made when :meth:`catch_up` says so, or 0.1 s
        later."""
        self._processor.put_off(self.trace_id)

    def catch_up(self) -> None:
        """There is time for the spans now."""
        self._processor.catch_up(self.trace_id)

    def record(
        self,
        name: str,
        *,
        start: float,
        end: float,
        attributes: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> str:
        """Add a span that is already over (unix seconds); returns its id, 16 hex digits."""
        span = self.open(name, start=start, attributes=attributes)
        span.end(end, error)
        return span.span_id

    def open(
        self,
        name: str,
        *,
        start: float | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> OpenSpan:
        """Begin a span under the root, ``start`` or now."""
        client = name.partition(" ")[0] in names.CLIENTS
        span = self._tracer.start_span(
            name,
            context=self._context,
            kind=SpanKind.CLIENT if client else SpanKind.INTERNAL,
            start_time=nanoseconds(start),
            attributes={
                names.GEN_AI_CONVERSATION_ID: self._call_id,
                **clean(attributes or {}, self._content),
            },
        )
        return OpenSpan(span, self._content)

    def set(self, **attributes: Any) -> None:
        """Set attributes of the root; those with dots are given as ``**{names.X: value}``."""
        if self._root.is_recording():
            self._root.set_attributes(clean(attributes, self._content))

    def end(self, *, reason: EndReason, end: float | None = None, error: str | None = None) -> None:
        """Close the trace of a turn, once; spans may still be added to it."""
        if self._root.is_recording():
            self._root.set_attribute(names.VOICE_TURN_END_REASON, reason)
        self.close(end=end, error=error)

    def close(self, *, end: float | None = None, error: str | None = None) -> None:
        """Close a trace that is no turn's."""
        self._processor.leave(self.trace_id)
        OpenSpan(self._root, self._content).end(end, error)


def context_of(ref: str) -> otel.SpanContext:
    """The root that :attr:`TurnTrace.ref` stands for."""
    trace_id, span_id, _ = ref.split("-")
    return otel.SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=otel.TraceFlags(1)
    )


def error_type(span: otel.Span) -> str:
    """The ``error.type`` that was set on a span, or the convention's word for none."""
    attributes = (span.attributes or {}) if isinstance(span, ReadableSpan) else {}
    return str(attributes.get(names.ERROR_TYPE, OTHER_ERROR))


def clean(attributes: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """Attributes as OpenTelemetry takes them: no None, no content when it is off, JSON for what
    is neither a plain value nor a list of strings."""
    return {
        key: _value(value)
        for key, value in attributes.items()
        if value is not None and (content or key not in names.PII)
    }


def _value(value: object) -> str | bool | int | float | list[str]:
    if isinstance(value, str):
        return messages.safe(value)
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        value = items = cast("list[object]", value)
        words = [messages.safe(item) for item in items if isinstance(item, str)]
        if len(words) == len(items):
            return words
    return messages.dump(value)


def nanoseconds(seconds: float | None) -> int:
    """Unix seconds, or now, as OpenTelemetry counts."""
    return time.time_ns() if seconds is None else round(seconds * 1e9)
