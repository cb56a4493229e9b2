"""Handoffs in one run: what the agent that takes over is told, and by whom it was summed up."""

import asyncio
from typing import Any

import pytest
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call

from agents import Usage
from frontdesk.desk.schema import ModelChoice
from frontdesk.settings import Settings
from frontdesk.team.events import AgentChanged, SummedUp, TextDelta, TurnEnded
from frontdesk.team.models import ModelRegistry
from frontdesk.team.summary import HEAD, INSTRUCTIONS
from tests.leaps import leap

EARLIER = [
    {"role": "user", "content": "my order is 12345"},
    {"role": "assistant", "content": "It left on Monday."},
    {"role": "user", "content": "and what is new"},
    {"role": "assistant", "content": "A lamp."},
]
ASKED = {"role": "user", "content": "I want my money back"}


def handing_over(history: Any, **edge: Any) -> dict[str, Any]:
    return {
        "frontdesk": {"handoffs": [{"to": "billing", "history": history, **edge}]},
        "billing": {"handoffs": ["frontdesk"]},
    }


def of(kind: type, events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def messages(call: Any) -> list[Any]:
    return [item["content"] for item in call.input if "role" in item]


@pytest.fixture
def billing() -> ScriptedModel:
    return ScriptedModel([[assistant_message("Billing here.")]])


def to_billing(call_id: str = "h") -> list[Any]:
    return [function_call("transfer_to_billing", {}, call_id=call_id)]


@pytest.mark.parametrize(
    ("history", "seen"),
    [
        ("full", ["my order is 12345", "It left on Monday.", "and what is new", "A lamp."]),
        ({"last": 1}, ["and what is new", "A lamp."]),
        ("none", []),
    ],
)
async def test_the_agent_that_takes_over_is_shown_what_its_edge_says(
    start_team: Any, hear: Any, ask: Any, billing: ScriptedModel, history: Any, seen: list[str]
) -> None:
    runner = await start_team(
        handing_over(history), {"frontdesk": [to_billing()], "billing": billing}
    )
    events = await hear(runner, ask(history=[*EARLIER, ASKED]))
    assert messages(billing.calls[0]) == [*seen, "I want my money back"]
    kinds = [item.get("type") for item in billing.calls[0].input if "role" not in item]
    assert kinds == ["function_call", "function_call_output"]
    assert next(event.agent for event in of(TextDelta, events)) == "billing"


async def test_with_none_what_was_looked_up_on_the_way_is_not_shown(
    start_team: Any, hear: Any, ask: Any, billing: ScriptedModel
) -> None:
    team = handing_over("none")
    team["frontdesk"]["tools"] = ["estimate"]
    first = [function_call("estimate", {"city": "Bonn"}, call_id="c1")]
    both = [function_call("estimate", {"city": "Seoul"}, call_id="c2"), *to_billing()]
    runner = await start_team(
        team,
        {"frontdesk": [first, both], "billing": billing},
        tools={"estimate": {"call": "tools.shipping:estimate"}},
    )
    await hear(runner, ask(history=[*EARLIER, ASKED]))
    assert "Bonn" not in str(billing.calls[0].input)
    assert "Seoul" not in str(billing.calls[0].input)
    assert messages(billing.calls[0]) == ["I want my money back"]


async def test_a_summary_is_made_by_the_model_of_the_agent_that_hands_over(
    start_team: Any, hear: Any, ask: Any, billing: ScriptedModel
) -> None:
    frontdesk = ScriptedModel([to_billing(), [assistant_message("Order 12345, on its way.")]])
    runner = await start_team(
        handing_over("summary", say="One moment."), {"frontdesk": frontdesk, "billing": billing}
    )
    events = await hear(runner, ask(history=[*EARLIER, ASKED]))
    [_, asked] = frontdesk.calls
    assert asked.system_instructions == INSTRUCTIONS
    assert "Caller: my order is 12345\nAgent: It left on Monday." in asked.input[0]["content"]
    assert "I want my money back" not in asked.input[0]["content"]
    told = f"{HEAD}\nOrder 12345, on its way."
    assert messages(billing.calls[0]) == [told, "I want my money back"]
    assert of(SummedUp, events) == [SummedUp("Order 12345, on its way.")]
    kinds = [type(event) for event in events]
    assert kinds.index(AgentChanged) < kinds.index(SummedUp)  # the line is not held up by it


async def test_a_summary_that_takes_too_long_is_made_without_a_model(
    start_team: Any, hear: Any, ask: Any, billing: ScriptedModel
) -> None:
    stopped = asyncio.Event()

    async def never(call: Any) -> Any:
        leap(60)
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    frontdesk = ScriptedModel([to_billing(), ModelStep.respond(never)])
    runner = await start_team(
        handing_over("summary"),
        {"frontdesk": frontdesk, "billing": billing},
        budgets={"summary": "30s"},
    )
    events = await hear(runner, ask(history=[*EARLIER, ASKED]))
    assert stopped.is_set()
    assert not of(SummedUp, events)
    [told, asked] = messages(billing.calls[0])
    assert told.startswith(HEAD)
    assert 'The caller said: "my order is 12345"' in told
    assert asked == "I want my money back"


@pytest.mark.parametrize("step", [RuntimeError("no GPU left"), [], [assistant_message(" ")]])
async def test_a_summary_that_fails_or_is_empty_is_made_without_a_model(
    start_team: Any, hear: Any, ask: Any, billing: ScriptedModel, step: Any
) -> None:
    frontdesk = ScriptedModel([to_billing(), step])
    runner = await start_team(handing_over("summary"), {"frontdesk": frontdesk, "billing": billing})
    await hear(runner, ask(history=[*EARLIER, ASKED]))
    assert "my order is 12345" in messages(billing.calls[0])[0]


async def test_a_model_without_words_of_its_own_is_not_asked_to_sum_up(
    start_team: Any, hear: Any, ask: Any, billing: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    frontdesk = ScriptedModel([to_billing()])
    runner = await start_team(handing_over("summary"), {"frontdesk": frontdesk, "billing": billing})
    monkeypatch.setattr(runner._models, "writes", lambda choice: False)
    await hear(runner, ask(history=[*EARLIER, ASKED]))
    assert len(frontdesk.calls) == 1
    assert "my order is 12345" in messages(billing.calls[0])[0]


async def test_nothing_is_summed_up_at_the_first_question(
    start_team: Any, hear: Any, ask: Any, billing: ScriptedModel
) -> None:
    frontdesk = ScriptedModel([to_billing()])
    runner = await start_team(handing_over("summary"), {"frontdesk": frontdesk, "billing": billing})
    await hear(runner, ask(history=[ASKED]))
    assert len(frontdesk.calls) == 1
    assert messages(billing.calls[0]) == ["I want my money back"]


async def test_what_a_summary_takes_is_counted(
    start_team: Any, hear: Any, ask: Any, billing: ScriptedModel
) -> None:
    frontdesk = ScriptedModel([to_billing(), [assistant_message("Short.")]])
    for model in (frontdesk, billing):
        model.set_default_usage(Usage(requests=1, output_tokens=7, total_tokens=7))
    runner = await start_team(handing_over("summary"), {"frontdesk": frontdesk, "billing": billing})
    events = await hear(runner, ask(history=[*EARLIER, ASKED]))
    assert of(TurnEnded, events)[0].output_tokens == 21


async def test_whoever_gets_the_caller_back_knows_the_whole_call(
    start_team: Any, hear: Any, ask: Any
) -> None:
    frontdesk = ScriptedModel([to_billing(), [assistant_message("Me again.")]])
    billing = ScriptedModel([[function_call("transfer_to_frontdesk", {}, call_id="b")]])
    runner = await start_team(handing_over("none"), {"frontdesk": frontdesk, "billing": billing})
    await hear(runner, ask(history=[*EARLIER, ASKED]))
    assert "my order is 12345" not in messages(billing.calls[0])
    assert messages(frontdesk.calls[1])[0] == "my order is 12345"


async def test_every_step_of_the_agent_that_took_over_is_shown_the_same(
    start_team: Any, hear: Any, ask: Any
) -> None:
    billing = ScriptedModel(
        [
            [function_call("estimate", {"city": "Bonn"}, call_id="c1")],
            [assistant_message("Three days.")],
        ]
    )
    team = handing_over({"last": 1})
    team["billing"]["tools"] = ["estimate"]
    runner = await start_team(
        team,
        {"frontdesk": [to_billing()], "billing": billing},
        tools={"estimate": {"call": "tools.shipping:estimate"}},
    )
    await hear(runner, ask(history=[*EARLIER, ASKED]))
    first, second = (call.input for call in billing.calls)
    assert list(second)[: len(first)] == list(first)
    assert "Bonn" in str(second)


def test_models_in_this_process_have_no_words_of_their_own() -> None:
    registry = ModelRegistry(Settings(models="auto"), environ={})
    assert not registry.writes(ModelChoice(provider="auto"))
    assert not registry.writes(ModelChoice(provider="instant"))
    assert registry.writes(ModelChoice(provider="openai-compatible"))
