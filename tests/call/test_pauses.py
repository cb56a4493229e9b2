"""When a call may move to another worker, and what is done before its client is sent there."""

import asyncio

import pytest
from agents.testing import assistant_message, function_call

from frontdesk.call.pause import PAUSE
from frontdesk.state.errors import Held

MADE = "an answer was made or played"
SPOKE = "somebody spoke"
UNDER_WAY = "something was under way"

WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}


@pytest.fixture
async def house(build_house):
    research = {"call": "tools.stage:research", "background": {"deadline": "60s"}}
    again = {"call": "tools.stage:research", "background": {"deadline": "60s", "restart": True}}
    return await build_house(
        agents={"frontdesk": {"tools": ["look_up", "research", "research_again"]}},
        tools={
            "look_up": {"call": "tools.stage:look_up"},
            "research": research,
            "research_again": again,
        },
        budgets={"silence": "10m"},
    )


def why(phone):
    return phone.call.pause.prevented_by()


async def quiet(phone):
    """All was heard out, and it has been quiet for a moment."""
    await phone.settled()
    await phone.clock.advance(20)
    await phone.settled()


async def test_a_call_that_just_began_is_at_a_pause(phone):
    assert why(phone) is None


async def test_there_is_no_pause_from_the_first_word_until_the_answer_was_heard(house, phone):
    house.script([assistant_message("Good morning.")])
    house.stage.words_may_come.clear()
    await phone.begin_to_speak()
    await phone.until("input_audio_buffer.speech_started")
    assert why(phone) == SPOKE
    await phone.fall_silent()
    await phone.until("response.created")
    await phone.clock.advance(3)
    assert why(phone) == MADE
    house.stage.words_may_come.set()
    await phone.until("response.done")
    assert why(phone) == MADE, "it is still played"
    await phone.clock.advance(0.65)  # 13 letters of 50 ms
    await phone.settled()
    assert why(phone) == SPOKE
    await phone.clock.advance(PAUSE)
    assert why(phone) is None


async def test_speech_that_nobody_answers_is_put_into_words_first(house, phone):
    detection = {"type": "server_vad", "create_response": False}
    transcription = {"model": "whisper-1"}
    await phone.configure(
        audio={"input": {"turn_detection": detection, "transcription": transcription}}
    )
    house.stage.words_may_come.clear()
    await phone.say()
    await phone.clock.advance(3)
    assert why(phone) == "speech was put into words"
    house.stage.words_may_come.set()
    await phone.until("conversation.item.input_audio_transcription.completed")
    assert why(phone) is None


async def test_audio_that_push_to_talk_has_not_committed_would_be_lost(house, phone):
    await phone.configure(audio={"input": {"turn_detection": None}})
    await phone.begin_to_speak()
    await phone.settled()
    await phone.clock.advance(30)
    assert why(phone) == UNDER_WAY
    await phone.send("input_audio_buffer.clear")
    await phone.settled()
    assert why(phone) is None


async def test_there_is_no_pause_while_a_tool_runs(house, phone):
    house.script(
        [function_call("look_up", {"what": "it"}, call_id="c1")], [assistant_message("Blue.")]
    )
    house.stage.tool_may_end.clear()
    await phone.write("what is it")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.clock.advance(3)
    assert why(phone) == MADE
    house.stage.tool_may_end.set()
    await phone.until("response.done")
    await quiet(phone)
    assert why(phone) is None


async def test_a_client_that_runs_its_function_is_waited_for_until_it_was_answered(house, phone):
    house.script([function_call("get_weather", {}, call_id="w1")], [assistant_message("It rains.")])
    await phone.configure(tools=[WEATHER])
    await phone.ask("the weather?")
    await quiet(phone)
    assert why(phone) == UNDER_WAY
    output = {"type": "function_call_output", "call_id": "w1", "output": "rain"}
    await phone.send("conversation.item.create", item=output)
    await phone.until("conversation.item.done")
    await quiet(phone)
    assert why(phone) == UNDER_WAY, "it asks for the response next"
    await phone.respond()
    await quiet(phone)
    assert why(phone) is None


@pytest.mark.parametrize("tool", ["research", "research_again"])
async def test_background_work_is_waited_for_unless_it_may_be_begun_anew(house, phone, tool):
    house.script(
        [function_call(tool, {"what": "lamps"}, call_id="c1")], [assistant_message("I'm on it.")]
    )
    await phone.write("tell me about lamps")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.clock.advance(0.4)
    await phone.until("response.done")
    await phone.settled()
    await phone.clock.advance(2)
    tied = "background work ran that cannot be begun anew"
    assert why(phone) == (tied if tool == "research" else None)


async def test_a_client_is_sent_on_when_all_is_on_record_and_the_call_is_free(house, phone):
    house.script([assistant_message("Good morning.")])
    await phone.ask("hello")
    await quiet(phone)
    call_id = phone.call.state.call_id
    with pytest.raises(Held):
        await house.store.open(call_id, "two")
    taken = []

    def close(code, reason):
        taken.append(asyncio.ensure_future(house.store.open(call_id, "two")))
        phone.closed = (code, reason)

    phone.connection.close = close
    phone.call.move("go on elsewhere")
    await phone.running
    assert phone.closed == (1012, "go on elsewhere")
    lease = await taken[0]
    assert lease.seq == phone.call.state.seq
    await house.store.release(lease)
    again = await house.place(call_id)
    assert await again.talk() == [("user", "hello"), ("assistant", "Good morning.")]


async def test_a_call_that_is_moved_in_an_answer_keeps_what_was_told_and_heard(house, phone):
    house.script([assistant_message("Good morning.")])
    await phone.ask("hello")
    await phone.clock.advance(0.3)
    phone.call.move("go on elsewhere")
    await phone.running
    again = await house.place(phone.call.state.call_id)
    assert await again.talk() == [("user", "hello"), ("assistant", "Good")]
    assert again.call.state.items[-1].item["content"][0]["transcript"] == "Good morning."


async def test_who_was_just_speaking_is_told_where_listening_begins_anew(house, phone):
    await phone.begin_to_speak()
    await phone.until("input_audio_buffer.speech_started")
    phone.call.move("go on elsewhere")
    await phone.running
    again = await house.place(phone.call.state.call_id)
    await again.until("input_audio_buffer.cleared")
