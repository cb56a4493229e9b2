"""Spans as rows of ``otel_traces``, and back.

Attributes are text there, as the Collector writes them: what is not text is JSON. Which were not
stands in :data:`JSON_KEYS`, so that they come back as they were; without it (a Collector wrote the
span) what looks like a number in an attribute of ours is one.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, cast

import orjson
from opentelemetry.sdk.resources import SERVICE_NAME
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext, Status, StatusCode

from frontdesk.tracing import messages
from frontdesk.tracing.pricing import Pricing
from frontdesk.tracing.rows import SpanRow, row

JSON_KEYS = "frontdesk.json"
"""The attribute with the names of those that are JSON, itself a JSON list."""
COLUMNS = """
TraceId, SpanId, ParentSpanId, SpanName, toUnixTimestamp64Nano(Timestamp) AS start, Duration,
StatusCode, StatusMessage, SpanAttributes, `Events.Name` AS events,
arrayMap(t -> toUnixTimestamp64Nano(t), `Events.Timestamp`) AS times,
`Events.Attributes` AS event_attributes
"""
"""What :func:`decode` reads."""

_LATEST = 2**63 - 1
_BILLED = Pricing()
"""Knows no price: what a span cost is one of its attributes since it was written."""
_OURS = ("voice.", "gen_ai.usage.", "gen_ai.response.time_to_first_chunk")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def encode(span: ReadableSpan, found: SpanRow) -> bytes:
    """A span that has ended as a line for ``otel_traces``. ``found`` is what may be kept of it."""
    start = min(span.start_time or 0, _LATEST)
    resource, scope, context = span.resource, span.instrumentation_scope, span.get_span_context()
    events, links = found.events, span.links
    return orjson.dumps(
        {
            "Timestamp": _time(start),
            "TraceId": found.trace_id,
            "SpanId": found.span_id,
            "ParentSpanId": found.parent_id or "",
            "TraceState": context.trace_state.to_header() if context else "",
            "SpanName": found.name,
            "SpanKind": span.kind.name.capitalize(),
            "ServiceName": str(resource.attributes.get(SERVICE_NAME, "")),
            "ResourceAttributes": _text(resource.attributes),
            "ScopeName": messages.safe(scope.name) if scope else "",
            "ScopeVersion": messages.safe(scope.version or "") if scope else "",
            "SpanAttributes": _map(found.attributes),
            "Duration": max(0, min(span.end_time or start, _LATEST) - start),
            "StatusCode": span.status.status_code.name.capitalize(),
            "StatusMessage": found.error or "",
            "Events.Timestamp": [_time(_nanoseconds(event["time"])) for event in events],
            "Events.Name": [messages.safe(event["name"]) for event in events],
            "Events.Attributes": [_map(event["attributes"]) for event in events],
            "Links.TraceId": [f"{link.context.trace_id:032x}" for link in links],
            "Links.SpanId": [f"{link.context.span_id:016x}" for link in links],
            "Links.TraceState": [link.context.trace_state.to_header() for link in links],
            "Links.Attributes": [_text(link.attributes or {}) for link in links],
        }
    )


def decode(found: Mapping[str, Any]) -> SpanRow:
    """The span of a row with :data:`COLUMNS`."""
    start: int = found["start"]
    trace_id = int(found["TraceId"], 16)
    parent = found["ParentSpanId"]
    failed = found["StatusCode"] in ("Error", "STATUS_CODE_ERROR")  # as older Collectors wrote it
    span = ReadableSpan(
        found["SpanName"],
        context=SpanContext(trace_id, int(found["SpanId"] or "0", 16), is_remote=False),
        parent=SpanContext(trace_id, int(parent, 16), is_remote=False) if parent else None,
        attributes=_values(found["SpanAttributes"]),
        events=[
            Event(name, _values(attributes), time)
            for name, time, attributes in zip(
                found["events"], found["times"], found["event_attributes"], strict=True
            )
        ],
        status=Status(StatusCode.ERROR, found["StatusMessage"]) if failed else Status(),
        start_time=start,
        end_time=start + found["Duration"],
    )
    return row(span, pricing=_BILLED)


def _time(nanoseconds: int) -> str:
    """For DateTime64(9): seconds with nine digits, whatever the server's time zone."""
    return f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09}"


def _nanoseconds(seconds: float) -> int:
    """Exactly, so that it is read as the same float."""
    return max(0, min(round(Fraction(seconds) * 10**9), _LATEST))


def _map(attributes: Mapping[str, Any]) -> dict[str, str]:
    told = _text(attributes)
    told.pop(JSON_KEYS, None)  # ours alone
    if marked := [key for key in told if not isinstance(attributes.get(key), str)]:
        told[JSON_KEYS] = orjson.dumps(marked).decode()
    return told


def _text(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {
        messages.safe(key): messages.safe(value) if isinstance(value, str) else messages.dump(value)
        for key, value in attributes.items()
    }


def _values(found: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = dict(found)
    marked = values.pop(JSON_KEYS, None)
    if marked is None:
        keys = {key for key, value in found.items() if _may_be_number(key, value)}
    else:
        keys = set(_listed(marked))
    for key in keys & found.keys():
        values[key] = _loaded(found[key])
    return values


def _may_be_number(key: str, value: str) -> bool:
    return key.startswith(_OURS) and _NUMBER.fullmatch(value) is not None


def _listed(text: str) -> list[str]:
    """The strings of a JSON list."""
    found = _loaded(text)
    values = cast("list[object]", found) if isinstance(found, list) else []
    return [each for each in values if isinstance(each, str)]


def _loaded(text: str) -> Any:
    """What JSON says; the text itself where it is none: strangers may write here, too."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
