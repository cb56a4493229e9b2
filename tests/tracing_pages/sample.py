"""One realistic call for the pages: a handoff, an MCP tool, a slow function, a barge-in, an error,
and a caller whose words are markup. Loaded by the conftests of two test folders."""

import json
import math
import random
from typing import Any

from frontdesk.tracing.filters import CallFilters

STARTED = 1_795_309_200.0
CALL = "sess_Q7v2mZr41xTn"
HOSTILE = "<script>window.__hostile = 1</script><img src=x onerror='window.__hostile = 1'>"
TURNS = ("0af7651916cd43dd8448eb211c80319c", "1bf7651916cd43dd8448eb211c80319d", "2cf76519" * 4)


class Trace:
    """Spans of one turn, with times in seconds from the start of the call."""

    def __init__(self, trace_id: str) -> None:
        self.trace_id = trace_id
        self.spans: list[dict[str, Any]] = []

    def add(
        self,
        name: str,
        stage: str,
        start: float,
        end: float | None,
        parent: str | None = None,
        agent: str | None = None,
        error: str | None = None,
        **attributes: Any,
    ) -> str:
        span_id = f"{self.trace_id[:8]}{len(self.spans):08x}"
        self.spans.append(
            {
                "span_id": span_id,
                "parent_id": parent,
                "name": name,
                "stage": stage,
                "agent": agent,
                "start": STARTED + start,
                "end": None if end is None else STARTED + end,
                "status": "error" if error else "open" if end is None else "ok",
                "error": error,
                "events": [],
                "attributes": {key.replace("__", "."): value for key, value in attributes.items()},
            }
        )
        return span_id


def message(role: str, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"role": role, "parts": list(parts), **more}


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


def chat(
    trace: Trace,
    parent: str,
    agent: str,
    start: float,
    end: float,
    heard: str,
    *parts: dict[str, Any],
    finish: str = "stop",
) -> None:
    trace.add(
        "chat qwen3-8b",
        "model",
        start,
        end,
        parent,
        agent,
        gen_ai__operation__name="chat",
        gen_ai__request__model="qwen3-8b",
        gen_ai__usage__input_tokens=412,
        gen_ai__usage__output_tokens=38,
        gen_ai__response__time_to_first_chunk=0.112,
        gen_ai__system_instructions=json.dumps([text(f"You are {agent}. Answer briefly.")]),
        gen_ai__input__messages=json.dumps([message("user", text(heard))]),
        gen_ai__output__messages=json.dumps([message("assistant", *parts, finish_reason=finish)]),
    )


def ears(trace: Trace, root: str, start: float, end: float, said: str, eou: float) -> None:
    trace.add(
        "user_speech",
        "user_speech",
        start,
        end,
        root,
        gen_ai__input__messages=json.dumps(
            [
                message(
                    "user",
                    {"type": "uri", "modality": "audio", "uri": "/api/audio/c0ffee.flac"},
                    text(said),
                )
            ]
        ),
    )
    trace.add("end_of_turn", "end_of_turn", end, end + eou, root, voice__eou__probability=0.93)
    trace.add(
        "speech_to_text moonshine",
        "speech_to_text",
        end + 0.02,
        end + eou + 0.04,
        root,
        gen_ai__speech__input__language="en",
        gen_ai__output__messages=json.dumps([message("user", text(said))]),
    )


def mouth(trace: Trace, root: str, start: float, end: float, words: str, heard: float) -> None:
    for index, sentence in enumerate(words.split(". ")):
        trace.add(
            "text_to_speech hibari",
            "text_to_speech",
            start + 0.2 * index - 0.09,
            start + 0.2 * index + 0.15,
            root,
            gen_ai__speech__voice="warm",
            gen_ai__input__messages=json.dumps([message("assistant", text(sentence))]),
        )
    trace.add("playback", "playback", start, end, root, voice__playback__position=heard)


