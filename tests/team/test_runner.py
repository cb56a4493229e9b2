import asyncio
import gc
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from agents.tracing import get_trace_provider

from agents import Span, Trace, TracingProcessor, set_trace_processors
from frontdesk.team.events import (
    AgentChanged,
    ClientTool,
    ClientToolCalled,
    HistoryItem,
    MessageEnded,
    TextDelta,
    ToolEnded,
    ToolProgress,
    ToolStarted,
    TurnEnded,
    TurnFailed,
)

Start = Callable[..., Any]
WEATHER = ClientTool("weather", "Tells the weather.", {"type": "object", "properties": {}})
SHIPPING = {
    "estimate": {"call": "tools.shipping:estimate", "say_while_waiting": "Let me count."},
    "broken": {"call": "tools.shipping:broken"},
    "slow": {"call": "tools.shipping:slow"},
    "whose": {"call": "tools.shipping:whose"},
    "whose_too": {"call": "tools.shipping:whose_too"},
    "blocking": {"call": "tools.shipping:blocking"},
}


class Recorder(TracingProcessor):
    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.ended: list[Trace] = []
        self.spans: list[Span[Any]] = []

    def on_trace_start(self, trace: Trace) -> None:
        self.traces.append(trace)

    def on_trace_end(self, trace: Trace) -> None:
        self.ended.append(trace)

    def on_span_start(self, span: Span[Any]) -> None: ...

    def on_span_end(self, span: Span[Any]) -> None:
        self.spans.append(span)

    def shutdown(self) -> None: ...

    def force_flush(self) -> None: ...


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorder]:
    recorder = Recorder()
    get_trace_provider().set_disabled(False)
    set_trace_processors([recorder])
    yield recorder
    set_trace_processors([])


