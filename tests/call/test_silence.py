"""No unexplained silence: each row of the table in docs/troubles.md. The caller hears something
within the budget, or the trace says why not."""

import asyncio

import pytest
from agents.testing import ModelStep, assistant_message, function_call

from frontdesk.voice.base import SpeechError

SLOW = "I'm still on it, thank you for waiting."
SORRY = "Sorry, something went wrong on my side. Could you say that again?"
UNHEARD = "Sorry, I didn't catch that."
SPEECH_BUDGET = 4


def words(response):
    return "".join(part["transcript"] for item in response["output"] for part in item["content"])


async def root_span(phone):
    """The newest turn's root."""
    return next(span for span in await phone.spans() if span["parent_id"] is None)


async def root(phone):
    """Its attributes."""
    return (await root_span(phone))["attributes"]


async def of_stage(phone, name):
    return [span for span in await phone.spans() if span["name"].startswith(name)]


def never_answers(house):
    """A model that is asked and does not come back; the event is set when it was asked."""
    asked = asyncio.Event()

    async def never(call):
        asked.set()
        await asyncio.Event().wait()

    house.script(ModelStep.respond(never))
    return asked


@pytest.fixture
async def spare(build_house):
    """A house with a second speech model."""
    house = await build_house(
        voice={"tts": {"fallback": {"provider": "embedded"}}},
        agents={"frontdesk": {"voice": "ash"}},
    )
    return house, await house.place()


async def test_a_slow_model_is_bridged_by_a_line_and_the_trace_says_what_took_so_long(house, phone):
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(call):
        asked.set()
        await may_answer.wait()
        return [assistant_message("Here it is.")]

    house.script(ModelStep.respond(slow))
    await phone.write("what is it")
    await phone.send("response.create")
    await asked.wait()
    await phone.clock.advance(3.9)
    assert not phone.of("response.output_audio.delta")
    await phone.clock.advance(0.2)
    await phone.until("response.output_audio.delta")
    may_answer.set()
    await phone.until("response.done")
    assert words(phone.done[0]) == f"{SLOW} Here it is."
    await phone.clock.advance(20)
    [silence] = await of_stage(phone, "dead_air")
    assert silence["name"] == "dead_air model"
    assert silence["end"] - silence["start"] == pytest.approx(4, abs=0.1)
    assert (await root(phone))["voice.silence.stage"] == "model"


async def test_the_line_comes_again_after_twice_as_long_and_not_more_often(house, phone):
    asked = never_answers(house)
    await phone.write("what is it")
    await phone.send("response.create")
    await asked.wait()
    for seconds, lines in ((4.1, 1), (9, 1), (2, 2), (16, 2), (3, 3)):
        await phone.clock.advance(seconds)
        _, (_, said) = await phone.talk()
        assert said.count("still on it") == lines
    await phone.send("response.cancel")
    await phone.until("response.done")


async def test_a_dead_model_is_given_up_and_apologised_for(build_house):
    house = await build_house(models={"main": {"timeout": "50ms"}})
    phone = await house.place()
    never_answers(house)
    await phone.ask("what is it")
    assert words(phone.done[0]) == SORRY
    await phone.clock.advance(20)
    assert "model_timeout" in (await root_span(phone))["error"]


async def test_a_slow_tool_has_its_own_line_first_and_is_named_in_the_trace(house, phone):
    house.stage.tool_may_end.clear()
    house.script([function_call("look_up", {"what": "it"}, call_id="c")])
    house.script([assistant_message("It is blue.")])
    await phone.write("what is it")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.clock.asleep()
    await phone.clock.advance(1)
    await phone.until("response.output_audio.delta")
    await phone.clock.advance(9)
    house.stage.tool_may_end.set()
    await phone.until("response.done")
    assert words(phone.done[0]) == f"Let me see. {SLOW} It is blue."
    await phone.clock.advance(20)
    [silence] = await of_stage(phone, "dead_air")
    assert silence["attributes"]["voice.silence.stage"] == "tools"
    assert silence["attributes"]["voice.silence.waits_for"] == "look_up"


