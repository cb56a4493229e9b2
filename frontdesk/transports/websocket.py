"""The Realtime API over a WebSocket: ``/v1/realtime``."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from frontdesk.call.worker import CallRefused, Worker
from frontdesk.transports.outbox import Outbox

SUBPROTOCOL = "realtime"


def router(worker: Worker) -> APIRouter:
    """Routes of this transport.

    ``?model=`` names the team (an unknown name gets the default team, as clients put their own
    model names there); ``?call_id=`` carries on an earlier call;
    ``?intent=transcription`` only listens.
    """
    routes = APIRouter()

    @routes.websocket("/v1/realtime")
    async def realtime(
        websocket: WebSocket,
        model: str | None = None,
        call_id: str | None = None,
        intent: str | None = None,
    ) -> None:
        asked: list[str] = websocket.scope.get("subprotocols") or []
        await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in asked else None)
        outbox = Outbox(websocket.send_text)
        try:
            call = await worker.open_call(
                model=model,
                call_id=call_id,
                transport="websocket",
                kind="transcription" if intent == "transcription" else "realtime",
                send=outbox.put,
                close=outbox.close,
            )
        except CallRefused as refusal:
            await websocket.send_text(refusal.frame())
            await websocket.close(refusal.close_code, str(refusal)[:120])
            return
        living = asyncio.create_task(call.run())
        reading = asyncio.create_task(_read(websocket, call.offer))
        sending = asyncio.create_task(outbox.run())
        overrun = asyncio.create_task(outbox.overrun.wait())
        ends: set[asyncio.Task[Any]] = {reading, sending, living, overrun}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            call.end(_why(reading, overrun))
            await living
            with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                code, reason = await asyncio.wait_for(sending, 5)
                await websocket.close(code, reason[:120])
        except asyncio.CancelledError:
            # The server ends and waited long enough. What is lost by that, the log's writer says.
            return
        finally:
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            worker.forget(call)

    return routes


def _why(reading: asyncio.Task[None], overrun: asyncio.Task[bool]) -> str:
    if reading.done():
        return "the client left"
    return "the client reads too slowly" if overrun.done() else "closed"


async def _read(websocket: WebSocket, offer: Callable[[str | bytes], Awaitable[None]]) -> None:
    """Hand frames to the call until the client leaves."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        await offer(text if text is not None else message["bytes"])
