"""A call that is taken up again: all of it is there, also what was never on the wire."""

import pytest
from agents.testing import assistant_message, function_call


@pytest.fixture
async def earlier(house, phone):
    """A call with a tool in it, and an answer that was cut at half a second; it ended."""
    house.script([function_call("look_up", {"what": "it"}, call_id="c1")])
    house.script([assistant_message("It is blue.")])
    await phone.ask("what is it")
    await phone.clock.advance(60)
    house.script([assistant_message("This is the first sentence of it.")])
    await phone.ask("tell me more")
    await phone.clock.advance(0.6)
    await phone.hang_up()
    return phone


async def test_the_model_sees_what_it_saw_before(house, earlier):
    phone = await house.place(earlier.call.state.call_id)
    house.script([assistant_message("Yes.")])
    await phone.ask("are you there")
    kinds = [item.get("type", item.get("role")) for item in house.history()]
    assert kinds == ["user", "function_call", "function_call_output", *["assistant", "user"] * 2]
    assert house.history()[-2] == {"role": "assistant", "content": "This is the"}


async def test_new_items_come_behind_the_old_ones_and_their_hidden_ones(house, earlier):
    before = await earlier.talk()
    phone = await house.place(earlier.call.state.call_id)
    house.script([function_call("look_up", {"what": "more"}, call_id="c2")])
    house.script([assistant_message("Yes.")])
    await phone.ask("are you there")
    assert await phone.talk() == [
        *before,
        ("user", "are you there"),
        ("function_call", "look_up"),
        ("function_call_output", "found more"),
        ("assistant", "Yes."),
    ]


async def test_the_client_finds_the_old_items_on_the_wire_but_no_hidden_ones(house, earlier):
    phone = await house.place(earlier.call.state.call_id)
    ids = [stored.item["id"] for stored in phone.call.state.items]
    assert len(ids) == 6
    for item_id in ids:
        await phone.send("conversation.item.retrieve", item_id=item_id)
    await phone.settled()
    assert len(phone.of("conversation.item.retrieved")) == 4


async def test_an_old_answer_can_still_be_truncated(house, earlier):
    phone = await house.place(earlier.call.state.call_id)
    old = phone.call.state.items[3].item["id"]
    await phone.send("conversation.item.truncate", item_id=old, content_index=0, audio_end_ms=300)
    await phone.until("conversation.item.truncated")
    assert (await phone.talk())[3] == ("assistant", "It is")
    await phone.send("conversation.item.retrieve", item_id=old)
    item = (await phone.until("conversation.item.retrieved"))[-1]["item"]
    assert item["content"][0]["transcript"] == "It is"


async def test_the_session_is_as_it_was_left(house, phone):
    await phone.configure(instructions="Be brief.", output_modalities=["text"])
    await phone.hang_up()
    again = await house.place(phone.call.state.call_id)
    session = again.frames[0]["session"]
    assert (session["instructions"], session["output_modalities"]) == ("Be brief.", ["text"])
    house.script([assistant_message("Yes.")])
    await again.ask("are you there")
    assert house.model.calls[-1].system_instructions == "You are frontdesk.\n\nBe brief."


async def test_the_agent_who_had_the_floor_has_it_still(build_house):
    house = await build_house(agents={"frontdesk": {"handoffs": ["orders"]}, "orders": {}})
    house.script([function_call("transfer_to_orders", {}, call_id="h1")])
    house.script([assistant_message("Orders.")], [assistant_message("Still.")], agent="orders")
    phone = await house.place()
    await phone.ask("my order")
    await phone.hang_up()
    again = await house.place(phone.call.state.call_id)
    await again.ask("are you there")
    assert len(house.models["orders"].calls) == 2