async def test_words_that_are_long_in_coming_are_bridged_and_then_asked_for_again(house, phone):
    house.stage.words_may_come.clear()
    await phone.say("hello")
    await phone.until("response.created")
    await phone.settled()
    await phone.clock.advance(9)
    await phone.until("response.done")
    house.stage.words_may_come.set()
    assert words(phone.done[0]) == f"{SLOW} {UNHEARD}"
    await phone.clock.advance(20)
    [silence] = await of_stage(phone, "dead_air")
    assert silence["name"] == "dead_air speech_to_text"
    [heard] = await of_stage(phone, "speech_to_text")
    assert "no transcript came within 8 s" in heard["error"]


async def test_words_that_come_after_the_line_are_answered_as_if_it_had_not_been_said(house, phone):
    house.stage.words_may_come.clear()
    house.script([assistant_message("Good day.")])
    await phone.say("hello")
    await phone.until("response.created")
    await phone.settled()
    await phone.clock.advance(5)
    await phone.until("response.output_audio.delta")
    house.stage.words_may_come.set()
    await phone.until("response.done")
    assert words(phone.done[0]) == f"{SLOW} Good day."
    assert house.history() == [{"role": "user", "content": "hello"}]


async def test_speech_whose_transcription_fails_is_heard_again(house, phone):
    house.stt.recovers = "hello"
    house.script([assistant_message("Good day.")])
    await phone.say(SpeechError("the connection broke"))
    await phone.until("response.done")
    assert words(phone.done[0]) == "Good day."
    assert house.history() == [{"role": "user", "content": "hello"}]
    await phone.clock.advance(20)
    failed, heard = await of_stage(phone, "speech_to_text")
    assert (failed["error"], heard["error"]) == ("the connection broke", None)
    assert failed["end"] == heard["start"]


async def test_a_transcriber_that_fails_twice_is_told_of_and_the_caller_asked_again(house, phone):
    await phone.say(SpeechError("no quota left"))
    await phone.until("response.done")
    assert words(phone.done[0]) == UNHEARD
    await phone.clock.advance(20)
    assert [span["error"] for span in await of_stage(phone, "speech_to_text")] == [
        "no quota left",
        "no quota left",
    ]


async def test_a_clause_that_cannot_be_spoken_is_tried_again(house, phone):
    house.tts.failures = 1
    house.script([assistant_message("Good day.")])
    await phone.ask("hello")
    assert phone.done[0]["status"] == "completed"
    assert words(phone.done[0]) == "Good day."
    await phone.clock.advance(20)
    failed, spoken = await of_stage(phone, "text_to_speech")
    assert failed["error"] == "the voice is gone"
    assert spoken["error"] is None
    assert (await phone.traces())[0]["end_reason"] == "completed"


async def test_a_clause_that_breaks_off_goes_on_where_it_was(house, phone):
    house.tts.failures, house.tts.fails_after = 1, 2
    house.script([assistant_message("Good day to you.")])
    await phone.ask("hello")
    item = phone.answer_ids()[0]
    await phone.clock.advance(20)
    [stored] = [a for a in (await phone.stored()).audio if a["item_id"] == item]
    whole = 0.05 * len("Good day to you.")
    assert stored["seconds"] == pytest.approx(whole, abs=0.35)  # and the pause behind it


async def test_a_voice_that_stays_away_is_stood_in_for(spare):
    house, phone = spare
    house.tts.failures = 2
    house.script([assistant_message("Good day. It is fine.")], [assistant_message("Yes.")])
    await phone.ask("hello")
    assert words(phone.done[0]) == "Good day. It is fine."
    assert house.tts.said == [("Good day.", "ash")] * 2
    assert house.stand_in.said == [("Good day.", None), ("It is fine.", None)]
    await phone.clock.advance(40)
    last = (await of_stage(phone, "text_to_speech"))[-1]["attributes"]
    assert last["gen_ai.request.model"] == "stand-in"
    await phone.ask("really")
    assert house.tts.said[-1] == ("Yes.", "ash")  # rested, it is asked first again


