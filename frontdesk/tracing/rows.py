"""A span as the store and the live feed know it."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode
from opentelemetry.util.types import AttributeValue

from frontdesk.tracing import messages, names
from frontdesk.tracing.pricing import Pricing

_SUBJECTS = {
    "tools": names.GEN_AI_TOOL_NAME,
    "delegation": names.GEN_AI_TOOL_NAME,
    "handoff": names.VOICE_HANDOFF_TO,
    "model": names.GEN_AI_REQUEST_MODEL,
    "speech_to_text": names.GEN_AI_REQUEST_MODEL,
    "text_to_speech": names.GEN_AI_REQUEST_MODEL,
    "compaction": names.GEN_AI_REQUEST_MODEL,
    "speculation": names.GEN_AI_REQUEST_MODEL,
}
_WORDS = {
    "turn": names.GEN_AI_INPUT_MESSAGES,
    "user_speech": names.GEN_AI_INPUT_MESSAGES,
    "speech_to_text": names.GEN_AI_OUTPUT_MESSAGES,
    "playback": names.GEN_AI_OUTPUT_MESSAGES,
}
OTHER_ERROR = "_OTHER"
_SECOND = 10**9
"""Nanoseconds: a whole number, as only of two of them is the quotient the nearest float."""


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One span. Times are unix seconds; ``end`` is None while it is open; ``words`` are what the
    caller said or heard in it; ``subject`` is the tool, the model or the agent handed to; ``cost``
    is in billionths of ``currency``, and ``unpriced`` where there is one that is not known."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    stage: str
    agent: str | None
    subject: str | None
    start: float
    end: float | None
    error: str | None
    tokens: int
    words: str
    attributes: dict[str, Any]
    events: list[dict[str, Any]]
    cost: int | None = None
    currency: str | None = None
    unpriced: bool = False
    tokens_in: int = 0

    @property
    def call_id(self) -> str | None:
        return text(self.attributes.get(names.GEN_AI_CONVERSATION_ID))

    def export(self) -> dict[str, Any]:
        """The span as the API gives it."""
        return {
            "span_id": self.span_id,
            "parent_id": self.parent_id,
            "name": self.name,
            "stage": self.stage,
            "agent": self.agent,
            "start": self.start,
            "end": self.end,
            "status": "error" if self.error else "ok" if self.end else "open",
            "error": self.error,
            "attributes": self.attributes,
            "events": self.events,
        }


def row(span: ReadableSpan, pricing: Pricing) -> SpanRow:
    """Read a span. One that has ended gets what it cost."""
    attributes = copied(span.attributes)
    operation = span.name.partition(" ")[0]
    stage = _stage(operation, attributes)
    identity = span.get_span_context()
    bill = None
    if span.end_time:
        failed = span.status.status_code is StatusCode.ERROR
        bill = pricing.bill(operation, attributes, failed)
    if bill:
        attributes |= bill.attributes
    read, written = _tokens(attributes) if stage == "model" or operation == names.RUN else (0, 0)
    return SpanRow(
        trace_id=f"{identity.trace_id:032x}" if identity else "",
        span_id=f"{identity.span_id:016x}" if identity else "",
        parent_id=f"{span.parent.span_id:016x}" if span.parent else None,
        name=messages.safe(span.name),
        stage=stage,
        agent=text(attributes.get(names.GEN_AI_AGENT_NAME)),
        subject=text(attributes.get(_SUBJECTS.get(stage, ""))),
        start=(span.start_time or 0) / _SECOND,
        end=max(span.end_time, span.start_time or 0) / _SECOND if span.end_time else None,
        error=text(_error(span)),
        tokens=read + written,
        words=messages.text(attributes.get(_WORDS.get(stage, ""))),
        attributes=attributes,
        events=_events(span),
        cost=bill and bill.amount,
        currency=bill and bill.currency,
        unpriced=bill is not None and bill.amount is None,
        tokens_in=read,
    )


def copied(attributes: Mapping[str, AttributeValue] | None) -> dict[str, Any]:
    """The attributes of a span in a dictionary of our own."""
    # OpenTelemetry shows its own mapping, which is read one by one and slowly, through a view,
    # whose copy is that mapping's: a plain dictionary.
    if isinstance(attributes, MappingProxyType):
        return dict(attributes.copy())
    return dict(attributes or {})


def text(value: object) -> str | None:
    """The attribute as text that can be written; None when it is not text: spans come from other
    processes, too."""
    return messages.safe(value) if isinstance(value, str) else None


def number(value: object) -> int | float | None:
    """The attribute as a number; None when it is not one."""
    return value if isinstance(value, int | float) else None


def _stage(operation: str, attributes: dict[str, Any]) -> str:
    if names.MCP_METHOD_NAME in attributes:
        return "mcp"
    return names.STAGES.get(operation, "other")


def _tokens(attributes: dict[str, Any]) -> tuple[int, int]:
    """Tokens read and written."""
    used = (names.GEN_AI_USAGE_INPUT_TOKENS, names.GEN_AI_USAGE_OUTPUT_TOKENS)
    read, written = (int(number(attributes.get(name)) or 0) for name in used)
    return read, written


def _error(span: ReadableSpan) -> str | None:
    if span.status.status_code is not StatusCode.ERROR:
        return None
    kind = (span.attributes or {}).get(names.ERROR_TYPE, OTHER_ERROR)
    return span.status.description or str(kind)


def _events(span: ReadableSpan) -> list[dict[str, Any]]:
    return [
        {
            "name": event.name,
            "time": event.timestamp / _SECOND,
            "attributes": dict(event.attributes or {}),
        }
        for event in span.events
    ]


_SMALL = 512
_WINDOW = 4096


def pack(value: object) -> bytes:
    """JSON, deflated when long: halves the file for little time (zlib level 1). With zlib's usual
    window most of that time goes into 256 KiB of memory made ready for a few hundred bytes: a
    window of 4 KiB takes a fifth of it, and makes what fits into it no longer."""
    data = messages.dump(value).encode()
    if len(data) <= _SMALL:
        return data
    window, memory = (12, 5) if len(data) <= _WINDOW else (15, 8)
    deflate = zlib.compressobj(1, zlib.DEFLATED, window, memory)
    return deflate.compress(data) + deflate.flush()


def unpack(data: bytes | None) -> Any:
    """The inverse of :func:`pack`. The first byte of zlib's stream ends with an 8, whatever its
    window; none that JSON begins with does, but an 8 does, which is no list or map."""
    if not data:
        return None
    return orjson.loads(zlib.decompress(data) if data[0] & 0x0F == 8 else data)
