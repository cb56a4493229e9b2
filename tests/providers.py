"""A local server that stands in for somebody else's."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve ``app`` from a thread; its address, to which OpenAI's paths under ``/v1`` belong."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none"))
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def sse(events: list[dict[str, Any]]) -> Iterator[str]:
    """Events of the Responses API as a server sends them, numbered."""
    for number, event in enumerate(events):
        yield f"data: {json.dumps({**event, 'sequence_number': number})}\n\n"