async def test_a_voice_that_hangs_is_stood_in_for_within_its_budget(spare):
    house, phone = spare
    house.stage.speech_may_come.clear()
    house.script([assistant_message("Good day.")])
    await phone.write("hello")
    await phone.send("response.create")
    await house.stage.speech_wanted.wait()
    await phone.settled()
    await phone.clock.advance(SPEECH_BUDGET + 0.1)
    await phone.until("response.done")
    assert house.stand_in.said == [("Good day.", None)]
    assert words(phone.done[0]) == "Good day."  # and no line: it would have been stuck, too
    await phone.clock.advance(20)
    failed, _ = await of_stage(phone, "text_to_speech")
    assert "no sound within 4 s" in failed["error"]
    house.stage.speech_may_come.set()


async def test_when_nobody_can_speak_the_client_is_told_and_the_trace_says_why(house, phone):
    house.tts.failures = 99
    house.script([assistant_message("Good day.")])
    await phone.ask("hello")
    assert phone.done[0]["status_details"]["error"]["code"] == "speech_error"
    await phone.settled()
    assert (await root(phone))["voice.silence.reason"] == "speech_error"


async def test_an_empty_answer_is_apologised_for(house, phone):
    house.script([])
    await phone.ask("hello")
    assert words(phone.done[0]) == SORRY
    await phone.clock.advance(20)
    assert "empty_reply" in (await root_span(phone))["error"]


async def test_a_turn_that_the_client_has_to_go_on_with_says_so(house, phone):
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    await phone.configure(tools=[tool])
    house.script([function_call("get_weather", {}, call_id="w")])
    await phone.ask("hello")
    await phone.settled()
    assert (await root(phone))["voice.silence.reason"] == "client_tool"


async def test_a_turn_that_was_cancelled_before_a_sound_says_so(house, phone):
    asked = never_answers(house)
    await phone.write("hello")
    await phone.send("response.create")
    await asked.wait()
    await phone.send("response.cancel")
    await phone.until("response.done")
    await phone.settled()
    assert (await root(phone))["voice.silence.reason"] == "interrupted"


async def test_an_answer_that_is_heard_has_no_reason_for_silence(house, phone):
    house.script([assistant_message("Good day.")])
    await phone.ask("hello")
    await phone.clock.advance(20)
    assert "voice.silence.reason" not in await root(phone)


async def test_a_written_answer_is_not_talked_into(house, phone):
    asked = never_answers(house)
    await phone.write("hello")
    await phone.send("response.create", response={"output_modalities": ["text"]})
    await asked.wait()
    await phone.clock.advance(60)
    await phone.send("response.cancel")
    await phone.until("response.done")
    assert not house.tts.said


async def test_a_caller_who_speaks_on_is_not_talked_into(house, phone):
    audio = {"input": {"turn_detection": {"type": "semantic_vad", "interrupt_response": False}}}
    await phone.configure(audio=audio)
    asked = never_answers(house)
    await phone.write("hello")
    await phone.send("response.create")
    await asked.wait()
    await phone.begin_to_speak("and another thing")
    await phone.until("input_audio_buffer.speech_started")
    await phone.clock.advance(60)
    await phone.settled()
    assert not house.tts.said
    await phone.send("response.cancel")
    await phone.until("response.done")


async def test_the_budget_and_the_line_are_the_teams(build_house):
    house = await build_house(budgets={"silence": "1s"}, lines={"slow": "Hang on."})
    phone = await house.place()
    asked = never_answers(house)
    await phone.write("what is it")
    await phone.send("response.create")
    await asked.wait()
    await phone.clock.advance(1.1)
    await phone.until("response.output_audio.delta")
    assert house.tts.said == [("Hang on.", None)]
    await phone.send("response.cancel")
    await phone.until("response.done")


async def test_speech_that_nobody_wanted_answered_is_in_a_trace_that_says_so(house, phone):
    audio = {"input": {"turn_detection": {"type": "semantic_vad", "create_response": False}}}
    await phone.configure(audio=audio)
    await phone.say("just so you know")
    await phone.call._parts.hearing.words_known()
    await phone.hang_up()
    [turn] = await phone.traces()
    assert (turn["caller"], turn["end_reason"]) == ("just so you know", "session_closed")
    assert (await root(phone))["voice.silence.reason"] == "session_closed"
