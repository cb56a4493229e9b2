"""Cancel, truncate, barge-in: what was made, what was sent, what was heard."""

from agents.testing import assistant_message

LONG = "This is the first sentence of it. And here is the second one."
MS_A_LETTER = 50
FIRST = "This is the first sentence of it."


def said(frames):
    return "".join(
        f["delta"] for f in frames if f["type"] == "response.output_audio_transcript.delta"
    )


async def answered(house, phone, text=LONG):
    """An answer that was made whole, and of which nothing was played yet."""
    house.script([assistant_message(text)])
    await phone.ask("go on")
    return phone.answer_ids()[-1]


async def test_an_answer_heard_out_is_remembered_whole(house, phone):
    await answered(house, phone)
    await phone.clock.advance(60)
    assert await phone.talk() == [("user", "go on"), ("assistant", LONG)]
    [turn] = await phone.traces()
    assert (turn["end_reason"], turn["agent"]) == ("completed", LONG)


async def test_speech_over_an_answer_leaves_what_was_heard(house, phone):
    await answered(house, phone)
    await phone.clock.advance(1.0)
    await phone.begin_to_speak("stop")
    await phone.until("input_audio_buffer.speech_started")
    await phone.settled()
    _, (role, heard) = await phone.talk()
    assert role == "assistant"
    assert heard and FIRST.startswith(heard) and heard != FIRST
    [turn] = await phone.traces()
    assert turn["end_reason"] == "interrupted"
    assert turn["agent"] == heard
    assert turn["interrupted_at"] == 1.0
    [piece] = [a for a in (await phone.stored()).audio if a["role"] == "agent"]
    assert piece["seconds"] == 1.0


async def test_the_clients_word_on_what_was_heard_beats_our_clock(house, phone):
    item = await answered(house, phone)
    await phone.clock.advance(1.5)
    await phone.begin_to_speak("stop")
    await phone.until("input_audio_buffer.speech_started")
    await phone.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=600)
    await phone.until("conversation.item.truncated")
    await phone.settled()
    assert (await phone.talk())[1] == ("assistant", "This is the")
    house.script([assistant_message("Well.")])
    await phone.fall_silent()
    await phone.until("response.done")
    assert house.history()[1] == {"role": "assistant", "content": "This is the"}


async def test_a_truncation_before_our_own_cut_stands(house, phone):
    item = await answered(house, phone)
    await phone.clock.advance(1.5)
    await phone.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=600)
    await phone.until("conversation.item.truncated")
    await phone.begin_to_speak("stop")
    await phone.until("input_audio_buffer.speech_started")
    await phone.settled()
    assert (await phone.talk())[1] == ("assistant", "This is the")
    [turn] = await phone.traces()
    assert (turn["end_reason"], turn["agent"]) == ("interrupted", "This is the")
    assert turn["interrupted_at"] == 0.6


async def test_after_a_truncation_the_next_answer_is_played_at_once(house, phone):
    item = await answered(house, phone)
    await phone.clock.advance(1.0)
    await phone.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=1000)
    await phone.until("conversation.item.truncated")
    await answered(house, phone, "Something else then.")
    await phone.clock.advance(0.5)
    await phone.begin_to_speak("stop")
    await phone.until("input_audio_buffer.speech_started")
    await phone.settled()
    assert (await phone.talk())[-1] == ("assistant", "Something")


async def test_a_truncation_at_the_very_end_loses_no_words(house, phone):
    item = await answered(house, phone, "Of course.")
    await phone.clock.advance(2)
    end = {"content_index": 0, "audio_end_ms": len("Of course.") * MS_A_LETTER}
    await phone.send("conversation.item.truncate", item_id=item, **end)
    await phone.until("conversation.item.truncated")
    assert (await phone.talk())[-1] == ("assistant", "Of course.")


async def test_a_cancel_before_the_first_word_leaves_nothing(house, phone):
    house.stage.speech_may_come.clear()
    house.script([assistant_message(LONG)])
    await phone.write("go on")
    await phone.send("response.create")
    await house.stage.speech_wanted.wait()
    await phone.send("response.cancel")
    await phone.until("response.done")
    house.stage.speech_may_come.set()
    await phone.settled()
    assert phone.done[0]["status"] == "cancelled"
    assert phone.done[0]["output"] == []
    assert await phone.talk() == [("user", "go on")]
    assert [turn["end_reason"] for turn in await phone.traces()] == ["interrupted"]


