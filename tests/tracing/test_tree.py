"""The spans of a real run: their tree, their attributes, one trace."""

import asyncio
import json
import time
from typing import Any

import pytest
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from opentelemetry import trace as otel
from opentelemetry.context import Context

import agents
from agents import Agent, RunConfig, Runner, function_tool
from frontdesk.tracing import names, processor
from frontdesk.tracing.calls import Tracing, TurnTrace

Trace = dict[str, Any]


def tree(found: Trace) -> list[str]:
    """Names indented by depth."""
    children: dict[str | None, list[Any]] = {}
    for span in found["spans"]:
        children.setdefault(span["parent_id"], []).append(span)

    def walk(parent: str | None, depth: int) -> list[str]:
        lines: list[str] = []
        for span in children.get(parent, []):
            lines += ["  " * depth + span["name"], *walk(span["span_id"], depth + 1)]
        return lines

    return walk(None, 0)


def span(found: Trace, name: str) -> dict[str, Any]:
    return next(each for each in found["spans"] if each["name"] == name)


def read(tracing: Tracing, trace_id: str) -> Trace:
    tracing.store.flush()
    found = tracing.store.trace(trace_id)
    assert found is not None
    return found


async def test_a_turn_with_everything_is_one_tree(tracing: Tracing, answered: TurnTrace) -> None:
    found = read(tracing, answered.trace_id)
    assert sorted(tree(found)) == sorted(
        [
            "invoke_workflow support",
            "  run support",
            "    invoke_agent frontdesk",
            "      guardrail no_card_numbers",
            "      model_step 1",
            "        chat",
            "        handoff orders",
            "    invoke_agent orders",
            "      model_step 2",
            "        mcp_list_tools orders",
            "          MCP send tools/list",
            "            tools/list",
            "        chat",
            "        execute_tool find_order",
            "          MCP send tools/call find_order",
            "            tools/call find_order",
            "      model_step 3",
            "        mcp_list_tools orders",
            "        chat",
            "        execute_tool delivery_day",
            "        execute_tool refund",
            "      model_step 4",
            "        mcp_list_tools orders",
            "        chat",
        ]
    )
    assert all(each["status"] != "open" for each in found["spans"])


async def test_a_tool_span_tells_its_arguments_result_and_server(
    tracing: Tracing, answered: TurnTrace
) -> None:
    tool = span(read(tracing, answered.trace_id), "execute_tool find_order")
    attributes = tool["attributes"]
    assert tool["agent"] == "orders" and tool["stage"] == "tools"
    assert json.loads(attributes["gen_ai.tool.call.arguments"]) == {"number": "48271"}
    assert "on its way" in attributes["gen_ai.tool.call.result"]
    assert attributes["voice.mcp.server"] == "orders"
    assert attributes["gen_ai.tool.type"] == "extension"
    assert attributes["gen_ai.conversation.id"] == "call_1"


async def test_a_failing_tool_shows_its_error_and_the_turn_goes_on(
    tracing: Tracing, answered: TurnTrace
) -> None:
    found = read(tracing, answered.trace_id)
    tool = span(found, "execute_tool refund")
    assert tool["status"] == "error"
    assert tool["error"].endswith("the refund desk is closed")
    assert tool["attributes"]["error.type"] == "tool_error"
    assert found["trace"]["errors"] == 1
    assert found["trace"]["end_reason"] == "completed"


async def test_a_handoff_names_both_agents(tracing: Tracing, answered: TurnTrace) -> None:
    handoff = span(read(tracing, answered.trace_id), "handoff orders")
    assert handoff["attributes"]["voice.handoff.from"] == "frontdesk"
    assert handoff["attributes"]["voice.handoff.to"] == "orders"


async def test_every_attribute_is_in_the_vocabulary(tracing: Tracing, answered: TurnTrace) -> None:
    found = read(tracing, answered.trace_id)
    used = {name for each in found["spans"] for name in each["attributes"]}
    assert used and used <= names.ATTRIBUTES
    first_words = {each["name"].partition(" ")[0] for each in found["spans"]}
    assert first_words <= names.STAGES.keys() | {"tools/list"}


async def test_context_is_clean_after_a_turn(tracing: Tracing, answered: TurnTrace) -> None:
    assert not otel.get_current_span().get_span_context().is_valid


