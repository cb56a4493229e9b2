"""``POST /v1/traces``: spans of other processes join their turns, by OTLP over HTTP."""

import asyncio
import zlib

from fastapi import APIRouter, Request, Response

from frontdesk.api.body import read_body
from frontdesk.api.errors import ApiError
from frontdesk.mcp.local import ONWARD
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.otlp import JSON, PROTOBUF

LONGEST = 16 * 1024 * 1024
"""Bytes of a body, also once it is inflated. A batch of 512 spans has 0.3 to 1 MB."""

BUSY_SECONDS = 5

_CODES = {400: 3, 413: 11, 415: 3, 503: 14}
"""gRPC's codes for HTTP statuses: INVALID_ARGUMENT, OUT_OF_RANGE, UNAVAILABLE."""
_UNKNOWN = 2


def router(tracing: Tracing) -> APIRouter:
    """The receiver of OTLP/HTTP: protobuf and JSON, plain or gzip.

    A span that is sent again replaces itself. What comes with the header ``ONWARD`` goes on to the
    backend that this process sends its own to; nothing that we send has it, so it ends there.
    Errors are a ``google.rpc.Status`` in the client's encoding, as the specification wants them;
    503 with ``Retry-After`` while the disk cannot follow, upon which exporters send the batch
    again.
    """
    routes = APIRouter(tags=["traces"])

    @routes.post("/v1/traces")
    async def receive(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        media_type = JSON if kind == JSON else PROTOBUF
        try:
            if kind != media_type:
                raise _unsupported(
                    f"Content-Type is {kind or 'missing'}: send {PROTOBUF} or {JSON}"
                )
            body = _inflated(request, await read_body(request, LONGEST))
            onward = ONWARD in request.headers
            content = await asyncio.to_thread(_keep, tracing, body, media_type, onward)
        except ApiError as error:
            # Here, as most processes never need protobuf.
            from frontdesk.tracing.received import refusal

            content = refusal(_CODES.get(error.status, _UNKNOWN), error.message, media_type)
            return Response(content, error.status, error.headers, media_type)
        return Response(content, media_type=media_type)

    return routes


def _unsupported(message: str) -> ApiError:
    return ApiError(415, "unsupported_media_type", f"{message}.")


def _inflated(request: Request, body: bytes) -> bytes:
    kind = request.headers.get("content-encoding", "identity").strip().lower()
    if kind == "identity":
        return body
    if kind != "gzip":
        raise _unsupported(f"Content-Encoding is {kind}: use gzip or none")
    inflate = zlib.decompressobj(wbits=31)  # with a header of gzip
    try:
        inflated = inflate.decompress(body, LONGEST)
    except zlib.error as error:
        raise ApiError(400, "invalid_value", f"The body is not gzip: {error}.") from error
    if inflate.unconsumed_tail:
        raise ApiError(413, "request_too_large", f"The body is longer than {LONGEST} bytes.")
    if not inflate.eof:
        raise ApiError(400, "invalid_value", "The body is not gzip: it ends in the middle.")
    return inflated


def _keep(tracing: Tracing, body: bytes, media_type: str, onward: bool = False) -> bytes:
    """Hand the spans to the store, and ``onward``; the answer. Raises :class:`ApiError`."""
    from frontdesk.tracing import received

    try:
        found = list(received.spans(received.read(body, media_type)))
    except received.Unreadable as error:
        raise ApiError(400, "invalid_value", f"The body is {error}.") from error
    readable = [span for span in found if span is not None]
    for span in readable:
        if not tracing.received(span):
            raise ApiError(
                503,
                "state_unavailable",
                "Traces are written too slowly here. Send the batch again.",
                headers={"Retry-After": str(BUSY_SECONDS)},
            )
    if onward:  # once all are kept, as what is refused is sent again
        tracing.send_on(readable)
    return received.answer(len(found) - len(readable), len(found), media_type)
