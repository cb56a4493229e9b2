"""MCP servers that the client declares: a real one over HTTP, called from a real call."""

import asyncio
from typing import Any

import pytest
import uvicorn
from agents.testing import assistant_message, function_call
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from starlette.responses import PlainTextResponse

from frontdesk.call import client_mcp
from tests.leaps import leap

TOKEN = "HUSH-HUSH"


class ShopServer:
    """A server behind a token. ``url`` is its address, ``headers`` what each request had."""

    def __init__(self) -> None:
        self.running = asyncio.Event()
        self.release = asyncio.Event()
        self.gone = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.headers: list[dict[bytes, bytes]] = []
        self.bought: list[str] = []
        self.url = ""

    async def start(self) -> None:
        mcp: Any = MCPServer("shop", log_level="ERROR")

        @mcp.tool(annotations=ToolAnnotations(readOnlyHint=True))
        async def look_up(what: str) -> str:
            """Looks something up in the shop."""
            return f"{what} costs 12"

        @mcp.tool()
        async def buy(what: str) -> str:
            self.bought.append(what)
            return f"bought {what}"

        @mcp.tool()
        async def fail() -> str:
            raise ToolError("out of stock")

        @mcp.tool()
        async def wait() -> str:
            self.running.set()
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.gone.set()
                raise
            return "waited"

        inner = mcp.streamable_http_app()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                headers = dict(scope["headers"])
                self.headers.append(headers)
                await self.open.wait()
                if headers.get(b"authorization") != f"Bearer {TOKEN}".encode():
                    await PlainTextResponse("no", 401)(scope, receive, send)
                    return
            await inner(scope, receive, send)

        config = uvicorn.Config(app, port=0, log_level="critical")
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110 (no event to wait for)
            await asyncio.sleep(0.005)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/mcp"

    async def stop(self) -> None:
        self.release.set()
        self.open.set()
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        self._server.should_exit = self._server.force_exit = True
        await asyncio.gather(self._task)

    def tool(self, **fields: Any) -> dict[str, Any]:
        known = {"type": "mcp", "server_label": "shop", "server_url": self.url}
        return {**known, "authorization": TOKEN, "require_approval": "never", **fields}


@pytest.fixture
async def shop():
    server = ShopServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def house(shop, build_house):
    """One agent with a tool of its own, whose clients may name servers on this machine."""
    return await build_house(
        agents={"frontdesk": {"tools": ["look_up"]}},
        tools={"look_up": {"call": "tools.stage:look_up"}},
        client_mcp={"private_hosts": ["127.0.0.1"], "timeout": "30s"},
    )


async def listed(phone, tool):
    """Declare a server; returns the item of its list."""
    await phone.configure(output_modalities=["text"], tools=[tool])
    while True:
        item = (await phone.until("conversation.item.done"))[-1]["item"]
        if item["type"] == "mcp_list_tools":
            return item


async def called(phone, house, name, arguments=None, **response):
    """The model calls a tool; returns the call's item once its response is done."""
    house.script([function_call(name, arguments or {}, call_id="m1")])
    done = (await phone.ask("please", **response))[-1]["response"]
    return done["output"][-1]


async def ended(phone, item_id):
    """The item of a call, when it is over."""
    while True:
        item = (await phone.until("conversation.item.done"))[-1]["item"]
        if item["id"] == item_id:
            return item


async def test_a_server_is_listed_called_and_its_result_used(house, phone, shop):
    item = await listed(phone, shop.tool(headers={"x-shop": "lamps"}))
    assert [tool["name"] for tool in item["tools"]] == ["look_up", "buy", "fail", "wait"]
    assert item["tools"][0]["annotations"] == {"readOnlyHint": True}
    assert item["tools"][1]["description"] == ""
    assert shop.headers[0][b"x-shop"] == b"lamps"
    call = await called(phone, house, "buy", {"what": "a lamp"})
    assert (call["type"], call["arguments"]) == ("mcp_call", '{"what":"a lamp"}')
    over = await ended(phone, call["id"])
    assert over == {**call, "output": "bought a lamp"}
    after = phone.types[phone.types.index("response.done") :]
    assert after[:3] == [
        "response.done",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
    ]
    house.script([assistant_message("You have a lamp.")])
    await phone.respond()
    kinds = [known.get("type", known.get("role")) for known in house.history()]
    assert kinds == ["user", "function_call", "function_call_output"]
    assert house.history()[1]["name"] == "buy"
    assert house.history()[2]["output"] == "bought a lamp"


