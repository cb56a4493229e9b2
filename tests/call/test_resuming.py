"""Speech over an answer that was no turn: the answer goes on from the word where it stopped."""

import asyncio

import pytest
from agents.testing import assistant_message, function_call

from frontdesk.voice.base import SpeechError

LONG = "This is the first sentence of it. And here is the second one."
MS_A_LETTER = 50


async def answered(house, phone, text=LONG):
    """An answer that was made whole, and of which nothing was played yet."""
    house.script([assistant_message(text)])
    await phone.ask("go on")
    return phone.answer_ids()[-1]


async def over_the_answer(phone, words, after=1.0):
    """Somebody is heard ``after`` so many seconds of it, and it is known what they said."""
    await phone.clock.advance(after)
    await phone.begin_to_speak(words)
    await phone.until("input_audio_buffer.speech_started")
    await phone.fall_silent()
    await phone.until("response.done")
    await phone.settled()


def said(phone, item_id):
    deltas = phone.of("response.output_audio_transcript.delta")
    return "".join(frame["delta"] for frame in deltas if frame["item_id"] == item_id)


def sound_ms(phone, item_id):
    deltas = phone.of("response.output_audio.delta")
    return sum(len(f["delta"]) * 3 / 4 / 48 for f in deltas if f["item_id"] == item_id)


@pytest.mark.parametrize(
    "words", ["", "...", "You", "(coughs)", "Um", "Uh-huh.", "Okay", "네", "うん"]
)
async def test_what_is_no_turn_lets_the_answer_go_on_where_it_stopped(house, phone, words):
    first = await answered(house, phone)
    await over_the_answer(phone, words)
    second = phone.answer_ids()[-1]
    assert len(house.model.calls) == 1  # no model is asked
    await phone.clock.advance(60)
    heard = [words for role, words in await phone.talk() if role == "assistant"]
    assert heard == ["This is the first", "sentence of it. And here is the second one."]
    assert said(phone, first) == LONG
    assert said(phone, second) == heard[1]
    assert phone.done[-1]["status"] == "completed"
    assert phone.done[-1]["output"][0]["content"][0]["transcript"] == heard[1]
    assert 45 * len(heard[1]) < sound_ms(phone, second) < 62 * len(heard[1])


async def test_an_utterance_is_a_turn_and_the_answer_is_given_up(house, phone):
    await answered(house, phone)
    house.script([assistant_message("Well then.")])
    await over_the_answer(phone, "no, the other one")
    assert len(house.model.calls) == 2
    assert house.history() == [
        {"role": "user", "content": "go on"},
        {"role": "assistant", "content": "This is the first"},
        {"role": "user", "content": "no, the other one"},
    ]
    assert said(phone, phone.answer_ids()[-1]) == "Well then."


async def test_the_next_model_run_reads_each_word_once(house, phone):
    await answered(house, phone)
    await over_the_answer(phone, "uh-huh")
    await phone.clock.advance(60)
    house.script([assistant_message("Bye.")])
    await phone.ask("thanks")
    assert house.history() == [
        {"role": "user", "content": "go on"},
        {"role": "assistant", "content": "This is the first"},
        {"role": "user", "content": "uh-huh"},
        {"role": "assistant", "content": "sentence of it. And here is the second one."},
        {"role": "user", "content": "thanks"},
    ]


async def test_what_a_model_writes_for_a_cough_is_nowhere(house, phone):
    await phone.configure(audio={"input": {"transcription": {"model": "any"}}})
    await answered(house, phone)
    await over_the_answer(phone, "You")
    [told] = phone.of("conversation.item.input_audio_transcription.completed")
    assert told["transcript"] == ""
    assert [w for role, w in await phone.talk() if role == "user"] == ["go on", ""]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("Shall I book the table for you? It is free at eight.", 2.0),
        ("Your table is free at eight. Shall I book it for you then?", 2.0),
    ],
)
async def test_okay_answers_a_question(house, phone, text, after):
    await answered(house, phone, text)
    house.script([assistant_message("It is booked.")])
    await over_the_answer(phone, "okay", after=after)
    assert len(house.model.calls) == 2


async def test_a_cough_in_a_question_lets_it_go_on(house, phone):
    await answered(house, phone, "Shall I book the table for you? It is free at eight.")
    await over_the_answer(phone, "")
    assert len(house.model.calls) == 1
    assert said(phone, phone.answer_ids()[-1]).endswith("It is free at eight.")


async def test_okay_before_a_word_was_heard_is_a_turn(house, phone):
    await answered(house, phone)
    house.script([assistant_message("Well.")])
    await over_the_answer(phone, "okay", after=0.01)
    assert len(house.model.calls) == 2


