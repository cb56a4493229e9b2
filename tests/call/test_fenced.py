"""A worker that lost its call says and does nothing more, from the moment that it knows."""

import asyncio

import pytest
from agents.testing import assistant_message, function_call


async def claimed_elsewhere(house, phone):
    """Another worker takes the call, and this one hears of it."""
    lease = await house.store.open(phone.call.state.call_id, "other", force=True)
    house.defects_expected = True  # the loss is logged
    frames = len(phone.frames)
    phone.call.fenced(lease.epoch)
    house.phones.remove(phone)
    return frames


async def over(phone):
    await asyncio.wait_for(phone.running, 30)


async def test_an_answer_under_way_stops_with_the_fence(house, phone):
    house.stage.speech_may_come.clear()
    house.script([assistant_message("A first sentence. A second one. And a third one.")])
    await phone.write("go on")
    await phone.send("response.create")
    await house.stage.speech_wanted.wait()
    frames = await claimed_elsewhere(house, phone)
    house.stage.speech_may_come.set()
    await phone.clock.advance(60)
    await over(phone)
    assert len(phone.frames) == frames
    assert phone.closed[0] == 4001


async def test_frames_that_wait_for_the_record_are_not_sent(house, phone):
    await phone.send("conversation.item.create", item=message("not on record yet"))
    frames = await claimed_elsewhere(house, phone)
    await over(phone)
    assert len(phone.frames) == frames


def message(text):
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content}


async def test_a_tool_under_way_is_cancelled_and_none_begins(house, phone):
    house.stage.tool_may_end.clear()
    house.script([function_call("look_up", {"what": "it"}, call_id="c1")])
    await phone.write("what is it")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await claimed_elsewhere(house, phone)
    house.stage.tool_started.clear()
    house.stage.tool_may_end.set()
    await phone.offer('{"type": "response.create"}')
    await over(phone)
    assert not house.stage.tool_started.is_set()
    assert len(house.model.calls) == 1
    state = await house.store.load(phone.call.state.call_id)
    assert [s.item["type"] for s in state.items] == ["message"]


async def test_speech_that_ends_just_then_is_answered_by_nobody_here(house, phone):
    await phone.begin_to_speak("are you there")
    await phone.until("input_audio_buffer.speech_started")
    await claimed_elsewhere(house, phone)
    await phone.fall_silent()
    await over(phone)
    assert not house.model.calls


async def test_its_own_claim_is_no_news_to_a_call(house, phone):
    phone.call.fenced(phone.call._parts.book.epoch)
    house.script([assistant_message("Still here.")])
    await phone.ask("are you there")
    assert phone.closed is None


@pytest.mark.parametrize("held", ["words", "speech", "tool"])
async def test_a_lost_call_lets_everything_go(house, phone, held):
    gates = {"words": "words_may_come", "speech": "speech_may_come", "tool": "tool_may_end"}
    getattr(house.stage, gates[held]).clear()
    house.script([function_call("look_up", {"what": "it"}, call_id="c1")])
    house.script([assistant_message("It is blue.")])
    await phone.say("what is it")
    for _ in range(200):
        await asyncio.sleep(0)
    frames = await claimed_elsewhere(house, phone)
    getattr(house.stage, gates[held]).set()
    await over(phone)
    assert len(phone.frames) == frames
