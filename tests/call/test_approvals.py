"""Tool calls that somebody has to approve: asked, answered, decided, on record."""

import asyncio

import pytest
from agents.testing import assistant_message, function_call

TOOLS = {
    "refund": {"call": "tools.stage:look_up", "approve": "spoken"},
    "look_up": {"call": "tools.stage:look_up"},
}
QUESTION = "Just to be sure: refund, with what 120 euros. Shall I go ahead? Please say yes or no."


def refund(what="120 euros", call_id="r1"):
    return function_call("refund", {"what": what}, call_id=call_id)


def spoken(phone):
    """All words of the answers, by response."""
    return [
        "".join(
            part.get("transcript") or part.get("text") or ""
            for item in response["output"]
            for part in item.get("content", ())
        )
        for response in phone.done
    ]


def questions(phone):
    return phone.call.state.questions


async def on_screen(desk, phone):
    """What waits for a screen of this call, once it is shown there."""
    call_id = phone.call.state.call_id
    while not (found := [q for q in await desk.approvals.open() if q["call"] == call_id]):
        desk.board.look()
    for question in found:
        yield question


async def heard_out(phone):
    """The caller hears all of the answer."""
    await phone.clock.advance(30)


@pytest.fixture
async def desk(build_house):
    return await build_house(agents={"frontdesk": {"tools": ["refund", "look_up"]}}, tools=TOOLS)


async def test_a_question_that_a_cough_cut_in_two_is_answered_by_a_yes(desk):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("It is done.")])
    await phone.ask("I want my money back")
    await phone.clock.advance(2.0)
    await phone.say("")
    await phone.until("response.done")
    await heard_out(phone)
    assert " ".join(words for role, words in await phone.talk() if role == "assistant") == QUESTION
    await phone.say("Yes, please.")
    await phone.until("response.done")
    assert desk.stage.tool_started.is_set()
    assert spoken(phone)[-1] == "It is done."


async def test_an_okay_in_the_middle_of_a_question_does_not_let_it_go_on_or_be_done(desk):
    phone = await desk.place()
    desk.script([refund()])
    await phone.ask("I want my money back")
    await phone.clock.advance(2.0)
    await phone.say("okay")
    await phone.until("response.done")
    assert not desk.stage.tool_started.is_set()
    assert QUESTION in spoken(phone)[-1]


async def test_a_yes_runs_the_tool_and_the_model_tells_its_result(desk):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("It is done.")])
    await phone.ask("I want my money back")
    await heard_out(phone)
    assert not desk.stage.tool_started.is_set()
    await phone.ask("Yes, please.")
    assert desk.stage.tool_started.is_set()
    assert spoken(phone) == [QUESTION, "It is done."]
    assert await phone.talk() == [
        ("user", "I want my money back"),
        ("assistant", QUESTION),
        ("user", "Yes, please."),
        ("function_call", "refund"),
        ("function_call_output", "found 120 euros"),
        ("assistant", "It is done."),
    ]


async def test_a_no_refuses_the_call_and_the_model_is_told_so_plainly(desk):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("All right, I leave it.")])
    await phone.ask("I want my money back")
    await heard_out(phone)
    await phone.ask("No, don't.")
    assert not desk.stage.tool_started.is_set()
    assert spoken(phone)[1] == "All right, I leave it."
    output = desk.history()[-1]["output"]
    assert output.startswith("Not done: the caller said no.")
    [question] = questions(phone)
    assert question["decided"]["decision"] == "denied"
    assert (question["decided"]["who"], question["decided"]["how"]) == ("caller", "spoken")


@pytest.mark.parametrize("unclear", ["Hm.", "Okay.", "Maybe.", "yes no"])
async def test_what_is_unclear_is_asked_once_more_and_then_denied(desk, unclear):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("I leave it then.")])
    await phone.ask("I want my money back")
    await heard_out(phone)
    await phone.ask(unclear)
    assert spoken(phone)[1] == f"Sorry, I need a clear yes or no. {QUESTION}"
    await heard_out(phone)
    await phone.ask(unclear)
    assert spoken(phone)[2] == "I leave it then."
    assert not desk.stage.tool_started.is_set()
    assert questions(phone)[0]["decided"]["how"] == "unclear"
    assert [a["reading"] for a in questions(phone)[0]["answers"]] == ["unclear", "unclear"]


