"""A call with everything there is, and the tree of its traces, as docs/tracing.md prints it."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from agents.testing import assistant_message, function_call

from frontdesk.mcp.connections import McpConnections
from frontdesk.tracing.messages import text
from tests.mcp_host import Host

PAGE = Path(__file__).parents[2] / "docs" / "tracing.md"
TOOLS = '''
def delivery_day(town: str) -> str:
    """Fails."""
    raise RuntimeError("no carrier answers")


def refund(order: str) -> str:
    """Pays back."""
    return f"{order} is paid back"
'''
BACKGROUND = {"called": "the research", "acknowledge_after": "10m", "deadline": "20m"}
TEAM: dict[str, Any] = {
    "agents": {
        "frontdesk": {
            "handoffs": [{"to": "orders", "say": "I pass you on."}],
            "guardrails": {"input": ["no_accounts"]},
        },
        "orders": {
            "mcp": ["orders"],
            "tools": ["delivery_day", "refund", "research"],
            "guardrails": {"input": ["no_accounts"], "output": ["no_promises"]},
        },
    },
    "tools": {
        "delivery_day": {"call": "tools.shop:delivery_day"},
        "refund": {"call": "tools.shop:refund", "approve": "spoken"},
        "research": {"call": "tools.stage:research", "background": BACKGROUND},
    },
    "mcp": {"orders": {"tools": {"allow": ["find_order"]}}},
    "guardrails": {
        "no_accounts": {"words": ["iban"], "say": "I never need that."},
        "no_promises": {"words": ["promise"], "say": "I cannot promise that."},
    },
    "budgets": {"silence": "10m"},  # time is moved in leaps here
}


def canonical(tree: list[str]) -> list[Any]:
    """Lines that are indented by depth as sorted nests: siblings may run at the same time."""
    nests: list[Any] = []
    for line in tree:
        if line.startswith("  "):
            nests[-1][1].append(line[2:])
        else:
            nests.append((line, []))
    return sorted((name, canonical(below)) for name, below in nests)


def printed() -> list[str]:
    """The tree that the page prints, without its remarks."""
    section = PAGE.read_text().split("\n## A call with everything\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    return [re.split(r"\s+#", line)[0] for block in blocks for line in block.splitlines() if line]


def tree(spans: list[dict[str, Any]]) -> list[str]:
    """Names indented by depth, siblings by their start."""
    known = {span["span_id"] for span in spans}
    below: dict[str | None, list[dict[str, Any]]] = {}
    for span in sorted(spans, key=lambda span: span["start"]):
        parent = span["parent_id"] if span["parent_id"] in known else None
        below.setdefault(parent, []).append(span)

    def walk(parent: str | None, depth: int) -> list[str]:
        lines: list[str] = []
        for span in below.get(parent, []):
            lines += ["  " * depth + span["name"], *walk(span["span_id"], depth + 1)]
        return lines

    return walk(None, 0)


@pytest.fixture
def host() -> Iterator[Host]:
    """A real server on a socket, in a thread of its own."""
    host, loop = Host(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(host.start(), loop).result(10)
    yield host
    asyncio.run_coroutine_threadsafe(host.kill(), loop).result(10)
    asyncio.run_coroutine_threadsafe(gone(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def gone() -> None:
    """What a server that was killed leaves behind."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@pytest.fixture
async def servers(host: Host) -> AsyncIterator[McpConnections]:
    opened = McpConnections({"orders": host.config})
    await opened.start()
    yield opened
    await opened.aclose()


