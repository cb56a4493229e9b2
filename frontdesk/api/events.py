"""``GET /api/calls/{id}/events``: what the clients of a call are told, as server-sent events."""

import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from typing import Annotated

import orjson
from fastapi import APIRouter, Header
from starlette.responses import Response

from frontdesk.api.errors import ApiError
from frontdesk.api.streaming import Stream
from frontdesk.call.worker import Worker
from frontdesk.state.events import ENDED, START, Event, Number, event_id, number_of
from frontdesk.state.follow import Gap
from frontdesk.state.log import CallSummary

HEARTBEAT = 15.0
"""Seconds without an event after which a comment is sent: proxies close what is silent."""
ABANDONED = 60.0
"""Seconds that a call without an owner is followed: its worker died, and nobody took it up."""

HEAD = b'{"type":"%s"' % ENDED.encode()


def router(worker: Worker) -> APIRouter:
    """The stream, from any worker. The call does not notice."""
    routes = APIRouter()

    @routes.get("/api/calls/{call_id}/events")
    async def events(
        call_id: str,
        after: str | None = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """All that is kept, or what came since the event ``after`` (or ``Last-Event-ID``), then
        what comes: ``id`` is the event's id, ``data`` the event without its sound. ``end`` is the
        last event, when the call has ended; ``gap`` says that events are no longer kept."""
        asked = after or last_event_id
        number = START if asked == "0" else number_of(asked or "")
        if asked is not None and number is None:
            raise ApiError(400, "invalid_value", f"No event is called {asked[:80]!r}.", "after")
        if await _summary(worker, call_id) is None:
            raise ApiError(404, "not_found", f"There is no call {call_id!r}.")
        return Stream(_told(worker, call_id, number), "text/event-stream", AsyncExitStack())

    return routes


async def _summary(worker: Worker, call_id: str) -> CallSummary | None:
    try:
        return await worker.store.summary(call_id)
    except ValueError:
        return None


async def _told(worker: Worker, call_id: str, after: Number | None) -> AsyncGenerator[bytes]:
    try:
        async for written in _followed(worker, call_id, after):
            yield written
    except Gap:
        message = "Events are no longer kept from there on: read the conversation, and follow anew."
        yield _sse("gap", orjson.dumps({"message": message}))
        async for written in _followed(worker, call_id, None):
            yield written


async def _followed(worker: Worker, call_id: str, after: Number | None) -> AsyncGenerator[bytes]:
    owned, written, end = time.monotonic(), time.monotonic(), b""
    async with aclosing(worker.following.follow(call_id, after, HEARTBEAT)) as told:
        async for event in told:
            now = time.monotonic()
            if event is not None:
                end = _end(event) if event.frame.startswith(HEAD) else b""
                if not end:  # a call that ended may have been carried on
                    written = now
                    yield _sse(None, event.frame, event)
                continue
            if not end and now - written < HEARTBEAT:
                continue
            summary = await _summary(worker, call_id)
            if summary is not None and summary.owner is not None:
                owned = now
            if summary is None or summary.ended or now - owned > ABANDONED:
                yield end or _sse("end", b"{}")
                return
            written = now
            yield b": \n\n"


def _end(event: Event) -> bytes:
    reason = orjson.loads(event.frame)["reason"]
    return _sse("end", orjson.dumps({"reason": reason}), event)


def _sse(kind: str | None, data: bytes, event: Event | None = None) -> bytes:
    lines = [b"event: " + kind.encode()] if kind else []
    if event is not None:
        lines.append(b"id: " + event_id(*event.number).encode())
    return b"\n".join([*lines, b"data: " + data, b"", b""])