FIRST = "Hello, I have a question about an order of mine."
SECOND = "The number is four eight two seven one, and I am still waiting for it."
ANSWER = "Order 48271 left our warehouse on Friday. It holds two lamps and a table. It is with"
FOUND = {"number": "48271", "status": "shipped", "items": ["lamp", "table"], "note": HOSTILE}
GLADLY = "Gladly. What is the order number?"
LEFT = "Order 48271 left our warehouse on Friday."
TUESDAY = "It comes on Tuesday between nine and one."
THIRD = f"Wait, when will it be here? {HOSTILE}"


def first() -> list[dict[str, Any]]:
    trace = Trace(TURNS[0])
    root = trace.add("invoke_workflow support", "turn", 0.8, 8.2, gen_ai__conversation__id=CALL)
    ears(trace, root, 0.8, 4.2, FIRST, 0.21)
    desk = trace.add("invoke_agent frontdesk", "agent", 4.45, 4.72, root, "frontdesk")
    call = {"type": "tool_call", "id": "c1", "name": "transfer_to_orders", "arguments": {}}
    chat(trace, desk, "frontdesk", 4.46, 4.66, FIRST, call, finish="tool_call")
    trace.add(
        "handoff orders",
        "handoff",
        4.67,
        4.70,
        desk,
        "frontdesk",
        voice__handoff__from="frontdesk",
        voice__handoff__to="orders",
    )
    orders = trace.add("invoke_agent orders", "agent", 4.72, 5.4, root, "orders")
    reply = GLADLY
    chat(trace, orders, "orders", 4.73, 5.02, FIRST, text(reply))
    mouth(trace, root, 5.1, 8.0, reply, 2.9)
    return trace.spans


def second() -> list[dict[str, Any]]:
    trace = Trace(TURNS[1])
    root = trace.add("invoke_workflow support", "turn", 9.0, 15.6, voice__interrupted_at=2.1)
    ears(trace, root, 9.0, 12.4, SECOND, 0.19)
    orders = trace.add("invoke_agent orders", "agent", 12.62, 13.3, root, "orders")
    wanted = {"number": "48271"}
    call = {"type": "tool_call", "id": "c2", "name": "find_order", "arguments": wanted}
    chat(trace, orders, "orders", 12.63, 12.8, SECOND, call, finish="tool_call")
    tool = trace.add(
        "execute_tool find_order",
        "tools",
        12.81,
        12.97,
        orders,
        "orders",
        gen_ai__tool__name="find_order",
        gen_ai__tool__call__arguments='{"number":"48271"}',
        gen_ai__tool__call__result=json.dumps(FOUND),
    )
    client = trace.add(
        "MCP send tools/call find_order",
        "mcp",
        12.82,
        12.96,
        tool,
        mcp__method__name="tools/call",
        mcp__server="orders",
        network__transport="tcp",
    )
    trace.add("tools/call find_order", "mcp", 12.85, 12.94, client, mcp__session__id="a81f")
    chat(trace, orders, "orders", 12.98, 13.2, SECOND, text(ANSWER))
    mouth(trace, root, 13.28, 15.4, ANSWER, 2.1)
    return trace.spans


def third() -> list[dict[str, Any]]:
    trace = Trace(TURNS[2])
    root = trace.add("invoke_workflow support", "turn", 15.2, 29.4)
    ears(trace, root, 15.2, 19.0, THIRD, 0.24)
    orders = trace.add("invoke_agent orders", "agent", 19.26, 24.1, root, "orders")
    chat(trace, orders, "orders", 19.27, 19.5, THIRD, text("One moment."), finish="tool_call")
    trace.add(
        "execute_tool estimate_delivery",
        "tools",
        19.52,
        22.8,
        orders,
        "orders",
        gen_ai__tool__call__arguments={"number": "48271"},
        gen_ai__tool__call__result='{"day": "Tuesday", "between": ["09:00", "13:00"]}',
    )
    trace.add(
        "execute_tool carrier_status",
        "tools",
        19.52,
        21.5,
        orders,
        "orders",
        error="The carrier did not answer within 2 s.",
        error__type="TimeoutError",
        gen_ai__tool__call__arguments='{"number": "48271", "carrier": "north"}',
    )
    trace.spans[-1]["events"] = [
        {
            "name": "exception",
            "time": STARTED + 21.5,
            "attributes": {
                "exception.type": "TimeoutError",
                "exception.stacktrace": 'Traceback:\n  File "carrier.py", line 31\nTimeoutError',
            },
        }
    ]
    reply = "It comes on Tuesday between nine and one. Shall I send you a message before"
    chat(trace, orders, "orders", 22.82, 23.4, THIRD, text(reply))
    mouth(trace, root, 19.62, 29.2, "One moment, I look that up. " + reply, 9.6)
    return trace.spans


