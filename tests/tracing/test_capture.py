"""Words that are not kept, or not as they were said: at each way out of the traces."""

import asyncio
import json
import logging
import re
import threading
from collections.abc import Callable
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import pytest
from agents.testing import ScriptedModel, assistant_message, function_call
from agents.tracing import TracingProcessor
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from agents import Agent, Runner, custom_span, function_tool
from frontdesk.settings import Settings
from frontdesk.tracing import messages, names
from frontdesk.tracing.calls import Tracing, TurnTrace
from frontdesk.tracing.capture import Capture, Captures
from frontdesk.tracing.openai_out import OpenAiDashboard
from frontdesk.tracing.otlp import CAPTURE
from frontdesk.tracing.redaction import FAILED, Redaction

SECRET = "zanzibarical"


def hide(text: str) -> str:
    return text.replace(SECRET, "[hidden]")


@function_tool(failure_error_function=lambda _, error: f"failed: {error}")
async def look(secret: str) -> str:
    """Look, with what an instrumented library of the desk tells of it."""
    tracer = otel.get_tracer("library")
    with custom_span(f"about {secret}"), tracer.start_as_current_span(f"GET /{secret}") as span:
        span.set_attribute("db.statement", f"select {secret}")
        span.add_event("row", {"it": secret})
        raise RuntimeError(f"{secret} is not there")


async def full_of_secrets(tracing: Tracing, capture: Capture) -> TurnTrace:
    """A turn with one word in everything."""
    tracing.call_opened("call", capture)
    turn = tracing.turn(
        call_id="call",
        index=0,
        team="t",
        team_version="1",
        agent="a",
        transport="x",
        user=f"{SECRET}@example.com",
        metadata={SECRET: SECRET},
    )
    arguments = json.dumps({"secret": SECRET, SECRET: ["line\n" + SECRET]})
    model = ScriptedModel(
        [
            [function_call("look", arguments, call_id="c1")],
            [assistant_message(f"It is {SECRET}.")],
        ],
        emit_traces=True,
    )
    agent = Agent(name="a", instructions=f"Say {SECRET}.", tools=[look], model=model)
    with turn.use():
        await Runner.run(agent, f"Where is {SECRET}?")
    tracing.audio.put(
        call_id="call",
        role="caller",
        samples=np.ones(2400, np.float32),
        rate=24_000,
        offset_ms=0,
        item_id="i",
    )
    said = {names.GEN_AI_INPUT_MESSAGES: messages.user(f"Where is {SECRET}?")}
    turn.record("user_speech", start=1.0, end=2.0, attributes=said, error=SECRET)
    turn.set(**said, **{names.GEN_AI_OUTPUT_MESSAGES: messages.agent(f"It is {SECRET}.")})
    turn.end(reason="completed", error=f"{SECRET} failed")
    await tracing.flush()
    return turn


def redacting(redact: Callable[[str], str] = hide, **more: Any) -> Capture:
    """``redact`` has all the time that it takes: what it fails at in time is another test."""
    return Capture(redaction=Redaction("t", redact, **{"patience": 60.0, **more}), sound=False)