def words(events: list[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def of(kind: Any, events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def items(events: list[Any]) -> list[Any]:
    return [event.item for event in of(HistoryItem, events)]


async def test_a_plain_answer_is_told_word_by_word(start_team: Start, hear: Any, ask: Any) -> None:
    runner = await start_team({"frontdesk": {}})
    events = await hear(runner, ask())
    assert words(events).startswith("Thank you, ")
    assert len(of(TextDelta, events)) == 18
    assert events[-2:] == [MessageEnded(), TurnEnded("frontdesk", output_tokens=18)]


async def test_instructions_are_the_prompt_and_what_the_client_added(
    start_team: Start, hear: Any, ask: Any
) -> None:
    model = ScriptedModel([[assistant_message("hi")]])
    runner = await start_team({"frontdesk": {}}, {"frontdesk": model})
    await hear(runner, ask(instructions="Be brief.", variables={"caller": "Lee"}))
    assert model.calls[0].system_instructions == "You are frontdesk for Lee.\n\nBe brief."


async def test_a_tool_is_told_from_start_to_end_and_enters_the_history_as_a_pair(
    start_team: Start, hear: Any, ask: Any
) -> None:
    script = [
        [
            assistant_message("Let me see."),
            function_call("estimate", {"city": "Bonn"}, call_id="c1"),
        ],
        [assistant_message("Three days.")],
    ]
    runner = await start_team(
        {"frontdesk": {"tools": ["estimate"]}}, {"frontdesk": script}, tools=SHIPPING
    )
    events = await hear(runner, ask())
    assert words(events) == "Let me see.Three days."
    told = [e for e in events if not isinstance(e, TextDelta)]
    output = '{"city":"Bonn","days":3}'
    assert told == [
        MessageEnded(),
        ToolStarted("c1", "estimate", '{"city":"Bonn"}', None, "Let me count."),
        ToolEnded("c1", "estimate", output),
        HistoryItem(
            {
                "type": "function_call",
                "call_id": "c1",
                "name": "estimate",
                "arguments": '{"city":"Bonn"}',
            }
        ),
        HistoryItem({"type": "function_call_output", "call_id": "c1", "output": output}),
        MessageEnded(),
        TurnEnded("frontdesk"),
    ]


async def test_a_quick_tool_ends_before_a_slow_one_beside_it(
    start_team: Start, ask: Any, desk: Any
) -> None:
    script = [
        [
            function_call("slow", {}, call_id="c1"),
            function_call("estimate", {"city": "Bonn"}, call_id="c2"),
        ]
    ]
    runner = await start_team(
        {"frontdesk": {"tools": ["estimate", "slow"]}}, {"frontdesk": script}, tools=SHIPPING
    )
    events = []
    stream = runner.run(ask())
    async for event in stream:
        events.append(event)
        if isinstance(event, HistoryItem) and event.item.get("type") == "function_call_output":
            break
    await stream.aclose()
    assert [event.call_id for event in of(ToolEnded, events)] == ["c2"]
    assert [item["call_id"] for item in items(events)] == ["c2", "c2"]


async def test_a_failing_tool_is_an_error_to_the_model_and_leaks_nothing(
    start_team: Start, hear: Any, ask: Any, recorded: Recorder
) -> None:
    model = ScriptedModel(
        [[function_call("broken", {}, call_id="c1")], [assistant_message("Sorry.")]]
    )
    runner = await start_team(
        {"frontdesk": {"tools": ["broken"]}}, {"frontdesk": model}, tools=SHIPPING
    )
    events = await hear(runner, ask())
    [ended] = of(ToolEnded, events)
    assert ended.error
    assert "hunter2" not in json.dumps(model.calls[1].input)
    [span] = [span for span in recorded.spans if span.span_data.type == "function"]
    assert span.error and "hunter2" in str(span.error)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("estimate", {"city": "Atlantis"}), "We do not deliver to Atlantis."),
        (
            ("estimate", {}),
            "The tool was not run: wrong arguments ($: 'city' is a required property).",
        ),
        (("estimate", "{not json"), "The tool was not run: its arguments are not JSON."),
        (
            ("slow", {}),
            "The tool did not finish within 0.05 seconds and was given up; "
            "it is not known whether it took effect.",
        ),
    ],
)
async def test_the_model_is_told_in_words_what_was_wrong(
    start_team: Start, hear: Any, ask: Any, call: Any, message: str
) -> None:
    name, given = call
    script = [[function_call(name, given, call_id="c1")], [assistant_message("I see.")]]
    tools = {**SHIPPING, "slow": {"call": "tools.shipping:slow", "timeout": "50ms"}}
    runner = await start_team(
        {"frontdesk": {"tools": ["estimate", "slow"]}}, {"frontdesk": script}, tools=tools
    )
    events = await hear(runner, ask())
    assert of(ToolEnded, events) == [ToolEnded("c1", name, message, error=True)]
    assert words(events) == "I see."


async def test_a_tool_that_does_not_exist_is_an_error_to_the_model(
    start_team: Start, hear: Any, ask: Any
) -> None:
    script = [[function_call("dream", {}, call_id="c1")], [assistant_message("I see.")]]
    runner = await start_team({"frontdesk": {}}, {"frontdesk": script})
    events = await hear(runner, ask())
    [ended] = of(ToolEnded, events)
    assert ended.error and words(events) == "I see."
    assert [item["type"] for item in items(events)] == ["function_call", "function_call_output"]


async def test_a_function_may_know_its_call_and_report_on_its_work(
    start_team: Start, hear: Any, ask: Any
) -> None:
    script = [
        [
            function_call("whose", {"greeting": "Hello"}, call_id="c1"),
            function_call("whose_too", {}, call_id="c2"),
            function_call("blocking", {"name": "job"}, call_id="c3"),
        ],
        [assistant_message("Done.")],
    ]
    runner = await start_team(
        {"frontdesk": {"tools": ["whose", "whose_too", "blocking"]}},
        {"frontdesk": script},
        tools=SHIPPING,
    )
    events = await hear(runner, ask())
    assert of(ToolProgress, events) == [ToolProgress("c1", "looking up the name")]
    outputs = {event.call_id: event.output for event in of(ToolEnded, events)}
    assert outputs["c1"] == "Hello Kim on sess_1"
    assert outputs["c2"] == "sess_1"
    assert outputs["c3"].startswith("job in frontdesk-tool")