async def test_okay_after_the_answer_is_a_turn(house, phone):
    await answered(house, phone, "It opens at nine.")
    await phone.clock.advance(60)
    house.script([assistant_message("Anything else?")])
    await over_the_answer(phone, "okay", after=0)
    assert len(house.model.calls) == 2


async def test_speech_that_nobody_understands_is_a_turn(house, phone):
    await answered(house, phone)
    await over_the_answer(phone, SpeechError("down"))
    assert "sentence of it" not in said(phone, phone.answer_ids()[-1])


async def test_the_clients_word_decides_where_it_goes_on(house, phone):
    item = await answered(house, phone)
    await phone.clock.advance(1.0)
    await phone.begin_to_speak("mm-hmm")
    await phone.until("input_audio_buffer.speech_started")
    await phone.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=300)
    await phone.until("conversation.item.truncated")
    await phone.fall_silent()
    await phone.until("response.done")
    await phone.clock.advance(60)
    heard = [words for role, words in await phone.talk() if role == "assistant"]
    assert heard == ["This", "is the first sentence of it. And here is the second one."]


async def test_a_truncation_after_it_went_on_leaves_no_word_twice(house, phone):
    item = await answered(house, phone)
    await over_the_answer(phone, "")
    where = {"item_id": item, "content_index": 0}
    await phone.send("conversation.item.truncate", **where, audio_end_ms=2500)
    await phone.until("conversation.item.truncated")
    await phone.clock.advance(60)
    heard = [words for role, words in await phone.talk() if role == "assistant"]
    assert " ".join(heard) == LONG


async def test_it_goes_on_as_often_as_it_is_stopped(house, phone):
    await answered(house, phone)
    await over_the_answer(phone, "")
    await over_the_answer(phone, "uh-huh")
    await over_the_answer(phone, "right")
    await phone.clock.advance(60)
    heard = [words for role, words in await phone.talk() if role == "assistant"]
    assert len(heard) == 4
    assert " ".join(heard) == LONG
    assert len(house.model.calls) == 1


async def test_a_second_cough_before_the_first_is_judged_loses_nothing(house, phone):
    await answered(house, phone)
    await phone.clock.advance(1.0)
    house.stage.words_may_come.clear()
    await phone.begin_to_speak("")
    await phone.fall_silent()
    await phone.until("response.created")
    await phone.begin_to_speak("")
    await phone.until("response.done")
    house.stage.words_may_come.set()
    await phone.fall_silent()
    await phone.until("response.done")
    await phone.clock.advance(60)
    heard = [words for role, words in await phone.talk() if role == "assistant"]
    assert " ".join(heard) == LONG
    assert len(house.model.calls) == 1


async def test_words_after_a_cough_are_answered(house, phone):
    await answered(house, phone)
    await phone.clock.advance(1.0)
    house.stage.words_may_come.clear()
    await phone.begin_to_speak("")
    await phone.fall_silent()
    await phone.until("response.created")
    house.script([assistant_message("Nine.")])
    await phone.begin_to_speak("when does it open")
    await phone.until("response.done")
    house.stage.words_may_come.set()
    await phone.fall_silent()
    await phone.until("response.done")
    assert said(phone, phone.answer_ids()[-1]) == "Nine."


# Where the answer is still being made


async def test_an_answer_that_is_still_made_is_made_on(house, phone):
    house.script([assistant_message(LONG)])
    house.tts.unheld = 1
    await phone.write("go on")
    await phone.send("response.create")
    await phone.until_sound(1000)
    await phone.settled()
    house.stage.speech_may_come.set()
    await over_the_answer(phone, "uh-huh", after=0.6)
    if phone.done[-1]["status"] == "cancelled":
        await phone.until("response.done")
    await phone.clock.advance(60)
    assert [response["status"] for response in phone.done] == ["cancelled", "completed"]
    assert phone.done[0]["status_details"]["reason"] == "turn_detected"
    heard = [words for role, words in await phone.talk() if role == "assistant"]
    assert " ".join(heard) == LONG
    assert len(house.model.calls) == 1


async def waiting_for_a_tool(house, phone):
    """A tool runs, and the caller is told so."""
    house.stage.tool_may_end.clear()
    house.script(
        [function_call("look_up", {"what": "it"}, call_id="c1")], [assistant_message("Here it is.")]
    )
    await phone.write("find it")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.settled()
    await phone.clock.advance(1.0)
    await phone.until_sound(len("Let me see.") * MS_A_LETTER)
    await phone.clock.advance(0.4)


