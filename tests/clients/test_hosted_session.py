"""What a session says reaches hosted models, by both of their APIs, and their counts come back.

A local server that speaks OpenAI's API stands in for a hosted one; all else is real.
"""

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from openai import AsyncOpenAI

from tests.conftest import ServerProcess
from tests.providers import served, sse

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()
TEAM = """\
version: 1
name: {name}
entry: frontdesk
models:
  main: {{ provider: {provider}, model: some-model, vision: {vision} }}
voice:
  stt: {{ provider: openai, model: gpt-4o-mini-transcribe }}
agents:
  frontdesk: {{ description: All., instructions: prompts/hello.md }}
"""
HEARD = {
    "text": "Hi.",
    "logprobs": [{"token": "Hi.", "logprob": -0.1, "bytes": [72, 105, 46]}],
    "usage": {
        "type": "tokens",
        "input_tokens": 12,
        "output_tokens": 2,
        "total_tokens": 14,
        "input_token_details": {"text_tokens": 2, "audio_tokens": 10},
    },
}


SUMMARY = "The caller counts their lamps and was told about each."
SUMMED_UP = {
    "id": "c",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": SUMMARY},
        }
    ],
    "usage": {"prompt_tokens": 9000, "completion_tokens": 12, "total_tokens": 9012},
}
LONG = """\
version: 1
name: long
entry: frontdesk
context: {{ compact: {{ at: 0.6, keep: 20, model: minutes }} }}
models:
  main: {{ provider: openai-compatible, model: talk, base_url: {url}, context_window: 24000 }}
  minutes: {{ provider: openai-compatible, model: minutes, base_url: {url} }}
agents:
  frontdesk: {{ description: All., instructions: prompts/hello.md }}
"""


class Provider:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.may_sum_up = threading.Event()
        self.app = FastAPI()
        self.app.post("/v1/responses")(self.respond)
        self.app.post("/v1/chat/completions")(self.complete)
        self.app.post("/v1/audio/transcriptions")(self.transcribe)

    async def respond(self, request: Request) -> StreamingResponse:
        self.asked.append(await request.json())
        return StreamingResponse(_responses(), media_type="text/event-stream")

    async def complete(self, request: Request) -> Response:
        self.asked.append(body := await request.json())
        if body["model"] == "minutes":
            await asyncio.to_thread(self.may_sum_up.wait, 20)
            return JSONResponse(SUMMED_UP)
        return StreamingResponse(_chat(), media_type="text/event-stream")

    async def transcribe(self, request: Request) -> dict[str, Any]:
        async with request.form() as form:
            self.asked.append(dict(form))
            wants = form.get("include[]") == "logprobs"
        return HEARD if wants else {k: v for k, v in HEARD.items() if k != "logprobs"}


async def _responses() -> AsyncIterator[str]:
    text = {"type": "output_text", "text": "A lamp.", "annotations": []}
    item = {"type": "message", "id": "m1", "role": "assistant", "status": "completed"}
    item["content"] = [text]  # type: ignore[assignment]
    response: dict[str, Any] = {"id": "r", "object": "response", "created_at": 0, "model": "m"}
    response |= {"output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    usage = {"input_tokens": 900, "output_tokens": 3, "total_tokens": 903}
    usage |= {"input_tokens_details": {"cached_tokens": 512, "cache_write_tokens": 0}}  # type: ignore[dict-item]
    usage |= {"output_tokens_details": {"reasoning_tokens": 0}}  # type: ignore[dict-item]
    at = {"item_id": "m1", "output_index": 0, "content_index": 0, "logprobs": []}
    done = {**response, "output": [item], "usage": usage, "status": "completed"}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_text.delta", "delta": "A lamp.", **at},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": done},
    ]
    for frame in sse(events):
        yield frame


async def _chat() -> AsyncIterator[str]:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
    delta = {"role": "assistant", "content": "A lamp."}
    usage = {"prompt_tokens": 900, "completion_tokens": 3, "total_tokens": 903}
    usage |= {"prompt_tokens_details": {"cached_tokens": 512}}  # type: ignore[dict-item]
    for fields in (
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": usage},
    ):
        yield f"data: {json.dumps({**chunk, **fields})}\n\n"
    yield "data: [DONE]\n\n"


@pytest.fixture(scope="module")
def provider() -> Iterator[tuple[Provider, str]]:
    made = Provider()
    with served(made.app) as url:
        yield made, url


