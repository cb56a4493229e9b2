"""What a response is made with."""

from typing import Any

import pytest

TOOL = {"type": "function", "name": "find", "parameters": {"type": "object"}}


def test_a_response_inherits_the_session(talk: Any) -> None:
    talk.configure(
        instructions="Be brief.", tools=[TOOL], tool_choice="required", max_output_tokens=50
    )
    talk.respond()
    assert talk.told[0].options == {
        "output_modalities": ["audio"],
        "instructions": "Be brief.",
        "tools": [TOOL],
        "tool_choice": "required",
        "max_output_tokens": 50,
        "prompt": None,
        "reasoning": None,
        "parallel_tool_calls": None,
        "metadata": None,
        "audio": {
            "output": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "voice": "alloy",
                "speed": 1.0,
            }
        },
    }


def test_a_response_may_override_the_session(talk: Any) -> None:
    talk.configure(instructions="Be brief.", tools=[TOOL])
    talk.respond(
        instructions="Be long.",
        tools=[],
        tool_choice="none",
        output_modalities=["text"],
        max_output_tokens=5,
        audio={"output": {"voice": {"id": "v"}, "format": {"type": "audio/pcma"}}},
        metadata={"a": "b"},
    )
    options = talk.told[0].options
    assert options["instructions"] == "Be long."
    assert options["tools"] == []
    assert options["tool_choice"] == "none"
    assert options["audio"]["output"] == {
        "format": {"type": "audio/pcma"},
        "voice": {"id": "v"},
        "speed": 1.0,
    }
    response = talk.said[0]["response"]
    assert response["output_modalities"] == ["text"]
    assert response["max_output_tokens"] == 5
    assert response["audio"]["output"] == {"format": {"type": "audio/pcma"}, "voice": "v"}
    assert response["metadata"] == {"a": "b"}
    assert talk.core.session["output_modalities"] == ["audio"]


def test_a_response_may_be_asked_for_with_nothing_but_metadata(talk: Any) -> None:
    talk.respond(metadata={"client_event_id": "x"})
    assert talk.said[0]["response"]["metadata"] == {"client_event_id": "x"}


def test_nobody_told_the_engine_instructions_until_a_client_does(talk: Any) -> None:
    talk.respond(instructions=None, metadata=None)
    assert talk.told[0].options["instructions"] is None


def test_a_context_may_be_given_by_items_and_references(talk: Any) -> None:
    talk.say("Hello", "mine")
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}
    talk.respond(input=[{"type": "item_reference", "id": "mine"}, message])
    first, second = talk.told[0].input
    assert first["id"] == "mine"
    assert second["content"] == message["content"]
    assert len(talk.core.items) == 1


def test_an_empty_context_is_not_the_same_as_none(talk: Any) -> None:
    talk.respond(input=[], conversation="none")
    assert talk.told[0].input == ()
    talk.respond()
    assert talk.told[0].input is None


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"modalities": ["text"]}, "unknown_parameter", "response.modalities"),
        ({"conversation": "other"}, "invalid_value", "response.conversation"),
        ({"metadata": {"a": 1}}, "invalid_type", "response.metadata.a"),
        ({"metadata": {str(n): "" for n in range(17)}}, "invalid_value", "response.metadata"),
        ({"metadata": {"a": "x" * 513}}, "invalid_value", "response.metadata.a"),
        (
            {"input": [{"type": "item_reference", "id": "nope"}]},
            "invalid_value",
            "response.input[0].id",
        ),
        (
            {"input": [{"type": "message", "role": "user"}]},
            "missing_required_parameter",
            "response.input[0].content",
        ),
        ({"input": [5]}, "invalid_type", "response.input[0]"),
        (
            {"tools": [{"type": "mcp"}]},
            "missing_required_parameter",
            "response.tools[0].server_label",
        ),
        ({"audio": {"output": {"speed": 1}}}, "unknown_parameter", "response.audio.output.speed"),
    ],
)
def test_a_bad_option_is_named_and_nothing_starts(
    talk: Any, given: Any, code: str, param: str
) -> None:
    (event,) = talk.send("response.create", response=given, event_id="r1")
    assert (event["error"]["code"], event["error"]["param"]) == (code, param)
    assert event["error"]["event_id"] == "r1"
    assert talk.core.active_response is None
    assert talk.told == []


def test_a_flood_of_parallel_responses_is_stopped(talk: Any) -> None:
    for _ in range(32):
        talk.respond(conversation="none")
    error = talk.send("response.create", response={"conversation": "none"})[0]["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
