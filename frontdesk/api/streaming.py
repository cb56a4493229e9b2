"""Answers that are made while they are sent, and work that ends when nobody waits for it."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

T = TypeVar("T")


class Stream(StreamingResponse):
    """Sends what ``body`` makes. When the client is gone or all is sent, ``body`` is closed and
    then ``resources``."""

    def __init__(
        self, body: AsyncGenerator[bytes], media_type: str, resources: AsyncExitStack
    ) -> None:
        super().__init__(body, media_type=media_type, headers={"Cache-Control": "no-store"})
        self._body = body
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._body.aclose()
            await self._resources.aclose()


def sse(event: dict[str, Any]) -> bytes:
    """One server-sent event, as the OpenAI API writes them: data only."""
    return b"data: " + orjson.dumps(event) + b"\n\n"


async def while_wanted(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, which is cancelled when the client goes away (then
    ``ClientDisconnect`` is raised). The request's body must have been read."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
