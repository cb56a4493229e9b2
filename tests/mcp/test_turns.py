"""A team whose MCP server is in trouble: the run completes, the model reads a plain sentence."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agents.testing import ScriptedModel, assistant_message, function_call
from agents.tracing import set_tracing_disabled

from agents import Model, Span, Trace, TracingProcessor, set_trace_processors
from frontdesk.desk.schema import Team
from frontdesk.mcp.config import HttpServer, StdioServer
from frontdesk.mcp.connections import McpConnections
from frontdesk.settings import Settings
from frontdesk.team import turn
from frontdesk.team.events import TextDelta, ToolEnded, ToolProgress, ToolStarted, TurnRequest
from frontdesk.team.models import ModelRegistry
from frontdesk.team.runner import TeamRunner
from tests.leaps import leap

Script = Callable[..., ScriptedModel]


@pytest.fixture(autouse=True)
def untraced() -> Any:
    set_tracing_disabled(True)
    yield
    set_tracing_disabled(False)


class Recorder(TracingProcessor):
    def __init__(self) -> None:
        self.spans: list[Span[Any]] = []

    def on_trace_start(self, trace: Trace) -> None: ...

    def on_trace_end(self, trace: Trace) -> None: ...

    def on_span_start(self, span: Span[Any]) -> None: ...

    def on_span_end(self, span: Span[Any]) -> None:
        self.spans.append(span)

    def shutdown(self) -> None: ...

    def force_flush(self) -> None: ...


@pytest.fixture
def spans(untraced: None) -> Any:
    """What the SDK traces of a run, in the order of the ends."""
    recorder = Recorder()
    set_tracing_disabled(False)
    set_trace_processors([recorder])
    yield recorder.spans
    set_trace_processors([])


class Registry(ModelRegistry):
    def __init__(self, model: Model) -> None:
        super().__init__(Settings(), environ={"OPENAI_API_KEY": "hosted"})
        self._model = model

    def model(self, team: Team, agent: str) -> Model:
        return self._model


def calling(tool: str, **arguments: Any) -> ScriptedModel:
    return ScriptedModel(
        [[function_call(tool, arguments, call_id="c1")], [assistant_message("So be it.")]]
    )


async def started(
    model: Model, mcp: McpConnections, use: dict[str, Any] | None = None
) -> TeamRunner:
    team = Team.model_validate(
        {
            "version": 1,
            "name": "support",
            "entry": "frontdesk",
            "mcp": {"orders": use or {}},
            "agents": {
                "frontdesk": {"description": "All.", "instructions": "x.md", "mcp": ["orders"]}
            },
        }
    )
    runner = TeamRunner(
        team,
        desk_root=Path(),
        prompt=lambda agent, variables: "Help.",
        mcp=mcp,
        models=Registry(model),
    )
    await runner.start()
    return runner


def request() -> TurnRequest:
    return TurnRequest("sess_1", "frontdesk", [{"role": "user", "content": "hi"}], "0" * 32)


async def run(runner: TeamRunner) -> list[Any]:
    return [event async for event in runner.run(request())]


def said(events: list[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def ended(events: list[Any]) -> ToolEnded:
    [event] = [event for event in events if isinstance(event, ToolEnded)]
    return event


async def test_a_tool_of_a_server_is_told_with_its_name_and_waiting_line(
    connections: McpConnections,
) -> None:
    model = calling("find_order", order_id="48271")
    runner = await started(model, connections, {"say_while_waiting": "I'm looking that up."})
    events = await run(runner)
    [begun] = [event for event in events if isinstance(event, ToolStarted)]
    assert begun.server == "orders"
    assert begun.waiting == "I'm looking that up."
    found = json.loads(ended(events).output)
    assert found == {"order_id": "48271", "status": "on its way"}
    assert not ended(events).error
    # Plain text, not a list of parts, is what the model reads.
    assert isinstance(model.calls[1].input[-1]["output"], str)


async def test_progress_of_a_server_is_told_of_the_right_call(connections: McpConnections) -> None:
    events = await run(await started(calling("count"), connections))
    told = [event for event in events if isinstance(event, ToolProgress)]
    assert told == [ToolProgress("c1", f"step {n}") for n in range(3)]


async def test_globs_narrow_what_the_agent_is_offered(connections: McpConnections) -> None:
    model = calling("find_order", order_id="1")
    filtered = {"tools": {"allow": ["*_order", "wait"], "deny": ["refund_*"]}}
    phrased = {**filtered, "phrases": {"find_order": {"examples": ["where is my parcel"]}}}
    await run(await started(model, connections, phrased))
    offered = {tool.name: tool for tool in model.calls[0].tools}
    assert set(offered) == {"find_order", "wait"}
    assert "Callers say, for example: where is my parcel" in offered["find_order"].description


async def test_a_tool_has_the_name_that_the_team_gives_it(
    connections: McpConnections, host: Any
) -> None:
    tools = {"allow": ["find_order", "count", "wait"], "rename": {"find_order": "wait"}}
    phrased = {"tools": tools, "phrases": {"wait": {"examples": ["where is my parcel"]}}}
    model = calling("wait", order_id="48271")
    events = await run(await started(model, connections, phrased))
    assert json.loads(ended(events).output)["order_id"] == "48271"
    assert ended(events).name == "wait"
    offered = {tool.name: tool for tool in model.calls[0].tools}
    assert set(offered) == {"wait", "count"}  # the server's own wait has to stand back
    assert "where is my parcel" in getattr(offered["wait"], "description")  # noqa: B009


async def test_a_server_that_is_down_is_an_error_to_the_model_in_plain_words(
    connections: McpConnections, host: Any
) -> None:
    runner = await started(calling("find_order", order_id="1"), connections)
    await host.kill()
    events = await run(runner)
    assert ended(events).error
    assert ended(events).output == "The orders service cannot be reached right now."
    assert said(events) == "So be it."


async def test_a_turn_that_needs_no_tool_does_not_notice_a_dead_server(
    connections: McpConnections, host: Any
) -> None:
    runner = await started(ScriptedModel([[assistant_message("Hello.")]]), connections)
    await host.kill()
    assert said(await run(runner)) == "Hello."


@pytest.mark.parametrize(
    ("status", "words"), [(401, "refused access"), (429, "too busy"), (500, "error of its own")]
)
async def test_a_refusal_is_an_error_to_the_model(
    connections: McpConnections, host: Any, status: int, words: str
) -> None:
    runner = await started(calling("find_order", order_id="1"), connections)
    host.status = status
    events = await run(runner)
    assert words in ended(events).output
    assert said(events) == "So be it."


async def test_a_slow_tool_is_an_error_to_the_model(connections: McpConnections, host: Any) -> None:
    runner = await started(calling("wait"), connections, {"timeout": "50s"})
    running = asyncio.create_task(run(runner))
    await host.running.wait()
    leap(50)
    events = await running
    assert "did not answer within 50 seconds" in ended(events).output
    assert said(events) == "So be it."


async def test_a_server_dying_in_a_call_is_an_error_to_the_model(
    connections: McpConnections, host: Any
) -> None:
    running = asyncio.create_task(run(await started(calling("wait"), connections)))
    await host.running.wait()
    await host.kill()
    events = await running
    assert ended(events).error
    assert said(events) == "So be it."


async def test_a_turn_waits_a_moment_for_a_server_that_is_still_starting(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "LIST_PATIENCE", 20.0)
    await host.kill()
    mcp = McpConnections({"orders": host.config})
    await mcp.start(settle=30)
    mcp.get("orders").expect(20)
    running = asyncio.create_task(run(await started(calling("find_order", order_id="1"), mcp)))
    greeter = await started(ScriptedModel([[assistant_message("Hello.")]]), mcp)
    greeted = [event async for event in greeter.run(replace(request(), history=[]))]
    assert said(greeted) == "Hello."  # and that waited for nobody
    assert not running.done()
    await host.start()
    assert json.loads(ended(await running).output)["order_id"] == "1"
    await mcp.aclose()


async def test_a_server_that_had_its_time_to_start_delays_no_turn(
    black_hole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "LIST_PATIENCE", 60.0)
    mcp = McpConnections({"orders": HttpServer("orders", black_hole)})
    await mcp.start(settle=0)
    mcp.get("orders").expect(0)
    events = await run(await started(calling("find_order"), mcp))
    assert said(events) == "So be it."
    await mcp.aclose()


async def test_a_starting_server_is_waited_for_in_bounds_and_the_trace_says_so(
    black_hole: str, monkeypatch: pytest.MonkeyPatch, spans: list[Span[Any]]
) -> None:
    monkeypatch.setattr(turn, "LIST_PATIENCE", 0.05)
    mcp = McpConnections({"orders": HttpServer("orders", black_hole)})
    await mcp.start(settle=0)
    events = await run(await started(calling("find_order"), mcp))
    assert said(events) == "So be it."
    listing = next(span for span in spans if span.span_data.type == "mcp_tools")
    assert listing.error and listing.error["message"] == "The orders service is still starting."
    await mcp.aclose()


async def test_a_tool_that_raises_is_an_error_to_the_model(connections: McpConnections) -> None:
    events = await run(await started(calling("refund_order", order_id="1"), connections))
    assert ended(events).error
    assert "secret" not in ended(events).output
    assert said(events) == "So be it."


async def test_a_huge_result_is_cut_and_the_model_told_so(connections: McpConnections) -> None:
    events = await run(await started(calling("huge", size=300_000), connections))
    output = ended(events).output
    assert output.endswith("[cut here: 300000 bytes, of which 65536 are shown. Ask for less.]")
    small = await started(calling("huge", size=1000), connections, {"max_result_bytes": 256})
    assert ended(await run(small)).output.endswith("of which 256 are shown. Ask for less.]")


async def test_cancelling_the_turn_cancels_the_tool_on_the_server(
    connections: McpConnections, host: Any
) -> None:
    running = asyncio.create_task(run(await started(calling("wait"), connections)))
    await host.running.wait()
    running.cancel()
    await host.cancelled.wait()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_many_calls_share_one_connection(connections: McpConnections, host: Any) -> None:
    runners = [await started(calling("wait"), connections) for _ in range(10)]
    running = [asyncio.create_task(run(runner)) for runner in runners]
    await host.running.wait()
    host.release.set()
    assert [ended(events).output for events in await asyncio.gather(*running)] == ["released"] * 10


STDIO_SERVER = '''
import os
from mcp.server import MCPServer

server = MCPServer("orders", log_level="ERROR")

@server.tool()
async def whoami() -> str:
    """Tells the process and a variable."""
    return f"{os.getpid()} {os.environ['GREETING']}"

@server.tool()
async def die() -> str:
    """Falls over."""
    os._exit(1)

server.run()
'''


@pytest.fixture
async def stdio(tmp_path: Path) -> AsyncIterator[McpConnections]:
    (tmp_path / "server.py").write_text(STDIO_SERVER)
    config = StdioServer("orders", sys.executable, ("server.py",), {"GREETING": "hi"}, tmp_path)
    mcp = McpConnections({"orders": config})
    await mcp.start(settle=20)
    yield mcp
    await mcp.aclose()


async def test_a_server_on_stdio_is_started_again_after_it_died(
    stdio: McpConnections, wait_until: Any
) -> None:
    first = ended(await run(await started(calling("whoami"), stdio))).output
    assert first.endswith(" hi")
    events = await run(await started(calling("die"), stdio))
    assert ended(events).output.startswith("The connection to the orders service was lost")
    assert said(events) == "So be it."
    await wait_until(lambda: stdio.status()[0].state == "ready")
    again = ended(await run(await started(calling("whoami"), stdio))).output
    assert again.endswith(" hi") and again != first


async def test_a_command_that_does_not_exist_is_told_and_harms_nothing() -> None:
    mcp = McpConnections({"orders": StdioServer("orders", "no-such-command-here")})
    await mcp.start(settle=30)
    [status] = mcp.status()
    assert status.state == "down"
    assert "could not be started" in str(status.error)
    events = await run(await started(ScriptedModel([[assistant_message("Hello.")]]), mcp))
    assert said(events) == "Hello."
    await mcp.aclose()


async def test_two_servers_with_a_tool_of_one_name_do_not_end_the_run(host: Any) -> None:
    mcp = McpConnections(
        {
            "orders": host.config,
            "copies": HttpServer("copies", host.url, host.config.headers),
        }
    )
    await mcp.start(settle=30)
    model = calling("find_order", order_id="1")
    team = Team.model_validate(
        {
            "version": 1,
            "name": "support",
            "entry": "frontdesk",
            "mcp": {"orders": {}, "copies": {}},
            "agents": {
                "frontdesk": {
                    "description": "All.",
                    "instructions": "x.md",
                    "mcp": ["orders", "copies"],
                }
            },
        }
    )
    runner = TeamRunner(
        team,
        desk_root=Path(),
        prompt=lambda agent, variables: "Help.",
        mcp=mcp,
        models=Registry(model),
    )
    await runner.start()
    events = await run(runner)
    [begun] = [event for event in events if isinstance(event, ToolStarted)]
    assert begun.server == "orders"
    assert len(model.calls[0].tools) == len({tool.name for tool in model.calls[0].tools})
    await mcp.aclose()
