"""The Realtime API over a WebSocket: ``/v1/realtime``."""

import asyncio
import contextlib
from functools import partial
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from frontdesk.call.call import Call
from frontdesk.call.comeback import Comeback, Missed
from frontdesk.call.connections import Connection
from frontdesk.call.given import given_by
from frontdesk.call.identity import Identity, identity_by
from frontdesk.call.refusals import CallRefused
from frontdesk.call.session import SESSION_CONFIG
from frontdesk.call.worker import Worker
from frontdesk.transports.frames import EXTENSION, FrameProtocol
from frontdesk.transports.outbox import Outbox

SUBPROTOCOL = "realtime"


def router(worker: Worker) -> APIRouter:
    """Routes of this transport.

    ``?model=`` names the team (an unknown name gets the default team, as clients put their own
    model names there). ``?call_id=`` attaches a second connection with full control to a running
    call, or carries on one that nobody is on; with ``&resume=true`` it is taken over from whoever
    is. With a resume token for ``resume`` its client is the caller again, ``call_id`` or not;
    ``?after=`` is the id of the last event it saw, and it is told all that it missed.
    ``?reconnects=true`` says that this client comes back when it is told that the worker is
    restarted, as one that came back once is known to. ``?intent=transcription`` only listens.
    With ``?show=tools``, this connection is told of the calls of the team's own tools, too; with
    ``?approvals=true`` it approves those that the team leaves to the client. ``?user=`` says who is
    calling, ``&consent=true`` that they want to be remembered.
    """
    routes = APIRouter()

    @routes.websocket("/v1/realtime")
    async def realtime(
        websocket: WebSocket,
        model: str | None = None,
        call_id: str | None = None,
        intent: str | None = None,
        resume: str | None = None,
        after: str | None = None,
        reconnects: bool = False,
        show: str | None = None,
        approvals: bool = False,
    ) -> None:
        asked: list[str] = websocket.scope.get("subprotocols") or []
        await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in asked else None)
        line: FrameProtocol | None = websocket.scope["extensions"].get(EXTENSION)
        outbox = Outbox(websocket.send_text, line)
        comeback = Comeback.read(resume, after)
        try:
            if comeback.asked and call_id is None and comeback.token is None:
                raise CallRefused("after: it needs a call_id or a resume token.", "invalid_value")
            connection = Connection(
                outbox.put,
                outbox.close,
                comes_back=reconnects or call_id is not None or comeback.token is not None,
                shows_tools=show == "tools",
                approves=approvals,
                given=_given(websocket),
                identity=_identity(websocket),
                missed=Missed(comeback),
                drop=outbox.drop,
            )
            call = await worker.open_call(
                model=model,
                call_id=call_id,
                resume=comeback.take,
                transport="websocket",
                kind="transcription" if intent == "transcription" else "realtime",
                connection=connection,
                session=websocket.scope.get(SESSION_CONFIG),
            )
        except CallRefused as refusal:
            await websocket.send_text(refusal.frame())
            await websocket.close(refusal.close_code, str(refusal)[:120])
            return
        if line is not None:
            line.listen(partial(call.take, connection=connection), call.room)
        reading = asyncio.create_task(_read(websocket, call, connection))
        sending = asyncio.create_task(outbox.run())
        overrun = asyncio.create_task(outbox.overrun.wait())
        ends: set[asyncio.Task[Any]] = {reading, sending, overrun}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            call.leave(connection, _why(reading, overrun), vanished=_vanished(reading))
            with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                code, reason = await asyncio.wait_for(sending, 5)
                await websocket.close(code, reason[:120])
        finally:
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    return routes


def _given(websocket: WebSocket) -> dict[str, str]:
    try:
        return given_by(websocket.scope)
    except ValueError as error:
        raise CallRefused(str(error), "invalid_value") from error


def _vanished(reading: asyncio.Task[bool]) -> bool:
    """Whether the client is gone without having closed the connection."""
    return reading.done() and not reading.exception() and reading.result()


def _identity(websocket: WebSocket) -> Identity:
    try:
        return identity_by(websocket.scope)
    except ValueError as error:
        raise CallRefused(str(error), "invalid_value") from error


def _why(reading: asyncio.Task[bool], overrun: asyncio.Task[bool]) -> str:
    if reading.done():
        return "the client left"
    return "the client reads too slowly" if overrun.done() else "closed"


async def _read(websocket: WebSocket, call: Call, connection: Connection) -> bool:
    """Hand frames to the call until the client leaves; those, that is, which do not come by the
    short way. Returns whether it left without a word: uvicorn gives a reason, be it empty, when a
    client closes its connection, and none when that breaks."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return "reason" not in message
        text = message.get("text")
        if not call.take(text if text is not None else message["bytes"], connection):
            await call.room()
