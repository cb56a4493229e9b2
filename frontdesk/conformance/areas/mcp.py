"""MCP servers that the client names: listing, calls, approvals, failures (section 2.8)."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from frontdesk.conformance.areas.turns import none
from frontdesk.conformance.mcp_server import TOKEN, Tools, tools_for
from frontdesk.conformance.reply import Reply, in_order, must
from frontdesk.conformance.session import Match, Session
from frontdesk.conformance.suite import Area, Bench
from frontdesk.conformance.verdicts import Event, Failed, Skipped, inner

area = Area("mcp", "MCP tools of the client, run by the server")

LABEL = "conformance"
ASK = "Call the tool echo with the text hello."
ECHO: dict[str, Any] = {"type": "mcp", "server_label": LABEL, "name": "echo"}
DONE = "conversation.item.done"


def declared(tools: Tools, **fields: Any) -> dict[str, Any]:
    tool = {"type": "mcp", "server_label": LABEL, "server_url": tools.url}
    return {**tool, "require_approval": "never", **fields}


@contextmanager
def reached(tools: Tools) -> Generator[None]:
    """Raises :class:`Skipped` when the server under test calls no private addresses."""
    try:
        yield
    except Failed as failed:
        error = inner(failed.seen, "error") if isinstance(failed.seen, dict) else {}
        if tools.own and str(error.get("param")).endswith(".server_url"):
            raise Skipped(
                "the server does not call private addresses: allow them, or give --mcp-url"
            ) from None
        raise


@asynccontextmanager
async def listed(bench: Bench, **fields: Any) -> AsyncGenerator[tuple[Session, Tools, list[Event]]]:
    """A text session whose tools were listed, and the events of that."""
    async with tools_for(bench.target) as tools, bench.session() as session:
        tool = declared(tools, **fields)
        given = {"type": "realtime", "output_modalities": ["text"], "tools": [tool]}
        await session.send("session.update", session=given)
        with reached(tools):
            events = await session.until("mcp_list_tools.completed", "mcp_list_tools.failed")
        ended = events[-1]
        must(ended["type"] == "mcp_list_tools.completed", "mcp_list_tools.completed", ended)
        events += await session.until(DONE, where=of_item(ended["item_id"]))
        yield session, tools, events


def of_item(item_id: str) -> Match:
    return lambda event: event["item"]["id"] == item_id


@area.scenario("session.tools.mcp.server_label", "session.tools.mcp.server_url")
async def tools_are_listed_in_order(bench: Bench) -> None:
    """updated, item added without tools, in_progress, completed, item done with them (2.8)."""
    async with listed(bench) as (_, tools, events):
        order = ["session.updated", "conversation.item.added", "mcp_list_tools.in_progress"]
        in_order(events, [*order, "mcp_list_tools.completed", DONE])
        added = next(e for e in events if e["type"] == "conversation.item.added")
        must(added["item"].get("type") == "mcp_list_tools", "an mcp_list_tools item", added)
        must(added["item"].get("tools") == [], "tools [] when it is added", added)
        must(added["item"].get("server_label") == LABEL, f"server_label {LABEL}", added)
        names = [tool["name"] for tool in events[-1]["item"]["tools"]]
        must("echo" in names, "the tool echo", events[-1])
        must(not tools.own or "fail" in names, "the tool fail", events[-1])


@area.scenario("session.tools.mcp.allowed_tools")
async def only_allowed_tools_are_listed(bench: Bench) -> None:
    """allowed_tools: a list of names keeps the rest out (2.8)."""
    async with listed(bench, allowed_tools=["echo"]) as (_, _tools, events):
        names = [tool["name"] for tool in events[-1]["item"]["tools"]]
        must(names == ["echo"], "the tool echo alone", events[-1])


@area.scenario("session.tools.mcp.allowed_tools.tool_names")
async def allowed_tools_may_be_a_filter_of_names(bench: Bench) -> None:
    """allowed_tools {tool_names} keeps the rest out (1.3)."""
    async with listed(bench, allowed_tools={"tool_names": ["echo"]}) as (_, _tools, events):
        names = [tool["name"] for tool in events[-1]["item"]["tools"]]
        must(names == ["echo"], "the tool echo alone", events[-1])


@area.scenario("session.tools.mcp.allowed_tools.read_only")
async def read_only_tools_may_be_all(bench: Bench) -> None:
    """allowed_tools {read_only: true} goes by what the server says of its tools (1.3)."""
    async with listed(bench, allowed_tools={"read_only": True}) as (_, tools, events):
        names = [tool["name"] for tool in events[-1]["item"]["tools"]]
        must(not tools.own or names == ["echo"], "the tool echo alone", events[-1])


@area.scenario("session.tools.mcp.authorization", "session.tools.mcp.headers")
async def the_server_is_signed_in_to(bench: Bench) -> None:
    """authorization goes to the MCP server as a bearer token, and is not echoed (2.8)."""
    async with listed(bench, authorization=TOKEN) as (session, tools, _):
        if tools.own:
            given = tools.tokens
            must(f"Bearer {TOKEN}" in given, f"Bearer {TOKEN}", f"Authorization: {given}")
        await session.ask("Say exactly: Hi.", tool_choice="none")


@area.scenario(
    "session.tools.mcp.require_approval",
    "session.tool_choice.mcp.server_label",
    "session.tool_choice.mcp.name",
)
async def a_call_runs_and_the_client_asks_on(bench: Bench) -> None:
    """require_approval never: done with the call, then completed, item done with output; no
    response follows by itself (2.8)."""
    async with listed(bench) as (session, _, _events):
        reply = await session.ask(ASK, tool_choice=ECHO)
        reply.must_be("completed")
        added = _added(reply)
        for field in ("output", "error", "approval_request_id"):
            must(added["item"].get(field) is None, f"{field} null when added", added)
        must(added["item"].get("arguments") == "", "arguments ''", added)
        deltas = reply.of("response.mcp_call_arguments.delta")
        must(bool(deltas), "one mcp_call_arguments.delta at least", reply.done_event)
        reply.in_order(["response.mcp_call_arguments.delta", "response.mcp_call_arguments.done"])
        call = reply.item("mcp_call")
        must(call.get("error") is None, "error null", reply.done_event)
        events = await _run(session, reply, call["id"])
        item = events[-1]["item"]
        must("echo" in str(item.get("output")), "the tool's output", events[-1])
        none(events + await session.settled(), "response.created")
        (await session.ask(tool_choice="none")).must_be("completed")


async def _run(session: Session, reply: Reply, item_id: str) -> list[Event]:
    """The events of the execution, up to the call's item done, in either order."""
    seen = [e for e in reply.events if e["type"].startswith("response.mcp_call.")]
    wanted = {"response.mcp_call.completed", DONE}
    events = list[Event]()
    last = None
    while wanted:
        event = await session.expect(*wanted)
        events.append(event)
        wanted.discard(event["type"])
        if event["type"] == DONE:
            must(event["item"]["id"] == item_id, f"the item {item_id}", event)
            last = event
    must(all(e["type"] != DONE for e in seen), "item done after the tool ran", reply.done_event)
    return [*events, last] if last else events