async def test_a_tool_whose_name_is_taken_goes_by_its_servers(house, phone, shop):
    await listed(phone, shop.tool(server_description="Lamps of all kinds."))
    call = await called(phone, house, "shop_look_up", {"what": "a lamp"})
    assert call["name"] == "look_up"
    assert (await ended(phone, call["id"]))["output"] == "a lamp costs 12"
    tools = {tool.name: tool for tool in house.model.calls[-1].tools}
    assert list(tools)[:2] == ["look_up", "shop_look_up"]
    assert "Lamps of all kinds." in tools["shop_look_up"].description


async def test_a_client_may_make_the_model_call_a_server(house, phone, shop):
    await listed(phone, shop.tool())
    choice = {"type": "mcp", "server_label": "shop", "name": "buy"}
    await called(phone, house, "buy", {"what": "x"}, tool_choice=choice)
    asked = house.model.calls[-1]
    assert [tool.name for tool in asked.tools] == ["buy"]
    assert asked.model_settings.tool_choice == "required"
    house.script([assistant_message("Well.")])
    await phone.settled()
    await phone.ask("and now", tool_choice={**choice, "name": "no_such"})
    assert house.model.calls[-1].model_settings.tool_choice is None


async def test_an_approved_call_runs_and_a_response_asked_for_meanwhile_waits(house, phone, shop):
    await listed(phone, shop.tool(require_approval={"never": {"read_only": True}}))
    call = await called(phone, house, "buy", {"what": "a lamp"})
    assert shop.bought == []
    answer = {"type": "mcp_approval_response", "approve": True}
    answer["approval_request_id"] = call["approval_request_id"]
    house.script([assistant_message("Done.")])
    await phone.send("conversation.item.create", item=answer)
    await phone.send("response.create")
    seen = [frame["type"] for frame in await phone.until("response.done")]
    assert seen.index("response.mcp_call.completed") < seen.index("response.created")
    assert shop.bought == ["a lamp"]
    assert house.history()[-1]["output"] == "bought a lamp"
    [span] = [
        s for s in await phone.spans(0) if s["attributes"].get("gen_ai.tool.type") == "extension"
    ]
    assert span["name"] == "execute_tool buy"
    assert span["attributes"]["voice.mcp.approval"] == "approved"
    assert span["attributes"]["gen_ai.tool.call.result"] == "bought a lamp"


async def test_a_denied_call_never_reaches_the_server_and_the_model_reads_why(house, phone, shop):
    await listed(phone, shop.tool(require_approval="always"))
    call = await called(phone, house, "buy", {"what": "a lamp"})
    answer = {"type": "mcp_approval_response", "approve": False, "reason": "too dear"}
    answer["approval_request_id"] = call["approval_request_id"]
    await phone.send("conversation.item.create", item=answer)
    assert (await ended(phone, call["id"]))["error"]["message"].endswith("too dear")
    house.script([assistant_message("All right.")])
    await phone.respond()
    assert "too dear" in house.history()[-1]["output"]
    assert shop.bought == []
    [span] = [
        s for s in await phone.spans(0) if s["attributes"].get("gen_ai.tool.type") == "extension"
    ]
    assert span["attributes"]["voice.mcp.approval"] == "denied"


async def test_what_the_tool_has_against_it_is_its_error(house, phone, shop):
    await listed(phone, shop.tool())
    call = await called(phone, house, "fail")
    error = (await ended(phone, call["id"]))["error"]
    assert error["type"] == "tool_execution_error"
    assert "out of stock" in error["message"]
    house.script([assistant_message("A pity.")])
    await phone.respond()
    assert house.history()[-1]["output"].startswith("Error: ")


async def test_a_wrong_token_fails_the_list_and_says_so(house, phone, shop):
    item = await listed(phone, shop.tool(authorization="WRONG-HUSH"))
    assert item["tools"] == []
    assert "401" in item["error"]
    assert "mcp_list_tools.failed" in phone.types and "error" not in phone.types
    house.script([assistant_message("Hello.")])
    await phone.ask("hi")
    [span] = [s for s in await phone.spans() if s["name"] == "mcp_list_tools shop"]
    assert "401" in str(span)


async def test_a_server_that_dies_fails_its_call_and_nothing_else(house, phone, shop):
    await listed(phone, shop.tool())
    call = await called(phone, house, "wait")
    await shop.running.wait()
    await shop.stop()
    error = (await ended(phone, call["id"]))["error"]
    assert (error["type"], error["code"]) in {("http_error", 502), ("protocol_error", -32000)}
    call = await called(phone, house, "buy", {"what": "x"})
    error = (await ended(phone, call["id"]))["error"]
    assert (error["type"], error["code"]) == ("http_error", 503)


