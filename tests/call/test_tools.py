"""Tools of the team and of the client, handoffs, and the line that fills the wait."""

import pytest
from agents.testing import assistant_message, function_call

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def look_up(call_id="c1"):
    return function_call("look_up", {"what": "it"}, call_id=call_id)


def look_around(call_id):
    return function_call("look_around", {"where": "there"}, call_id=call_id)


def spoken(phone):
    """All words of the spoken answers, by response."""
    return [
        "".join(
            part.get("transcript") or part.get("text") or ""
            for item in response["output"]
            for part in item.get("content", ())
        )
        for response in phone.done
    ]


async def test_a_tool_call_stands_in_the_history_before_the_words_it_led_to(house, phone):
    house.script([assistant_message("One second."), look_up()], [assistant_message("It is blue.")])
    await phone.ask("what is it")
    assert await phone.talk() == [
        ("user", "what is it"),
        ("function_call", "look_up"),
        ("function_call_output", "found it"),
        ("assistant", "One second. It is blue."),
    ]
    await phone.clock.advance(60)
    house.script([assistant_message("Yes.")])
    await phone.ask("sure?")
    kinds = [item.get("type", item.get("role")) for item in house.history()]
    assert kinds == ["user", "function_call", "function_call_output", "assistant", "user"]


async def test_the_clients_tool_is_called_and_its_output_used(house, phone):
    house.script(
        [function_call("get_weather", {"city": "Oslo"}, call_id="w1")],
        [assistant_message("It rains.")],
    )
    await phone.configure(tools=[WEATHER])
    await phone.ask("the weather in Oslo?")
    [call] = phone.done[0]["output"]
    assert (call["type"], call["call_id"], call["name"]) == ("function_call", "w1", "get_weather")
    output = {"type": "function_call_output", "call_id": "w1", "output": "rain"}
    await phone.send("conversation.item.create", item=output)
    await phone.respond()
    assert spoken(phone)[1] == "It rains."
    kinds = [item.get("type", item.get("role")) for item in house.history()]
    assert kinds == ["user", "function_call", "function_call_output"]
    assert house.history()[2]["output"] == "rain"


async def test_a_client_tool_without_parameters_is_offered(house, phone):
    house.script([function_call("hang_up", {}, call_id="h1")])
    await phone.configure(tools=[{"type": "function", "name": "hang_up"}])
    await phone.ask("bye")
    assert phone.done[0]["output"][0]["name"] == "hang_up"


async def test_words_and_a_client_call_are_two_items_of_one_response(house, phone):
    house.script([assistant_message("I look."), function_call("get_weather", {}, call_id="w1")])
    await phone.configure(tools=[WEATHER])
    await phone.ask("the weather?")
    assert [item["type"] for item in phone.done[0]["output"]] == ["message", "function_call"]
    await phone.clock.advance(60)
    assert await phone.talk() == [
        ("user", "the weather?"),
        ("assistant", "I look."),
        ("function_call", "get_weather"),
    ]
    assert [turn["end_reason"] for turn in await phone.traces()] == ["completed"]


async def test_a_quick_tool_is_not_announced(house, phone):
    house.script([look_up()], [assistant_message("It is blue.")])
    await phone.ask("what is it")
    assert spoken(phone) == ["It is blue."]


async def waiting_for_a_tool(house, phone, *calls, **response):
    house.stage.tool_may_end.clear()
    house.script([*(calls or [look_up()])], [assistant_message("It is blue.")])
    await phone.write("what is it")
    await phone.send("response.create", response=response)
    await house.stage.tool_started.wait()


async def test_a_slow_tool_is_announced_once(house, phone):
    await waiting_for_a_tool(house, phone)
    await phone.clock.asleep()
    await phone.clock.advance(0.2)
    assert "response.output_audio.delta" not in phone.types
    await phone.clock.advance(3)
    await phone.until("response.output_audio_transcript.delta", delta="Let me see.")
    house.stage.tool_may_end.set()
    await phone.until("response.done")
    assert spoken(phone) == ["Let me see. It is blue."]


async def test_two_slow_tools_side_by_side_are_announced_once(house, phone):
    await waiting_for_a_tool(house, phone, look_up("c1"), look_around("c2"), look_up("c3"))
    house.stage.speech_may_come.clear()
    await phone.clock.asleep()
    await phone.clock.advance(3)
    house.stage.speech_may_come.set()
    await phone.until("response.output_audio.delta")
    house.stage.tool_may_end.set()
    await phone.until("response.done")
    assert spoken(phone) == ["Let me see. It is blue."]


async def test_the_same_line_is_not_said_twice_in_one_answer(house, phone):
    house.stage.tool_may_end.clear()
    house.script([look_up("c1")], [look_up("c2")], [assistant_message("It is blue.")])
    await phone.write("what is it")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.clock.asleep()
    await phone.clock.advance(1)
    await phone.until("response.output_audio.delta")
    house.stage.tool_started.clear()
    house.stage.tool_may_end.set()
    house.stage.tool_may_end.clear()
    await house.stage.tool_started.wait()
    await phone.clock.asleep()
    await phone.clock.advance(3)
    house.stage.tool_may_end.set()
    await phone.until("response.done")
    assert spoken(phone) == ["Let me see. It is blue."]


