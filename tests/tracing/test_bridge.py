"""What the SDK's spans say, in the words of the vocabulary."""

import json
from typing import Any

from agents.testing import ScriptedModel, assistant_message, function_call
from agents.tracing import generation_span, response_span, speech_span, transcription_span
from openai.types.responses import Response
from opentelemetry import trace as otel

from agents import Agent, Runner, custom_span, function_tool, trace
from frontdesk.settings import Settings
from frontdesk.tracing import messages, names
from frontdesk.tracing.calls import Tracing

Trace = dict[str, Any]


def span(found: Trace, name: str) -> dict[str, Any]:
    return next(each for each in found["spans"] if each["name"] == name)


def read(tracing: Tracing, trace_id: str) -> Trace:
    tracing.store.flush()
    found = tracing.store.trace(trace_id)
    assert found is not None
    return found


def response() -> Response:
    return Response.model_validate(
        {
            "id": "resp_1",
            "created_at": 0,
            "model": "gpt-5.6-luna",
            "object": "response",
            "status": "completed",
            "instructions": "Be brief.",
            "output": [
                {
                    "type": "message",
                    "id": "m",
                    "role": "assistant",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": "Hello.", "annotations": []}],
                },
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            ],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
    )


async def test_a_response_tells_model_messages_and_tokens(tracing: Tracing) -> None:
    with trace("t", group_id="c") as opened, response_span() as running:
        running.span_data.response = response()
        running.span_data.input = [
            {"role": "user", "content": "Hi"},
            {"type": "function_call_output", "call_id": "c", "output": "1"},
        ]
        running.span_data.usage = {
            "input_tokens": 9,
            "output_tokens": 4,
            "input_tokens_details": {"cached_tokens": 3},
            "output_tokens_details": {"reasoning_tokens": 2},
        }
    found = read(tracing, opened.trace_id.removeprefix("trace_"))
    attributes = span(found, "chat gpt-5.6-luna")["attributes"]
    assert attributes["gen_ai.usage.input_tokens"] == 9
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 3
    assert attributes["gen_ai.usage.reasoning.output_tokens"] == 2
    assert attributes["gen_ai.response.finish_reasons"] == ["completed"]
    assert json.loads(attributes["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "1"}]},
    ]
    answer, call = json.loads(attributes["gen_ai.output.messages"])
    assert answer["parts"] == [{"type": "text", "content": "Hello."}]
    assert call["parts"] == [{"type": "tool_call", "id": "c", "name": "f", "arguments": "{}"}]
    assert found["trace"]["tokens"] == 13


async def test_chat_completions_and_whole_responses_read_alike(tracing: Tracing) -> None:
    with trace("t") as opened, generation_span(model="qwen3-8b") as running:
        running.span_data.input = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "1"},
        ]
        running.span_data.output = [response().model_dump()]
    attributes = span(read(tracing, opened.trace_id.removeprefix("trace_")), "chat qwen3-8b")[
        "attributes"
    ]
    given = json.loads(attributes["gen_ai.input.messages"])
    assert [message["role"] for message in given] == ["system", "user", "assistant", "tool"]
    assert given[2]["parts"][0]["name"] == "f"
    assert messages.text(attributes["gen_ai.output.messages"]) == "Hello."


async def test_voice_and_custom_spans_of_the_sdk_are_kept_without_their_audio(
    tracing: Tracing,
) -> None:
    with trace("t") as opened:
        with transcription_span(model="whisper", input="QUJD" * 1000, output="Hello"):
            pass
        with speech_span(model="tts", input="Good day", output="QUJD" * 1000):
            pass
        with custom_span("lookup", {"rows": 3}):
            pass
    found = read(tracing, opened.trace_id.removeprefix("trace_"))
    assert [each["name"] for each in found["spans"]][1:] == [
        "speech_to_text whisper",
        "text_to_speech tts",
        "custom lookup",
    ]
    assert "QUJD" not in json.dumps(found)
    assert json.loads(span(found, "custom lookup")["attributes"]["voice.custom.data"]) == {
        "rows": 3
    }


async def test_without_content_no_words_are_kept(settings: Settings) -> None:
    tracing = Tracing(settings.model_copy(update={"trace_content": False}))
    tracing.start()

    @function_tool(failure_error_function=lambda _, error: f"failed: {error}")
    async def look(secret: str) -> str:
        """Look."""
        with otel.get_tracer("someone").start_as_current_span("query"):
            raise RuntimeError(f"hush {secret}")

    model = ScriptedModel(
        [
            [function_call("look", {"secret": "hush"}, call_id="c1")],
            [assistant_message("hush")],
        ],
        emit_traces=True,
    )
    turn = tracing.turn(
        call_id="c", index=0, team="t", team_version="1", agent="a", transport="text"
    )
    with turn.use():
        await Runner.run(Agent(name="a", tools=[look], model=model), "hush")
    said = {names.GEN_AI_INPUT_MESSAGES: messages.user("hush")}
    turn.record("user_speech", start=1.0, end=2.0, attributes=said, error="hush")
    turn.set(**said)
    turn.end(reason="completed", error="hush")
    found = read(tracing, turn.trace_id)
    assert "hush" not in json.dumps(found)
    assert span(found, "execute_tool look")["error"] == "tool_error"
    assert tracing.store.calls()[0]["text"] == ""
    await tracing.aclose()