async def test_spans_that_are_put_off_are_those_that_would_have_been_made_at_once(
    tracing: Tracing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "LATEST", 600.0)  # until they are asked for

    @function_tool(failure_error_function=None)
    async def fail() -> str:
        """Writes on the span that is current, which is put off or not."""
        current = otel.get_current_span()
        assert current.is_recording()
        current.set_attributes({names.VOICE_MCP_WAITED: 0.5})
        current.set_attribute(names.VOICE_MCP_ATTEMPTS, 2)
        current.add_event("asked again")
        current.record_exception(LookupError("no such order"))
        raise RuntimeError("the desk is closed")

    async def run(*, late: bool) -> list[dict[str, Any]]:
        turn = tracing.turn(
            call_id="c", index=0, team="t", team_version="1", agent="a", transport="text"
        )
        if late:
            turn.put_off()
        model = ScriptedModel([[function_call("fail", {}, call_id="c1")]], emit_traces=True)
        began = time.time()
        with pytest.raises(agents.UserError):
            agent = Agent(name="a", tools=[fail], model=model)
            await Runner.run(agent, "?", run_config=RunConfig(trace_id=turn.sdk_trace_id))
        over = time.time()
        seen = read(tracing, turn.trace_id)["spans"]
        assert len(seen) == (1 if late else 6)
        await asyncio.sleep(0.01)
        turn.catch_up()
        spans = read(tracing, turn.trace_id)["spans"]
        turn.end(reason="completed")
        assert all(began <= s["start"] <= s["end"] <= over for s in spans[1:])
        ids = {s["span_id"]: s["name"] for s in spans}
        for s in spans:
            s["parent_id"] = ids.get(s["parent_id"])
            s["attributes"].pop(names.VOICE_OPENAI_SPAN_ID, None)
            assert all(began <= event.pop("time") <= over for event in s["events"])
        varying = ("span_id", "trace_id", "start", "end", "duration", "audio")
        return [{k: v for k, v in s.items() if k not in varying} for s in spans]

    late, at_once = await run(late=True), await run(late=False)
    assert [s["name"] for s in late] == [s["name"] for s in at_once]
    for one, other in zip(late, at_once, strict=True):
        assert one == other


async def test_what_is_put_off_is_seen_soon_by_who_watches_live(
    tracing: Tracing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "LATEST", 0.0)
    seen: list[str] = []

    @function_tool
    async def wait() -> str:
        """Lets the time pass."""
        await asyncio.sleep(0.001)
        seen.extend(each["name"] for each in read(tracing, turn.trace_id)["spans"])
        return "seen"

    turn = tracing.turn(
        call_id="c", index=0, team="t", team_version="1", agent="a", transport="text"
    )
    turn.put_off()
    model = ScriptedModel([[function_call("wait", {}, call_id="c1")], [assistant_message("ok")]])
    await Runner.run(
        Agent(name="a", tools=[wait], model=model),
        "?",
        run_config=RunConfig(trace_id=turn.sdk_trace_id),
    )
    turn.end(reason="completed")
    assert "execute_tool wait" in seen
    assert all(each["status"] != "open" for each in read(tracing, turn.trace_id)["spans"])


async def test_a_run_joins_the_turn_by_its_id_alone(tracing: Tracing) -> None:
    turn = tracing.turn(
        call_id="c", index=0, team="t", team_version="1", agent="a", transport="text"
    )
    agent = Agent(name="a", model=ScriptedModel([[assistant_message("hi")]]))
    await Runner.run(agent, "hello", run_config=RunConfig(trace_id=turn.sdk_trace_id))
    turn.end(reason="completed")
    assert tree(read(tracing, turn.trace_id))[:3] == [
        "invoke_workflow t",
        "  run Agent workflow",
        "    invoke_agent a",
    ]


async def test_two_runs_of_one_turn_share_its_root(tracing: Tracing) -> None:
    turn = tracing.turn(
        call_id="c", index=0, team="t", team_version="1", agent="a", transport="text"
    )
    for _ in range(2):  # a discarded early run, and the one that counts
        agent = Agent(name="a", model=ScriptedModel([[assistant_message("hi")]]))
        await Runner.run(agent, "hello", run_config=RunConfig(trace_id=turn.sdk_trace_id))
    turn.end(reason="completed")
    lines = tree(read(tracing, turn.trace_id))
    assert lines.count("  run Agent workflow") == 2
    assert [line for line in lines if not line.startswith(" ")] == ["invoke_workflow t"]


async def test_a_run_outside_a_call_gets_a_root_with_the_sdks_id(tracing: Tracing) -> None:
    agent = Agent(name="a", model=ScriptedModel([[assistant_message("hi")]]))
    wanted = agents.gen_trace_id()
    await Runner.run(agent, "hello", run_config=RunConfig(trace_id=wanted, group_id="chat_7"))
    found = read(tracing, wanted.removeprefix("trace_"))
    assert tree(found)[0] == "invoke_workflow Agent workflow"
    assert found["trace"]["call_id"] == "chat_7"
    assert tracing.store.calls()[0]["call_id"] == "chat_7"


async def test_a_failing_model_is_an_error_with_its_message(tracing: Tracing) -> None:
    turn = tracing.turn(
        call_id="c", index=0, team="t", team_version="1", agent="a", transport="text"
    )
    model = ScriptedModel([ModelStep(error=RuntimeError("connection refused"))], emit_traces=True)
    with pytest.raises(RuntimeError), turn.use():
        await Runner.run(Agent(name="a", model=model), "hello")
    turn.end(reason="failed", error="model down")
    found = read(tracing, turn.trace_id)
    chat = span(found, "chat")
    assert chat["status"] == "error" and "connection refused" in chat["error"]
    assert found["trace"]["errors"] == 1
    assert found["spans"][0]["error"] == "model down"
    assert found["spans"][0]["attributes"]["error.type"] == "_OTHER"