async def test_a_slow_tool_is_not_announced_while_sound_is_playing(house, phone):
    house.stage.tool_may_end.clear()
    house.script(
        [assistant_message("I will have a look for you."), look_up()],
        [assistant_message("It is blue.")],
    )
    await phone.write("what is it")
    await phone.send("response.create")
    await phone.until("response.output_audio_transcript.delta")
    await house.stage.tool_started.wait()
    await phone.clock.asleep()
    await phone.settled()
    await phone.clock.advance(1.9)
    await phone.settled()
    assert len(phone.of("response.output_audio_transcript.delta")) == 1
    await phone.clock.advance(1.0)
    await phone.until("response.output_audio_transcript.delta", delta=" Let me see.")
    house.stage.tool_may_end.set()
    await phone.until("response.done")


async def test_nothing_is_announced_in_text(house, phone):
    await waiting_for_a_tool(house, phone, output_modalities=["text"])
    await phone.clock.advance(3)
    house.stage.tool_may_end.set()
    await phone.until("response.done")
    assert spoken(phone) == ["It is blue."]


async def test_speech_during_a_tool_call_withdraws_it(house, phone):
    await waiting_for_a_tool(house, phone)
    await phone.say("no, wait")
    house.stage.tool_may_end.set()
    await phone.until("response.done")
    assert [response["status"] for response in phone.done] == ["cancelled", "completed"]
    assert await phone.talk() == [
        ("user", "what is it"),
        ("user", "no, wait"),
        ("assistant", "It is blue."),
    ]


async def test_a_tool_that_had_ended_is_remembered_though_the_answer_was_cancelled(house, phone):
    house.stage.speech_may_come.clear()
    house.script([look_up()], [assistant_message("It is blue.")])
    await phone.write("what is it")
    await phone.send("response.create")
    await house.stage.speech_wanted.wait()
    await phone.send("response.cancel")
    await phone.until("response.done")
    house.stage.speech_may_come.set()
    assert await phone.talk() == [
        ("user", "what is it"),
        ("function_call", "look_up"),
        ("function_call_output", "found it"),
    ]


@pytest.fixture
async def two(build_house):
    return await build_house(
        agents={
            "frontdesk": {"handoffs": [{"to": "orders", "say": "I put you through."}]},
            "orders": {"voice": "deep"},
        },
        voice={"tts": {"voice": "warm"}},
    )


async def test_a_handoff_is_spoken_by_who_hands_over_and_answered_by_who_takes_over(two):
    two.script([function_call("transfer_to_orders", {}, call_id="h1")])
    two.script([assistant_message("Orders here.")], agent="orders")
    phone = await two.place()
    await phone.ask("my order")
    assert two.tts.said == [("I put you through.", "warm"), ("Orders here.", "deep")]
    assert phone.call.state.agent == "orders"
    two.script([assistant_message("Still here.")], agent="orders")
    await phone.clock.advance(60)
    await phone.ask("hello?")
    assert two.tts.said[-1] == ("Still here.", "deep")
    assert len(two.model.calls) == 1


async def test_the_agent_who_has_the_floor_says_that_it_did_not_hear(two):
    two.script([function_call("transfer_to_orders", {}, call_id="h1")])
    two.script([assistant_message("Orders here.")], agent="orders")
    phone = await two.place()
    await phone.ask("my order")
    await phone.clock.advance(60)
    await phone.say("")
    await phone.until("response.done")
    assert two.tts.said[-1] == ("Sorry, I didn't catch that.", "deep")


async def test_a_handoff_out_of_band_leaves_the_floor_where_it_is(two):
    two.script([function_call("transfer_to_orders", {}, call_id="h1")])
    two.script([assistant_message("Orders here.")], agent="orders")
    phone = await two.place()
    await phone.write("my order")
    await phone.respond(conversation="none", output_modalities=["text"])
    assert phone.call.state.agent == "frontdesk"
    assert await phone.talk() == [("user", "my order")]


async def test_an_agent_that_takes_over_and_says_nothing_apologises(two):
    two.script([function_call("transfer_to_orders", {}, call_id="h1")])
    two.script([], agent="orders")
    phone = await two.place()
    await phone.ask("my order")
    assert "went wrong" in spoken(phone)[0]


BROKEN = """\
import sys


def blunt() -> str:
    sys.exit("the password is hunter2")


async def broken() -> str:
    raise RuntimeError("the password is hunter2")
"""


@pytest.mark.parametrize("name", ["blunt", "broken"])
async def test_what_a_function_failed_with_reaches_no_client_and_no_model(
    build_house, tmp_path, name
):
    (tmp_path / "desk" / "tools").mkdir(parents=True)
    (tmp_path / "desk" / "tools" / "rough.py").write_text(BROKEN)
    house = await build_house(
        agents={"frontdesk": {"tools": ["work"]}}, tools={"work": {"call": f"tools.rough:{name}"}}
    )
    house.defects_expected = True
    phone = await house.place()
    phone.connection.shows_tools = True
    house.script([function_call("work", {}, call_id="c1")], [assistant_message("That failed.")])
    await phone.ask("Do it.")
    assert spoken(phone) == ["That failed."]
    reached = [str(phone.frames), str(await phone.stored()), str(house.history())]
    assert not [text for text in reached if "hunter2" in text]
    assert "because of a fault of its own" in reached[0]
    [failed] = [span for span in await phone.spans() if span["name"].startswith("execute_tool")]
    assert failed["attributes"]["error.type"] == "tool_error"