async def test_a_question_in_between_is_answered_and_the_open_one_put_again(desk):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("That is 120 euros.")], [assistant_message("Done.")])
    await phone.ask("I want my money back")
    await heard_out(phone)
    await phone.ask("How much was it again?")
    assert spoken(phone)[1] == f"That is 120 euros. {QUESTION}"
    assert "Nothing has been decided" in desk.model.calls[1].system_instructions
    await heard_out(phone)
    await phone.ask("Yes.")
    assert spoken(phone)[2] == "Done."
    assert questions(phone)[0]["decided"]["decision"] == "approved"


async def test_the_model_cannot_approve_its_own_call_by_making_it_again(desk):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("You agreed."), refund(call_id="r2")])
    await phone.ask("I want my money back")
    await heard_out(phone)
    await phone.ask("What do you mean by that?")
    assert not desk.stage.tool_started.is_set()
    assert spoken(phone)[1] == f"You agreed. {QUESTION}"
    assert len(questions(phone)) == 1


async def test_another_amount_takes_the_place_of_the_one_that_was_asked_about(desk):
    phone = await desk.place()
    desk.script(
        [refund()], [refund("50 euros", call_id="r2")], [assistant_message("Fifty are on the way.")]
    )
    await phone.ask("I want my money back")
    await heard_out(phone)
    await phone.ask("Make it just fifty instead")
    assert "what 50 euros" in spoken(phone)[1]
    await heard_out(phone)
    await phone.ask("Yes")
    first, second = questions(phone)
    assert (first["decided"]["decision"], first["decided"]["how"]) == ("denied", "replaced")
    assert second["decided"]["decision"] == "approved"
    outputs = [words for kind, words in await phone.talk() if kind == "function_call_output"]
    assert outputs[0].startswith("Not done: the caller wanted something else instead.")
    assert outputs[1:] == ["found 50 euros"]


async def test_nobody_answering_denies_and_the_agent_says_so_unasked(desk):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("I have left it as it is.")])
    await phone.ask("I want my money back")
    await phone.clock.advance(61)
    await phone.until("response.done")
    assert spoken(phone)[1] == "I have left it as it is."
    assert "nobody decided in time" in desk.history()[-1]["output"]
    decided = questions(phone)[0]["decided"]
    assert (decided["decision"], decided["who"], decided["how"]) == ("denied", "nobody", "timeout")


async def test_two_calls_side_by_side_are_asked_about_one_by_one(desk):
    phone = await desk.place()
    desk.script(
        [
            refund(),
            refund("5 euros", call_id="r2"),
            function_call("look_up", {"what": "x"}, call_id="l1"),
        ],
        [assistant_message("One of them is done.")],
    )
    await phone.ask("both please")
    assert spoken(phone)[0] == QUESTION
    await heard_out(phone)
    await phone.ask("No")
    assert spoken(phone)[1] == QUESTION.replace("120", "5")
    await heard_out(phone)
    await phone.ask("Yes")
    assert spoken(phone)[2] == "One of them is done."
    outputs = [words for kind, words in await phone.talk() if kind == "function_call_output"]
    assert outputs[0] == "found x"
    assert outputs[1].startswith("Not done")
    assert outputs[2] == "found 5 euros"


async def test_a_yes_to_a_question_that_was_cut_off_is_none(desk):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("Done.")])
    desk.tts.unheld = 2  # its first sentence and no more is on its way
    await phone.say("I want my money back")
    await phone.until_sound(500)
    await phone.say("yes")
    await phone.until("response.created")
    desk.stage.speech_may_come.set()
    await phone.until("response.done")
    assert not desk.stage.tool_started.is_set()
    assert questions(phone)[0]["answers"][0]["reading"] == "unheard"
    await heard_out(phone)
    await phone.say("yes")
    await phone.until("response.done")
    assert desk.stage.tool_started.is_set()


async def test_a_yes_over_the_last_words_of_the_question_counts(desk):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("Done.")])
    await phone.say("I want my money back")
    await phone.until("response.done")
    heard_until = QUESTION.index("Please say") * 50
    await phone.clock.advance((heard_until + 200) / 1000)
    await phone.say("yes")
    await phone.until("response.done")
    assert desk.stage.tool_started.is_set()


