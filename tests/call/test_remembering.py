"""A caller who is known again: what the models are given, and what the caller is asked."""

import uuid

import pytest
from agents.testing import assistant_message, function_call

from frontdesk.state.callers import caller_of

ASK = "May I remember what we talk about, for when you call again? Please say yes or no."


@pytest.fixture
def user():
    """Somebody new."""
    return f"user-{uuid.uuid4().hex[:8]}"


def answers(*words):
    return [[assistant_message(one)] for one in words]


async def said(phone, *texts):
    """Write each, and hear the answer to its end; the last answer's words."""
    for text in texts:
        await phone.ask(text)
        await phone.clock.advance(20)
    return (await phone.talk())[-1][1]


async def over(house, phone):
    """The call ends, and is summed up."""
    await phone.hang_up()
    state = phone.call.state
    await house.shelf.ended(state, house.live_team, by_model=True, now=phone.clock.now())


async def remembered(house, user):
    return (await house.shelf.known(user)).told


async def test_what_is_remembered_stands_first_and_stays_as_it_is(build_house, user):
    house = await build_house(
        memory={},
        agents={"frontdesk": {"handoffs": [{"to": "orders", "history": "none"}]}, "orders": {}},
    )
    house.script(*answers("Hello Anna."))
    phone = await house.place(user=user, consent=True)
    await said(phone, "I am Anna, of order 48271.")
    await over(house, phone)
    house.script(*answers("Yes?"), [function_call("transfer_to_orders", {}, call_id="h1")])
    house.script(*answers("It is on its way."), agent="orders")
    phone = await house.place(user=user)
    await said(phone, "Hello again.", "Where is it?")
    firsts = [call.input[0] for call in (*house.model.calls[1:], *house.models["orders"].calls)]
    assert len(firsts) == 3
    assert firsts[0]["role"] == "developer"
    assert '"I am Anna, of order 48271."' in firsts[0]["content"]
    assert firsts[0] == firsts[1] == firsts[2]
    own = [*house.model.calls[1].input[1:]]
    assert [item["content"] for item in own] == ["Hello again."]


async def test_input_that_the_client_gives_in_place_of_the_talk_is_all_there_is(build_house, user):
    house = await build_house(memory={})
    house.script(*answers("Hello Anna.", "Fine."))
    phone = await house.place(user=user, consent=True)
    await said(phone, "I am Anna.")
    await over(house, phone)
    phone = await house.place(user=user)
    await phone.respond(conversation="none", input=[])
    assert not any("Anna" in str(item) for item in house.history())


async def test_a_spoken_yes_is_remembered_by_the_call_after_it(build_house, user):
    house = await build_house(memory={})
    house.script(*answers("Good day."))
    phone = await house.place(user=user)
    await phone.say("I am Anna")
    await phone.until("response.done")
    await phone.clock.advance(20)
    assert (await phone.talk())[-1] == ("assistant", f"Good day. {ASK}")
    await phone.say("Yes, please.")
    await phone.until("response.done")
    await phone.clock.advance(20)
    assert phone.call.state.consent is True
    await over(house, phone)
    (told,) = await remembered(house, user)
    assert "I am Anna" in told.text
    assert (await house.shelf.known(user)).consent("support") is True


async def test_a_yes_to_a_question_that_was_not_heard_is_none(build_house, user):
    house = await build_house(memory={})
    house.script(*answers("Good day to you.", "Yes what?"))
    phone = await house.place(user=user)
    await phone.say("I am Anna")
    await phone.until("response.done")
    await phone.clock.advance(1.2)  # "Good day to you." is heard, and no more
    await phone.say("Yes")
    await phone.until("response.done")
    await phone.clock.advance(20)
    assert (await phone.talk())[-1] == ("assistant", "Yes what?")
    assert phone.call.state.consent is None
    await over(house, phone)
    assert (await house.shelf.known(user)).consent("support") is None


async def test_a_question_of_the_team_comes_first(build_house, user):
    house = await build_house(
        memory={},
        agents={"frontdesk": {"tools": ["look_up"]}},
        tools={"look_up": {"call": "tools.stage:look_up", "approve": "spoken"}},
    )
    house.script([function_call("look_up", {"what": "it"}, call_id="c1")])
    phone = await house.place(user=user)
    asked = await said(phone, "Look it up.")
    assert "Shall I go ahead?" in asked and ASK not in asked
    house.script(*answers("It is blue."))
    assert (await said(phone, "Yes.")).endswith(f"It is blue. {ASK}")


async def test_another_worker_reads_the_answer_to_the_question_that_the_first_one_asked(
    build_house, user
):
    house = await build_house(memory={})
    house.script(*answers("Good day."))
    phone = await house.place(user=user)
    await said(phone, "I am Anna.")
    await phone.hang_up()
    again = await house.place(phone.call.state.call_id)
    assert await said(again, "Yes.") == "Thank you, I'll remember. What else can I do for you?"
    assert again.call.state.consent is True


