"""Kinds of responses: in text, out of band, with options of their own."""

from agents.testing import ModelStep, assistant_message, function_call
from openai.types.responses import (
    Response,
    ResponseIncompleteEvent,
    ResponseTextDeltaEvent,
)


def text(response):
    return "".join(part["text"] for item in response["output"] for part in item["content"])


async def test_a_response_in_text_is_written_and_never_spoken(house, phone):
    house.script([assistant_message("Good day to you.")])
    await phone.ask("hello", output_modalities=["text"])
    assert text(phone.done[0]) == "Good day to you."
    assert house.tts.said == []
    assert not any("audio" in kind for kind in phone.types)
    assert await phone.talk() == [("user", "hello"), ("assistant", "Good day to you.")]
    [turn] = await phone.traces()
    assert (turn["end_reason"], turn["agent"]) == ("completed", "Good day to you.")


async def test_a_text_response_cut_off_keeps_what_was_written(house, phone):
    house.stage.tool_may_end.clear()
    house.script(
        [assistant_message("One second."), function_call("look_up", {"what": "x"}, call_id="c1")]
    )
    await phone.write("hello")
    await phone.send("response.create", response={"output_modalities": ["text"]})
    await house.stage.tool_started.wait()
    await phone.send("response.cancel")
    await phone.until("response.done")
    house.stage.tool_may_end.set()
    assert await phone.talk() == [("user", "hello"), ("assistant", "One second.")]
    assert [turn["end_reason"] for turn in await phone.traces()] == ["interrupted"]


async def test_speech_is_answered_in_text_when_the_session_says_so(house, phone):
    await phone.configure(output_modalities=["text"])
    house.script([assistant_message("Good day.")])
    await phone.say("hello there")
    await phone.until("response.done")
    assert text(phone.done[0]) == "Good day."


async def test_an_out_of_band_response_leaves_the_conversation_alone(house, phone):
    house.script([function_call("look_up", {"what": "x"}, call_id="c1")])
    house.script([assistant_message("A greeting.")])
    await phone.write("hello")
    content = [{"type": "input_text", "text": "What kind of talk is it?"}]
    given = {"type": "message", "role": "user", "content": content}
    await phone.respond(
        conversation="none", input=[given], metadata={"topic": "kind"}, output_modalities=["text"]
    )
    assert phone.done[0]["conversation_id"] is None
    assert phone.done[0]["metadata"] == {"topic": "kind"}
    assert await phone.talk() == [("user", "hello")]
    assert house.history(0) == [{"role": "user", "content": "What kind of talk is it?"}]


async def test_an_out_of_band_response_runs_beside_the_other_and_is_not_cut_by_speech(house, phone):
    house.stage.tool_may_end.clear()
    house.script([function_call("look_up", {"what": "x"}, call_id="c1")])
    await phone.write("hello")
    beside = {"conversation": "none", "output_modalities": ["text"]}
    await phone.send("response.create", response=beside)
    await house.stage.tool_started.wait()
    house.script([assistant_message("Good day.")])
    await phone.say("are you there")
    await phone.until("response.done")
    house.script([assistant_message("Beside it all.")])
    house.stage.tool_may_end.set()
    await phone.until("response.done")
    assert [response["conversation_id"] is None for response in phone.done] == [False, True]
    assert text(phone.done[1]) == "Beside it all."


async def test_an_out_of_band_response_can_be_spoken_and_leaves_no_item(house, phone):
    house.script([assistant_message("Good day.")])
    await phone.write("hello")
    await phone.respond(conversation="none")
    assert "response.output_audio.delta" in phone.types
    assert await phone.talk() == [("user", "hello")]
    assert (await phone.traces())[0]["end_reason"] == "completed"


async def test_an_out_of_band_response_can_be_cancelled(house, phone):
    house.stage.tool_may_end.clear()
    house.script([function_call("look_up", {"what": "x"}, call_id="c1")])
    await phone.write("hello")
    await phone.send("response.create", response={"conversation": "none"})
    made = (await phone.until("response.created"))[-1]["response"]["id"]
    await house.stage.tool_started.wait()
    await phone.send("response.cancel", response_id=made)
    await phone.until("response.done")
    assert phone.done[0]["status"] == "cancelled"


