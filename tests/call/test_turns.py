"""Whole turns: what is said comes back as an answer, and is written down as it was."""

from agents.testing import assistant_message


async def test_a_spoken_turn_is_answered_and_remembered(house, phone):
    house.script([assistant_message("Good day.")])
    await phone.say("hello there")
    await phone.until("response.done")
    assert phone.done[0]["status"] == "completed"
    assert house.history() == [{"role": "user", "content": "hello there"}]
    assert await phone.talk() == [("user", "hello there"), ("assistant", "Good day.")]


async def test_the_next_turn_knows_the_last_one(house, phone):
    house.script([assistant_message("Good day.")], [assistant_message("Yes.")])
    await phone.say("hello there")
    await phone.until("response.done")
    await phone.clock.advance(1)
    await phone.ask("are you there")
    assert house.history() == [
        {"role": "user", "content": "hello there"},
        {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": "are you there"},
    ]


async def test_a_call_survives_being_placed_without_a_word(phone):
    assert phone.types == ["session.created"]


async def test_the_trace_of_a_spoken_turn_tells_what_was_said_and_heard(house, phone):
    house.script([assistant_message("Good day.")])
    await phone.say("hello there")
    await phone.until("response.done")
    await phone.clock.advance(1)
    [turn] = await phone.traces()
    assert (turn["caller"], turn["agent"]) == ("hello there", "Good day.")
    assert turn["end_reason"] == "completed"
    names = [span["name"].split(" ")[0] for span in await phone.spans()]
    stages = {"user_speech", "end_of_turn", "speech_to_text", "text_to_speech", "playback"}
    assert stages <= {span["stage"] for span in await phone.spans()}, names