async def test_who_wants_to_be_forgotten_is_asked_once_more_and_is(build_house, user):
    house = await build_house(memory={})
    house.script(*answers("Hello Anna."))
    phone = await house.place(user=user, consent=True)
    await said(phone, "I am Anna.")
    await over(house, phone)
    house.script([function_call("forget_caller", {}, call_id="f1")])
    phone = await house.place(user=user)
    assert "Shall I forget what we talked about" in await said(phone, "Forget me.")
    assert len(await remembered(house, user)) == 2  # with the call under way
    house.script(*answers("Done.", "Who?"))
    assert await said(phone, "Yes.") == "Done."
    assert '{"forgotten_calls": 2}' in str(house.history())
    await said(phone, "Do you know my name?")
    assert not any("Anna" in str(item) for item in house.history())
    await over(house, phone)
    known = await house.shelf.known(user)
    assert (known.told, known.consent("support")) == ((), False)


async def test_nobody_is_forgotten_who_does_not_say_yes(build_house, user):
    house = await build_house(memory={})
    house.script(*answers("Hello Anna."), [function_call("forget_caller", {}, call_id="f1")])
    phone = await house.place(user=user, consent=True)
    await said(phone, "I am Anna.", "Forget me.")
    house.script(*answers("As you like."))
    await said(phone, "No.")
    assert phone.call.state.consent is True
    await over(house, phone)
    assert len(await remembered(house, user)) == 1


async def test_an_agent_looks_up_what_the_notes_do_not_say(build_house, user):
    house = await build_house(memory={})
    house.script(*answers("Hello Anna.", "Noted."))
    phone = await house.place(user=user, consent=True)
    await said(phone, "I am Anna.", "The lamp is green.")
    await over(house, phone)
    house.script([function_call("recall_earlier_call", {"back": 1}, call_id="r1")])
    house.script([function_call("recall_earlier_call", {"back": 9}, call_id="r2")])
    house.script(*answers("It is green."))
    phone = await house.place(user=user)
    await said(phone, "What colour is my lamp?")
    outputs = [item["output"] for item in house.history() if "output" in item]
    assert "Caller: The lamp is green.\\nAgent: Noted." in outputs[0]
    assert outputs[1] == '{"found": false, "earlier_calls": 1}'


async def test_without_memory_or_a_caller_there_are_no_such_tools(build_house, user):
    for memory, named in (({}, None), ({"consent": "never"}, user), (None, user)):
        house = await build_house(**({} if memory is None else {"memory": memory}))
        house.script(*answers("Hello."))
        phone = await house.place(user=named)
        assert await said(phone, "Hello.") == "Hello."
        assert [tool.name for tool in house.model.calls[0].tools] == []


async def test_the_model_of_the_team_sums_a_call_up(build_house, user):
    house = await build_house(memory={"summary": "main"})
    house.script(*answers("Hello Anna."))
    house.judge.extend([[assistant_message("Anna called and said hello.")]])
    phone = await house.place(user=user, consent=True)
    await said(phone, "I am Anna.")
    await over(house, phone)
    (told,) = await remembered(house, user)
    assert (told.text, told.by) == ("Anna called and said hello.", "main")
    (asked,) = house.judge.calls
    assert "Caller: I am Anna.\nAgent: Hello Anna." in asked.input[0]["content"]


async def test_a_model_that_fails_to_sum_up_leaves_it_to_an_extract(build_house, user):
    house = await build_house(memory={"summary": "main"})
    house.script(*answers("Hello Anna."))
    house.judge.extend([RuntimeError("down")])
    phone = await house.place(user=user, consent=True)
    await said(phone, "I am Anna.")
    await over(house, phone)
    (told,) = await remembered(house, user)
    assert told.by == "extract" and "I am Anna." in told.text


async def test_calls_are_told_of_newest_first_within_bounds(build_house, user):
    house = await build_house(memory={"calls": 2, "characters": 200})
    for number in range(4):
        house.script(*answers("Yes."))
        phone = await house.place(user=user, consent=True)
        await said(phone, f"Number {number}.")
        await over(house, phone)
    phone = await house.place(user=user)
    notes = phone.call.state.memory
    assert "Number 3." in notes and "Number 2." in notes and "Number 1." not in notes
    assert notes.index("Number 2.") < notes.index("Number 3.")
    house.script(*answers("Yes."))
    await said(phone, "word " * 200)
    await over(house, phone)
    phone = await house.place(user=user)
    assert len(phone.call.state.memory) == 200
    assert phone.call.state.earlier_calls == 1


async def test_a_call_in_which_nobody_spoke_is_not_remembered(build_house, user):
    house = await build_house(memory={})
    phone = await house.place(user=user, consent=True)
    assert len(await remembered(house, user)) == 1
    await over(house, phone)
    assert await remembered(house, user) == ()


async def test_what_the_caller_said_across_calls_is_nowhere_in_clear_but_in_the_log(
    build_house, user
):
    house = await build_house(memory={})
    phone = await house.place(user=user, consent=True)
    keys = [key.decode() async for key in house.store._redis.scan_iter(f"*{caller_of(user)}*")]
    assert len(keys) == 3
    assert not [key for key in keys if user in key]
    assert (await phone.stored()).user == user