def recording(item: str, role: str, offset: float, seconds: float) -> dict[str, Any]:
    noise = random.Random(item)
    peaks = [
        round(abs(math.sin(index / 7)) * abs(math.sin(index / 31)) * noise.uniform(0.35, 0.95), 3)
        for index in range(round(seconds * 50))
    ]
    return {
        "item_id": item,
        "role": role,
        "uri": f"/api/audio/{item}.flac",
        "offset_ms": round(offset * 1000),
        "seconds": seconds,
        "peaks": peaks,
    }


def turn(
    index: int, start: float, seconds: float, latency: float, stages: dict[str, float], **more: Any
) -> dict[str, Any]:
    return {
        "trace_id": TURNS[index],
        "index": index,
        "started": STARTED + start,
        "seconds": seconds,
        "agents": ["orders"],
        "latency_ms": latency,
        "stages": stages,
        "interrupted_at": None,
        "interrupted_of": None,
        "errors": 0,
        "cost": 0.00041,
        "currency": "USD",
        "unpriced": [],
    } | more


def stages(*ms: float) -> dict[str, float]:
    names = ("end_of_turn", "speech_to_text", "model", "tools", "text_to_speech")
    return dict(zip(names, ms, strict=True))


def line(
    role: str, agent: str | None, words: str, start: float, end: float, index: int
) -> dict[str, Any]:
    return {
        "role": role,
        "agent": agent,
        "text": words,
        "start_ms": round(1000 * start),
        "end_ms": round(1000 * end),
        "trace_id": TURNS[index],
    }


SUMMARY: dict[str, Any] = {
    "call_id": CALL,
    "team": "support",
    "agents": ["frontdesk", "orders"],
    "flow": ["frontdesk", "orders"],
    "started": STARTED,
    "seconds": 30.0,
    "turns": 3,
    "tools": ["find_order", "estimate_delivery", "carrier_status"],
    "tool_calls": {"find_order": 1, "estimate_delivery": 1, "carrier_status": 2},
    "handoffs": 1,
    "errors": 1,
    "first_audio_ms": 800.0,
    "slowest_ms": 900.0,
    "tokens": 2250,
    "tokens_in": 2060,
    "cost": 0.00123,
    "currency": "USD",
    "unpriced": [],
    "recorded": True,
    "live": False,
    "text": FIRST,
}

