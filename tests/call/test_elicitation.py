"""What an MCP server asks in the middle of a call, asked aloud: a real server, of both eras."""

import asyncio
import threading
from typing import Annotated, Any, Literal

import pytest
import uvicorn
from agents.testing import assistant_message, function_call
from mcp.server import MCPServer
from mcp.server.mcpserver import AcceptedElicitation, Elicit, ElicitationResult, Resolve
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse

from frontdesk.mcp.config import HttpServer
from frontdesk.mcp.connections import McpConnections


class Delivery(BaseModel):
    when: Literal["morning", "evening"] = Field(description="When shall it come")
    floor: int = Field(title="Floor", ge=0, le=40)
    email: Annotated[str, Field(title="E-mail", json_schema_extra={"format": "email"})]
    lift: bool = Field(title="Is there a lift")
    note: str = Field(default="", title="A note for the driver")


class Agreed(BaseModel):
    pass


async def ask_delivery() -> Elicit[Delivery]:
    return Elicit("I need to know a few things", Delivery)


async def ask_agreed() -> Elicit[Agreed]:
    return Elicit("There is a fee of five euros. Is that all right?", Agreed)


class Shop:
    """A server whose tools ask; ``given`` is what they were told."""

    def __init__(self, *, legacy: bool) -> None:
        self.given: list[Any] = []
        self.legacy = legacy
        self.port: int

    def build(self) -> MCPServer[Any]:
        server: MCPServer[Any] = MCPServer("shop", log_level="CRITICAL")

        @server.tool()
        async def deliver(
            order: str, delivery: Annotated[ElicitationResult[Delivery], Resolve(ask_delivery)]
        ) -> str:
            """Arranges a delivery."""
            if isinstance(delivery, AcceptedElicitation):
                self.given.append((order, delivery.data.model_dump()))
                return f"{order} comes in the {delivery.data.when}"
            self.given.append((order, delivery.action))
            return f"not arranged: {delivery.action}"

        @server.tool()
        async def express(agreed: Annotated[ElicitationResult[Agreed], Resolve(ask_agreed)]) -> str:
            """Makes it faster."""
            self.given.append(agreed.action)
            return f"express: {agreed.action}"

        return server

    async def start(self) -> None:
        inner = self.build().streamable_http_app()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and self.legacy and scope["method"] == "POST":
                message = await receive()
                if b"server/discover" in message.get("body", b""):
                    await PlainTextResponse("no such method", 404)(scope, receive, send)
                    return
                messages = [message]

                async def replay() -> Any:
                    return messages.pop(0) if messages else await receive()

                await inner(scope, replay, send)
                return
            await inner(scope, receive, send)

        config = uvicorn.Config(app, port=0, log_level="critical", lifespan="on")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:  # noqa: ASYNC110 (it has no event for that)
            await asyncio.sleep(0.005)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        await asyncio.to_thread(self._thread.join, 10)


@pytest.fixture(params=["2026", "2025"])
async def shop(request):
    running = Shop(legacy=request.param == "2025")
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def servers(shop):
    opened = McpConnections({"shop": HttpServer("shop", f"http://127.0.0.1:{shop.port}/mcp", {})})
    await opened.start()
    yield opened
    await opened.aclose()


@pytest.fixture
async def desk(servers, build_house):
    return await build_house(
        servers=servers, agents={"frontdesk": {"mcp": ["shop"]}}, mcp={"shop": {"timeout": "30s"}}
    )


def deliver(call_id="d1"):
    return function_call("deliver", {"order": "48271"}, call_id=call_id)


def spoken(phone):
    return [
        "".join(
            part.get("transcript") or part.get("text") or ""
            for item in response["output"]
            for part in item.get("content", ())
        )
        for response in phone.done
    ]


async def tell(phone, words):
    """Hear the agent out, and answer."""
    await phone.clock.advance(30)
    await phone.ask(words)
    return spoken(phone)[-1]


