"""A turn that was closed too early: who goes on within a second finds the answer taken back, and
is answered to the whole sentence."""

import pytest
from agents.testing import assistant_message, function_call

from frontdesk.call.seam import joined

WHOLE = "Can I speak to someone in billing, please?"


async def stretches(phone, first="Can I speak to someone in billing,", second="Please?"):
    """Speak one sentence that is taken for two."""
    await phone.say(first)
    await phone.until_sound(100)
    await phone.clock.advance(0.2)
    await phone.say(second)
    await phone.until("response.done")
    await phone.clock.advance(5)


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        ("Can I speak to someone in billing,", "Please?", WHOLE),
        ("Can I speak to someone in billing?", "please.", WHOLE.replace(",", "").replace("?", ".")),
        ("I want to return.", "The blue shirt.", "I want to return the blue shirt."),
        ("My name is…", "Peter Miller.", "My name is Peter Miller."),
        ("Is it four eight -", "Two?", "Is it four eight Two?"),
        ("Really?", "I thought so.", "Really? I thought so."),
        ("Where is it?", "The number is 12.", "Where is it? The number is 12."),
        ("주문을", "확인하고 싶어요.", "주문을 확인하고 싶어요."),
        ("注文を。", "確認したい", "注文を確認したい"),
        ("", "Hello.", "Hello."),
        ("Hello.", "", "Hello."),
        ("...", "...", "... ..."),
    ],
)
def test_two_stretches_read_as_one_sentence(first, second, whole):
    assert joined(first, second) == whole


async def test_the_model_sees_one_message_and_the_wire_two(house, phone):
    house.script([assistant_message("Of course, one moment.")], [assistant_message("Billing?")])
    await stretches(phone)
    assert house.history() == [{"role": "user", "content": WHOLE}]
    users = [w for role, w in await phone.talk() if role == "user"]
    assert users == ["Can I speak to someone in billing,", "Please?"]
    assert [response["status"] for response in phone.done] == ["cancelled", "completed"]
    assert phone.done[0]["status_details"]["reason"] == "turn_detected"


async def test_a_sentence_in_three_stretches_is_one_too(house, phone):
    house.script(*[[assistant_message("Of course, one moment.")]] * 3)
    await phone.say("I would like")
    await phone.say("To return")
    await phone.say("The blue shirt.")
    await phone.until("response.done")
    message = "I would like to return the blue shirt."
    assert house.history() == [{"role": "user", "content": message}]


async def test_the_whole_sentence_is_what_later_turns_see_too(house, phone):
    house.script([assistant_message("Of course, one moment.")], [assistant_message("Billing?")])
    await stretches(phone)
    house.script([assistant_message("Yes.")])
    await phone.ask("yes")
    assert house.history() == [
        {"role": "user", "content": WHOLE},
        {"role": "assistant", "content": "Billing?"},
        {"role": "user", "content": "yes"},
    ]


async def test_it_is_whole_for_the_worker_that_takes_the_call_over(house, phone):
    house.script([assistant_message("Of course, one moment.")], [assistant_message("Billing?")])
    await stretches(phone)
    await phone.hang_up()
    again = await house.place(phone.call.state.call_id)
    house.script([assistant_message("Yes.")])
    await again.ask("yes")
    assert house.history()[0] == {"role": "user", "content": WHOLE}


@pytest.mark.parametrize("later", [1.5, 20])
async def test_who_speaks_up_later_says_something_else(house, phone, later):
    house.script([assistant_message("This is a long answer. " * 20)], [assistant_message("Yes?")])
    await phone.say("tell me a story.")
    await phone.until("response.done")
    await phone.clock.advance(later)
    await phone.say("stop")
    await phone.until("response.done")
    roles = [item["role"] for item in house.history()]
    assert roles == ["user", "assistant", "user"]


async def test_what_follows_an_answer_that_was_heard_is_something_else(house, phone):
    house.script([assistant_message("Yes.")], [assistant_message("Good.")])
    await phone.say("are you there?")
    await phone.until("response.done")
    await phone.clock.advance(0.4)  # it was short
    await phone.say("good")
    await phone.until("response.done")
    assert [item["role"] for item in house.history()] == ["user", "assistant", "user"]


async def test_what_was_done_meanwhile_stands_and_is_told(build_house):
    house = await build_house(
        agents={"frontdesk": {"tools": ["charge"]}},
        tools={"charge": {"call": "tools.stage:charge"}},
    )
    phone = await house.place()
    house.script([function_call("charge", {"what": "a lamp"}, call_id="c1")])
    house.script([assistant_message("I charged you for a lamp.")], [assistant_message("Sorry.")])
    await stretches(phone, "Charge me for a lamp,", "But not today.")
    assert [what for _, what in house.stage.charged] == ["a lamp"]
    assert [item.get("type", item.get("role")) for item in house.history()] == [
        "function_call",
        "function_call_output",
        "user",
    ]
    assert house.history()[-1]["content"] == "Charge me for a lamp, but not today."


async def test_a_cough_after_the_end_leaves_the_question_whole(house, phone):
    house.script(*[[assistant_message("Of course, one moment.")]] * 2)
    await stretches(phone, "where is my order?", "")
    assert house.history() == [{"role": "user", "content": "where is my order?"}]


async def test_what_a_guardrail_withheld_is_no_part_of_a_sentence(build_house):
    house = await build_house(
        lines={"blocked": "Not that, I am afraid, not today."},
        guardrails={"cards": {"words": ["secret"]}},
        agents={"frontdesk": {"guardrails": {"input": ["cards"]}}},
    )
    phone = await house.place()
    house.script([assistant_message("Hello.")])
    await stretches(phone, "my secret is", "Hello.")
    assert "secret" not in str(house.history())
    assert house.history()[-1] == {"role": "user", "content": "Hello."}