SAMPLE_CALL: dict[str, Any] = {
    "call": SUMMARY,
    "turns": [
        turn(0, 0.8, 7.4, 900.0, stages(210, 40, 490, 0, 160), caller=FIRST, agent=GLADLY)
        | {"agents": ["frontdesk", "orders"]},
        turn(1, 9.0, 6.6, 880.0, stages(190, 40, 390, 160, 100), caller=SECOND, agent=LEFT)
        | {"interrupted_at": 2.1, "interrupted_of": 4.4},
        turn(2, 15.2, 14.2, 620.0, stages(240, 40, 230, 0, 110), caller=THIRD, agent=TUESDAY)
        | {"errors": 1},
    ],
    "audio": [
        recording("item_c1", "caller", 0.8, 3.4),
        recording("item_a1", "agent", 5.1, 2.9),
        recording("item_c2", "caller", 9.0, 3.4),
        recording("item_a2", "agent", 13.28, 2.2),
        recording("item_c3", "caller", 15.2, 3.8),
        recording("item_a3", "agent", 19.62, 9.6),
    ],
    "handoffs": [
        {"from": "frontdesk", "to": "orders", "start_ms": 4670, "trace_id": TURNS[0]},
    ],
    "transcript": [
        line("caller", None, FIRST, 0.8, 4.2, 0),
        line("agent", "orders", GLADLY, 5.1, 8.0, 0),
        line("caller", None, SECOND, 9.0, 12.4, 1),
        line("agent", "orders", LEFT, 13.28, 15.4, 1),
        line("caller", None, THIRD, 15.2, 19.0, 2),
        line("agent", "orders", "One moment, I look that up.", 19.62, 21.0, 2),
        line("agent", "orders", TUESDAY, 24.0, 29.2, 2),
    ],
}


def other_calls() -> list[dict[str, Any]]:
    """More rows for the list, older than the sample."""
    words = [
        ("Is the blue lamp in stock again?", ["frontdesk", "catalogue"], ["search_articles"]),
        ("I want my money back for the chair.", ["frontdesk", "billing"], ["refund_order"]),
        (HOSTILE, ["frontdesk"], []),
        ("What are your opening hours in Busan?", ["frontdesk"], ["search_articles"]),
        ("The invoice has the wrong address.", ["frontdesk", "orders", "billing"], ["find_order"]),
    ]
    return [
        {
            **SUMMARY,
            "call_id": f"sess_older{index}",
            "agents": agents,
            "flow": [*agents, agents[0]] if len(agents) > 2 else agents,
            "tools": tools,
            "tool_calls": dict.fromkeys(tools, 2),
            "started": STARTED - 420.0 * (index + 1),
            "seconds": 21.0 + 13 * index,
            "turns": 2 + index,
            "handoffs": len(agents) - 1,
            "errors": 0,
            "first_audio_ms": None if index == 2 else 540.0 + 110 * index,
            "slowest_ms": None if index == 2 else 640.0 + 310 * index,
            "recorded": index != 2,
            "tokens": 900 * index,
            "tokens_in": 800 * index,
            "text": said,
        }
        for index, (said, agents, tools) in enumerate(words)
    ]


class SampleData:
    """What a trace store would answer; tests may add and change calls."""

    def __init__(self) -> None:
        self.summaries = [SUMMARY, *other_calls()]
        self.full: dict[str, dict[str, Any]] = {CALL: SAMPLE_CALL}
        self.traces = dict(zip(TURNS, (first(), second(), third()), strict=True))
        self.scores: list[dict[str, Any]] = []

    def calls(
        self, filters: CallFilters, *, limit: int, before: float | None = None
    ) -> dict[str, Any]:
        asked = filters.for_store()
        least, most = asked.get("latency_min", 0), asked.get("latency_max", 1e9)
        found = [
            call
            for call in sorted(self.summaries, key=lambda each: -each["started"])
            if (before is None or call["started"] < before)
            and (filters.agent is None or filters.agent in call["agents"])
            and (not filters.errors or call["errors"])
            and (filters.q is None or filters.q.lower() in call["text"].lower())
            and least <= (call["slowest_ms"] or 0) / 1000 <= most
        ]
        agents = sorted({name for call in self.summaries for name in call["agents"]})
        return {"calls": found[:limit], "agents": agents, "teams": ["support"]}

    def call(self, call_id: str) -> dict[str, Any] | None:
        return self.full.get(call_id)

    def trace(self, trace_id: str) -> dict[str, Any] | None:
        spans = self.traces.get(trace_id)
        if spans is None:
            return None
        scores = [score for score in self.scores if score["trace_id"] == trace_id]
        return {"trace": {"trace_id": trace_id}, "spans": spans, "scores": scores}
