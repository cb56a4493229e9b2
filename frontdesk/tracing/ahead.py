"""The trace of work that is done ahead, and may turn out never to have been wanted.

Its spans are kept back: they join the trace of the turn that takes the work on, or nobody ever
sees them.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

MOST_OPEN = 10_000
"""Spans kept back that may be open at once; beyond it the oldest were left open by a bug."""

_ids = RandomIdGenerator()
_ahead: ContextVar["TraceAhead | None"] = ContextVar("frontdesk_ahead", default=None)
_open: dict[int, "TraceAhead"] = {}
"""Whose spans under way are, by their ids."""


class TraceAhead:
    """A trace whose root does not exist yet: ``trace_id`` and ``root_id`` are those that it will
    have. ``taken``: it has one."""

    def __init__(self) -> None:
        self.trace_id = _ids.generate_trace_id()
        self.root_id = _ids.generate_span_id()
        self.taken = False
        self.context = otel.set_span_in_context(
            otel.NonRecordingSpan(
                otel.SpanContext(
                    self.trace_id, self.root_id, is_remote=False, trace_flags=otel.TraceFlags(1)
                )
            ),
            Context(),
        )
        self._kept: list[tuple[Callable[..., None], tuple[Any, ...]]] | None = []
        self._spans: list[ReadableSpan] = []
        self._dropped = False

    @property
    def name(self) -> str:
        """The trace's id as 32 hex digits."""
        return f"{self.trace_id:032x}"

    @contextmanager
    def use(self) -> Generator[None]:
        """Spans of this task, and of those it starts, are kept back and nest under the root."""
        mark = _ahead.set(self)
        token = otel_context.attach(self.context)
        try:
            yield
        finally:
            otel_context.detach(token)
            _ahead.reset(mark)

    def let_go(self) -> None:
        """The work is wanted: its spans are seen from here on, those so far, too."""
        kept, self._kept = self._kept or (), None
        self._spans.clear()
        for do, given in kept:
            do(*given)

    def drop(self) -> list[ReadableSpan]:
        """Nobody wants it. Returns the spans that had ended."""
        spans, self._spans = self._spans, []
        self._kept, self._dropped = None, True
        return spans

    def keep(self, do: Callable[..., None], *given: Any) -> bool:
        """Have it done once the work is wanted; False where that is so already."""
        if self._kept is not None:
            self._kept.append((do, given))
        return self._dropped or self._kept is not None

    def ended(self, span: ReadableSpan) -> None:
        """A span that is kept back is over."""
        if self._kept is not None:
            self._spans.append(span)


def began(do: Callable[..., None], span: ReadableSpan, *given: Any) -> bool:
    """Whether a span that begins is kept back, to have ``do`` done with it if it is wanted."""
    if (ahead := _ahead.get()) is None or not ahead.keep(do, span, *given):
        return False
    identity = span.get_span_context()
    assert identity is not None
    _open[identity.span_id] = ahead
    if len(_open) > MOST_OPEN:
        _open.pop(next(iter(_open)))
    return True


def ended(do: Callable[..., None], span: ReadableSpan) -> bool:
    """Whether a span that has ended is kept back."""
    if not _open:
        return False
    identity = span.get_span_context()
    ahead = _open.pop(identity.span_id, None) if identity else None
    if ahead is None or not ahead.keep(do, span):
        return False
    ahead.ended(span)
    return True


def when_wanted(do: Callable[..., None], *given: Any) -> None:
    """Do it, unless this task works ahead: then, if the work is wanted."""
    if (ahead := _ahead.get()) is None or not ahead.keep(do, *given):
        do(*given)
