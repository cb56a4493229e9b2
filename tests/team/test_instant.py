import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from frontdesk.team.events import ClientTool, ClientToolCalled, TextDelta, ToolStarted
from frontdesk.team.instant import REPLY, TOKENS, InstantModel, sample

LEAVES = st.one_of(
    st.builds(
        lambda low, span: {"type": "integer", "minimum": low, "maximum": low + span},
        st.integers(-9, 9),
        st.integers(0, 9),
    ),
    st.builds(
        lambda low, span: {"type": "string", "minLength": low, "maxLength": low + span},
        st.integers(0, 12),
        st.integers(0, 12),
    ),
    st.builds(lambda values: {"enum": values}, st.lists(st.integers(), min_size=1)),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"const": 7}, {}]),
    st.just({"type": "number", "exclusiveMinimum": 3}),
    st.just({"type": ["string", "null"]}),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda item, least: {"type": "array", "items": item, "minItems": least},
            inner,
            st.integers(0, 3),
        ),
        st.builds(
            lambda fields: {
                "type": "object",
                "properties": fields,
                "required": sorted(fields),
                "additionalProperties": False,
            },
            st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3),
        ),
        st.builds(lambda some: {"anyOf": some}, st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=6,
)


@given(SCHEMAS)
def test_made_up_arguments_fit_their_schema(schema: Any) -> None:
    value = json.loads(json.dumps(sample(schema)))
    assert Draft202012Validator(schema).is_valid(value)


def test_a_reference_is_followed() -> None:
    schema = {"$ref": "#/$defs/colour", "$defs": {"colour": {"enum": ["red"]}}}
    assert sample(schema) == "red"


def test_the_reply_is_two_sentences_of_eighteen_tokens() -> None:
    assert "".join(TOKENS) == REPLY
    assert len(TOKENS) == 18
    assert REPLY.count(".") + REPLY.count("?") == 2


def test_it_says_loudly_what_it_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        InstantModel()
    assert "replies are scripted" in caplog.text


async def test_it_calls_the_first_tool_of_the_team_and_then_answers(
    start_team: Any, hear: Any, ask: Any
) -> None:
    runner = await start_team(
        {"frontdesk": {"tools": ["estimate"], "handoffs": ["other"]}, "other": {}},
        tools={"estimate": {"call": "tools.shipping:estimate"}},
    )
    weather = ClientTool("weather", "Tells the weather.", {"type": "object", "properties": {}})
    events = await hear(runner, ask(client_tools=(weather,)))
    [started] = [event for event in events if isinstance(event, ToolStarted)]
    assert (started.name, json.loads(started.arguments)) == ("estimate", {"city": "example"})
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == REPLY
    again = await hear(runner, ask())
    assert [type(event) for event in again] == [type(event) for event in events]


async def test_it_calls_nothing_when_tools_are_not_wanted(
    start_team: Any, hear: Any, ask: Any
) -> None:
    runner = await start_team(
        {"frontdesk": {"tools": ["estimate"]}},
        tools={"estimate": {"call": "tools.shipping:estimate"}},
    )
    events = await hear(runner, ask(tool_choice="none"))
    assert not [event for event in events if isinstance(event, ToolStarted)]


async def test_a_tool_that_is_required_may_be_the_clients(start_team: Any, ask: Any) -> None:
    runner = await start_team({"frontdesk": {}})
    weather = ClientTool("weather", "Tells the weather.", {"type": "object", "properties": {}})
    request = ask(client_tools=(weather,), tool_choice="required")
    events = [event async for event in runner.run(request)]
    assert [event.name for event in events if isinstance(event, ClientToolCalled)] == ["weather"]
