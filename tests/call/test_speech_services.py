"""Models that others run, in a call: who stands in, what the trace tells, what the client hears."""

import pytest
from agents.testing import assistant_message

from frontdesk.voice.base import SpeechError

SPARE = {"stt": {"fallback": {"provider": "embedded"}}}


@pytest.fixture
async def two_ears(build_house):
    return await build_house(voice=SPARE)


async def heard_by(phone):
    """Who was asked for the words of the turn that is being answered, and what went wrong."""
    await phone.until("response.done")
    await phone.clock.advance(5)  # it is played
    spans = [s for s in await phone.spans() if s["stage"] == "speech_to_text"]
    return [(s["attributes"]["gen_ai.request.model"], s["error"]) for s in spans]


async def test_a_turn_that_one_model_does_not_understand_is_heard_by_the_next(two_ears):
    phone = await two_ears.place()
    two_ears.script([assistant_message("Good morning.")])
    two_ears.second_ear.lines.append("good morning")
    await phone.say(SpeechError("the first ear is gone"))
    assert await heard_by(phone) == [
        ("transcriber", "the first ear is gone"),
        ("second ear", None),
    ]
    assert (await phone.talk())[0] == ("user", "good morning")
    # It is left alone for a while.
    two_ears.script([assistant_message("Yes.")])
    two_ears.second_ear.lines.append("are you there")
    await phone.begin_to_speak("never asked for")
    await phone.fall_silent()
    assert await heard_by(phone) == [("second ear", None)]


async def test_a_call_whose_only_ear_cannot_be_reached_begins_and_says_so(build_house):
    house = await build_house()
    house.stt.elsewhere = True
    house.stt.unreachable = SpeechError("no route to host")
    phone = await house.place()
    error = (await phone.until("error"))[-1]["error"]
    assert (error["type"], error["code"]) == ("server_error", "model_unreachable")
    assert "speech to text" in error["message"] and "route" not in error["message"]
    assert phone.types[0] == "session.created"
    house.script([assistant_message("Hello.")])
    await phone.say("hello")  # it is back
    await phone.until("response.done")


async def test_a_call_with_another_ear_begins_with_that_one(two_ears):
    two_ears.stt.elsewhere = True
    two_ears.stt.unreachable = SpeechError("no route to host")
    phone = await two_ears.place()
    two_ears.script([assistant_message("Good morning.")])
    two_ears.second_ear.lines.append("good morning")
    await phone.begin_to_speak("never asked for")
    await phone.fall_silent()
    assert await heard_by(phone) == [("second ear", None)]
    assert not phone.of("error")


async def test_a_voice_that_cannot_be_reached_is_not_asked_first(build_house):
    house = await build_house(voice={"tts": {"fallback": {"provider": "embedded"}}})

    async def unreachable():
        raise SpeechError("no route to host")

    house.tts.elsewhere, house.tts.warm_up = True, unreachable
    phone = await house.place()
    house.script([assistant_message("Hello.")])
    await phone.say("hello")
    await phone.until("response.done")
    assert (house.tts.said, house.stand_in.said) == ([], [("Hello.", None)])
    assert not phone.of("error")
