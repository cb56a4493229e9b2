"""Hosted models, spoken to over real sockets in OpenAI's two protocols."""

import asyncio
import json
import sys
import types
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn
from agents.testing import ScriptedModel, assistant_message
from agents.tracing import set_tracing_disabled
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from frontdesk.desk.schema import ModelChoice
from frontdesk.mcp.connections import McpConnections
from frontdesk.settings import Settings
from frontdesk.team.events import (
    MessageEnded,
    TextDelta,
    ToolEnded,
    TurnEnded,
    TurnFailed,
    TurnRequest,
)
from frontdesk.team.models import ModelRegistry, ModelUnavailable
from frontdesk.team.runner import TeamRunner

pytestmark = pytest.mark.usefixtures("untraced")


@pytest.fixture
def untraced() -> Any:
    set_tracing_disabled(True)
    yield
    set_tracing_disabled(False)


class Provider:
    """A server with both of OpenAI's text endpoints: it calls ``estimate``, then answers."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any], str]] = []
        self.status = 200
        self.cut_short = False

    async def responses(self, request: Request) -> Response:
        body = await self._received(request)
        if self.status != 200:
            return JSONResponse({"error": {"message": "no"}}, self.status)
        return StreamingResponse(self._responses_events(body), media_type="text/event-stream")

    async def chat(self, request: Request) -> Response:
        body = await self._received(request)
        return StreamingResponse(self._chat_events(body), media_type="text/event-stream")

    async def _received(self, request: Request) -> dict[str, Any]:
        body = await request.json()
        self.requests.append((request.url.path, body, request.headers.get("authorization", "")))
        return body

    async def _responses_events(self, body: dict[str, Any]) -> AsyncIterator[str]:
        after_tool = body["input"][-1].get("type") == "function_call_output"
        call = {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c1",
            "name": "estimate",
            "arguments": '{"city": "Bonn"}',
            "status": "completed",
        }
        part = {"type": "output_text", "text": "Three days.", "annotations": []}
        message = {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
        item = message if after_tool else call
        response: dict[str, Any] = {
            "id": "resp_1",
            "object": "response",
            "created_at": 0,
            "model": body["model"],
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": response},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
        ]
        if after_tool:
            at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
            events += [
                {"type": "response.output_text.delta", "delta": word, "logprobs": [], **at}
                for word in ("Three ", "days.")
            ]
        usage = {
            "input_tokens": 10,
            "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
            "output_tokens": 3,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 13,
        }
        done = {**response, "output": [item], "usage": usage}
        end = {"type": "response.completed", "response": {**done, "status": "completed"}}
        if self.cut_short and after_tool:
            why = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
            end = {"type": "response.incomplete", "response": {**done, **why}}
        events += [{"type": "response.output_item.done", "output_index": 0, "item": item}, end]
        for number, event in enumerate(events):
            data = json.dumps({**event, "sequence_number": number})
            yield f"event: {event['type']}\ndata: {data}\n\n"

    async def _chat_events(self, body: dict[str, Any]) -> AsyncIterator[str]:
        function = {"name": "estimate", "arguments": '{"city": "Bonn"}'}
        call = {"index": 0, "id": "c1", "type": "function", "function": function}
        after_tool = body["messages"][-1]["role"] == "tool"
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        if after_tool:
            deltas += [{"content": "Three "}, {"content": "days."}]
        else:
            deltas += [{"tool_calls": [call]}]
        base = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": body["model"]}
        finish = "stop" if after_tool else "tool_calls"
        for delta, reason in [*((delta, None) for delta in deltas), ({}, finish)]:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            yield f"data: {json.dumps({**base, 'choices': [choice]})}\n\n"
        usage = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}
        yield f"data: {json.dumps({**base, 'choices': [], 'usage': usage})}\n\n"
        yield "data: [DONE]\n\n"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    app = Starlette(
        routes=[
            Route("/v1/responses", made.responses, methods=["POST"]),
            Route("/v1/chat/completions", made.chat, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.005)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"  # type: ignore[attr-defined]
    yield made
    server.should_exit = True
    await task


@pytest.fixture
async def run(desk: Any, make_team: Any, ask: Any) -> AsyncIterator[Callable[..., Any]]:
    registries: list[ModelRegistry] = []

    async def run_with(choice: dict[str, Any], environ: Any = None, **fields: Any) -> list[Any]:
        registry = ModelRegistry(Settings(), environ=environ or {})
        registries.append(registry)
        team = make_team(
            {"frontdesk": {"tools": ["estimate"]}},
            models={"main": choice},
            tools={"estimate": {"call": "tools.shipping:estimate"}},
        )
        runner = TeamRunner(
            team,
            desk_root=desk,
            prompt=lambda agent, variables: "Help.",
            mcp=McpConnections(),
            models=registry,
        )
        await runner.start()
        request: TurnRequest = ask(**fields)
        return [event async for event in runner.run(request)]

    yield run_with
    for registry in registries:
        await registry.aclose()


def told(events: list[Any]) -> list[Any]:
    return [e for e in events if isinstance(e, TextDelta | MessageEnded | ToolEnded | TurnEnded)]


async def test_a_turn_runs_on_the_responses_api(run: Any, provider: Any) -> None:
    environ = {"OPENAI_API_KEY": "key", "OPENAI_BASE_URL": provider.url}
    events = await run({"model": "gpt-5.6-luna"}, environ, max_output_tokens=50)
    assert told(events) == [
        ToolEnded("c1", "estimate", '{"city":"Bonn","days":3}'),
        TextDelta("Three ", "frontdesk"),
        TextDelta("days.", "frontdesk"),
        MessageEnded(),
        TurnEnded("frontdesk", input_tokens=20, cached_tokens=8, output_tokens=6),
    ]
    path, body, authorization = provider.requests[0]
    assert (path, authorization) == ("/v1/responses", "Bearer key")
    assert body["stream"] and body["max_output_tokens"] == 50
    assert body["reasoning"]["effort"] == "none"
    assert body["instructions"] == "Help."


async def test_a_turn_runs_on_chat_completions(run: Any, provider: Any) -> None:
    choice = {
        "provider": "openai-compatible",
        "base_url": provider.url,
        "model": "qwen3-8b",
        "api_key": "secret",
        "temperature": 0.2,
    }
    events = await run(choice)
    assert told(events) == [
        ToolEnded("c1", "estimate", '{"city":"Bonn","days":3}'),
        TextDelta("Three ", "frontdesk"),
        TextDelta("days.", "frontdesk"),
        MessageEnded(),
        TurnEnded("frontdesk", input_tokens=20, output_tokens=6),
    ]
    path, body, authorization = provider.requests[1]
    assert (path, authorization) == ("/v1/chat/completions", "Bearer secret")
    assert body["temperature"] == 0.2
    assert body["messages"][-1]["content"] == '{"city":"Bonn","days":3}'


async def test_an_answer_cut_at_its_limit_is_an_answer(run: Any, provider: Any) -> None:
    provider.cut_short = True
    events = await run({}, {"OPENAI_BASE_URL": provider.url})
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "Three days."
    assert isinstance(events[-1], TurnEnded)


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "model_refused_access"), (429, "model_busy"), (400, "model_error")],
)
async def test_a_refusing_provider_fails_the_turn(
    run: Any, provider: Any, status: int, code: str
) -> None:
    provider.status = status
    with pytest.raises(TurnFailed) as failed:
        await run({}, {"OPENAI_BASE_URL": provider.url})
    assert failed.value.code == code


async def test_a_provider_that_is_not_there_fails_the_turn(run: Any) -> None:
    with pytest.raises(TurnFailed) as failed:
        await run({}, {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    assert failed.value.code == "model_unreachable"


@pytest.mark.parametrize(
    ("models", "environ", "choice", "provider"),
    [
        ("auto", {}, {}, "embedded"),
        ("auto", {"OPENAI_API_KEY": "k"}, {}, "openai"),
        ("auto", {"OPENAI_BASE_URL": "http://h"}, {}, "openai"),
        ("auto", {"OPENAI_API_KEY": "k"}, {"provider": "embedded"}, "embedded"),
        ("embedded", {"OPENAI_API_KEY": "k"}, {}, "embedded"),
        ("openai", {}, {}, "openai"),
        ("openai", {}, {"provider": "openai-compatible"}, "openai-compatible"),
        ("instant", {"OPENAI_API_KEY": "k"}, {"provider": "openai"}, "instant"),
    ],
)
def test_the_provider_follows_from_the_file_the_settings_and_the_environment(
    models: Any, environ: Any, choice: Any, provider: str
) -> None:
    registry = ModelRegistry(Settings(models=models), environ=environ)
    assert registry.provider(ModelChoice.model_validate(choice)) == provider


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"provider": "openai"}, r"models\.main of team 'support': no API key"),
        ({"provider": "openai-compatible", "api_key": "k"}, "model: name the model"),
        ({"provider": "openai-compatible", "api_key": "k", "model": "m"}, "base_url: give"),
    ],
)
def test_a_model_that_cannot_be_used_says_what_to_do(
    make_team: Any, choice: Any, message: str
) -> None:
    team = make_team({"frontdesk": {}}, models={"main": choice})
    with pytest.raises(ModelUnavailable, match=message):
        ModelRegistry(Settings(), environ={}).model(team, "frontdesk")


def test_the_embedded_model_gets_hints_for_its_agent(
    make_team: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = types.ModuleType("frontdesk.team.embedded")
    made: list[Any] = []
    module.hints_for = lambda team, agent: (team.name, agent)
    module.EmbeddedModel = lambda hints: made.append(hints) or ScriptedModel()
    monkeypatch.setitem(sys.modules, "frontdesk.team.embedded", module)
    ModelRegistry(Settings(), environ={}).model(make_team({"frontdesk": {}}), "frontdesk")
    assert made == [("support", "frontdesk")]


def test_a_missing_extra_is_told_with_its_mend(
    make_team: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "frontdesk.team.embedded", None)
    with pytest.raises(ModelUnavailable, match=r"install frontdesk\[embedded\]"):
        ModelRegistry(Settings(), environ={}).model(make_team({"frontdesk": {}}), "frontdesk")


async def test_a_team_says_what_its_models_are(start_team: Any) -> None:
    runner = await start_team({"frontdesk": {}})
    assert list(runner.describe()) == ["main"]
    assert runner.describe()["main"].startswith("instant (scripted")
    registry = ModelRegistry(Settings(), environ={"OPENAI_API_KEY": "k"})
    here = ModelChoice(provider="openai-compatible", base_url="http://h/v1", model="m")
    assert registry.describe(ModelChoice()) == "openai gpt-5.6-luna"
    assert registry.describe(here) == "openai-compatible m at http://h/v1"


async def test_models_of_two_agents_may_differ(start_team: Any, hear: Any, ask: Any) -> None:
    runner = await start_team(
        {"frontdesk": {"model": "b"}, "other": {}},
        {"frontdesk": [[assistant_message("b")]]},
        models={"a": {}, "b": {"temperature": 1.5}},
    )
    assert set(runner.describe()) == {"a", "b"}
    with pytest.raises(ModelUnavailable, match=r"agents\.frontdesk\.model: no model 'c'"):
        await start_team({"frontdesk": {"model": "c"}})