@pytest.fixture(scope="module")
def server(provider, tmp_path_factory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("desk")
    (folder / "agents" / "prompts").mkdir(parents=True)
    (folder / "agents" / "prompts" / "hello.md").write_text("Be brief.")
    teams = [("responses", "openai", "true"), ("chat", "openai-compatible", "true")]
    for name, kind, vision in [*teams, ("blind", "openai-compatible", "false")]:
        text = TEAM.format(name=name, provider=kind, vision=vision)
        (folder / "agents" / f"{name}.yaml").write_text(
            text.replace("some-model,", f"some-model, base_url: {provider[1]},")
        )
    (folder / "agents" / "long.yaml").write_text(LONG.format(url=provider[1]))
    environ = {"OPENAI_BASE_URL": provider[1], "OPENAI_API_KEY": "sk-local"}
    running = ServerProcess(folder, desk=folder, models="auto", environ=environ)
    yield running
    running.stop()


class Client:
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def until(self, kind: str) -> Any:
        while (event := await self.connection.recv()).type != kind:
            assert event.type != "error", event
        return event


async def talk(server: ServerProcess, team: str) -> AsyncIterator[Client]:
    client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
    async with client.realtime.connect(model=team) as connection, asyncio.timeout(40):
        yield Client(connection)
    await client.close()


@pytest.mark.parametrize("team", ["responses", "chat"])
async def test_an_image_and_how_to_think_reach_the_model_and_its_counts_come_back(
    server, provider, team
):
    made, _ = provider
    made.asked.clear()
    async for client in talk(server, team):
        session: Any = {"type": "realtime", "output_modalities": ["text"]}
        session |= {"reasoning": {"effort": "low"}, "max_output_tokens": 77}
        await client.connection.session.update(session=session)
        updated = (await client.until("session.updated")).session
        assert updated.reasoning.effort == "low"
        parts: Any = [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": PNG, "detail": "high"},
        ]
        item: Any = {"type": "message", "role": "user", "content": parts}
        await client.connection.conversation.item.create(item=item)
        await client.connection.response.create()
        done = (await client.until("response.done")).response
    assert done.status == "completed"
    assert done.output[0].content[0].text == "A lamp."
    usage = done.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (900, 3, 903)
    assert usage.input_token_details.cached_tokens == 512
    assert usage.input_token_details.image_tokens == 765
    [body] = made.asked
    if team == "responses":
        seen = body["input"][-1]["content"]
        assert seen[1] == {"type": "input_image", "image_url": PNG, "detail": "high"}
        assert (body["reasoning"]["effort"], body["max_output_tokens"]) == ("low", 77)
    else:
        seen = body["messages"][-1]["content"]
        assert seen[1] == {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}}
        assert (body["reasoning_effort"], body["max_tokens"]) == ("low", 77)


async def test_a_model_that_is_said_not_to_see_is_shown_no_image(server):
    async for client in talk(server, "blind"):
        image: Any = {"type": "input_image", "image_url": PNG}
        item: Any = {"type": "message", "role": "user", "content": [image]}
        await client.connection.conversation.item.create(item=item, event_id="i1")
        while (event := await client.connection.recv()).type != "error":
            assert event.type == "session.created"
        assert (event.error.event_id, event.error.param) == ("i1", "item.content[0].type")


@pytest.mark.parametrize("wanted", [True, False])
async def test_how_sure_the_transcriber_is_is_told_when_asked(server, provider, wanted):
    made, _ = provider
    made.asked.clear()
    include: Any = ["item.input_audio_transcription.logprobs"] if wanted else None
    async for client in talk(server, "chat"):
        audio: Any = {"input": {"turn_detection": None, "transcription": {"model": "x"}}}
        session: Any = {"type": "realtime", "include": include, "audio": audio}
        await client.connection.session.update(session=session)
        assert (await client.until("session.updated")).session.include == include
        sound = base64.b64encode(b"\x20\x10" * 24_000).decode()
        await client.connection.input_audio_buffer.append(audio=sound)
        await client.connection.input_audio_buffer.commit()
        heard = await client.until("conversation.item.input_audio_transcription.completed")
    assert heard.transcript == "Hi."
    assert heard.usage.input_token_details.audio_tokens == 10
    assert heard.usage.total_tokens == 14
    assert [body.get("include[]") for body in made.asked] == ["logprobs" if wanted else None]
    if wanted:
        [told] = heard.logprobs
        assert (told.token, told.logprob, told.bytes) == ("Hi.", -0.1, [72, 105, 46])
    else:
        assert heard.logprobs is None


async def test_a_call_of_600_items_goes_on_with_a_summary_that_no_answer_waits_for(
    server, provider
):
    made, _ = provider
    made.asked.clear()

    async def ask(client: Client, words: str) -> dict[str, Any]:
        await write(client, "user", words)
        await client.connection.response.create()
        assert (await client.until("response.done")).response.status == "completed"
        return next(body for body in reversed(made.asked) if body["model"] == "talk")

    async def write(client: Client, role: str, words: str) -> None:
        kind = "output_text" if role == "assistant" else "input_text"
        part: Any = {"type": kind, "text": words}
        item: Any = {"type": "message", "role": role, "content": [part]}
        await client.connection.conversation.item.create(item=item)

    async for client in talk(server, "long"):
        session: Any = {"type": "realtime", "output_modalities": ["text"]}
        await client.connection.session.update(session=session)
        for number in range(300):
            await write(client, "user", f"This is lamp number {number}, which is red.")
            await write(client, "assistant", f"{number} is noted. " + "It is a fine lamp. " * 4)
        whole = await ask(client, "How many?")
        assert len(whole["messages"]) == 602, "the instructions, and every word"
        again = await ask(client, "Are you sure?")
        assert again["messages"][:602] == whole["messages"], "nobody waits for the summary"
        made.may_sum_up.set()
        for number in range(20):
            short = await ask(client, f"And now, for the {number}th time?")
            if len(short["messages"]) < 602:
                break
    minutes, *more = [body for body in made.asked if body["model"] == "minutes"]
    assert not more, [body["messages"][1]["content"][:300] for body in more]
    script = minutes["messages"][1]["content"]
    assert script.startswith("Caller: This is lamp number 0,") and "lamp number 280" in script
    system, summary, *kept = short["messages"]
    assert summary["content"].endswith(SUMMARY)
    words = [message["content"] for message in again["messages"]]
    assert len(kept) >= 20 and kept[0]["content"] in words
    assert (system["role"], kept[0]["role"]) == ("system", "user")
