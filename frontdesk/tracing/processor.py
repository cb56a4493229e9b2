"""The Agents SDK's tracing processor that turns its spans into OpenTelemetry's.

Its methods run inline in the event loop, so they only copy what is there. Context is attached as
the SDK goes, so that spans of others (the ``mcp`` package, HTTP clients) find their parent.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextvars import Token, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from agents.tracing import Span, Trace, TracingProcessor
from agents.tracing.span_data import (
    AgentSpanData,
    GenerationSpanData,
    ResponseSpanData,
    TurnSpanData,
)
from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, Status, StatusCode

from frontdesk.tracing import bridge, names
from frontdesk.tracing.capture import Captures
from frontdesk.tracing.late import Put, StandIn
from frontdesk.tracing.provider import new_span_id, root_id, root_span_id

logger = logging.getLogger(__name__)

MOST_OPEN = 10_000
"""Spans and turns that may be open at once; beyond it the oldest were left open by a bug."""
LATEST = 0.1
"""Seconds for which spans of a turn may be put off: who watches it live sees them then."""


@dataclass(slots=True)
class _Open:
    span: otel.Span
    """Where it is put off, what stands in for it."""
    context: Context
    call_id: str | None
    agent: str | None
    owner: object
    token: Token[Context]
    told: dict[str, Any]
    """The attributes that it began with."""
    whole: bool = False
    """Whether these are all: it was over when it was made."""


def _owner() -> object:
    """Who runs now: a context may only be detached by the task that attached it."""
    try:
        return asyncio.current_task() or threading.current_thread()
    except RuntimeError:
        return threading.current_thread()


def _call_of(span: otel.Span) -> str | None:
    """The call that a span belongs to, where it says so."""
    attributes = (span.attributes or {}) if isinstance(span, ReadableSpan) else {}
    found = attributes.get(names.GEN_AI_CONVERSATION_ID)
    return found if isinstance(found, str) else None


def otel_id(trace_id: str) -> str:
    """The OpenTelemetry id of an SDK trace: what follows ``trace_``."""
    return trace_id.removeprefix("trace_")


def first_word(provider: str, seconds: float) -> None:
    """The model whose span is current is run by ``provider``, and began to answer after so long:
    what the SDK's spans have no room for."""
    span = otel.get_current_span()
    if isinstance(span, ReadableSpan | StandIn) and span.name.startswith(names.CHAT):
        span.set_attribute(names.GEN_AI_PROVIDER_NAME, provider)
        span.set_attribute(names.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, seconds)


