"""Models that fail, and those that stand in for them, over real sockets in OpenAI's protocols."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from agents.tracing import set_trace_processors
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from agents import Agent, Model, ModelSettings, ModelTracing, Runner, trace
from frontdesk.mcp.connections import McpConnections
from frontdesk.settings import Settings
from frontdesk.team.chain import Link, ModelChain
from frontdesk.team.circuit import Circuit
from frontdesk.team.events import TextDelta, ToolEnded, TurnFailed, TurnRequest
from frontdesk.team.history import UNSEEN
from frontdesk.team.models import ModelRegistry
from frontdesk.team.runner import TeamRunner
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.processor import first_word
from tests.leaps import leap
from tests.providers import served, sse


@dataclass(frozen=True)
class Step:
    """What a model of the provider does when it is asked: it says that it is there, if not told
    otherwise."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    words: str | None = None
    breaks_off: bool = False
    failed: bool = False


class Provider:
    """A server with both of OpenAI's text endpoints; each model has steps of its own."""

    def __init__(self) -> None:
        self.steps: dict[str, list[Step]] = defaultdict(list)
        self.bodies: list[dict[str, Any]] = []
        self.url = ""
        self.app = FastAPI()
        self.app.post("/v1/responses")(self.answer)
        self.app.post("/v1/chat/completions")(self.answer)

    @property
    def asked(self) -> list[str]:
        return [body["model"] for body in self.bodies]

    async def until_asked(self, model: str) -> None:
        while model not in self.asked:  # noqa: ASYNC110 (it is in another thread)
            await asyncio.sleep(0.005)

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        steps = self.steps[body["model"]]
        step = steps.pop(0) if steps else Step()
        if step.status != 200:
            error = {"error": {"message": f"refused with {step.status}"}}
            return JSONResponse(error, step.status, headers=step.headers)
        make = self._chat if "messages" in body else self._responses
        return StreamingResponse(make(body, step), media_type="text/event-stream")

    async def _chat(self, body: dict[str, Any], step: Step) -> AsyncIterator[str]:
        words = step.words or f"{body['model']} is here."
        base = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": body["model"]}

        def chunk(delta: dict[str, Any], reason: str | None = None) -> str:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            return f"data: {json.dumps({**base, 'choices': [choice]})}\n\n"

        yield chunk({"role": "assistant", "content": ""})
        if step.silent:
            await asyncio.Event().wait()
        if step.words or not step.breaks_off:
            yield chunk({"content": words})
        if step.breaks_off:
            raise ConnectionResetError("the provider falls over")
        yield chunk({}, "stop")
        yield "data: [DONE]\n\n"

    async def _responses(self, body: dict[str, Any], step: Step) -> AsyncIterator[str]:
        response = {"id": "r", "object": "response", "created_at": 0, "model": body["model"]}
        response |= {"output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
        yield next(sse([{"type": "response.created", "response": response}]))
        if step.silent:
            await asyncio.Event().wait()
        if step.failed:
            error = {"code": "server_error", "message": "out of memory"}
            failed = {**response, "status": "failed", "error": error}
            yield next(sse([{"type": "response.failed", "response": failed}]))
            return
        text = step.words or f"{body['model']} is here."
        part = {"type": "output_text", "text": text, "annotations": []}
        item = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
        item |= {"content": [part]}
        at = {"item_id": "m", "output_index": 0, "content_index": 0, "logprobs": []}
        done = {**response, "output": [item], "status": "completed"}
        for event in sse(
            [
                {"type": "response.output_item.added", "output_index": 0, "item": item},
                {"type": "response.output_text.delta", "delta": text, **at},
                {"type": "response.output_item.done", "output_index": 0, "item": item},
                {"type": "response.completed", "response": done},
            ]
        ):
            yield event


@pytest.fixture(scope="module")
def started() -> Iterator[Provider]:
    provider = Provider()
    with served(provider.app) as url:
        provider.url = url
        yield provider


@pytest.fixture
def provider(started: Provider) -> Provider:
    started.steps.clear()
    started.bodies.clear()
    return started


class Hosted:
    """Turns on models of the provider: ``models`` is the section of the team file."""

    def __init__(self, provider: Provider, desk: Any, make_team: Any, ask: Any) -> None:
        self.provider, self.desk, self.make_team, self.ask = provider, desk, make_team, ask
        self.registry = ModelRegistry(Settings(), environ={}, first_word=first_word)

    async def start(self, models: dict[str, Any], **sections: Any) -> TeamRunner:
        common = {"provider": "openai-compatible", "base_url": self.provider.url}
        common["first_token"] = "60s"  # where a test says nothing else
        named = {name: {**common, "model": name, **own} for name, own in models.items()}
        runner = TeamRunner(
            self.make_team({"frontdesk": {}}, models=named, **sections),
            desk_root=self.desk,
            prompt=lambda agent, variables: "Help.",
            mcp=McpConnections(),
            models=self.registry,
        )
        await runner.start()
        return runner

    async def say(self, runner: TeamRunner, **fields: Any) -> str:
        request: TurnRequest = self.ask(**fields)
        events = [event async for event in runner.run(request)]
        return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.fixture
async def hosted(provider: Provider, desk: Any, make_team: Any, ask: Any) -> AsyncIterator[Hosted]:
    made = Hosted(provider, desk, make_team, ask)
    yield made
    await made.registry.aclose()


@pytest.fixture(autouse=True)
async def spans(tmp_path: Any) -> AsyncIterator[Callable[[], list[dict[str, Any]]]]:
    """The spans of the turn, as the trace store has them."""
    tracing = Tracing(Settings(data=tmp_path / "data"))
    tracing.start()

    def read() -> list[dict[str, Any]]:
        tracing.store.flush()
        found = tracing.store.trace("0123456789abcdef0123456789abcdef")
        assert found is not None
        return found["spans"]

    yield read
    await tracing.aclose()
    set_trace_processors([])


CHAIN = {"first": {"fallback": ["second"]}, "second": {}}


def attempts(spans: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    return [
        (
            span["attributes"]["voice.model.name"],
            span["attributes"]["voice.model.attempt"],
            span["attributes"]["error.type"],
        )
        for span in spans
        if span["name"].startswith("model_attempt")
    ]


@pytest.mark.parametrize(
    ("status", "kind", "asked"),
    [
        (500, "model_down", ["first", "first", "second"]),
        (503, "model_down", ["first", "first", "second"]),
        (429, "model_busy", ["first", "first", "second"]),
        (401, "model_refused_access", ["first", "second"]),
        (404, "model_not_found", ["first", "second"]),
        (400, "model_refused", ["first", "second"]),
    ],
)
async def test_the_next_model_answers_when_one_refuses(
    hosted: Hosted, provider: Provider, spans: Any, status: int, kind: str, asked: list[str]
) -> None:
    provider.steps["first"] = [Step(status)] * 2
    assert await hosted.say(await hosted.start(CHAIN)) == "second is here."
    assert provider.asked == asked
    told = [(name, number, why) for name, number, why in attempts(spans())]
    assert told == [("first", number, kind) for number in range(1, len(asked))]


async def test_the_next_model_answers_when_nobody_listens(
    hosted: Hosted, provider: Provider, spans: Any
) -> None:
    away = {"base_url": "http://127.0.0.1:9/v1", "fallback": ["second"]}
    assert await hosted.say(await hosted.start({"first": away, "second": {}})) == "second is here."
    assert [why for _, _, why in attempts(spans())] == ["model_unreachable"] * 2


@pytest.mark.parametrize("provider_name", ["openai", "openai-compatible"])
async def test_the_span_of_a_model_tells_who_runs_it_and_when_its_first_word_came(
    hosted: Hosted, spans: Any, provider_name: str
) -> None:
    first = {"provider": provider_name, "api_key": "k"}
    runner = await hosted.start({"first": first})
    asked = time.time()
    assert await hosted.say(runner) == "first is here."
    took = time.time() - asked
    [chat] = [span for span in spans() if span["stage"] == "model"]
    assert chat["name"] == "chat first"
    assert chat["attributes"]["gen_ai.provider.name"] == provider_name
    assert 0 < chat["attributes"]["gen_ai.response.time_to_first_chunk"] <= took


@pytest.mark.parametrize("provider_name", ["openai", "openai-compatible"])
async def test_a_model_without_a_first_word_in_its_time_is_given_up(
    hosted: Hosted, provider: Provider, spans: Any, provider_name: str
) -> None:
    first = {"provider": provider_name, "api_key": "k", "first_token": "300ms"}
    models = {"first": {**first, "fallback": ["second"]}, "second": {}}
    provider.steps["first"] = [Step(silent=True)]
    assert await hosted.say(await hosted.start(models)) == "second is here."
    assert provider.asked[-1] == "second"  # on a busy machine the first may not even be reached
    [(name, number, why)] = attempts(found := spans())
    assert (name, number, why) == ("first", 1, "model_silent")
    [span] = [span for span in found if span["name"].startswith("model_attempt")]
    assert span["end"] - span["start"] >= 0.3
    assert span["error"] == "The model 'first' said nothing within 0.3 s."


async def test_a_model_that_fails_after_it_began_is_no_answer(
    hosted: Hosted, provider: Provider
) -> None:
    first = {"provider": "openai", "api_key": "k", "fallback": ["second"]}
    provider.steps["first"] = [Step(failed=True), Step(failed=True)]
    runner = await hosted.start({"first": first, "second": {}})
    assert await hosted.say(runner) == "second is here."
    assert provider.asked == ["first", "first", "second"]


async def test_nothing_is_tried_again_after_the_first_word(
    hosted: Hosted, provider: Provider
) -> None:
    provider.steps["first"] = [Step(words="Your order is ", breaks_off=True)]
    runner = await hosted.start(CHAIN)
    said: list[str] = []
    with pytest.raises(TurnFailed):
        async for event in runner.run(hosted.ask()):
            said += [event.text] if isinstance(event, TextDelta) else []
    assert said == ["Your order is "]
    assert provider.asked == ["first"]


async def test_an_answer_that_breaks_off_before_its_first_word_is_asked_for_again(
    hosted: Hosted, provider: Provider
) -> None:
    provider.steps["first"] = [Step(breaks_off=True)]
    assert await hosted.say(await hosted.start({"first": {}})) == "first is here."
    assert provider.asked == ["first", "first"]


@pytest.mark.parametrize(
    ("after", "asked"), [("0.01", ["first", "first"]), ("0.4", ["first", "second"])]
)
async def test_a_busy_model_is_waited_for_only_when_that_is_quicker_than_the_next(
    hosted: Hosted, provider: Provider, after: str, asked: list[str]
) -> None:
    provider.steps["first"] = [Step(429, {"Retry-After": after})]
    assert await hosted.say(await hosted.start(CHAIN)) == f"{asked[-1]} is here."
    assert provider.asked == asked


async def test_a_wait_that_no_caller_bears_is_not_waited(
    hosted: Hosted, provider: Provider
) -> None:
    provider.steps["first"] = [Step(429, {"Retry-After": "30"})]
    with pytest.raises(TurnFailed) as failed:
        await hosted.say(await hosted.start({"first": {}}))
    assert failed.value.code == "model_busy"
    assert provider.asked == ["first"]


async def test_retries_are_as_many_as_the_team_says(hosted: Hosted, provider: Provider) -> None:
    quick = {"retry-after-ms": "1"}
    provider.steps["first"] = [Step(503, quick)] * 3
    assert await hosted.say(await hosted.start({"first": {"retries": 3}})) == "first is here."
    provider.bodies.clear()
    provider.steps["first"] = [Step(503, quick)]
    with pytest.raises(TurnFailed):
        await hosted.say(await hosted.start({"first": {"retries": 0}}))
    assert provider.asked == ["first"]


async def test_a_failed_model_is_left_alone_until_its_cooldown_is_over(
    hosted: Hosted, provider: Provider, spans: Any
) -> None:
    provider.steps["first"] = [Step(500)] * 2
    runner = await hosted.start(CHAIN)
    await hosted.say(runner)
    provider.bodies.clear()
    assert await hosted.say(runner) == "second is here."
    assert provider.asked == ["second"]
    assert attempts(spans())[-1] == ("first", 0, "model_skipped")
    other = await hosted.start({"other": {"model": "first", "fallback": ["second"]}, "second": {}})
    await hosted.say(other)
    assert provider.asked == ["second", "second"], "the same model, in another team"


async def test_a_model_left_alone_is_asked_when_the_others_fail(
    hosted: Hosted, provider: Provider
) -> None:
    runner = await hosted.start(CHAIN)
    provider.steps["first"] = [Step(500)] * 2
    await hosted.say(runner)
    provider.steps["second"] = [Step(401)]
    assert await hosted.say(runner) == "first is here."


async def test_the_fallbacks_of_a_fallback_are_asked_too(
    hosted: Hosted, provider: Provider
) -> None:
    runner = await hosted.start(
        {"a": {"fallback": ["b", "d"]}, "b": {"fallback": ["c"]}, "c": {}, "d": {}}
    )
    for name in "abc":
        provider.steps[name] = [Step(401)]
    assert await hosted.say(runner) == "d is here."
    assert provider.asked == ["a", "b", "c", "d"]
    assert list(runner.describe()) == ["a", "b", "c", "d"]


async def test_each_model_of_a_chain_has_settings_of_its_own(
    hosted: Hosted, provider: Provider
) -> None:
    thinking = {"chat_template_kwargs": {"enable_thinking": False}}
    first = {"provider": "openai", "api_key": "k", "reasoning_effort": "low", "max_tokens": 90}
    second = {"temperature": 0.2, "top_p": 0.9, "extra_body": thinking}
    runner = await hosted.start({"first": {**first, "fallback": ["second"]}, "second": second})
    provider.steps["first"] = [Step(401)]
    await hosted.say(runner)
    one, two = provider.bodies
    assert one["reasoning"] == {"effort": "low"} and one["max_output_tokens"] == 90
    assert "temperature" not in one and "chat_template_kwargs" not in one
    assert (two["temperature"], two["top_p"]) == (0.2, 0.9)
    assert two["chat_template_kwargs"] == {"enable_thinking": False}
    assert "reasoning" not in two and "max_tokens" not in two and "reasoning_effort" not in two


async def test_what_the_client_asks_for_goes_to_every_model(
    hosted: Hosted, provider: Provider
) -> None:
    provider.steps["first"] = [Step(401)]
    await hosted.say(await hosted.start(CHAIN), max_output_tokens=33)
    assert [body["max_tokens"] for body in provider.bodies] == [33, 33]


async def test_a_fallback_that_cannot_see_is_told_of_images_in_words(
    hosted: Hosted, provider: Provider
) -> None:
    models = {"first": {"fallback": ["second"]}, "second": {"vision": False}}
    image = {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "auto"}
    content = [{"type": "input_text", "text": "What is it?"}, image]
    provider.steps["first"] = [Step(401)]
    history = [{"role": "user", "content": content}]
    await hosted.say(await hosted.start(models), history=history)
    one, two = (body["messages"][-1]["content"] for body in provider.bodies)
    assert one[1]["type"] == "image_url"
    assert two[1] == {"type": "text", "text": UNSEEN}


async def test_all_attempts_end_with_the_time_of_the_step(
    hosted: Hosted, provider: Provider, spans: Any
) -> None:
    provider.steps["first"] = [Step(silent=True)]
    provider.steps["second"] = [Step(silent=True)]
    first = {"first_token": "30s", "timeout": "60s", "fallback": ["second"]}
    runner = await hosted.start({"first": first, "second": {"first_token": "60s"}})
    saying = asyncio.create_task(hosted.say(runner))
    await provider.until_asked("first")
    leap(40)
    await provider.until_asked("second")
    leap(40)
    with pytest.raises(TurnFailed) as failed:
        await saying
    assert failed.value.code == "model_timeout"
    assert attempts(spans()) == [("first", 1, "model_silent")]


async def test_the_embedded_model_can_stand_in_for_a_hosted_one(
    hosted: Hosted, provider: Provider
) -> None:
    first = {"base_url": "http://127.0.0.1:9/v1", "fallback": ["spare"]}
    spare = {"provider": "embedded", "base_url": None, "model": None}
    runner = await hosted.start({"first": first, "spare": spare})
    assert await hosted.say(runner) == "Hello. How can I help?"


def chain(*models: Model, circuits: list[Circuit] | None = None, **fields: Any) -> ModelChain:
    fields = {"retries": 0, "cooldown": 30.0, "first_token": None, "sees": True} | fields
    return ModelChain(
        [
            Link(str(at), model, ModelSettings(), circuit, **fields)
            for at, (model, circuit) in enumerate(
                zip(models, circuits or [Circuit() for _ in models], strict=True)
            )
        ]
    )


async def test_a_step_with_tool_calls_is_tried_again_until_it_is_whole(
    start_team: Any, hear: Any, ask: Any
) -> None:
    async def half(call: Any) -> AsyncIterator[Any]:
        whole = ScriptedModel([[function_call("estimate", {"city": "Bonn"}, call_id="c1")]])
        async for event in whole.stream_response(*call_arguments(call)):
            if event.type == "response.completed":
                raise ConnectionError("gone")
            yield event

    first = ScriptedModel([ModelStep.stream(half)])
    call = function_call("estimate", {"city": "Seoul"}, call_id="c2")
    second = ScriptedModel([[call], [assistant_message("Three days.")]])
    runner = await start_team(
        {"frontdesk": {"tools": ["estimate"]}},
        {"frontdesk": chain(first, second)},
        tools={"estimate": {"call": "tools.shipping:estimate"}},
    )
    events = await hear(runner, ask())
    assert [event.call_id for event in events if isinstance(event, ToolEnded)] == ["c2"]


def call_arguments(call: Any) -> tuple[Any, ...]:
    settings, tracing = call.model_settings, ModelTracing.DISABLED
    return call.system_instructions, call.input, settings, [], None, [], tracing


async def test_a_caller_who_cuts_in_leaves_the_model_to_the_next_to_try() -> None:
    clock = [100.0]
    circuit = Circuit(lambda: clock[0])
    circuit.failed("down", 30)
    assert not circuit.admits() and circuit.left == 30
    clock[0] += 31
    assert circuit.admits(), "the first to come tries it"
    assert not circuit.admits(), "the others go on without it"
    circuit.given_up()
    assert circuit.admits(), "the one who tried it was called off"
    circuit.answered()
    assert circuit.admits() and circuit.admits() and circuit.reason == ""


async def test_a_run_that_is_cancelled_gives_its_try_up(start_team: Any, ask: Any) -> None:
    asked = asyncio.Event()

    async def endless(call: Any) -> AsyncIterator[Any]:
        asked.set()
        await asyncio.Event().wait()
        yield None

    clock = [100.0]
    circuit = Circuit(lambda: clock[0])
    circuit.failed("down", 30)
    clock[0] += 31
    model = ScriptedModel([ModelStep.stream(endless)])
    other = ScriptedModel([])
    runner = await start_team(
        {"frontdesk": {}}, {"frontdesk": chain(model, other, circuits=[circuit, Circuit()])}
    )
    reading = asyncio.create_task(anext(runner.run(ask())))
    await asked.wait()
    assert circuit.left
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not circuit.left


async def test_an_answer_that_is_not_streamed_comes_from_the_chain_too() -> None:
    broken, well = ScriptedModel([RuntimeError("no")]), ScriptedModel([[assistant_message("Hi.")]])
    agent = Agent(name="judge", model=chain(broken, well))
    with trace("t"):
        result = await Runner.run(agent, "Hello?")
    assert result.final_output == "Hi."


async def test_a_judge_has_stand_ins_too_but_none_that_cannot_judge(hosted: Hosted) -> None:
    common = {"provider": "openai-compatible", "base_url": hosted.provider.url}
    models = {
        "first": {**common, "model": "first", "temperature": 0.5, "fallback": ["spare", "second"]},
        "second": {**common, "model": "second"},
        "spare": {"provider": "embedded"},
    }
    team = hosted.make_team({"frontdesk": {}}, models=models)
    judge = hosted.registry.judge(team, "first")
    assert isinstance(judge, ModelChain)
    assert [link.name for link in judge.links] == ["first", "second"]
    assert hosted.registry.given(judge, team.models["first"]).temperature is None


@pytest.mark.parametrize("empty", [[], [assistant_message("")]])
async def test_a_model_that_gives_no_words_is_asked_again(
    start_team: Any, hear: Any, ask: Any, empty: Any
) -> None:
    model = ScriptedModel([empty, [assistant_message("Here it is.")]])
    runner = await start_team({"frontdesk": {}}, {"frontdesk": chain(model, retries=1)})
    events = await hear(runner, ask())
    assert [e.text for e in events if isinstance(e, TextDelta)] == ["Here it is."]
    assert len(model.calls) == 2


async def test_a_model_that_gives_no_words_is_stood_in_for(
    start_team: Any, hear: Any, ask: Any
) -> None:
    model, other = ScriptedModel([[]]), ScriptedModel([[assistant_message("Here it is.")]])
    runner = await start_team({"frontdesk": {}}, {"frontdesk": chain(model, other)})
    events = await hear(runner, ask())
    assert [e.text for e in events if isinstance(e, TextDelta)] == ["Here it is."]


async def test_a_model_that_goes_on_saying_nothing_has_failed(
    start_team: Any, hear: Any, ask: Any
) -> None:
    model = ScriptedModel([[], []])
    runner = await start_team({"frontdesk": {}}, {"frontdesk": chain(model, retries=1)})
    with pytest.raises(TurnFailed, match="no words and no calls"):
        await hear(runner, ask())
    assert len(model.calls) == 2
