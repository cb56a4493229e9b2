"""Stored spans as OTLP in JSON: what any backend takes at its ``/v1/traces``
(https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from opentelemetry.trace import SpanKind

from frontdesk import __version__
from frontdesk.tracing import names

Record = Mapping[str, Any]

_CLIENT = {names.CHAT, names.SPEECH_TO_TEXT, names.TEXT_TO_SPEECH, "MCP"}
_ERROR, _OK = 2, 1


def otlp_json(traces: Iterable[tuple[str, Sequence[Record]]]) -> dict[str, Any]:
    """An ``ExportTraceServiceRequest``. ``traces`` are trace ids (32 hex digits) with their spans
    as the API gives them; spans that still run are left out, as OTLP knows only ended ones."""
    spans = [_span(trace_id, span) for trace_id, found in traces for span in found if span["end"]]
    resource = _attributes({"service.name": "frontdesk", "service.version": __version__})
    scope = {"name": "frontdesk", "version": __version__}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": resource},
                "scopeSpans": [{"scope": scope, "spans": spans}],
            }
        ]
    }


def _span(trace_id: str, span: Record) -> dict[str, Any]:
    found: dict[str, Any] = {
        "traceId": trace_id,
        "spanId": span["span_id"],
        "name": span["name"],
        "kind": _kind(span),
        "startTimeUnixNano": _nanoseconds(span["start"]),
        "endTimeUnixNano": _nanoseconds(span["end"]),
        "attributes": _attributes(span["attributes"]),
        "events": [
            {
                "name": event["name"],
                "timeUnixNano": _nanoseconds(event["time"]),
                "attributes": _attributes(event["attributes"]),
            }
            for event in span["events"]
        ],
        "status": {"code": _ERROR, "message": span["error"]} if span["error"] else {"code": _OK},
    }
    if span["parent_id"]:
        found["parentSpanId"] = span["parent_id"]
    return found


def _kind(span: Record) -> int:
    """The store does not keep it; the vocabulary says it. OTLP counts from 1."""
    operation = span["name"].partition(" ")[0]
    kind = SpanKind.INTERNAL
    if operation in _CLIENT:
        kind = SpanKind.CLIENT
    elif span["stage"] == "mcp" and operation != names.MCP_LIST_TOOLS:
        kind = SpanKind.SERVER
    return kind.value + 1


def _nanoseconds(unix: float) -> str:
    """64-bit numbers are text in protobuf's JSON."""
    return str(round(unix * 1e9))


def _attributes(found: Record) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in found.items()]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list() | tuple():
            return {"arrayValue": {"values": [_value(each) for each in cast("list[Any]", value)]}}
        case dict():
            return {"kvlistValue": {"values": _attributes(cast("dict[str, Any]", value))}}
        case None:
            return {}
        case _:
            return {"stringValue": str(value)}
