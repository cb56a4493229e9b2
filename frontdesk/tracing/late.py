"""Spans that are made once there is time for it: nothing that can wait is done before the first
sound.

What runs meanwhile has a stand-in for its span, of the same id, so that the spans of others find
their parent; what they write on it is written down until the span is there.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from opentelemetry import trace as otel


class Put(list[Callable[[], None]]):
    """What waits of one trace, in order. Only the thread that began it may put off."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    @property
    def takes(self) -> bool:
        """Whether this thread may put something off."""
        return self._thread == threading.get_ident()


class StandIn(otel.NonRecordingSpan):
    """Is current in place of a span that is to come. ``name`` is what it will begin with."""

    def __init__(self, context: otel.SpanContext, name: str) -> None:
        super().__init__(context)
        self.name = name
        self._span: otel.Span | None = None
        self._written: list[Callable[[otel.Span], None]] = []

    def comes(self, span: otel.Span) -> None:
        """Here it is."""
        self._span = span
        for write in self._written:
            write(span)
        self._written.clear()

    @property
    def made(self) -> bool:
        """Whether the span is there."""
        return self._span is not None

    @property
    def span(self) -> otel.Span:
        """The span, or this while there is none."""
        return self._span or self

    def is_recording(self) -> bool:
        return self._span is None or self._span.is_recording()

    def set_attributes(self, attributes: Any) -> None:
        self._write("set_attributes", attributes)

    def set_attribute(self, key: str, value: Any) -> None:
        self._write("set_attribute", key, value)

    def set_status(self, status: Any, description: str | None = None) -> None:
        self._write("set_status", status, description)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        self._write("add_event", name, attributes, timestamp or time.time_ns())

    def record_exception(
        self,
        exception: BaseException,
        attributes: Any = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        self._write("record_exception", exception, attributes, timestamp or time.time_ns(), escaped)

    def _write(self, method: str, *given: Any) -> None:
        if self._span is None:
            self._written.append(partial(_call, method, given))
        else:
            _call(method, given, self._span)


def _call(method: str, given: tuple[Any, ...], span: otel.Span) -> None:
    getattr(span, method)(*given)