async def test_an_agent_as_a_tool_nests_in_the_same_trace(tracing: Tracing) -> None:
    helper = Agent(name="helper", model=ScriptedModel([[assistant_message("42")]]))
    boss = Agent(
        name="boss",
        tools=[helper.as_tool("ask_helper", "Asks the helper.")],
        model=ScriptedModel(
            [
                [function_call("ask_helper", {"input": "how much?"}, call_id="c1")],
                [assistant_message("It is 42.")],
            ]
        ),
    )
    turn = tracing.turn(
        call_id="c", index=0, team="t", team_version="1", agent="boss", transport="text"
    )
    with turn.use():
        await Runner.run(boss, "?", run_config=RunConfig(trace_id=turn.sdk_trace_id))
    turn.end(reason="completed")
    lines = [line.strip() for line in tree(read(tracing, turn.trace_id))]
    inside = lines[lines.index("execute_tool ask_helper") :]
    assert "invoke_agent helper" in inside


async def test_spans_of_code_inside_a_tool_nest_under_it(tracing: Tracing) -> None:
    @function_tool
    async def look() -> str:
        """Look."""
        with otel.get_tracer("someone").start_as_current_span("database query"):
            return "seen"

    model = ScriptedModel([[function_call("look", {}, call_id="c1")], [assistant_message("done")]])
    turn = tracing.turn(
        call_id="c", index=0, team="t", team_version="1", agent="a", transport="text"
    )
    with turn.use():
        await Runner.run(Agent(name="a", tools=[look], model=model), "?")
    turn.end(reason="completed")
    found = read(tracing, turn.trace_id)
    query = span(found, "database query")
    assert query["parent_id"] == span(found, "execute_tool look")["span_id"]
    assert query["stage"] == "other"


async def test_a_cancelled_run_leaves_no_span_open_and_no_context_behind(
    tracing: Tracing, caplog: pytest.LogCaptureFixture
) -> None:
    started = asyncio.Event()

    @function_tool
    async def slow() -> str:
        """Takes for ever."""
        started.set()
        await asyncio.Event().wait()
        return "never"

    model = ScriptedModel([[function_call("slow", {}, call_id="c1")]], emit_traces=True)
    turn = tracing.turn(
        call_id="c", index=0, team="t", team_version="1", agent="a", transport="text"
    )

    async def answer() -> None:
        with turn.use():
            run = Runner.run_streamed(Agent(name="a", tools=[slow], model=model), "?")
            try:
                async for _ in run.stream_events():
                    pass
            finally:
                run.cancel()

    running = asyncio.create_task(answer())
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    while len(asyncio.all_tasks()) > 1:  # the SDK's own tasks end by themselves
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
    turn.end(reason="interrupted")
    found = read(tracing, turn.trace_id)
    assert "execute_tool slow" in {each["name"] for each in found["spans"]}
    assert {each["status"] for each in found["spans"]} <= {"ok", "error"}
    assert not [record for record in caplog.records if "detach" in record.getMessage()]
    assert not otel.get_current_span().get_span_context().is_valid


async def test_turns_at_the_same_time_keep_their_spans_apart(tracing: Tracing) -> None:
    gate = asyncio.Barrier(3)

    @function_tool
    async def meet() -> str:
        """Waits for the others."""
        await gate.wait()
        return "met"

    async def call(number: int) -> TurnTrace:
        model = ScriptedModel(
            [[function_call("meet", {}, call_id="c1")], [assistant_message("done")]]
        )
        turn = tracing.turn(
            call_id=f"c{number}", index=0, team="t", team_version="1", agent="a", transport="text"
        )
        with turn.use():
            await Runner.run(Agent(name=f"a{number}", tools=[meet], model=model), "?")
        turn.end(reason="completed")
        return turn

    turns = await asyncio.gather(*(call(number) for number in range(3)))
    for number, turn in enumerate(turns):
        found = read(tracing, turn.trace_id)
        assert {each["attributes"]["gen_ai.conversation.id"] for each in found["spans"]} == {
            f"c{number}"
        }
        assert found["trace"]["agents"] == ["a", f"a{number}"]


async def test_what_an_mcp_connection_does_for_itself_is_no_trace(tracing: Tracing) -> None:
    requests = otel.get_tracer("mcp")
    assert not requests.start_span("MCP send server/discover", context=Context()).is_recording()
    turn = tracing.turn(
        call_id="c", index=0, team="t", team_version="1", agent="a", transport="text"
    )
    with turn.use():
        assert requests.start_span("MCP send tools/list").is_recording()
    turn.end(reason="completed")
