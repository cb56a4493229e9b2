"""Function tools that the client runs: section 2.5."""

import json
from typing import Any

from frontdesk.conformance.areas.session import TOOL
from frontdesk.conformance.reply import Reply, must
from frontdesk.conformance.suite import Area, Bench

area = Area("tools", "function tools of the client, called and answered")

FORCED: dict[str, Any] = {"type": "function", "name": "get_weather"}
ASK = "What is the weather in Oslo? Use the tool."


def output(call: dict[str, Any]) -> dict[str, Any]:
    """The answer to a call."""
    told = json.dumps({"city": "Oslo", "degrees": 7})
    return {"type": "function_call_output", "call_id": call["call_id"], "output": told}


@area.scenario("session.tools", "session.tool_choice", "session.tools.function.name")
async def a_call_opens_and_closes_in_order(bench: Bench) -> None:
    """The events of section 2.5, the call completed in response.done."""
    config: dict[str, Any] = {"tools": [TOOL], "tool_choice": FORCED}
    async with bench.session(output_modalities=["text"], **config) as session:
        reply = await session.ask(ASK)
        reply.must_be("completed")
        added = [e for e in reply.of("response.output_item.added") if _is_call(e)]
        must(len(added) == 1, "one function_call item", reply.done_event)
        item = added[0]["item"]
        must(item.get("arguments") == "", "arguments '' when it is added", added[0])
        must(item.get("status") == "in_progress", "status in_progress when added", added[0])
        reply.in_order(
            [
                "response.created",
                "response.output_item.added",
                "conversation.item.added",
                "response.function_call_arguments.done",
                "conversation.item.done",
                "response.output_item.done",
                "response.done",
            ]
        )
        call = reply.item("function_call")
        must(call.get("status") == "completed", "the call's status completed", reply.done_event)
        done = reply.of("response.function_call_arguments.done")[0]
        for key in ("name", "call_id", "arguments"):
            must(done.get(key) == call.get(key), f"{key} as in the item", done)
        arguments = json.loads(call["arguments"])
        fits = isinstance(arguments, dict) and "city" in arguments
        must(fits, "arguments that fit the schema", reply.done_event)


@area.scenario("conversation.item.create")
async def the_answer_to_a_call_is_used(bench: Bench) -> None:
    """After function_call_output and response.create the run goes on (2.5)."""
    async with bench.session(output_modalities=["text"], tools=[TOOL]) as session:
        call = (await session.ask(ASK, tool_choice=FORCED)).item("function_call")
        item = await session.add(output(call))
        must(item.get("output") == output(call)["output"], "the output as it was sent", item)
        reply = await session.ask(tool_choice="none")
        reply.must_be("completed")
        must(bool(_text(reply)), "words that follow the call", reply.done_event)


@area.scenario()
async def an_answer_that_does_not_wait_is_taken(bench: Bench) -> None:
    """Output and response.create may come right after arguments.done: the response is queued,
    not refused (2.5: pipecat and the dotnet tests do so)."""
    async with bench.session(output_modalities=["text"], tools=[TOOL]) as session:
        await session.write(ASK)
        await session.send("response.create", response={"tool_choice": FORCED})
        done = await session.expect("response.function_call_arguments.done")
        await session.send("conversation.item.create", item=output(done))
        await session.send("response.create", response={"tool_choice": "none"})
        await session.expect("response.done")
        reply = await session.reply()
        reply.must_be("completed")
        must(bool(_text(reply)), "words that follow the call", reply.done_event)


@area.scenario("session.tool_choice", "response.tool_choice")
async def no_tool_is_called_when_none_may_be(bench: Bench) -> None:
    """tool_choice none: words, no call (1.3a)."""
    async with bench.session(output_modalities=["text"], tools=[TOOL]) as session:
        reply = await session.ask("Say exactly: Fine.", tool_choice="none")
        calls = [item for item in reply.output if item.get("type") == "function_call"]
        must(not calls, "no function_call", reply.done_event)


@area.scenario("response.tools", "response.tool_choice")
async def a_response_may_bring_its_own_tools(bench: Bench) -> None:
    """tools and tool_choice of response.create hold for that response (1.3a)."""
    tool = {**TOOL, "name": "look_outside"}
    chosen: dict[str, Any] = {"type": "function", "name": "look_outside"}
    async with bench.session(output_modalities=["text"]) as session:
        reply = await session.ask(ASK, tools=[tool], tool_choice=chosen)
        call = reply.item("function_call")
        must(call.get("name") == "look_outside", "a call of look_outside", reply.done_event)
        told = await session.configure()
        must(told.get("tools") == [], "the session still has no tools", told)


@area.scenario("session.tools")
async def a_call_in_a_spoken_session_is_the_same(bench: Bench) -> None:
    """AudioWithTools: the call is a function_call there too, and the answer is spoken (2.5)."""
    async with bench.session(tools=[TOOL]) as session:
        call = (await session.ask(ASK, tool_choice=FORCED)).item("function_call")
        await session.add(output(call))
        reply = await session.ask(tool_choice="none")
        must(bool(reply.audio), "a spoken answer", reply.done_event)


def _is_call(event: dict[str, Any]) -> bool:
    return event["item"].get("type") == "function_call"


def _text(reply: Reply) -> str:
    return reply.joined("response.output_text.delta").strip()