async def test_a_cancel_between_clauses_leaves_what_was_heard_until_then(house, phone):
    house.script([assistant_message(LONG)])
    house.tts.unheld = 1
    await phone.write("go on")
    await phone.send("response.create")
    await phone.until_sound(1000)
    await phone.settled()
    await phone.clock.advance(0.6)
    await phone.send("response.cancel")
    await phone.until("response.done")
    house.stage.speech_may_come.set()
    frames = len(phone.frames)
    await phone.settled()
    assert phone.types[frames:] == ["error"]
    assert (await phone.talk())[1] == ("assistant", "This is the")


async def test_an_answer_cut_before_it_was_heard_is_not_remembered_but_both_questions_are(
    house, phone
):
    house.script([assistant_message("It is on its way.")])
    await phone.say("where is my order")
    await phone.until("response.done")
    house.script([assistant_message("That one is lost.")])
    await phone.say("four eight two")
    await phone.until("response.done")
    assert house.history() == [{"role": "user", "content": "where is my order four eight two"}]


async def test_going_on_at_once_withdraws_the_answer_that_was_being_made(house, phone):
    house.stage.speech_may_come.clear()
    house.script([assistant_message("It is on its way.")], [assistant_message("That one.")])
    await phone.say("where is my order")
    await house.stage.speech_wanted.wait()
    await phone.begin_to_speak("four eight two")
    await phone.until("response.done")
    house.stage.speech_may_come.set()
    await phone.fall_silent()
    await phone.until("response.done")
    assert [response["status"] for response in phone.done] == ["cancelled", "completed"]
    assert house.history() == [{"role": "user", "content": "where is my order four eight two"}]
    assert len(await phone.traces()) == 2


async def test_with_interruption_off_an_answer_goes_on_and_the_turn_is_answered_after_it(
    house, phone
):
    detection = {"type": "semantic_vad", "interrupt_response": False}
    await phone.configure(audio={"input": {"turn_detection": detection}})
    house.stage.speech_may_come.clear()
    house.script([assistant_message("First.")], [assistant_message("Second.")])
    await phone.say("one")
    await house.stage.speech_wanted.wait()
    await phone.say("two")
    house.stage.speech_may_come.set()
    await phone.until("response.done")
    await phone.until("response.done")
    assert [response["status"] for response in phone.done] == ["completed", "completed"]
    assert [words for _, words in await phone.talk()] == ["one", "two", "First.", "Second."]


async def test_dropping_the_output_buffer_ends_what_is_played_but_not_the_response(house, phone):
    house.script([assistant_message(LONG)])
    await phone.write("go on")
    await phone.send("response.create")
    await phone.until_sound(1000)
    await phone.clock.advance(0.6)
    await phone.send("output_audio_buffer.clear")
    await phone.until("response.done")
    await phone.clock.advance(60)
    await phone.settled()
    assert (await phone.talk())[1] == ("assistant", "This is the")
    assert [turn["end_reason"] for turn in await phone.traces()] == ["interrupted"]


async def test_hanging_up_in_an_answer_keeps_what_was_heard(house, phone):
    await answered(house, phone)
    await phone.clock.advance(1.0)
    await phone.hang_up()
    state = await house.store.load(phone.call.state.call_id)
    assert state.items[1].heard == "This is the first"
    [turn] = await phone.traces()
    assert (turn["end_reason"], turn["agent"]) == ("session_closed", "This is the first")


async def test_hanging_up_while_an_answer_is_made_ends_all_its_work(house, phone):
    house.stage.speech_may_come.clear()
    house.script([assistant_message(LONG)])
    await phone.write("go on")
    await phone.send("response.create")
    await house.stage.speech_wanted.wait()
    await phone.hang_up()
    [turn] = await phone.traces()
    assert turn["end_reason"] == "session_closed"
