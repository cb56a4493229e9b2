"""The example desk on hosted models: a local server that speaks OpenAI's API stands in for one.

Nothing else is made up: the team, its handoff, the MCP server and the wire are the real ones.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI

from tests.conftest import ServerProcess
from tests.providers import served, sse

SPEECH = (0.3 * np.sin(np.arange(24_000) / 17) * 32767).astype("<i2").tobytes()
ANSWER = "Your desk lamp should arrive on Tuesday."


class Provider:
    """Transcribes any sound as a question, hands over, calls the tool, answers, speaks a tone."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.app = FastAPI()
        self.app.post("/v1/audio/transcriptions")(self.transcribe)
        self.app.post("/v1/audio/speech")(self.speak)
        self.app.post("/v1/responses")(self.respond)

    async def transcribe(self, request: Request) -> dict[str, str]:
        async with request.form() as form:
            self.asked.append(("transcribe", form["model"]))
        return {"text": "Where is my order 48271?"}

    async def speak(self, request: Request) -> StreamingResponse:
        self.asked.append(("speak", await request.json()))
        return StreamingResponse(iter([SPEECH]), media_type="audio/pcm")

    async def respond(self, request: Request) -> StreamingResponse:
        body = await request.json()
        self.asked.append(("respond", body))
        return StreamingResponse(_stream(body), media_type="text/event-stream")


async def _stream(body: dict[str, Any]) -> AsyncIterator[str]:
    tools = {tool["name"] for tool in body["tools"]}
    if "transfer_to_orders" in tools:
        item = _call("c1", "transfer_to_orders", "{}")
    elif body["input"][-1].get("call_id") != "c2":
        item = _call("c2", "find_order", '{"order_number": "48271"}')
    else:
        item = {
            "type": "message",
            "id": "m1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": ANSWER, "annotations": []}],
        }
    response = {"id": "r", "object": "response", "created_at": 0, "model": body["model"]}
    response |= {"output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
    ]
    if item["type"] == "message":
        at = {"item_id": "m1", "output_index": 0, "content_index": 0, "logprobs": []}
        events.append({"type": "response.output_text.delta", "delta": ANSWER, **at})
    usage = {"input_tokens": 10, "output_tokens": 3, "total_tokens": 13}
    usage |= {"input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0}}  # type: ignore[dict-item]
    usage |= {"output_tokens_details": {"reasoning_tokens": 0}}  # type: ignore[dict-item]
    done = {**response, "output": [item], "usage": usage, "status": "completed"}
    events += [
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": done},
    ]
    for frame in sse(events):
        yield frame


def _call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    call = {"type": "function_call", "id": f"f{call_id}", "call_id": call_id, "name": name}
    return {**call, "arguments": arguments, "status": "completed"}


@pytest.fixture
def provider() -> Iterator[tuple[Provider, str]]:
    made = Provider()
    with served(made.app) as url:
        yield made, url


async def test_the_same_desk_answers_on_hosted_models(provider, tmp_path):
    made, url = provider
    environ = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-local"}
    server = ServerProcess(tmp_path, models="auto", environ=environ)
    try:
        said, sound = await _ask(server)
    finally:
        server.stop()
    assert said == f"I'll pass you to our orders desk. {ANSWER}"
    assert sound > 10_000
    kinds = [kind for kind, _ in made.asked]
    assert kinds.count("transcribe") == 1
    assert kinds.count("respond") == 3
    last = [body for kind, body in made.asked if kind == "respond"][-1]
    assert "Juniper" in json.dumps(last["input"]), "the tool's result did not reach the model"
    assert "openai" in server.log.read_text()


async def _ask(server: ServerProcess) -> tuple[str, int]:
    """One push-to-talk turn: the transcript of the answer, and the bytes of its sound."""
    client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
    text, sound = "", 0
    async with client.realtime.connect(model="support") as connection, asyncio.timeout(40):
        session: Any = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        await connection.session.update(session=session)
        await connection.input_audio_buffer.append(audio=base64.b64encode(SPEECH).decode())
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        async for event in connection:
            if event.type == "response.output_audio_transcript.delta":
                text += event.delta
            elif event.type == "response.output_audio.delta":
                sound += len(base64.b64decode(event.delta))
            elif event.type == "response.done":
                break
    await client.close()
    return text, sound
