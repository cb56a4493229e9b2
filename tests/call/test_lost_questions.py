"""What a response had asked for, or begun, before its worker died, is not asked or begun anew by
the one in its place."""

import asyncio

import pytest
from agents.testing import assistant_message, function_call

from frontdesk.call.events import ToolBegins
from frontdesk.call.recovery import UNKNOWN
from frontdesk.protocol.engine import ResponseEnded

QUESTION = "Just to be sure: refund, with what 120 euros. Shall I go ahead? Please say yes or no."


async def killed(house, phone):
    assert await phone.call._parts.book.recorded_within(30)
    await house.kill(phone)


async def until(holds):
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 (in this loop, without time)
            await asyncio.sleep(0)


def words(response):
    return " ".join(
        part.get("transcript") or part.get("text") or ""
        for item in response["output"]
        for part in item.get("content", [])
    )


async def answer(phone):
    """The response in place of the lost one, whose end is told first."""
    while (done := (await phone.until("response.done"))[-1]["response"])["status"] != "completed":
        pass
    return done


@pytest.fixture
async def desk(build_house):
    return await build_house(
        agents={"frontdesk": {"tools": ["refund"]}},
        tools={"refund": {"call": "tools.stage:look_up", "approve": "spoken"}},
    )


async def test_a_question_that_was_not_put_to_its_end_is_put_again_without_the_model(desk):
    phone = await desk.place()
    desk.stage.speech_may_come.clear()
    desk.script([function_call("refund", {"what": "120 euros"}, call_id="r1")])
    await phone.write("I want my money back")
    await phone.send("response.create")
    await until(lambda: phone.call.state.questions)
    await killed(desk, phone)
    desk.stage.speech_may_come.set()
    desk.script([function_call("refund", {"what": "120 euros"}, call_id="r2")])  # not asked
    again = await desk.place(phone.call.state.call_id)
    assert words(await answer(again)).endswith(QUESTION)  # a machine may be slow: "I'm back"
    assert [question["call_id"] for question in again.call.state.questions] == ["r1"]


async def test_what_the_client_heard_of_a_question_before_the_loss_counts(desk):
    phone = await desk.place()
    desk.script([function_call("refund", {"what": "120 euros"}, call_id="r1")])
    await phone.ask("I want my money back")
    item_id = phone.done[-1]["output"][-1]["id"]
    sent = phone.call.state.items[-1].sent_ms
    assert sent > 0
    await killed(desk, phone)
    again = await desk.place(phone.call.state.call_id)
    heard = {"item_id": item_id, "content_index": 0, "audio_end_ms": sent}
    await again.send("conversation.item.truncate", **heard)
    await again.until("conversation.item.truncated")
    desk.script([assistant_message("Done.")])
    await again.ask("Yes, go ahead.")
    assert desk.stage.tool_started.is_set()


async def test_work_that_a_lost_response_had_begun_is_told_by_the_one_in_its_place_and_not_redone(
    build_house,
):
    house = await build_house(
        agents={"frontdesk": {"tools": ["charge"]}},
        tools={"charge": {"call": "tools.stage:charge", "background": {"grace": "3s"}}},
        budgets={"silence": "10m"},
    )
    house.stage.tool_may_end.clear()
    house.script([function_call("charge", {"what": "lamp"}, call_id="c1")])
    phone = await house.place()
    await phone.write("charge me")
    await phone.send("response.create")
    await house.stage.tool_started.wait()  # the response still waits for what comes of it
    await killed(house, phone)
    house.stage.tool_may_end.set()
    house.script([function_call("charge", {"what": "lamp"}, call_id="c2")])
    house.script([assistant_message("That was cut off.")])
    again = await house.place(phone.call.state.call_id)
    assert words(await answer(again)) == "That was cut off."
    assert "it is not known what of it took effect" in house.history()[-1]["output"]
    await again.clock.advance(60)
    await again.settled()
    assert len(again.of("response.created")) == 1  # it is not told once more
    assert len(house.stage.charged) == 1
    [work] = again.call.state.delegations.values()
    assert (work["status"], work["told"]) == ("lost", "turn")


@pytest.fixture
async def charging(build_house):
    return await build_house(
        agents={"frontdesk": {"tools": ["charge"]}},
        tools={"charge": {"call": "tools.stage:charge", "approve": "spoken"}},
    )


async def approved(house):
    """A phone whose caller has just approved what the agent wants to do."""
    phone = await house.place()
    house.script([function_call("charge", {"what": "lamp"}, call_id="c1")])
    await phone.ask("charge me for a lamp")
    await phone.clock.advance(10)
    await phone.write("Yes, go ahead.")
    return phone


async def test_an_approved_call_that_had_not_begun_runs_after_all(charging, monkeypatch):
    phone = await approved(charging)
    arrivals, apply = phone.call._arrivals, phone.call._arrivals.apply
    monkeypatch.setattr(arrivals, "apply", lambda e: isinstance(e, ToolBegins) or apply(e))
    await phone.send("response.create")
    await until(lambda: phone.call.state.questions[0]["resumed"])
    await killed(charging, phone)
    assert not charging.stage.charged
    charging.script([assistant_message("That is paid.")])
    again = await charging.place(phone.call.state.call_id)
    assert words(await answer(again)) == "That is paid."
    assert len(charging.stage.charged) == 1
    (output,) = [s.item for s in again.call.state.items if "output" in s.item]
    assert (output["call_id"], output["output"]) == ("c1", "charged for lamp")


async def test_one_that_had_begun_does_not(charging):
    phone = await approved(charging)
    charging.stage.tool_may_end.clear()
    await phone.send("response.create")
    await charging.stage.tool_started.wait()
    await killed(charging, phone)
    charging.stage.tool_may_end.set()
    charging.script([assistant_message("I do not know whether that was paid.")])
    again = await charging.place(phone.call.state.call_id)
    await answer(again)
    assert len(charging.stage.charged) == 1
    (output,) = [s.item for s in again.call.state.items if "output" in s.item]
    assert output["output"] == UNKNOWN


async def test_a_yes_over_a_question_put_again_answers_what_was_heard_before(desk, monkeypatch):
    phone = await desk.place()
    desk.script([function_call("refund", {"what": "120 euros"}, call_id="r1")])
    arrivals, apply = phone.call._arrivals, phone.call._arrivals.apply
    monkeypatch.setattr(arrivals, "apply", lambda e: isinstance(e, ResponseEnded) or apply(e))
    await phone.write("I want my money back")
    await phone.send("response.create")
    await until(lambda: phone.call.state.items[-1].sent_ms)
    await killed(desk, phone)
    again = await desk.place(phone.call.state.call_id)
    await again.until("response.output_audio.delta")
    await again.send("response.cancel")
    await again.until("response.done")
    desk.script([assistant_message("Done.")])
    await again.ask("Yes, go ahead.")
    assert desk.stage.tool_started.is_set()