async def test_after_a_handoff_the_other_agent_goes_on(
    start_team: Start, hear: Any, ask: Any, recorded: Recorder
) -> None:
    script = [[function_call("transfer_to_orders", {}, call_id="c1")]]
    orders = ScriptedModel([[assistant_message("Orders here.")]])
    runner = await start_team(
        {
            "frontdesk": {"handoffs": [{"to": "orders", "say": "I'll put you through."}]},
            "orders": {"handoffs": ["frontdesk"], "examples": ["where is my parcel"]},
        },
        {"frontdesk": script, "orders": orders},
    )
    events = await hear(runner, ask())
    [change] = of(AgentChanged, events)
    assert (change.agent, change.previous) == ("orders", "frontdesk")
    assert (change.say, change.history) == ("I'll put you through.", "full")
    assert [item["type"] for item in change.items] == ["function_call", "function_call_output"]
    assert of(TextDelta, events)[0] == TextDelta("Orders here.", "orders")
    assert events[-1].agent == "orders"
    assert not items(events)
    assert not of(ToolStarted, events)
    assert "handoff" in {span.span_data.type for span in recorded.spans}
    assert [tool.tool_name for tool in orders.calls[0].handoffs] == ["transfer_to_frontdesk"]


async def test_of_two_handoffs_at_once_the_first_counts_and_both_are_answered(
    start_team: Start, hear: Any, ask: Any
) -> None:
    script = [
        [
            function_call("transfer_to_orders", {}, call_id="c1"),
            function_call("transfer_to_billing", {}, call_id="c2"),
        ]
    ]
    runner = await start_team(
        {"frontdesk": {"handoffs": ["orders", "billing"]}, "orders": {}, "billing": {}},
        {"frontdesk": script},
    )
    events = await hear(runner, ask())
    assert events[-1].agent == "orders"
    [change] = of(AgentChanged, events)
    kinds = [(item["type"], item["call_id"]) for item in (*change.items, *items(events))]
    assert sorted(kinds) == [
        (kind, call) for kind in ("function_call", "function_call_output") for call in ("c1", "c2")
    ]
    assert not of(ToolEnded, events)


async def test_a_tool_of_the_client_ends_the_run_when_the_others_are_done(
    start_team: Start, hear: Any, ask: Any
) -> None:
    model = ScriptedModel(
        [
            [
                function_call("weather", {"city": "Bonn"}, call_id="c1"),
                function_call("estimate", {"city": "Bonn"}, call_id="c2"),
            ]
        ]
    )
    runner = await start_team(
        {"frontdesk": {"tools": ["estimate"]}}, {"frontdesk": model}, tools=SHIPPING
    )
    events = await hear(runner, ask(client_tools=(WEATHER,)))
    assert of(ClientToolCalled, events) == [ClientToolCalled("c1", "weather", '{"city":"Bonn"}')]
    assert [event.call_id for event in of(ToolEnded, events)] == ["c2"]
    kinds = [(item["type"], item["call_id"]) for item in items(events)]
    assert kinds == [("function_call", "c2"), ("function_call_output", "c2")]
    assert len(model.calls) == 1
    assert isinstance(events[-1], TurnEnded)


async def test_the_clients_answer_is_read_in_the_next_run(
    start_team: Start, hear: Any, ask: Any
) -> None:
    model = ScriptedModel(
        [[function_call("weather", {}, call_id="c1")], [assistant_message("It rains.")]]
    )
    runner = await start_team({"frontdesk": {}}, {"frontdesk": model})
    [called] = of(ClientToolCalled, await hear(runner, ask(client_tools=(WEATHER,))))
    call = {
        "type": "function_call",
        "call_id": called.call_id,
        "name": called.name,
        "arguments": called.arguments,
    }
    output = {"type": "function_call_output", "call_id": "c1", "output": "rain"}
    history = [{"role": "user", "content": "weather?"}, call, output]
    events = await hear(runner, ask(history=history, client_tools=(WEATHER,)))
    assert words(events) == "It rains."
    assert model.calls[1].input[-1]["output"] == "rain"


