"""A model as a guardrail, over real sockets in OpenAI's two protocols."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from agents.tracing import set_tracing_disabled
from fastapi import FastAPI, Request

from frontdesk.desk.schema import Team
from frontdesk.settings import Settings
from frontdesk.team.functions import FunctionLoader
from frontdesk.team.guardrails.build import build_guardrails
from frontdesk.team.guardrails.passage import Passage
from frontdesk.team.models import ModelRegistry, ModelUnavailable
from tests.providers import served


class Judge:
    """A server with both of OpenAI's text endpoints, whose model says ``answer``."""

    def __init__(self) -> None:
        self.answer = '{"allowed": false, "reason": "a promise"}'
        self.asked: list[dict[str, Any]] = []
        self.app = FastAPI()
        self.app.post("/v1/responses")(self._responses)
        self.app.post("/v1/chat/completions")(self._chat)

    async def _responses(self, request: Request) -> dict[str, Any]:
        self.asked.append(await request.json())
        part = {"type": "output_text", "text": self.answer, "annotations": []}
        message = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 0,
            "model": "m",
            "output": [{**message, "content": [part]}],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }

    async def _chat(self, request: Request) -> dict[str, Any]:
        self.asked.append(await request.json())
        message = {"role": "assistant", "content": self.answer}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        head = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
        return {**head, "choices": [choice]}


@pytest.fixture
def judge() -> Iterator[tuple[Judge, str]]:
    set_tracing_disabled(True)
    made = Judge()
    with served(made.app) as url:
        yield made, url
    set_tracing_disabled(False)


def team_with(**model: Any) -> Team:
    return Team.model_validate(
        {
            "version": 1,
            "name": "shop",
            "entry": "hello",
            "models": {"main": model},
            "guardrails": {"promises": {"prompt": "x.md", "hold": "20s"}},
            "agents": {"hello": {"description": "", "instructions": "x.md"}},
        }
    )


def guard_of(team: Team, tmp_path, models: str = "auto"):
    registry = ModelRegistry(Settings(models=models), environ={})
    functions = FunctionLoader(tmp_path)
    built = build_guardrails(
        team, functions=functions, models=registry, judges={"promises": "No promises."}
    )
    return built.guards["promises"], registry


@pytest.mark.parametrize("provider", ["openai", "openai-compatible"])
@pytest.mark.parametrize("wrapped", ["{}", "Sure:\n```json\n{}\n```"])
async def test_a_hosted_model_gives_a_structured_verdict(judge, tmp_path, provider, wrapped):
    server, url = judge
    server.answer = wrapped.replace("{}", server.answer)
    team = team_with(provider=provider, base_url=url, api_key="k", model="m")
    guard, registry = guard_of(team, tmp_path)
    outcome = await guard.check(Passage("It is free.", "output", before="Hello. "))
    assert outcome.blocks
    assert (outcome.reason, outcome.problem) == ("a promise", None)
    [asked] = server.asked
    assert "No promises." in json.dumps(asked)
    form = asked.get("response_format") or asked["text"]["format"]
    schema = form.get("schema") or form["json_schema"]["schema"]
    assert form["type"] == "json_schema"
    assert schema["required"] == ["allowed", "reason"]
    await registry.aclose()


async def test_a_judge_that_cannot_be_reached_has_failed(tmp_path):
    team = team_with(provider="openai-compatible", base_url="http://127.0.0.1:9/v1", model="m")
    guard, registry = guard_of(team, tmp_path)
    outcome = await guard.check(Passage("It is free.", "output"))
    assert (outcome.problem, outcome.blocks) == ("error", True)
    await registry.aclose()


async def test_the_embedded_model_is_refused_as_a_judge(tmp_path):
    with pytest.raises(ModelUnavailable, match="the embedded model cannot judge"):
        guard_of(team_with(provider="embedded"), tmp_path)


async def test_the_instant_model_lets_everything_pass(tmp_path):
    guard, _ = guard_of(team_with(provider="auto"), tmp_path, models="instant")
    outcome = await guard.check(Passage("It is free.", "output"))
    assert (outcome.triggered, outcome.problem) == (False, None)