async def test_instructions_of_one_response_are_added_to_the_agents_prompt(house, phone):
    house.script([assistant_message("Good day.")], [assistant_message("Yes.")])
    await phone.ask("hello", instructions="Speak like a pirate.")
    await phone.clock.advance(60)
    await phone.ask("again")
    first, second = (call.system_instructions for call in house.model.calls)
    assert first == "You are frontdesk.\n\nSpeak like a pirate."
    assert second == "You are frontdesk."


async def test_the_limit_of_output_tokens_reaches_the_model(house, phone):
    house.script([assistant_message("Good day.")])
    await phone.ask("hello", max_output_tokens=50)
    assert house.model.calls[0].model_settings.max_tokens == 50


async def test_a_response_that_ran_into_its_limit_is_incomplete(house, phone):
    async def cut_short(call):
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta",
            delta="Good day to",
            **{"item_id": "m", "output_index": 0, "content_index": 0},
            **{"logprobs": [], "sequence_number": 0},
        )
        response = Response.model_validate(
            {
                "id": "r",
                "created_at": 0,
                "model": "m",
                "object": "response",
                "output": [],
                "parallel_tool_calls": False,
                "tool_choice": "auto",
                "tools": [],
                "status": "incomplete",
                "incomplete_details": {"reason": "max_output_tokens"},
            }
        )
        yield ResponseIncompleteEvent(
            type="response.incomplete", response=response, sequence_number=1
        )

    house.script(ModelStep.stream(cut_short))
    await phone.ask("hello", max_output_tokens=3, output_modalities=["text"])
    assert phone.done[0]["status"] == "incomplete"
    assert phone.done[0]["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert text(phone.done[0]) == "Good day to"


async def test_a_tool_that_must_be_called_is_called(house, phone):
    house.script(
        [function_call("look_up", {"what": "x"}, call_id="c1")], [assistant_message("Found.")]
    )
    await phone.ask("hello", tool_choice={"type": "function", "name": "look_up"})
    choices = [call.model_settings.tool_choice for call in house.model.calls]
    assert choices == ["look_up", None]


async def test_the_voice_is_the_teams_whatever_a_client_asks_for(build_house):
    house = await build_house(voice={"tts": {"voice": "warm", "speed": 1.2}})
    phone = await house.place(
        fixed=("audio.output.voice",), defaults={"audio": {"output": {"voice": "warm"}}}
    )
    session = await phone.configure(audio={"output": {"voice": "ash", "speed": 1.5}})
    assert session["audio"]["output"]["voice"] == "warm"
    house.script([assistant_message("Good day.")])
    await phone.ask("hello", audio={"output": {"voice": "ash"}})
    assert phone.done[0]["audio"]["output"]["voice"] == "warm"
    assert house.tts.said == [("Good day.", "warm")]
    assert house.tts.speeds == [1.5]


async def test_telephone_formats_are_spoken_and_heard(house, phone):
    await phone.configure(audio={"output": {"format": {"type": "audio/pcmu"}}})
    house.script([assistant_message("Good day.")])
    await phone.ask("hello")
    sound = sum(len(f["delta"]) * 3 / 4 for f in phone.of("response.output_audio.delta"))
    assert abs(sound / 8 - 50 * len("Good day.")) < 10


async def test_an_answer_that_is_asked_for_before_a_word_is_said_greets(house, phone):
    house.script([assistant_message("Welcome.")])
    await phone.respond(instructions="Greet the caller.")
    [note] = house.history()
    assert note["role"] == "developer"
    assert await phone.talk() == [("assistant", "Welcome.")]


async def test_the_first_sound_of_an_answer_is_not_held_back_while_the_last_one_plays(
    house, phone, monkeypatch
):
    look_up = function_call("look_up", {"what": "x"}, call_id="c1")
    house.script([assistant_message("A long answer.")], [assistant_message("Well."), look_up])
    house.stage.tool_may_end.clear()  # nothing comes behind the first sound
    await phone.ask("Tell me.")  # made at once; no time passes, so it plays on
    monkeypatch.setattr("frontdesk.state.writer.LINGER", 1000.0)
    monkeypatch.setattr("frontdesk.call.told.PATIENCE", 1000.0)
    await phone.write("And more.")
    await phone.send("response.create")
    await phone.until("response.output_audio.delta")
    monkeypatch.undo()
