"""A dialogue model as far away as a hosted one: 400 ms to its first word, then 15 ms a word.

Runs as a process of its own and speaks the API of chat completions; it says what the other stand-in
says, whatever it is asked.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from voice_wire import REPLY

FIRST_WORD, WORD = 0.4, 0.015
"""Seconds. What small hosted models take for a short prompt, as their makers and those who measure
them tell: 0.3 to 0.6 s to the first word, 50 to 100 words a second."""


async def _chunks() -> AsyncIterator[str]:
    await asyncio.sleep(FIRST_WORD)
    for word in REPLY.split(" "):
        yield _chunk({"content": f"{word} "})
        await asyncio.sleep(WORD)
    yield _chunk({}, "stop")
    yield "data: [DONE]\n\n"


def _chunk(delta: dict[str, str], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "stand-in"}
    return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"


async def complete(_: Request) -> Response:
    return StreamingResponse(_chunks(), media_type="text/event-stream")


async def models(_: Request) -> Response:
    return JSONResponse({"object": "list", "data": []})


async def healthy(_: Request) -> Response:
    return JSONResponse({"in_use": {}})


def main() -> None:
    routes = [
        Route("/v1/chat/completions", complete, methods=["POST"]),
        Route("/v1/models", models),
        Route("/healthz", healthy),
    ]
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"talk http://127.0.0.1:{listening.getsockname()[1]}/talk", flush=True)
    config = uvicorn.Config(Starlette(routes=routes), log_level="warning")
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