@area.scenario("session.tools.mcp.require_approval")
async def a_call_waits_for_its_approval(bench: Bench) -> None:
    """require_approval always: a request with the call's arguments; the approval alone starts
    the tool; the item done carries both (2.8)."""
    async with listed(bench, require_approval="always") as (session, tools, _):
        reply, request = await _asked(session)
        call = reply.item("mcp_call")
        same = request["item"]["arguments"] == call["arguments"]
        must(same, f"the call's arguments {call['arguments']!r}", request)
        must(not tools.said, "no execution before the approval", request)
        answer = {
            "type": "mcp_approval_response",
            "approval_request_id": request["item"]["id"],
            "approve": True,
        }
        await session.send("conversation.item.create", item=answer)
        await session.expect("response.mcp_call.completed")
        done = await session.expect(DONE, where=of_item(call["id"]))
        item = done["item"]
        asked = item.get("approval_request_id") == request["item"]["id"]
        must(asked, f"approval_request_id {request['item']['id']}", done)
        must(item.get("arguments") == call["arguments"], "the same arguments", done)
        must("echo" in str(item.get("output")), "the tool's output", done)
        (await session.ask(tool_choice="none")).must_be("completed")


@area.scenario("session.tools.mcp.require_approval.always")
async def a_denied_call_fails_and_is_not_run(bench: Bench) -> None:
    """approve false: the tool does not run, the item is done with an error (2.8)."""
    async with listed(bench, require_approval={"always": {"tool_names": ["echo"]}}) as told:
        session, tools, _ = told
        reply, request = await _asked(session)
        call = reply.item("mcp_call")
        answer = {
            "type": "mcp_approval_response",
            "approval_request_id": request["item"]["id"],
            "approve": False,
            "reason": "Not today.",
        }
        await session.send("conversation.item.create", item=answer)
        done = await session.expect(DONE, where=of_item(call["id"]))
        must(bool(done["item"].get("error")), "an error in the item", done)
        must(not tools.said, "no execution", done)


