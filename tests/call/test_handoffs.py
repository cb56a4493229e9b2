"""The floor goes from one agent to another: who speaks, with which voice, and what they know, in
that turn, in later ones, and after the call was taken up again."""

import asyncio

import pytest
from agents.testing import ModelStep, assistant_message, function_call

from frontdesk.team.summary import HEAD

VOICES = {"frontdesk": "ash", "orders": "marin"}


def team(history="full", **orders):
    edge = {"to": "orders", "say": "I pass you on.", "history": history}
    return {
        "frontdesk": {"handoffs": [edge], "voice": "ash", "tools": ["look_up"]},
        "orders": {
            "handoffs": ["frontdesk"],
            "voice": {"voice": "marin", "style": "brisk", "speed": 1.2},
            **orders,
        },
    }


TOOL = {"look_up": {"call": "tools.stage:look_up", "say_while_waiting": "Let me see."}}
TO_ORDERS = function_call("transfer_to_orders", {}, call_id="h")


def seen(house, call=-1, agent="orders"):
    """The messages that an agent's model was given."""
    return [item["content"] for item in house.history(call, agent) if "role" in item]


@pytest.fixture
async def place(build_house):
    async def place(history="full"):
        house = await build_house(agents=team(history), tools=TOOL)
        return house, await house.place()

    return place


async def test_each_agent_speaks_its_own_words_in_its_own_voice(place):
    house, phone = await place()
    house.script([assistant_message("Of course. "), TO_ORDERS])
    house.script([assistant_message("Orders here, what is it?")], agent="orders")
    await phone.ask("where is my order")
    assert house.tts.said == [
        ("Of course.", "ash"),
        ("I pass you on.", "ash"),
        ("Orders here,", "marin"),
        ("what is it?", "marin"),
    ]
    assert house.tts.styles == [None, None, "brisk", "brisk"]
    assert house.tts.speeds == [1.0, 1.0, 1.2, 1.2]
    spoken = [span for span in await phone.spans() if span["stage"] == "text_to_speech"]
    voices = [span["attributes"]["gen_ai.speech.voice"] for span in spoken]
    assert voices == ["ash", "ash", "marin", "marin"]


async def test_words_that_come_while_the_other_agent_still_speaks_wait_for_their_own_voice(place):
    house, phone = await place()
    house.stage.speech_may_come.clear()
    house.script([assistant_message("One moment"), TO_ORDERS])
    house.script([assistant_message("Done.")], agent="orders")
    await phone.write("where is my order")
    await phone.send("response.create")
    await house.stage.speech_wanted.wait()
    while not house.models["orders"].calls:  # noqa: ASYNC110 (in this loop, without time)
        await asyncio.sleep(0)
    assert [voice for _, voice in house.tts.said] == ["ash"]
    house.stage.speech_may_come.set()
    await phone.until("response.done")
    assert [voice for _, voice in house.tts.said][-1] == "marin"
    assert [text for text, voice in house.tts.said if voice == "marin"] == ["Done."]


async def test_the_session_speed_is_on_top_of_an_agents_own(place):
    house, phone = await place()
    await phone.configure(audio={"output": {"speed": 1.25}})
    house.script([TO_ORDERS])
    house.script([assistant_message("Here.")], agent="orders")
    await phone.ask("where is my order")
    assert house.tts.speeds == [1.25, 1.5]


@pytest.mark.parametrize(
    ("history", "earlier"),
    [
        ("full", ["a", "A.", "b", "B."]),
        ({"last": 1}, ["b", "B."]),
        ("none", []),
        ("summary", [f"{HEAD}\nThey said a and b."]),
    ],
)
async def test_what_an_agent_was_given_holds_on_later_turns_and_after_a_take_over(
    place, history, earlier
):
    house, phone = await place(history)
    house.script([assistant_message("A.")], [assistant_message("B.")], [TO_ORDERS])
    house.script([assistant_message("They said a and b.")])  # the summary, where there is one
    house.script(*([assistant_message(words)] for words in ("C.", "D.", "E.")), agent="orders")
    for words in ("a", "b", "c", "d"):
        await phone.ask(words)
        await phone.clock.advance(60)
    assert seen(house, 0) == [*earlier, "c"]
    answered = ["c", "I pass you on. C."]
    assert seen(house, 1) == [*earlier, *answered, "d"]
    await phone.hang_up()
    again = await house.place(phone.call.state.call_id)
    await again.ask("e")
    assert seen(house, 2) == [*earlier, *answered, "d", "D.", "e"]


