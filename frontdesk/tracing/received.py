"""Spans that other processes send over OTLP, read as the SDK's own.

MCP servers, other workers and whatever else takes part in a turn send theirs to
``POST /v1/traces``, as protobuf or as JSON
(https://opentelemetry.io/docs/specs/otlp/#otlphttp).
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import orjson
from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status as RpcStatus
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2 as proto
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from frontdesk.tracing.otlp import JSON

DEPTH = 32
"""Levels of lists and maps in an attribute; deeper ones are left out."""

_KINDS = {
    proto.Span.SPAN_KIND_SERVER: SpanKind.SERVER,
    proto.Span.SPAN_KIND_CLIENT: SpanKind.CLIENT,
    proto.Span.SPAN_KIND_PRODUCER: SpanKind.PRODUCER,
    proto.Span.SPAN_KIND_CONSUMER: SpanKind.CONSUMER,
}
_STATUS = {
    proto.Status.STATUS_CODE_OK: StatusCode.OK,
    proto.Status.STATUS_CODE_ERROR: StatusCode.ERROR,
}
_IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
"""Fields that are hex in OTLP's JSON, where protobuf's own JSON has base64; bytes of each."""


class Unreadable(ValueError):
    """The body is no OTLP; the message says where."""


def read(body: bytes, media_type: str) -> ExportTraceServiceRequest:
    """The request in a body of type ``PROTOBUF`` or ``JSON``. Raises :class:`Unreadable`."""
    return _from_json(body) if media_type == JSON else _from_protobuf(body)


def answer(rejected: int, total: int, media_type: str) -> bytes:
    """The body that tells the sender how many of its spans could not be read."""
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = (
            f"{rejected} of {total} spans have no valid trace id, span id or start."
        )
    return _written(response, media_type)


def refusal(code: int, message: str, media_type: str) -> bytes:
    """The body of an error: a ``google.rpc.Status``."""
    return _written(RpcStatus(code=code, message=message), media_type)


def _written(message: Message, media_type: str) -> bytes:
    if media_type == JSON:
        return MessageToJson(message, indent=None).encode()
    return message.SerializeToString()


def _from_protobuf(body: bytes) -> ExportTraceServiceRequest:
    try:
        return ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise Unreadable(f"no ExportTraceServiceRequest in protobuf: {error}") from error


def _from_json(body: bytes) -> ExportTraceServiceRequest:
    try:
        found = orjson.loads(body)
        for span in _json_spans(found):
            _to_base64(span)
            for link in span.get("links") or ():
                _to_base64(link)
        return ParseDict(found, ExportTraceServiceRequest(), ignore_unknown_fields=True)
    except (ParseError, AttributeError, TypeError, ValueError) as error:
        raise Unreadable(f"no ExportTraceServiceRequest in JSON: {error}") from error


def _json_spans(found: Any) -> Iterator[dict[str, Any]]:
    for resource in found.get("resourceSpans") or ():
        for scope in resource.get("scopeSpans") or ():
            yield from scope.get("spans") or ()


def _to_base64(fields: dict[str, Any]) -> None:
    for name in _IDS:
        if fields.get(name):
            fields[name] = base64.b64encode(bytes.fromhex(fields[name])).decode()


def spans(request: ExportTraceServiceRequest) -> Iterator[ReadableSpan | None]:
    """Each span of the request; None for one without valid ids, which cannot be kept."""
    for group in request.resource_spans:
        resource = Resource(_attributes(group.resource.attributes))
        for scope_spans in group.scope_spans:
            scope = InstrumentationScope(scope_spans.scope.name, scope_spans.scope.version)
            for span in scope_spans.spans:
                yield _span(span, resource, scope)


def _span(span: proto.Span, resource: Resource, scope: InstrumentationScope) -> ReadableSpan | None:
    context = _context(span.trace_id, span.span_id)
    if context is None or not span.start_time_unix_nano:
        return None
    return ReadableSpan(
        name=span.name or "(no name)",
        context=context,
        parent=_context(span.trace_id, span.parent_span_id),
        resource=resource,
        attributes=_attributes(span.attributes),
        events=[
            Event(event.name, _attributes(event.attributes), event.time_unix_nano)
            for event in span.events
        ],
        links=[
            Link(linked, _attributes(link.attributes))
            for link in span.links
            if (linked := _context(link.trace_id, link.span_id))
        ],
        kind=_KINDS.get(span.kind, SpanKind.INTERNAL),
        status=Status(_STATUS.get(span.status.code, StatusCode.UNSET), _description(span)),
        start_time=span.start_time_unix_nano,
        end_time=span.end_time_unix_nano or span.start_time_unix_nano,
        instrumentation_scope=scope,
    )


def _description(span: proto.Span) -> str | None:
    # The SDK warns of a description on any other status.
    failed = span.status.code == proto.Status.STATUS_CODE_ERROR
    return span.status.message or None if failed else None


def _context(trace_id: bytes, span_id: bytes) -> SpanContext | None:
    if len(trace_id) != _IDS["traceId"] or len(span_id) != _IDS["spanId"]:
        return None
    context = SpanContext(
        int.from_bytes(trace_id, "big"),
        int.from_bytes(span_id, "big"),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return context if context.is_valid else None


def _attributes(found: Iterable[KeyValue]) -> Mapping[str, Any]:
    return {pair.key: _value(pair.value, DEPTH) for pair in found}


def _value(value: AnyValue, depth: int) -> Any:
    kind = value.WhichOneof("value")
    match kind:
        case None:
            return None
        case "array_value":
            return [_value(each, depth - 1) for each in value.array_value.values if depth]
        case "kvlist_value":
            pairs = value.kvlist_value.values
            return {pair.key: _value(pair.value, depth - 1) for pair in pairs if depth}
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case _:
            return cast("str | bool | int | float", getattr(value, kind))