async def test_a_tool_that_runs_is_neither_lost_nor_run_twice(house, phone):
    await waiting_for_a_tool(house, phone)
    await phone.begin_to_speak("uh-huh")
    await phone.until("response.done")
    await phone.fall_silent()
    await phone.until("response.created")
    await phone.settled()
    house.stage.tool_may_end.set()
    await phone.until("response.done")
    await phone.clock.advance(60)
    assert len(house.model.calls) == 2
    calls = [w for role, w in await phone.talk() if role == "function_call_output"]
    assert calls == ["found it"]
    heard = [words for role, words in await phone.talk() if role == "assistant"]
    assert heard[-1].endswith("Here it is.")
    state = await phone.stored()
    assert state.tools == [] and state.responses == {}


async def test_a_tool_does_not_begin_while_it_is_not_known_what_was_said(house, phone):
    house.script(
        [function_call("look_up", {"what": "it"}, call_id="c1")],
        [function_call("look_around", {"where": "there"}, call_id="c2")],
        [assistant_message("Here it is.")],
    )
    house.stage.tool_may_end.clear()
    await phone.write("find it")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.clock.advance(1.0)
    await phone.until_sound(len("Let me see.") * MS_A_LETTER)
    await phone.clock.advance(0.4)
    await phone.begin_to_speak("no, stop")
    await phone.until("response.done")
    house.stage.tool_started.clear()
    house.stage.tool_may_end.set()
    for _ in range(50):
        await asyncio.sleep(0)
    await phone.settled()
    assert not house.stage.tool_started.is_set()
    house.model.extend([[assistant_message("Stopped.")]])
    await phone.fall_silent()
    await phone.until("response.done")
    assert not house.stage.tool_started.is_set()
    assert len([w for role, w in await phone.talk() if role == "function_call_output"]) == 1


# What the client decides


async def test_without_create_response_nothing_goes_on_by_itself(house, phone):
    detection = {"type": "semantic_vad", "create_response": False}
    await phone.configure(audio={"input": {"turn_detection": detection}})
    await answered(house, phone)
    await phone.clock.advance(1.0)
    await phone.begin_to_speak("uh-huh")
    await phone.fall_silent()
    await phone.until("input_audio_buffer.committed")
    await phone.clock.advance(20)
    await phone.settled()
    assert len(phone.done) == 1


async def test_without_interruption_a_cough_needs_no_answer(house, phone):
    detection = {"type": "semantic_vad", "interrupt_response": False}
    await phone.configure(audio={"input": {"turn_detection": detection}})
    await answered(house, phone)
    await over_the_answer(phone, "uh-huh")
    await phone.clock.advance(60)
    assert phone.done[-1]["output"] == []
    assert [w for role, w in await phone.talk() if role == "assistant"] == [LONG]
    assert len(house.model.calls) == 1


async def test_a_client_that_asks_for_something_else_gets_that(house, phone):
    detection = {"type": "server_vad", "create_response": True}
    await phone.configure(audio={"input": {"turn_detection": detection}})
    await answered(house, phone)
    await phone.clock.advance(1.0)
    await phone.begin_to_speak("uh-huh")
    await phone.until("input_audio_buffer.speech_started")
    house.script([assistant_message("Other.")])
    await phone.send("response.create", response={"instructions": "Say other."})
    await phone.until("response.done")
    assert said(phone, phone.answer_ids()[-1]) == "Other."
    await phone.send("input_audio_buffer.clear")


async def test_an_answer_is_not_kept_for_ever(house, phone):
    house.stage.tool_may_end.clear()
    house.script([function_call("look_up", {"what": "it"}, call_id="c1")])
    await phone.write("find it")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.settled()
    await phone.begin_to_speak("I have a long story")
    await phone.until("response.done")
    await phone.clock.advance(9)
    await phone.settled()
    [turn] = await phone.traces()
    assert turn["end_reason"] == "interrupted"
    await phone.send("input_audio_buffer.clear")


# What an observer sees


async def test_the_trace_tells_that_it_was_stopped_for_nothing(house, phone):
    await answered(house, phone)
    await over_the_answer(phone, "uh-huh")
    await phone.clock.advance(60)
    two, one = sorted(await phone.traces(), key=lambda turn: turn["end_reason"])
    assert (one["end_reason"], one["agent"]) == ("interrupted", "This is the first")
    assert (two["end_reason"], two["caller"]) == ("completed", "uh-huh")
    assert two["agent"] == "sentence of it. And here is the second one."
    trace = house.tracing.store.trace(two["trace_id"])
    root = next(span for span in trace["spans"] if span["parent_id"] is None)["attributes"]
    assert root["voice.interruption.false"] == "backchannel"
    assert root["voice.turn.resumes"] == one["trace_id"]
    assert "voice.turn.latency" not in root  # it answers nothing