async def _asked(session: Session) -> tuple[Reply, Event]:
    """A response with a call that needs approval, and the request for it."""
    reply = await session.ask(ASK, tool_choice=ECHO)

    def request(event: Event) -> bool:
        return event["item"].get("type") == "mcp_approval_request"

    for event in reply.events:
        if event["type"] == DONE and request(event):
            return reply, event
    return reply, await session.expect(DONE, where=request)


@area.scenario("session.tools.mcp.require_approval.never")
async def a_tool_that_fails_is_an_error_of_the_item(bench: Bench) -> None:
    """response.mcp_call.failed, item done with error tool_execution_error; the call lives (2.8)."""
    never = {"never": {"tool_names": ["echo", "fail"]}}
    async with listed(bench, require_approval=never) as (session, tools, _):
        if not tools.own:
            raise Skipped("the MCP server of --mcp-url need not have a tool that fails")
        reply = await session.ask("Call the tool fail.", tool_choice={**ECHO, "name": "fail"})
        call = reply.item("mcp_call")
        await session.expect("response.mcp_call.failed")
        done = await session.expect(DONE, where=of_item(call["id"]))
        error = inner(done, "item", "error")
        must(error.get("type") == "tool_execution_error", "error.type tool_execution_error", done)
        (await session.ask(tool_choice="none")).must_be("completed")


@area.scenario("session.tools.mcp.server_url")
async def a_server_that_is_not_there_fails_its_listing(bench: Bench) -> None:
    """mcp_list_tools.failed for a server that does not answer; the session lives (2.8)."""
    async with bench.session(output_modalities=["text"]) as session:
        tool = {"type": "mcp", "server_label": "nowhere", "server_url": "https://mcp.invalid/mcp"}
        await session.send("session.update", session={"type": "realtime", "tools": [tool]})
        await session.expect("mcp_list_tools.failed")
        (await session.ask("Say exactly: Hi.", tool_choice="none")).must_be("completed")


@area.scenario()
async def a_listing_is_read_while_it_is_made(bench: Bench) -> None:
    """The JavaScript SDK retrieves the item at mcp_list_tools.in_progress (3.2 h)."""
    async with tools_for(bench.target) as tools, bench.session() as session:
        given = {"type": "realtime", "tools": [declared(tools)]}
        await session.send("session.update", session=given)
        with reached(tools):
            event = await session.expect("mcp_list_tools.in_progress")
        await session.send("conversation.item.retrieve", item_id=event["item_id"])
        read = await session.expect("conversation.item.retrieved")
        must(read["item"].get("type") == "mcp_list_tools", "the mcp_list_tools item", read)


def _added(reply: Reply) -> Event:
    for event in reply.of("response.output_item.added"):
        if event["item"].get("type") == "mcp_call":
            return event
    reply.item("mcp_call")
    return reply.done_event