async def test_a_tool_of_the_client_does_not_hide_one_of_the_team(
    start_team: Start, hear: Any, ask: Any
) -> None:
    script = [
        [function_call("estimate", {"city": "Bonn"}, call_id="c1")],
        [assistant_message("Three days.")],
    ]
    runner = await start_team(
        {"frontdesk": {"tools": ["estimate"]}}, {"frontdesk": script}, tools=SHIPPING
    )
    imposter = ClientTool("estimate", "Mine.", {})
    events = await hear(runner, ask(client_tools=(imposter,)))
    assert not of(ClientToolCalled, events)
    assert [event.output for event in of(ToolEnded, events)] == ['{"city":"Bonn","days":3}']


async def test_closing_the_run_stops_its_tool(
    start_team: Start, ask: Any, recorded: Recorder
) -> None:
    script = [[assistant_message("One moment."), function_call("slow", {}, call_id="c1")]]
    runner = await start_team(
        {"frontdesk": {"tools": ["slow"]}}, {"frontdesk": script}, tools=SHIPPING
    )
    events: list[Any] = []

    async def consume() -> None:
        async for event in runner.run(ask()):
            events.append(event)

    task = asyncio.create_task(consume())
    while not of(ToolStarted, events):  # noqa: ASYNC110
        await asyncio.sleep(0)
    *_, module = [m for n, m in sys.modules.items() if n.endswith("tools.shipping")]
    await module.started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert module.stopped.is_set()
    assert items(events) == []
    assert len(recorded.ended) == 1
    for _ in range(20):
        await asyncio.sleep(0)
    assert {span.span_data.type for span in recorded.spans} >= {"agent", "function"}


async def test_closing_the_run_stops_the_model(start_team: Start, ask: Any) -> None:
    closed = asyncio.Event()

    async def endless(call: Any) -> Any:
        try:
            await asyncio.Event().wait()
            yield None
        finally:
            closed.set()

    model = ScriptedModel([ModelStep.stream(endless)])
    runner = await start_team({"frontdesk": {}}, {"frontdesk": model})
    reading = asyncio.create_task(anext(runner.run(ask())))
    while not model.calls:  # noqa: ASYNC110
        await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert closed.is_set()


async def test_nobody_is_bothered_with_how_a_run_failed_that_was_left_before(
    start_team: Start, ask: Any
) -> None:
    said: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: said.append(told))
    script = [
        [assistant_message("Wait."), function_call("estimate", {"city": "Bonn"}, call_id="c1")]
    ]
    runner = await start_team(
        {"frontdesk": {"tools": ["estimate"]}}, {"frontdesk": script}, tools=SHIPPING
    )
    stream = runner.run(ask())
    assert await anext(stream)
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
    await stream.aclose()
    del stream
    gc.collect()
    assert said == []


async def test_a_model_that_fails_fails_the_turn_with_a_code(
    start_team: Start, hear: Any, ask: Any
) -> None:
    runner = await start_team({"frontdesk": {}}, {"frontdesk": [RuntimeError("no")]})
    with pytest.raises(TurnFailed) as failed:
        await hear(runner, ask())
    assert failed.value.code == "model_error"


async def test_a_model_that_never_comes_to_an_end_is_stopped(
    start_team: Start, hear: Any, ask: Any
) -> None:
    script = [[function_call("estimate", {"city": "Bonn"}, call_id=f"c{n}")] for n in range(20)]
    runner = await start_team(
        {"frontdesk": {"tools": ["estimate"]}}, {"frontdesk": script}, tools=SHIPPING
    )
    with pytest.raises(TurnFailed) as failed:
        await hear(runner, ask())
    assert failed.value.code == "too_many_steps"