@pytest.fixture
async def everything(
    servers: McpConnections, build_house: Any, tmp_path: Path
) -> list[dict[str, Any]]:
    """The traces of the call, each after the one that it came of."""
    (tmp_path / "desk" / "tools").mkdir(parents=True)
    (tmp_path / "desk" / "tools" / "shop.py").write_text(TOOLS)
    house = await build_house(servers=servers, **TEAM)
    house.stt.name, house.tts.name = "moonshine", "hibari"
    phone = await house.place()

    house.script([function_call("transfer_to_orders", {}, call_id="h1")])
    house.script(
        [function_call("find_order", {"order_id": "48271"}, call_id="c1")],
        [function_call("delivery_day", {"town": "Seoul"}, call_id="c2")],
        [assistant_message("It is on its way. I cannot say when it comes.")],
        agent="orders",
    )
    await phone.say("Where is my order?")
    await phone.until("response.done")
    await phone.clock.advance(2)
    await phone.begin_to_speak("Look into lamps for me.")
    await phone.until("input_audio_buffer.speech_started")

    house.script(
        [function_call("research", {"what": "lamps"}, call_id="c3")],
        [assistant_message("I am on it.")],
        agent="orders",
    )
    await phone.fall_silent()
    await house.stage.tool_started.wait()
    await phone.clock.advance(1)
    await phone.until("response.done")
    await phone.clock.advance(10)

    house.script([function_call("refund", {"order": "48271"}, call_id="c4")], agent="orders")
    await phone.say("I want my money back.")
    await phone.until("response.done")
    await phone.clock.advance(30)
    house.script([assistant_message("It is paid back.")], agent="orders")
    await phone.say("Yes, please.")
    await phone.until("response.done")

    house.script([assistant_message("Lamps shine.")], agent="orders")
    house.stage.work["lamps"].end()
    [work] = phone.call.state.delegations.values()
    while work["status"] == "running":
        await asyncio.sleep(0)
        [work] = phone.call.state.delegations.values()
    await phone.clock.advance(30)
    await phone.until("response.done")
    await phone.clock.advance(30)

    house.script([assistant_message("Gladly. I promise it.")], agent="orders")
    await phone.say("Will it come tomorrow?")
    await phone.until("response.done")
    await phone.clock.advance(30)
    await phone.ask("My iban is a secret.")
    await phone.clock.advance(30)
    await phone.hang_up()
    turns = await phone.traces()
    works = house.tracing.store.call(phone.call.state.call_id)["delegations"]
    traces: list[dict[str, Any]] = []
    for turn in sorted(turns, key=lambda turn: turn["index"]):
        known = [turn, *(work for work in works if work["asked_in"] == turn["trace_id"])]
        traces += [house.tracing.store.trace(each["trace_id"]) for each in known]
    return traces


def only(trace: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [span for span in trace["spans"] if span["name"] == name]
    return found


def root(trace: dict[str, Any]) -> dict[str, Any]:
    return next(span for span in trace["spans"] if span["parent_id"] is None)


async def test_its_traces_are_those_that_the_page_prints(everything: list[Any]) -> None:
    shown = [line for trace in everything for line in tree(trace["spans"])]
    assert canonical(shown) == canonical(printed())
    spans = [span for trace in everything for span in trace["spans"] if span["stage"] != "mcp"]
    assert len({span["attributes"]["gen_ai.conversation.id"] for span in spans}) == 1

    asked, research, work, wanted, agreed, told, stopped, typed = everything
    assert asked["trace"]["end_reason"] == "interrupted"
    heard = [span for span in asked["spans"] if span["name"] == "playback"]
    assert [span["agent"] for span in heard] == ["frontdesk", "orders"]
    assert sum(span["attributes"]["voice.playback.position"] for span in heard) == pytest.approx(2)
    assert heard[0]["end"] == heard[1]["start"]
    passed_on, answered = (text(span["attributes"]["gen_ai.output.messages"]) for span in heard)
    assert passed_on == "I pass you on." and answered
    failed = only(asked, "execute_tool delivery_day")
    assert failed["error"].endswith("no carrier answers")
    assert "in delivery_day" in failed["events"][0]["attributes"]["exception.stacktrace"]
    assert [t["trace"]["errors"] for t in everything] == [1, 0, 0, 0, 0, 0, 0, 0]
    server = only(asked, "tools/call find_order")
    assert server["parent_id"] == only(asked, "MCP send tools/call find_order")["span_id"]
    assert research["trace"]["trace_id"] == root(work)["attributes"]["voice.delegation.trace"]
    assert root(told)["attributes"]["voice.delegation.told"] == [
        root(work)["attributes"]["voice.delegation.id"]
    ]
    decision = only(agreed, "decision refund")
    assert decision["attributes"]["voice.question.waited"] >= 30
    assert decision["start"] >= root(agreed)["start"] > only(wanted, "playback")["start"]
    guardrails = [root(trace)["attributes"].get("voice.turn.blocked_by") for trace in everything]
    assert guardrails[-2:] == ["no_promises", "no_accounts"] and not any(guardrails[:-2])
    assert stopped["trace"]["end_reason"] == typed["trace"]["end_reason"] == "completed"