async def test_noise_is_no_answer_and_the_question_stays(desk):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("Done.")])
    await phone.say("I want my money back")
    await phone.until("response.done")
    await heard_out(phone)
    await phone.say("")
    await phone.until("response.done")
    assert spoken(phone)[1] == f"Sorry, I didn't catch that. {QUESTION}"
    assert questions(phone)[0]["answers"] == []


async def test_a_pending_approval_is_carried_on_by_another_worker(desk):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("Done.")])
    await phone.ask("I want my money back")
    await heard_out(phone)
    call_id = phone.call.state.call_id
    again = await desk.place(call_id)
    assert again.call.state.questions[0]["decided"] is None
    await again.ask("Yes, go ahead.")
    assert desk.stage.tool_started.is_set()
    assert spoken(again) == ["Done."]


async def test_an_approved_tool_that_broke_off_is_not_run_twice(desk):
    phone = await desk.place()
    desk.script([refund()])
    await phone.ask("I want my money back")
    await heard_out(phone)
    desk.stage.tool_may_end.clear()
    await phone.write("Yes")
    await phone.send("response.create")
    await asyncio.wait_for(desk.stage.tool_started.wait(), 30)
    call_id = phone.call.state.call_id
    await phone.hang_up()
    desk.stage.tool_may_end.set()
    desk.stage.tool_started.clear()
    again = await desk.place(call_id)
    desk.script([assistant_message("I cannot tell whether it worked.")])
    await again.ask("And?")
    assert not desk.stage.tool_started.is_set()
    assert "not known whether it took effect" in str(desk.history())


async def test_the_agent_who_asked_carries_it_out_and_has_the_floor_again(build_house):
    desk = await build_house(
        agents={
            "frontdesk": {"tools": ["refund"], "handoffs": ["sales"]},
            "sales": {"handoffs": ["frontdesk"]},
        },
        tools={"refund": TOOLS["refund"]},
    )
    phone = await desk.place()
    desk.script([refund()], [function_call("transfer_to_sales", {}, call_id="h1")])
    desk.script([assistant_message("Sales here.")], agent="sales")
    await phone.ask("I want my money back")
    await heard_out(phone)
    await phone.ask("Can I talk to sales meanwhile?")
    assert phone.call.state.agent == "sales"
    assert spoken(phone)[1] == f"Sales here. {QUESTION}"
    await heard_out(phone)
    desk.script([assistant_message("Done.")])
    await phone.ask("Yes")
    assert desk.stage.tool_started.is_set()
    assert phone.call.state.agent == "frontdesk"


async def test_beside_the_conversation_nobody_can_be_asked(desk):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("I could not do it.")])
    await phone.respond(
        conversation="none",
        input=[
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "refund"}],
            }
        ],
    )
    assert not desk.stage.tool_started.is_set()
    assert questions(phone) == []
    assert "nobody can be asked" in desk.history()[-1]["output"]


async def test_the_trace_has_the_question_the_answer_and_the_decision(desk):
    phone = await desk.place()
    desk.script([refund()], [assistant_message("Done.")])
    await phone.ask("I want my money back")
    await heard_out(phone)
    await phone.ask("Yes")
    await heard_out(phone)
    first = {span["name"]: span["attributes"] for span in await phone.spans(0)}
    assert first["question refund"]["voice.question.text"] == QUESTION
    second = {span["name"]: span["attributes"] for span in await phone.spans(1)}
    assert second["answer refund"]["voice.question.reading"] == "yes"
    decision = second["decision refund"]
    assert decision["voice.question.decision"] == "approved"
    assert decision["voice.question.who"] == "caller"


async def test_a_screen_decides_while_the_talk_goes_on(build_house):
    rule = {"by": "screen", "timeout": "5m"}
    desk = await build_house(
        agents={"frontdesk": {"tools": ["refund"]}},
        tools={"refund": {"call": "tools.stage:look_up", "approve": rule}},
    )
    phone = await desk.place()
    desk.script([refund()], [assistant_message("Nice weather, yes.")], [assistant_message("Done.")])
    await phone.ask("I want my money back")
    assert spoken(phone)[0].startswith("I have to ask a colleague")
    await heard_out(phone)
    await phone.ask("yes, nice weather")
    assert spoken(phone)[1] == "Nice weather, yes."
    assert "waits" not in str(questions(phone)[0]["decided"])
    await heard_out(phone)
    waiting = [q async for q in on_screen(desk, phone)]
    verdict = {"decision": "approved", "who": "Ann", "reason": None}
    assert await desk.approvals.decide(waiting[0]["id"], verdict) == verdict
    desk.board.look()
    await phone.until("response.done")
    assert spoken(phone)[2] == "Done."
    assert questions(phone)[0]["decided"]["who"] == "Ann"
    outputs = [words for kind, words in await phone.talk() if kind == "function_call_output"]
    assert outputs[0].startswith("Not run yet") and outputs[1] == "found 120 euros"