class AgentsProcessor(TracingProcessor):
    """Opens and closes an OpenTelemetry span for each span of the SDK.

    A run under a turn of a call (by its trace id, or by context) joins that turn's trace; any
    other run gets a root of its own with the SDK's id. ``captures`` says whose words and tool data
    are left out.
    """

    def __init__(self, tracer: otel.Tracer, captures: Captures) -> None:
        self._tracer = tracer
        self._captures = captures
        self._turns: dict[str, tuple[Context, str]] = {}
        self._roots: dict[str, _Open] = {}
        self._open: dict[str, _Open] = {}
        self._late: dict[str, Put] = {}

    def join(self, trace_id: str, context: Context, call_id: str) -> None:
        """Runs with this trace id (32 hex digits) belong under ``context``."""
        self._turns[trace_id] = (context, call_id)
        if len(self._turns) > MOST_OPEN:
            self._turns.pop(next(iter(self._turns)))

    def leave(self, trace_id: str) -> None:
        """The turn is over."""
        self.catch_up(trace_id)
        self._turns.pop(trace_id, None)

    def put_off(self, trace_id: str) -> None:
        """The caller waits for the first sound of this turn: make no span of it until
        :meth:`catch_up`, or for ``LATEST`` seconds."""
        self._late[trace_id] = Put()
        asyncio.get_running_loop().call_later(LATEST, self.catch_up, trace_id)

    def catch_up(self, trace_id: str) -> None:
        """Make the spans that were put off, in their order."""
        for do in self._late.pop(trace_id, ()):
            try:
                do()
            except Exception:
                logger.exception("a span could not be made")

    def call_of(self, trace_id: str) -> str | None:
        """The call whose open turn has this trace id (32 hex digits)."""
        turn = self._turns.get(trace_id)
        return turn[1] if turn else None

    def on_trace_start(self, trace: Trace) -> None:
        identity = otel_id(trace.trace_id)
        if identity in self._turns or otel.get_current_span().get_span_context().is_valid:
            return
        call_id = getattr(trace, "group_id", None) or trace.trace_id
        wanted = root_id.set(_number(identity))
        try:
            span = self._tracer.start_span(
                f"{names.INVOKE_WORKFLOW} {trace.name}",
                attributes={
                    names.GEN_AI_OPERATION_NAME: names.INVOKE_WORKFLOW,
                    names.GEN_AI_WORKFLOW_NAME: trace.name,
                    names.GEN_AI_CONVERSATION_ID: call_id,
                    names.VOICE_OPENAI_SPAN_TYPE: "trace",
                },
            )
        finally:
            root_id.reset(wanted)
        self._roots[trace.trace_id] = self._attach(span, call_id, None, {})

    def on_trace_end(self, trace: Trace) -> None:
        if root := self._roots.pop(trace.trace_id, None):
            self._detach(root)
            root.span.end()

    def on_span_start(self, span: Span[Any]) -> None:
        data = span.span_data
        context, call_id, agent = self._parent(span)
        if isinstance(data, AgentSpanData):
            agent = data.name
        elif isinstance(data, TurnSpanData):
            agent = data.agent_name
        make = partial(self._make, span, context, call_id, agent)
        late = self._late.get(otel_id(span.trace_id)) if self._late else None
        if late is not None and late.takes:
            opened = self._stand_in(span, context, call_id, agent)
            make_it = partial(self._comes, opened, span, make, time.time_ns())
            late.append(partial(copy_context().run, make_it))
        else:
            made, attributes = make()
            opened = self._attach(made, call_id, agent, attributes)
        self._open[span.span_id] = opened
        if len(self._open) > MOST_OPEN:
            self._open.pop(next(iter(self._open))).span.end()

    def _make(
        self,
        span: Span[Any],
        context: Context,
        call_id: str | None,
        agent: str | None,
        start: int | None = None,
    ) -> tuple[otel.Span, dict[str, Any]]:
        """A span that began at ``start`` (unix nanoseconds) or now, and its attributes."""
        described = bridge.describe(span.span_data)
        words = span.ended_at is not None and self._words(otel.get_current_span(context))
        attributes = {names.VOICE_OPENAI_SPAN_ID: span.span_id, **described.collect(words)}
        if call_id:
            attributes[names.GEN_AI_CONVERSATION_ID] = call_id
        if agent:
            attributes[names.GEN_AI_AGENT_NAME] = agent
        operation = described.name.partition(" ")[0]
        made = self._tracer.start_span(
            described.name,
            context=context,
            kind=SpanKind.CLIENT if operation in names.CLIENTS else SpanKind.INTERNAL,
            attributes=attributes,
            start_time=described.started or start,
        )
        return made, attributes

    def _stand_in(
        self, span: Span[Any], context: Context, call_id: str | None, agent: str | None
    ) -> _Open:
        parent = otel.get_current_span(context).get_span_context()
        identity = otel.SpanContext(
            parent.trace_id, new_span_id(), False, parent.trace_flags, parent.trace_state
        )
        answers = isinstance(span.span_data, GenerationSpanData | ResponseSpanData)
        name = names.CHAT if answers else span.span_data.type
        return self._attach(StandIn(identity, name), call_id, agent, {})

    def _comes(
        self,
        opened: _Open,
        span: Span[Any],
        make: Callable[..., tuple[otel.Span, dict[str, Any]]],
        start: int,
    ) -> None:
        """The span that was put off is made, of the id that it has already."""
        stand_in = cast("StandIn", opened.span)
        opened.whole = span.ended_at is not None
        root_span_id.set(stand_in.get_span_context().span_id)  # in a context of its own
        made, opened.told = make(start)
        stand_in.comes(made)

    def on_span_end(self, span: Span[Any]) -> None:
        found = self._open.pop(span.span_id, None)
        if found is None:
            return
        self._detach(found)
        if not isinstance(found.span, StandIn) or found.span.made:
            self._end(found, span)
            return
        if late := self._late.get(otel_id(span.trace_id)):
            late.append(partial(self._end, found, span, time.time_ns()))

    def _end(self, found: _Open, span: Span[Any], end: int | None = None) -> None:
        made = found.span.span if isinstance(found.span, StandIn) else found.span
        if not found.whole:
            described = bridge.describe(span.span_data)
            made.update_name(described.name)
            # What is as it was may have been set anew since. (Lists may have grown.)
            news = {
                name: value
                for name, value in described.collect(self._words(made)).items()
                if not isinstance(value, str) or found.told.get(name) != value
            }
            made.set_attributes(news)
        if span.error is not None:
            kind, message = bridge.error(span.span_data, span.error, self._words(made))
            made.set_attribute(names.ERROR_TYPE, kind)
            made.set_status(Status(StatusCode.ERROR, message))
        made.end(end)

    def _words(self, span: otel.Span) -> bool:
        """Whether words may be kept in the trace of a span."""
        return self._captures.of_trace(span.get_span_context().trace_id).words

    def _parent(self, span: Span[Any]) -> tuple[Context, str | None, str | None]:
        """Context, call and agent that a span is opened under."""
        parent = self._open.get(span.parent_id or "") or self._roots.get(span.trace_id)
        if parent is not None:
            return parent.context, parent.call_id, parent.agent
        if turn := self._turns.get(otel_id(span.trace_id)):
            return turn[0], turn[1], None
        current = otel_context.get_current()
        return current, _call_of(otel.get_current_span(current)), None

    def _attach(
        self, span: otel.Span, call_id: str | None, agent: str | None, told: dict[str, Any]
    ) -> _Open:
        context = otel.set_span_in_context(span)
        token = otel_context.attach(context)
        return _Open(span, context, call_id, agent, _owner(), token, told)

    def _detach(self, found: _Open) -> None:
        if found.owner is _owner() and otel.get_current_span() is found.span:
            otel_context.detach(found.token)

    def shutdown(self) -> None:
        """Nothing is held back here."""

    def force_flush(self) -> None:
        """Nothing is held back here."""


def _number(identity: str) -> int | None:
    try:
        return int(identity, 16) if len(identity) == 32 else None
    except ValueError:
        return None