async def test_a_lost_summary_is_made_up_for_without_a_model(place):
    house, phone = await place("summary")
    house.script([assistant_message("A.")], [TO_ORDERS], RuntimeError("no GPU left"))
    house.script([assistant_message("B.")], [assistant_message("C.")], agent="orders")
    for words in ("my number is 5", "b", "c"):
        await phone.ask(words)
        await phone.clock.advance(60)
    first, second = seen(house, 0)[0], seen(house, 1)[0]
    assert first == second
    assert 'The caller said: "my number is 5"' in first


async def test_a_message_written_while_an_answer_is_made_goes_along_with_the_next_question(place):
    """It was in no question that was answered, so the agent that takes over has to answer it."""
    house, phone = await place("none")
    answering = asyncio.Event()

    async def slow(call):
        answering.set()
        await house.stage.tool_may_end.wait()
        return [assistant_message("A.")]

    house.stage.tool_may_end.clear()
    house.script(ModelStep.respond(slow), [TO_ORDERS])
    house.script([assistant_message("B and C.")], agent="orders")
    await phone.write("a")
    await phone.send("response.create")
    await answering.wait()
    await phone.write("b")
    house.stage.tool_may_end.set()
    await phone.until("response.done")
    await phone.clock.advance(60)
    await phone.ask("c")
    assert seen(house) == ["b", "A.", "c"]


async def test_a_handoff_of_a_cancelled_response_never_happened(place):
    """The client's word comes in the same breath as the handoff, and is taken first."""
    house, phone = await place()
    house.script([TO_ORDERS], [assistant_message("Still me.")])
    taken = phone.call._parts.floor.taken

    def cancelled_first(event):
        phone.call._parts.answers.cancelled(event.response_id)
        return taken(event)

    phone.call._parts.floor.taken = cancelled_first
    await phone.write("where is my order")
    await phone.send("response.create")
    while not house.model.calls:  # noqa: ASYNC110 (in this loop, without time)
        await asyncio.sleep(0)
    await phone.settled()
    await phone.send("response.cancel")
    await phone.until("response.done")
    await phone.respond()
    assert house.history(agent="frontdesk") == [{"role": "user", "content": "where is my order"}]
    assert (await phone.stored()).agent == "frontdesk"
    assert ("function_call", "transfer_to_orders") not in await phone.talk()


async def test_a_handoff_and_what_it_left_in_the_history_are_written_in_one_breath(place):
    house, phone = await place("none")
    house.script([TO_ORDERS])
    house.script([assistant_message("Here.")], agent="orders")
    batches = []
    append = house.store.append

    async def watched(lease, lines, *told):
        batches.append([str(line) for line in lines])
        await append(lease, lines, *told)

    house.store.append = watched
    await phone.ask("where is my order")
    await phone.stored()
    [handed] = [batch for batch in batches if any("agent.changed" in line for line in batch)]
    assert sum("transfer_to_orders" in line for line in handed) == 1
    assert sum("function_call_output" in line for line in handed) == 1


async def test_who_fails_after_a_handoff_apologises_in_their_own_voice(place):
    house, phone = await place()
    house.script([TO_ORDERS])
    house.script(RuntimeError("no GPU left"), agent="orders")
    await phone.ask("where is my order")
    assert house.tts.said[0] == ("I pass you on.", "ash")
    assert {voice for _, voice in house.tts.said[1:]} == {"marin"}
    assert (await phone.stored()).agent == "orders"


async def test_a_question_whose_answer_was_cut_off_goes_along_with_the_next_one(place):
    """Nothing but the handing over was heard of it, so it is still open."""
    house, phone = await place("none")
    house.script([TO_ORDERS], [TO_ORDERS])
    back = function_call("transfer_to_frontdesk", {}, call_id="b")
    house.script([assistant_message("It is blue.")], [back], agent="orders")
    house.script([assistant_message("Both are blue.")], agent="orders")
    await phone.say("which colour has a")
    await phone.until("response.done")
    await phone.clock.advance(0.7)  # all of "I pass you on."
    await phone.say("and b")
    await phone.until("response.done")
    assert seen(house) == ["which colour has a", "I pass you on.", "and b"]
