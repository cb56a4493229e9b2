"""A second client attached to a running call: it sees and may do all that the first can."""

import asyncio
import json

from agents.testing import assistant_message, function_call

from frontdesk.call.connections import Connection
from tests.frames import checked


class Second:
    """Another client of a phone's call."""

    def __init__(self, phone):
        self.phone = phone
        self.frames = []
        self.closed = None
        self.came = asyncio.Event()
        self.connection = Connection(self.got, self.close, caller=False)
        assert phone.call.join(self.connection)

    def got(self, frame):
        self.frames.append(checked(frame))
        self.came.set()

    def close(self, code, reason):
        self.closed = self.closed or (code, reason)
        self.came.set()

    async def send(self, type, **fields):
        if not self.phone.call.take(json.dumps({"type": type, **fields}), self.connection):
            await self.phone.call.room()

    async def until(self, kind, number=1):
        """The ``number``th frame of this type."""
        async with asyncio.timeout(30):
            while len(found := [f for f in self.frames if f["type"] == kind]) < number:
                self.came.clear()
                await self.came.wait()
        return found[number - 1]

    @property
    def types(self):
        return [frame["type"] for frame in self.frames]


async def test_a_second_client_is_told_the_session_and_sees_all_that_follows(house):
    phone = await house.place()
    session = await phone.configure(instructions="Be brief.")
    second = Second(phone)
    assert (await second.until("session.created"))["session"] == session
    house.script([assistant_message("Hello.")])
    await phone.ask("Hi")
    await second.until("response.done")
    since = phone.types.index("conversation.item.added")
    assert second.types[1:] == phone.types[since:]


async def test_a_second_client_has_full_control(house):
    phone = await house.place()
    second = Second(phone)
    await second.send("session.update", session={"type": "realtime", "instructions": "Sing."})
    assert (await phone.until("session.updated"))[-1]["session"]["instructions"] == "Sing."
    house.script([assistant_message("La la la.")])
    await second.send("response.create")
    assert (await phone.until("response.done"))[-1]["response"]["status"] == "completed"


async def test_only_the_client_that_asked_gets_the_error_and_the_item(house):
    phone = await house.place()
    second = Second(phone)
    item_id = await phone.write("Hello")
    await second.send("conversation.item.retrieve", item_id=item_id)
    await second.send("no.such.event", event_id="mine")
    assert (await second.until("error"))["error"]["event_id"] == "mine"
    assert (await second.until("conversation.item.retrieved"))["item"]["id"] == item_id
    await phone.settled()
    assert "conversation.item.retrieved" not in phone.types
    assert [frame["error"]["event_id"] for frame in phone.of("error")] == [None]


async def test_audio_is_taken_from_one_client_at_a_time(house):
    phone = await house.place()
    second = Second(phone)
    await phone.fall_silent(20)
    await second.send("input_audio_buffer.append", audio="AAAA", event_id="too soon")
    error = (await second.until("error"))["error"]
    assert (error["code"], error["event_id"]) == ("input_audio_in_use", "too soon")
    await phone.clock.advance(1.1)
    await second.send("input_audio_buffer.append", audio="AAAA")
    await second.send("conversation.item.retrieve", item_id="none")
    assert (await second.until("error", 2))["error"]["code"] == "item_retrieve_invalid_item_id"


async def test_the_call_ends_with_its_caller_and_not_with_a_second_client(house):
    phone = await house.place()
    first, last = Second(phone), Second(phone)
    await last.until("session.created")
    phone.call.leave(first.connection, "the client left")
    await phone.write("Still here.")
    await phone.hang_up()
    assert last.closed is not None
    assert not phone.call.join(Connection(lambda frame: None, lambda code, reason: None))


async def test_a_second_client_that_spoke_carries_the_call_on_alone(house):
    phone = await house.place()
    second = Second(phone)
    await second.send("input_audio_buffer.append", audio="AAAA")
    phone.call.leave(phone.connection, "the client left")
    house.script([assistant_message("Here.")])
    await second.send("response.create")
    assert (await second.until("response.done"))["response"]["status"] == "completed"
    phone.call.leave(second.connection, "the client left")
    await asyncio.wait_for(phone.running, 30)
    assert phone.call.state.ended == "the client left"


async def test_only_a_client_that_asked_sees_what_the_teams_tools_do(house):
    phone = await house.place()
    second = Second(phone)
    second.connection.shows_tools = True
    await second.until("session.created")
    house.script(
        [function_call("look_up", {"what": "it"}, call_id="c1")], [assistant_message("Found.")]
    )
    await phone.ask("Look it up.")
    await second.until("response.done")
    shown = [f["item"] for f in second.frames if f["type"] == "conversation.item.done"]
    tools = [item for item in shown if item["type"] != "message"]
    assert [item["type"] for item in tools] == ["function_call", "function_call_output"]
    assert tools[0]["name"] == "look_up" and tools[0]["call_id"] == tools[1]["call_id"] == "c1"
    assert {f["item"]["type"] for f in phone.of("conversation.item.done")} == {"message"}
