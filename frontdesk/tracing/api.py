"""The dashboard's data as JSON, audio with Range, and a stream of what happens now."""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

from frontdesk.tracing.audio import AudioStore
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.filters import CallFilters
from frontdesk.tracing.live import Subscription
from frontdesk.tracing.mixdown import mixdown
from frontdesk.tracing.otlp_json import otlp_json
from frontdesk.tracing.ranges import ranged
from frontdesk.tracing.spreadsheet import written
from frontdesk.tracing.stores import Elsewhere, StoreError

KEEP_ALIVE = 15.0
MOST_CALLS = 5_000
"""Calls that one answer lists at most."""
_TRACE = re.compile(r"(?:trace_)?([0-9a-f]{32})")


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message}}, status)


def _unreadable(error: Exception) -> JSONResponse:
    if isinstance(error, Elsewhere):
        body = {"message": str(error), "code": "call_in_other_region"}
        return JSONResponse({"error": body}, 403)
    return _error(503, str(error))


def router(tracing: Tracing, caller_of: Callable[[str], str]) -> APIRouter:
    """The routes under ``/api`` that read ``tracing``. Blocking reads run in threads.
    ``caller_of`` gives the hash of a caller's id, by which calls are found."""
    routes = APIRouter(prefix="/api", tags=["traces"])
    store, audio = tracing.store, tracing.audio

    @routes.get("/calls")
    def calls(
        filters: Annotated[CallFilters, Query()],
        limit: Annotated[int, Query(ge=1, le=MOST_CALLS)] = 50,
        before: float | None = None,
        user: Annotated[str | None, Query(max_length=500)] = None,
        format: Literal["json", "csv"] = "json",
    ) -> Any:
        try:
            found = store.calls(
                limit=limit,
                before=before,
                caller=caller_of(user) if user else None,
                live=tracing.open_calls,
                **filters.for_store(),
            )
        except StoreError as error:
            return _error(503, str(error))
        if format == "csv":
            headers = {"content-disposition": 'attachment; filename="calls.csv"'}
            return Response(written(found), media_type="text/csv", headers=headers)
        return _json({"calls": found})

    @routes.get("/calls/{call_id}")
    def call(call_id: str) -> Any:
        try:
            found = store.call(call_id, tracing.open_calls)
        except StoreError as error:
            return _unreadable(error)
        return _json(found) if found else _error(404, f"no call {call_id!r} in the traces")

    @routes.get("/calls/{call_id}/audio")
    def call_audio(call_id: str, request: Request) -> Any:
        try:
            path = mixdown(audio, call_id, store.pieces(call_id))
            if path is None:
                return _error(404, f"no audio of call {call_id!r}")
            return _flac(audio, path, request, "private, no-cache")
        except (StoreError, OSError) as error:
            return _unreadable(error)

    def _of_trace(trace_id: str, part: Callable[[dict[str, Any]], Any]) -> Response:
        match = _TRACE.fullmatch(trace_id)
        try:
            found = store.trace(match[1]) if match else None
        except StoreError as error:
            return _unreadable(error)
        told = part(found) if found else None
        return _json(told) if told else _error(404, f"no trace {trace_id!r}, or no such span of it")

    @routes.get("/traces/{trace_id}")
    def trace(trace_id: str) -> Any:
        return _of_trace(trace_id, lambda found: found)

    @routes.get("/traces/{trace_id}/spans/{span_id}")
    def span(trace_id: str, span_id: str) -> Any:
        """One span of a trace."""
        return _of_trace(trace_id, lambda found: next(
            (each for each in found["spans"] if each["span_id"] == span_id), None
        ))  # fmt: skip

    @routes.get("/traces/{trace_id}/otlp")
    def otlp(trace_id: str) -> Any:
        """The trace as OTLP in JSON, which any backend takes at its ``/v1/traces``."""
        return _of_trace(
            trace_id, lambda found: otlp_json([(found["trace"]["trace_id"], found["spans"])])
        )

    @routes.get("/audio/{key}")
    def piece(key: str, request: Request) -> Any:
        try:
            path = audio.locate(key)
            if not path.is_file():
                return _error(404, "no such audio: not written yet, or removed")
            store.check_piece(key)
            return _flac(audio, path, request, "private, max-age=31536000, immutable")
        except ValueError as error:
            return _error(404, str(error))
        except (StoreError, OSError) as error:
            return _unreadable(error)

    @routes.get("/live")
    async def live(call: str | None = None) -> Response:
        """``call``: only what happens in this one."""
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(
            _events(tracing, call), media_type="text/event-stream", headers=headers
        )

    return routes


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def _flac(audio: AudioStore, path: Path, request: Request, cache: str) -> Response:
    headers = {"cache-control": cache}
    if not audio.is_sealed(path):
        return FileResponse(path, media_type="audio/flac", headers=headers)
    return ranged(audio.read(path), request.headers.get("range"), "audio/flac", headers)


async def _events(tracing: Tracing, call: str | None) -> AsyncIterator[bytes]:
    """Server-sent events; a comment now and then keeps proxies from closing the stream."""
    with tracing.live.subscribe() as subscription:
        yield b": connected\n\n"
        async for chunk in _chunks(subscription, call):
            yield chunk


async def _chunks(subscription: Subscription, call: str | None) -> AsyncIterator[bytes]:
    async for event in subscription.events(KEEP_ALIVE):
        if event is None:
            yield b": still here\n\n"
        elif call is None or event[1].get("call_id") == call:
            kind, data = event
            yield b"event: %s\ndata: %s\n\n" % (kind.encode(), orjson.dumps(data, default=str))
