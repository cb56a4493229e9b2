"""A call that can't go on says so aloud before it ends."""

from agents.testing import assistant_message, function_call

from frontdesk.call.farewell import LIMIT

SORRY = (
    "I'm sorry, I have to end our call, as something is wrong on my side. Please call again in a "
    "few minutes."
)


def words(response):
    parts = [part for item in response["output"] for part in item["content"]]
    return "".join(part.get("transcript") or part["text"] for part in parts)


def fail(phone):
    phone.call.fail("The call cannot be kept any longer.", "state_unavailable")


async def ends(phone):
    error = (await phone.until("error"))[-1]["error"]
    assert (error["type"], error["code"]) == ("server_error", "state_unavailable")
    await phone.running
    assert phone.closed == (1013, "The call cannot be kept any longer.")


async def test_the_caller_hears_that_the_call_ends_and_only_then_it_does(house, phone):
    fail(phone)
    await phone.until("response.done")
    assert words(phone.done[0]) == SORRY
    assert phone.of("response.output_audio.delta")
    await phone.read_all()
    assert phone.closed is None  # it is still being played
    await phone.clock.advance(len(SORRY) * 0.05 + 1)
    await ends(phone)


async def test_what_is_being_said_gives_way_to_it(house, phone):
    house.stage.tool_may_end.clear()
    house.script([function_call("look_up", {"what": "x"}, call_id="c1")])
    await phone.write("hello")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    fail(phone)
    fail(phone)  # however often
    await phone.until("response.done")
    await phone.until("response.done")
    assert [response["status"] for response in phone.done] == ["cancelled", "completed"]
    assert words(phone.done[1]) == SORRY
    await phone.clock.advance(LIMIT)
    await ends(phone)


async def test_a_caller_who_speaks_over_it_has_heard_enough(house, phone):
    fail(phone)
    await phone.until("response.output_audio.delta")
    await phone.begin_to_speak()
    await ends(phone)


async def test_a_written_session_gets_it_in_writing_and_ends_at_once(house, phone):
    await phone.configure(output_modalities=["text"])
    fail(phone)
    await ends(phone)
    assert words(phone.done[0]) == SORRY


async def test_a_voice_that_fails_does_not_hold_up_the_end(house, phone):
    house.tts.failures = 9
    fail(phone)
    await ends(phone)


async def test_a_voice_that_hangs_does_not_hold_up_the_end(house, phone):
    house.stage.speech_may_come.clear()
    fail(phone)
    await phone.until("response.created")
    await phone.clock.advance(LIMIT + 1)
    await ends(phone)
    assert phone.done[0]["status"] == "failed"


async def test_who_only_transcribes_is_told_without_a_voice(house):
    phone = await house.place(defaults={"type": "transcription"})
    fail(phone)
    await ends(phone)
    assert not phone.done


async def test_an_answer_of_the_model_is_not_waited_for(house, phone):
    house.script([assistant_message("Yes.")])
    await phone.ask("hello")
    fail(phone)
    await phone.until("response.done")
    assert words(phone.done[-1]) == SORRY
    await phone.clock.advance(LIMIT)
    await ends(phone)