async def test_a_model_over_its_time_fails_the_turn(start_team: Start, hear: Any, ask: Any) -> None:
    async def endless(call: Any) -> Any:
        await asyncio.Event().wait()
        yield None

    runner = await start_team(
        {"frontdesk": {}},
        {"frontdesk": ScriptedModel([ModelStep.stream(endless)])},
        models={"main": {"timeout": "50ms"}},
    )
    with pytest.raises(TurnFailed) as failed:
        await hear(runner, ask())
    assert failed.value.code == "model_timeout"


async def test_an_agent_that_is_not_there_fails_the_turn(
    start_team: Start, hear: Any, ask: Any
) -> None:
    runner = await start_team({"frontdesk": {}})
    with pytest.raises(TurnFailed, match="no agent 'nobody'"):
        await hear(runner, ask(agent="nobody"))


async def test_a_forced_tool_choice_binds_only_the_first_step(
    start_team: Start, hear: Any, ask: Any
) -> None:
    script = [[function_call("transfer_to_orders", {}, call_id="c1")]]
    frontdesk, orders = ScriptedModel(script), ScriptedModel([[assistant_message("Hi.")]])
    runner = await start_team(
        {"frontdesk": {"handoffs": ["orders"]}, "orders": {}},
        {"frontdesk": frontdesk, "orders": orders},
    )
    await hear(runner, ask(tool_choice="required", max_output_tokens=99))
    assert frontdesk.calls[0].model_settings.tool_choice == "required"
    assert orders.calls[0].model_settings.tool_choice is None
    assert orders.calls[0].model_settings.max_tokens == 99


async def test_the_trace_is_the_turn_and_its_group_the_call(
    start_team: Start, hear: Any, ask: Any, recorded: Recorder
) -> None:
    runner = await start_team({"frontdesk": {}})
    request = ask()
    await hear(runner, request)
    [trace] = recorded.traces
    exported = trace.export() or {}
    assert trace.trace_id == f"trace_{request.trace_id}"
    assert exported["group_id"] == request.call_id
    assert exported["workflow_name"] == "support"


async def test_runs_side_by_side_do_not_mix(start_team: Start, hear: Any, ask: Any) -> None:
    runner = await start_team(
        {"frontdesk": {"tools": ["whose"]}}, tools={"whose": SHIPPING["whose"]}
    )
    runs = [hear(runner, ask(call_id=f"sess_{n}")) for n in range(20)]
    for n, events in enumerate(await asyncio.gather(*runs)):
        assert [e.output for e in of(ToolEnded, events)] == [f"example Kim on sess_{n}"]


async def test_an_agent_may_speak_first(start_team: Start, hear: Any, ask: Any) -> None:
    model = ScriptedModel([[assistant_message("Welcome.")]])
    runner = await start_team({"frontdesk": {}}, {"frontdesk": model})
    assert words(await hear(runner, ask(history=[]))) == "Welcome."
    assert model.calls[0].input[0]["role"] == "developer"


async def test_every_step_of_a_run_sees_what_was_said_before_it_once_and_in_order(
    start_team: Start, hear: Any, ask: Any
) -> None:
    said = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Where is my parcel?"},
    ]
    first = ScriptedModel([[function_call("transfer_to_orders", {}, call_id="c1")]])
    second = ScriptedModel(
        [
            [function_call("estimate", {"city": "Bonn"}, call_id="c2")],
            [assistant_message("Three days.")],
        ]
    )
    runner = await start_team(
        {"frontdesk": {"handoffs": ["orders"]}, "orders": {"tools": ["estimate"]}},
        {"frontdesk": first, "orders": second},
        tools=SHIPPING,
    )
    assert words(await hear(runner, ask(history=said))) == "Three days."
    calls = [*first.calls, *second.calls]
    assert [[*call.input[:3]] for call in calls] == [said] * 3
    later = [[item.get("call_id") for item in call.input[3:]] for call in calls]
    assert later == [[], ["c1", "c1"], ["c1", "c1", "c2", "c2"]]