async def test_a_slow_tool_is_given_up(shop, build_house):
    house = await build_house(client_mcp={"private_hosts": ["127.0.0.1"], "timeout": "30s"})
    phone = await house.place()
    await listed(phone, shop.tool())
    call = await called(phone, house, "wait")
    await shop.running.wait()
    await phone.stored()  # nobody waits for the store when the time is over
    leap(40)
    error = (await ended(phone, call["id"]))["error"]
    assert error["type"] == "tool_execution_error"
    assert "30 seconds" in error["message"]
    await shop.gone.wait()


async def test_a_private_address_is_not_spoken_to_unless_the_desk_allows_it(shop, build_house):
    house = await build_house()
    phone = await house.place()  # this core has not been told which addresses are private
    item = await listed(phone, shop.tool())
    assert "private address" in item["error"]
    assert shop.headers == []
    strict = await house.place(refuse_url=house.live_team.guard.refusal)
    tools = [{"type": "function", "name": "f"}, shop.tool()]
    await strict.send("session.update", session={"type": "realtime", "tools": tools})
    error = (await strict.until("error"))[-1]["error"]
    assert error["param"] == "session.tools[1].server_url"


async def test_secrets_are_in_no_frame_no_log_entry_and_no_trace(house, phone, shop):
    await listed(phone, shop.tool(headers={"x-key": "HUSH-key"}))
    call = await called(phone, house, "buy", {"what": "x"})
    await ended(phone, call["id"])
    assert any(TOKEN in str(headers) for headers in shop.headers)
    told = [str(phone.frames), str(await phone.stored()), str(await phone.spans())]
    assert not [text for text in told if "HUSH" in text]


async def test_hanging_up_stops_the_tool_and_the_call_shows_it_when_it_goes_on(house, phone, shop):
    await listed(phone, shop.tool())
    call = await called(phone, house, "wait")
    await shop.running.wait()
    await phone.hang_up()
    await shop.gone.wait()
    again = await house.place(phone.call.state.call_id)
    assert again.frames[0]["session"]["tools"] == []
    await again.send("conversation.item.retrieve", item_id=call["id"])
    item = (await again.until("conversation.item.retrieved"))[-1]["item"]
    assert "interrupted" in item["error"]["message"]
    house.script([assistant_message("Where were we?")])
    await again.ask("hello again")
    kinds = [known.get("type", known.get("role")) for known in house.history()]
    assert kinds == ["user", "function_call", "function_call_output", "user"]


async def test_an_approval_outlives_the_call_if_its_server_is_declared_again(house, phone, shop):
    await listed(phone, shop.tool(require_approval="always"))
    call = await called(phone, house, "buy", {"what": "a lamp"})
    await phone.hang_up()
    again = await house.place(phone.call.state.call_id)
    answer = {"type": "mcp_approval_response", "approve": True}
    answer["approval_request_id"] = call["approval_request_id"]
    await again.send("conversation.item.create", item=answer)
    error = (await again.until("error"))[-1]["error"]
    assert error["param"] == "item.approval_request_id"
    await listed(again, shop.tool(require_approval="always"))
    await again.send("conversation.item.create", item=answer)
    assert (await ended(again, call["id"]))["output"] == "bought a lamp"


async def test_a_server_that_is_dropped_is_let_go_after_its_calls(house, phone, shop):
    await listed(phone, shop.tool())
    call = await called(phone, house, "wait")
    await shop.running.wait()
    await phone.configure(tools=[])
    shop.release.set()
    assert (await ended(phone, call["id"]))["output"] == "waited"


async def test_a_client_that_changes_its_mind_all_the_time_leaves_no_connections(
    house, phone, shop, monkeypatch
):
    monkeypatch.setattr(client_mcp, "LIST_SECONDS", 600.0)  # no list ends by itself
    shop.open.clear()
    for number in range(30):
        await phone.configure(tools=[shop.tool(headers={"x-number": str(number)})])
    ended = [f for f in phone.frames if f["type"] == "mcp_list_tools.failed"]
    assert len(ended) == 29
    servers = phone.call._parts.servers  # pyright: ignore[reportPrivateUsage]
    async with asyncio.timeout(20):
        while len(servers._tasks) > 1:  # noqa: ASYNC110 (no event to wait for)
            await asyncio.sleep(0.01)
    shop.open.set()


async def test_a_caller_who_speaks_while_a_tool_runs_is_answered(house, phone, shop):
    await listed(phone, shop.tool())
    await phone.configure(output_modalities=["audio"])
    call = await called(phone, house, "wait")
    await shop.running.wait()
    house.script([assistant_message("It is still running.")])
    await phone.say("how is it going")
    await phone.until("response.done")
    results = [k for k in house.history() if k.get("type") == "function_call_output"]
    assert "no result yet" in results[0]["output"]
    shop.release.set()
    assert (await ended(phone, call["id"]))["output"] == "waited"