@pytest.mark.parametrize("capture", [redacting(), Capture(words=False, sound=False)])
async def test_the_words_are_in_no_way_out(
    settings: Settings,
    receiver: Any,
    monkeypatch: pytest.MonkeyPatch,
    capture: Capture,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv(CAPTURE, "SPAN_ONLY")
    tracing = Tracing(settings)
    tracing.start()
    with tracing.live.subscribe() as live:
        turn = await full_of_secrets(tracing, capture)
        await asyncio.sleep(0)
        shown = str(list(live._events))
    found = tracing.store.trace(turn.trace_id)
    listed = tracing.store.calls()
    await tracing.aclose()
    sent, lines = str(receiver.requests), tracing.store.path.read_bytes()
    assert turn.trace_id in shown and "db.statement" not in names.ATTRIBUTES
    for told in (shown, str(found), str(listed), sent, str(lines)):
        assert SECRET not in told
    assert not tracing.audio.root.exists()
    assert not tracing.store.calls(text=SECRET)
    assert found
    called = {span["name"] for span in found["spans"]}
    assert {"execute_tool look", "invoke_agent a", "user_speech"} < called
    if capture.words:
        assert {"custom about [hidden]", "GET /[hidden]"} < called
        for told in (shown, str(found), sent):
            assert "[hidden]" in told
        assert listed[0]["text"] == "Where is [hidden]?"
        assert tracing.store.calls(text="hidden")
        assert found["trace"]["error"] == "[hidden] failed"
    else:
        assert {"custom", "library"} < called


async def test_a_call_of_another_team_beside_it_is_kept_whole(tracing: Tracing) -> None:
    await full_of_secrets(tracing, redacting())
    tracing.call_opened("other", Capture())
    turn = tracing.turn(
        call_id="other", index=0, team="u", team_version="1", agent="a", transport="x"
    )
    turn.set(**{names.GEN_AI_INPUT_MESSAGES: messages.user(SECRET)})
    turn.end(reason="completed")
    await tracing.flush()
    assert [call["call_id"] for call in tracing.store.calls(text=SECRET)] == ["other"]


def sent_span(trace_id: int, scope: str) -> ReadableSpan:
    return ReadableSpan(
        name="tools/call look",
        context=otel.SpanContext(trace_id, 1, is_remote=True),
        attributes={"input.value": SECRET, names.GEN_AI_TOOL_CALL_RESULT: SECRET},
        instrumentation_scope=InstrumentationScope(scope),
        start_time=1,
        end_time=2,
    )


def test_spans_of_others_are_kept_as_the_team_of_their_call_has_it() -> None:
    captures = Captures(Capture())
    captures.opened("open", Capture())
    captures.joined(1, "open")
    server = "mcp-python-sdk"
    for trace_id in (1, 9):
        assert SECRET in str(captures.clean_received(sent_span(trace_id, server)).attributes)
    captures.opened("redacted", redacting())
    captures.joined(2, "redacted")
    captures.opened("closed", Capture(words=False))
    captures.joined(3, "closed")
    assert SECRET in str(captures.clean_received(sent_span(1, server)).attributes)
    hidden = captures.clean_received(sent_span(2, server)).attributes
    assert hidden == {"input.value": "[hidden]", names.GEN_AI_TOOL_CALL_RESULT: "[hidden]"}
    assert captures.clean_received(sent_span(3, server)).attributes == {}
    # Of a call that is not known, it is not known whose it is: another Frontdesk knows.
    assert captures.clean_received(sent_span(9, server)).attributes == {}
    assert SECRET in str(captures.clean_received(sent_span(9, "frontdesk")).attributes)


@pytest.mark.parametrize(
    ("capture", "goes"),
    [(Capture(), True), (Capture(sound=False), True), (redacting(), False)],
)
def test_openais_dashboard_gets_nothing_of_private_calls(capture: Capture, goes: bool) -> None:
    told: list[str] = []
    exporter = create_autospec(TracingProcessor, instance=True)
    exporter.on_trace_start.side_effect = lambda _: told.append("begun")
    exporter.on_span_end.side_effect = lambda _: told.append("ended")
    captures = Captures(Capture())
    captures.opened("call", capture)
    captures.joined(0xAB, "call")
    dashboard = OpenAiDashboard(exporter, captures)
    found: Any = type("Trace", (), {"trace_id": f"trace_{0xAB:032x}"})
    dashboard.on_trace_start(found)
    dashboard.on_span_end(found)
    assert told == (["begun", "ended"] if goes else [])


def fails(text: str) -> str:
    raise ValueError(text)


def gives_nothing(text: str) -> Any:
    return None


@pytest.mark.parametrize("redact", [fails, gives_nothing])
def test_what_a_function_fails_at_is_withheld_counted_and_said_once(
    redact: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    redaction = Redaction("shop", redact)
    for n in range(3):
        assert redaction.text(f"{SECRET} {n}") == FAILED
    assert redaction.failed == 3
    [record] = caplog.records
    assert record.levelno == logging.ERROR and "team shop" in record.getMessage()
    assert SECRET not in caplog.text


def test_a_function_that_hangs_withholds_and_holds_nobody_up_twice() -> None:
    may_end = threading.Event()
    asked: list[str] = []

    def hangs(text: str) -> str:
        asked.append(text)
        may_end.wait()
        return hide(text)

    redaction = Redaction("t", hangs, patience=0.05)
    assert [redaction.text(f"{SECRET} {n}") for n in range(50)] == [FAILED] * 50
    assert asked == [f"{SECRET} 0"]  # the rest were not even tried
    may_end.set()
    redaction._hangs.result(30)  # type: ignore[union-attr]
    redaction._patience = 30.0  # what is well is answered at once, but a busy machine may be late
    assert redaction.text(f"{SECRET} again") == "[hidden] again"


def test_messages_keep_their_form_whatever_is_left_of_their_words() -> None:
    redaction = Redaction("t", fails)
    said = messages.user("hello", "/api/audio/ab")
    kept = json.loads(str(redaction.attribute(names.GEN_AI_INPUT_MESSAGES, said)))
    assert kept == [
        {
            "role": "user",
            "parts": [
                {
                    "type": "uri",
                    "modality": "audio",
                    "mime_type": "audio/flac",
                    "uri": "/api/audio/ab",
                },
                {"type": "text", "content": FAILED},
            ],
        }
    ]


def test_a_number_is_known_by_its_name() -> None:
    redaction = Redaction("t", lambda text: re.sub('"pin": *[0-9]+', '"pin": "[pin]"', text))
    found = redaction.attribute(names.GEN_AI_TOOL_CALL_ARGUMENTS, '{"pin": 4711, "to": 4711}')
    assert found == '{"pin": "[pin]", "to": 4711}'


words = st.text(max_size=5).map(lambda text: f"{text}{SECRET}{text}")
json_values: Any = st.recursive(
    words | st.none() | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
everywhere = Redaction("t", hide)


@hypothesis(max_examples=80, deadline=None)
@given(json_values, st.sampled_from(sorted(names.PII)), st.booleans())
def test_wherever_the_word_stands_it_is_found(value: Any, name: str, twice: bool) -> None:
    text = json.dumps({"inner": json.dumps(value)} if twice else value)
    assert SECRET not in str(everywhere.attribute(name, text))
    assert SECRET not in str(everywhere.attribute(name, messages.of([value])))