async def test_a_form_is_asked_field_by_field_and_the_call_goes_on_with_it(desk, shop):
    phone = await desk.place()
    desk.script([deliver()], [assistant_message("It comes in the evening.")])
    await phone.ask("When does it come?")
    first = "I need to know a few things. When shall it come: morning or evening?"
    assert spoken(phone)[0] == first
    assert await tell(phone, "In the evening, please.") == "Floor?"
    assert await tell(phone, "It is the number three.") == "E-mail?"
    assert await tell(phone, "anna dot berg at example dot com") == "Is there a lift?"
    assert await tell(phone, "No.") == "A note for the driver?"
    assert await tell(phone, "skip") == "It comes in the evening."
    given = {"when": "evening", "floor": 3, "email": "anna.berg@example.com", "lift": False}
    assert shop.given == [("48271", {**given, "note": ""})]
    assert desk.history()[-1]["output"] == "48271 comes in the evening"
    kinds = [kind for kind, _ in await phone.talk()]
    assert kinds.count("function_call") == 1


async def test_what_does_not_fit_is_asked_once_more_and_then_given_up(desk, shop):
    phone = await desk.place()
    desk.script([deliver()], [assistant_message("Then I leave it.")])
    await phone.ask("When does it come?")
    question = "When shall it come: morning or evening?"
    assert await tell(phone, "At noon") == f"Sorry, I didn't get that. {question}"
    assert await tell(phone, "At noon, I said") == "Then I leave it."
    assert shop.given == [("48271", "cancel")]


async def test_a_caller_who_would_rather_not_declines(desk, shop):
    phone = await desk.place()
    desk.script([deliver()], [assistant_message("As you like.")])
    await phone.ask("When does it come?")
    assert await tell(phone, "I'd rather not say.") == "As you like."
    assert shop.given == [("48271", "decline")]


@pytest.mark.parametrize(("words", "action"), [("Yes.", "accept"), ("No.", "decline")])
async def test_a_form_without_fields_is_a_question_for_a_yes(desk, shop, words, action):
    phone = await desk.place()
    desk.script([function_call("express", {}, call_id="e1")], [assistant_message("All right.")])
    await phone.ask("Make it faster")
    assert spoken(phone)[0] == "There is a fee of five euros. Is that all right?"
    assert await tell(phone, words) == "All right."
    assert shop.given == [action]


async def test_time_for_the_caller_is_no_time_of_the_server(desk, shop):
    phone = await desk.place()
    desk.script([deliver()], [assistant_message("Too late.")])
    await phone.ask("When does it come?")
    loop = asyncio.get_running_loop()
    [asker] = desk.runner._mcp.get("shop").askers._under_way
    assert asker._limit is not None and asker._limit.when() is None
    await phone.clock.advance(61)
    await phone.until("response.done")
    assert spoken(phone)[1] == "Too late."
    assert shop.given == [("48271", "cancel")]
    assert loop.time() > 0


async def test_hanging_up_ends_the_call_at_the_server(desk, shop, servers):
    phone = await desk.place()
    desk.script([deliver()])
    await phone.ask("When does it come?")
    assert phone.call.state.questions[0]["decided"] is None
    await phone.hang_up()
    assert servers.get("shop").askers._under_way == []
    again = await desk.place(phone.call.state.call_id)
    desk.script([assistant_message("I do not know whether it was arranged.")])
    await again.ask("And?")
    assert again.call.state.questions[0]["decided"]["how"] == "interrupted"
    assert "not known whether it took effect" in str(desk.history())


async def test_a_server_that_may_not_ask_is_declined(servers, shop, build_house):
    desk = await build_house(
        servers=servers,
        agents={"frontdesk": {"mcp": ["shop"]}},
        mcp={"shop": {"elicitation": "decline"}},
    )
    phone = await desk.place()
    desk.script([deliver()], [assistant_message("It was not arranged.")])
    await phone.ask("When does it come?")
    assert spoken(phone) == ["It was not arranged."]
    assert shop.given == [("48271", "decline")]