@pytest.fixture
async def in_client(build_house):
    rule = {"by": "client"}
    return await build_house(
        agents={"frontdesk": {"tools": ["refund"]}},
        tools={"refund": {"call": "tools.stage:look_up", "approve": rule}},
    )


async def wanted(phone):
    frames = await phone.until("conversation.item.added")
    while frames[-1]["item"]["type"] != "mcp_approval_request":
        frames = await phone.until("conversation.item.added")
    return frames[-1]["item"]


def answered(request, approve, **fields):
    return {
        "type": "mcp_approval_response",
        "approval_request_id": request["id"],
        "approve": approve,
        **fields,
    }


@pytest.mark.parametrize("approve", [True, False])
async def test_a_client_that_asked_for_it_approves_by_an_item(in_client, approve):
    phone = await in_client.place()
    phone.connection.approves = True
    in_client.script([refund()], [assistant_message("So be it.")])
    await phone.write("I want my money back")
    await phone.send("response.create")
    request = await wanted(phone)
    assert (request["server_label"], request["name"]) == ("support", "refund")
    assert request["arguments"] == '{"what":"120 euros"}'
    await phone.until("response.done")
    assert spoken(phone) == ["Please confirm that on your screen."]
    await heard_out(phone)
    item = answered(request, approve, reason=None if approve else "too much")
    await phone.send("conversation.item.create", item=item)
    await phone.until("response.done")
    assert spoken(phone)[1] == "So be it."
    assert in_client.stage.tool_started.is_set() is approve
    decided = questions(phone)[0]["decided"]
    assert (decided["who"], decided["how"]) == ("caller", "client")
    if not approve:
        assert "the caller refused it (too much)" in in_client.history()[-1]["output"]
    await phone.send("conversation.item.create", item=answered(request, True))
    [error] = (await phone.until("error"))[-1:]
    assert error["error"]["param"] == "item.approval_request_id"


async def test_a_client_that_did_not_ask_for_it_has_its_caller_asked_aloud(in_client):
    phone = await in_client.place()
    in_client.script([refund()], [assistant_message("Done.")])
    await phone.ask("I want my money back")
    assert spoken(phone) == [QUESTION]
    assert questions(phone)[0]["by"] == "spoken"


async def test_deleting_the_request_denies(in_client):
    phone = await in_client.place()
    phone.connection.approves = True
    in_client.script([refund()], [assistant_message("I leave it.")])
    await phone.write("I want my money back")
    await phone.send("response.create")
    request = await wanted(phone)
    await phone.until("response.done")
    await heard_out(phone)
    await phone.send("conversation.item.delete", item_id=request["id"])
    await phone.until("response.done")
    assert questions(phone)[0]["decided"]["decision"] == "denied"


async def test_a_request_to_the_client_is_answered_after_the_call_was_carried_on(in_client):
    phone = await in_client.place()
    phone.connection.approves = True
    in_client.script([refund()], [assistant_message("Done.")])
    await phone.write("I want my money back")
    await phone.send("response.create")
    request = await wanted(phone)
    await phone.until("response.done")
    await heard_out(phone)
    again = await in_client.place(phone.call.state.call_id)
    await again.send("conversation.item.create", item=answered(request, True))
    await again.until("response.done")
    assert in_client.stage.tool_started.is_set()


async def test_nothing_is_said_unasked_to_a_client_that_asks_for_each_response(desk):
    phone = await desk.place()
    await phone.configure(audio={"input": {"turn_detection": None}})
    desk.script([refund()], [assistant_message("It timed out.")])
    await phone.ask("I want my money back")
    await phone.clock.advance(61)
    await phone.settled()
    assert len(phone.done) == 1
    await phone.respond()
    assert spoken(phone)[1] == "It timed out."
