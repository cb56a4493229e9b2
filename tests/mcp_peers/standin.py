"""A model that does as it is told: stands in for one on a server with a chat completions API."""

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse


class Obedient:
    """Asked ``NAME {…}``, it calls the tool ``NAME`` with these arguments, and says what came back.

    ``offered`` are the tools that it was given last, by name.
    """

    def __init__(self) -> None:
        self.offered: dict[str, dict[str, Any]] = {}
        self.app = FastAPI()
        self.app.post("/v1/chat/completions")(self.complete)

    async def complete(self, request: Request) -> StreamingResponse:
        body = await request.json()
        self.offered = {tool["function"]["name"]: tool["function"] for tool in body["tools"]}
        chunks = _chunks(_delta(body["messages"][-1]), body["model"])
        return StreamingResponse(chunks, media_type="text/event-stream")


def _delta(message: dict[str, Any]) -> dict[str, Any]:
    said = _text(message["content"])
    if message["role"] == "tool":
        return {"role": "assistant", "content": said}
    name, _, arguments = said.partition(" ")
    function = {"name": name, "arguments": arguments or "{}"}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    return {"role": "assistant", "tool_calls": [call]}


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", f"[{part['type']}]") for part in content)


def _chunks(delta: dict[str, Any], model: str) -> Iterator[str]:
    reason = "tool_calls" if "tool_calls" in delta else "stop"
    for piece, finish in ((delta, None), ({}, reason)):
        choice = {"index": 0, "delta": piece, "finish_reason": finish}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": model}
        yield f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n"
    yield "data: [DONE]\n\n"
