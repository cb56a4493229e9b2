"""Turns like those that calls leave behind, as OpenTelemetry's spans."""

import random
import time
from collections.abc import Iterator

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from frontdesk.tracing import messages, names
from frontdesk.tracing.calls import Tracing

AGENTS = ("frontdesk", "orders", "advice", "accounts", "repairs")
WORDS = (
    "my lamp order number delivery tuesday address broken return refund please thank you".split()
)
SPREAD = 3 * 86_400.0
"""Seconds over which the calls of a made store are spread."""
TURNS_A_CALL = 6
LONG, SHORT = 200, 20
"""Spans of a turn: one in eleven is long, so that half of all spans are in such."""

_RESOURCE = Resource.create({"service.name": "frontdesk"})
_SCOPE = InstrumentationScope("frontdesk")
_KINDS = (
    ("chat fast", {names.GEN_AI_REQUEST_MODEL: "fast", names.GEN_AI_USAGE_INPUT_TOKENS: 310}),
    ("execute_tool find_order", {names.GEN_AI_TOOL_NAME: "find_order"}),
    ("text_to_speech hibari", {names.GEN_AI_REQUEST_MODEL: "hibari"}),
    ("speech_to_text moonshine", {names.GEN_AI_REQUEST_MODEL: "moonshine"}),
    ("playback", {}),
)


def said(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=40))


def traced(tracing: Tracing, index: int, spans: int = SHORT) -> None:
    """A turn, written as a call writes it."""
    call_id = f"sess_{index // TURNS_A_CALL:024x}"
    now = time.time()
    turn = tracing.turn(
        call_id=call_id,
        index=index % TURNS_A_CALL,
        team="bench",
        team_version="000000000000",
        agent="frontdesk",
        transport="websocket",
        start=now - 2,
    )
    for number in range(spans - 1):
        name, attributes = _KINDS[number % len(_KINDS)]
        words = messages.agent(" ".join(WORDS))
        content = {names.GEN_AI_AGENT_NAME: "orders", names.GEN_AI_OUTPUT_MESSAGES: words}
        turn.record(name, start=now - 1, end=now, attributes={**attributes, **content})
    turn.end(reason="completed", end=now)


def made(total: int, seed: int = 7) -> Iterator[list[ReadableSpan]]:
    """Turns with ``total`` spans in all, each a trace: root first, then its children."""
    chance, now, written, turn = random.Random(seed), time.time(), 0, 0
    opened = now
    while written < total:
        size = min(LONG if turn % 11 == 10 else SHORT, total - written)
        calls = turn // TURNS_A_CALL
        opened = opened + 12 if turn % TURNS_A_CALL else now - SPREAD * chance.random()
        yield _turn(chance, calls, turn % TURNS_A_CALL, opened, size)
        written, turn = written + size, turn + 1


def _turn(
    chance: random.Random, call: int, index: int, start: float, size: int
) -> list[ReadableSpan]:
    trace_id, call_id = chance.getrandbits(128), f"sess_{call:024x}"
    root = SpanContext(trace_id, chance.getrandbits(64), False, TraceFlags(1))
    agent = chance.choice(AGENTS)
    failed = chance.random() < 0.03
    answer = {
        names.GEN_AI_WORKFLOW_NAME: "bench",
        names.GEN_AI_CONVERSATION_ID: call_id,
        names.GEN_AI_AGENT_NAME: agent,
        names.VOICE_TURN_INDEX: index,
        names.VOICE_TURN_LATENCY: chance.lognormvariate(-0.5, 0.5),
        names.VOICE_TURN_END_REASON: "completed",
        names.GEN_AI_INPUT_MESSAGES: messages.user(said(chance)),
        names.GEN_AI_OUTPUT_MESSAGES: messages.agent(said(chance)),
    }
    spans = [_span("invoke_workflow bench", root, None, start, 5.0, answer, failed=False)]
    for number in range(size - 1):
        name, attributes = _KINDS[number % len(_KINDS)]
        context = SpanContext(trace_id, chance.getrandbits(64), False, TraceFlags(1))
        content = {
            names.GEN_AI_CONVERSATION_ID: call_id,
            names.GEN_AI_AGENT_NAME: agent,
            names.GEN_AI_OUTPUT_MESSAGES: messages.agent(said(chance)),
            **attributes,
        }
        at = start + 4.0 * number / size
        lost = failed and number == 1
        spans.append(_span(name, context, root, at, chance.expovariate(3), content, failed=lost))
    return spans


def _span(
    name: str,
    context: SpanContext,
    parent: SpanContext | None,
    start: float,
    seconds: float,
    attributes: dict[str, str | int | float],
    *,
    failed: bool,
) -> ReadableSpan:
    return ReadableSpan(
        name,
        context=context,
        parent=parent,
        resource=_RESOURCE,
        instrumentation_scope=_SCOPE,
        attributes=attributes,
        kind=SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, "the order desk is closed") if failed else Status(),
        start_time=round(start * 1e9),
        end_time=round((start + seconds) * 1e9),
    )
