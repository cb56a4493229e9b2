"""A span as the store and the live feed know it."""

import zlib
from dataclasses import dataclass
from typing import Any

import orjson
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

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
}
_WORDS = {
    "turn": names.GEN_AI_INPUT_MESSAGES,
    "user_speech": names.GEN_AI_INPUT_MESSAGES,
    "speech_to_text": names.GEN_AI_OUTPUT_MESSAGES,
    "playback": names.GEN_AI_OUTPUT_MESSAGES,
}
OTHER_ERROR = "_OTHER"


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
    attributes = dict(span.attributes or {})
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
        start=(span.start_time or 0) / 1e9,
        end=max(span.end_time, span.start_time or 0) / 1e9 if span.end_time else None,
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
            "time": event.timestamp / 1e9,
            "attributes": dict(event.attributes or {}),
        }
        for event in span.events
    ]


_SMALL = 256


def pack(value: object) -> bytes:
    """JSON, deflated when long: halves the file for little time (zlib level 1)."""
    data = messages.dump(value).encode()
    return data if len(data) <= _SMALL else zlib.compress(data, 1)


def unpack(data: bytes | None) -> Any:
    """The inverse of :func:`pack`. JSON begins with a bracket, zlib's stream with 0x78."""
    if not data:
        return None
    return orjson.loads(zlib.decompress(data) if data[0] == 0x78 else data)
