"""The older part of a long call is summed up beside the talk, for models alone."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from agents.testing import ModelStep, assistant_message, function_call

from frontdesk.team.summary import EARLIER, GOING_ON

SMALL = {"main": {"context_window": 5_000}}
"""About 400 tokens for the conversation."""
TOOL = {"look_up": {"call": "tools.stage:look_up"}}


def words(number: int) -> str:
    """A turn of about 45 tokens."""
    return f"Question {number}: " + "so many words " * 11


async def talk(house: Any, phone: Any, first: int, last: int, pause: float = 60) -> None:
    for number in range(first, last):
        house.script([assistant_message(f"Answer {number}.")])
        await phone.ask(words(number))
        await phone.clock.advance(pause)


@pytest.fixture
async def place(build_house):
    async def place(compact: Any = True, **sections: Any):
        context = {"compact": compact}
        house = await build_house(**{"models": SMALL, "context": context, **sections})
        return house, await house.place()

    return place


async def summaries(phone) -> list[dict]:
    turns = range(len(await phone.traces()))
    spans = [span for turn in turns for span in await phone.spans(turn)]
    return [span for span in spans if span["stage"] == "compaction"]


def said(house, call=-1, agent=None) -> list[str]:
    return [item["content"] for item in house.history(call, agent) if "role" in item]


async def test_a_summary_stands_for_the_older_part_before_there_is_no_room_left(place):
    house, phone = await place({"keep": 4})
    house.writer.extend([[assistant_message("They asked 0 to 4.")]])
    await talk(house, phone, 0, 8)
    given = said(house)
    assert given[0] == f"{EARLIER}\nThey asked 0 to 4."
    assert [text for text in given[1:] if text.startswith("Question")] == [
        words(number).strip() for number in (5, 6, 7)
    ]
    [asked] = house.writer.calls
    assert asked.system_instructions == GOING_ON
    script = asked.input[0]["content"]
    assert script.startswith("Caller: Question 0") and script.endswith("Agent: Answer 4.")
    [span] = await summaries(phone)
    attributes = span["attributes"]
    assert span["name"] == "compaction main" and attributes["voice.context.items"] == 10
    assert attributes["voice.context.tokens_after"] < attributes["voice.context.tokens_before"] / 2
    stored = await phone.stored()
    assert len(stored.items) == 16, "the log keeps every word"
    assert EARLIER not in str(phone.frames) and "They asked 0" not in str(phone.frames)


async def test_without_the_option_the_oldest_are_left_out_and_nobody_sums_up(place):
    house, phone = await place(compact=False)
    await talk(house, phone, 0, 12)
    assert not house.writer.calls
    assert said(house)[0].startswith("Question")
    root = (await phone.traces())[-1]
    trace = house.tracing.store.trace(root["trace_id"])
    [top] = [span for span in trace["spans"] if span["stage"] == "turn"]
    assert top["attributes"]["voice.context.left_out"] > 0
    assert top["attributes"]["voice.context.tokens"] < 400


async def test_answers_do_not_wait_for_a_summary_and_truncation_works_until_it_is_there(place):
    house, phone = await place({"keep": 4})
    may_end = asyncio.Event()

    async def slow(call):
        await may_end.wait()
        return [assistant_message("They asked a lot.")]

    house.writer.extend([ModelStep.respond(slow)])
    await talk(house, phone, 0, 14)
    assert len(house.writer.calls) == 1, "one at a time"
    assert said(house)[0].startswith("Question"), "the oldest were left out meanwhile"
    may_end.set()
    await phone.settled()
    await talk(house, phone, 14, 15)
    assert said(house)[0] == f"{EARLIER}\nThey asked a lot."


async def test_a_summary_that_comes_while_an_answer_is_made_is_not_made_again_after_it(place):
    house, phone = await place({"keep": 4})
    may_end = asyncio.Event()

    async def slow(call):
        await may_end.wait()
        return [assistant_message("They asked 0 to 4.")]

    async def meanwhile(call):
        may_end.set()
        while phone.call.state.compacted is None:  # noqa: ASYNC110 (in this loop, without time)
            await asyncio.sleep(0)
        return [assistant_message("Yes.")]

    house.writer.extend([ModelStep.respond(slow)])
    await talk(house, phone, 0, 7)
    house.script(ModelStep.respond(meanwhile))
    await phone.ask("well")
    await phone.settled()
    await talk(house, phone, 8, 9)
    assert len(house.writer.calls) == 1


async def test_a_call_that_is_taken_over_keeps_its_summary(place):
    house, phone = await place({"keep": 4})
    house.writer.extend([[assistant_message("They asked 0 to 4.")]])
    await talk(house, phone, 0, 7)
    await phone.hang_up()
    again = await house.place(phone.call.state.call_id)
    await talk(house, again, 7, 8)
    assert said(house)[0] == f"{EARLIER}\nThey asked 0 to 4."
    assert len(house.writer.calls) == 1


async def test_a_summary_is_rolled_forward_with_what_came_since(place):
    house, phone = await place({"keep": 4})
    house.writer.extend(
        [[assistant_message("The first five.")], [assistant_message("The first nine.")]]
    )
    await talk(house, phone, 0, 12)
    assert len(house.writer.calls) == 2
    script = house.writer.calls[1].input[0]["content"]
    assert script.startswith(f"Note: {EARLIER}\nThe first five.\nCaller: Question 5")
    assert said(house)[0] == f"{EARLIER}\nThe first nine."


async def test_what_a_model_has_in_its_cache_keeps_its_beginning_between_summaries(place):
    house, phone = await place({"keep": 4})
    house.writer.extend([[assistant_message(f"Summary {n}.")] for n in range(30)])
    await talk(house, phone, 0, 40)
    inputs = [call.input for call in house.model.calls]
    begun_anew = sum(later[: len(earlier)] != earlier for earlier, later in pairwise(inputs))
    made = len(house.writer.calls)
    assert begun_anew in (made, made - 1), "the last may be made after the last turn"
    assert made <= 13


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (RuntimeError("no GPU left"), "no GPU left"),
        ([assistant_message(" ")], "no summary"),
        ([assistant_message("much longer than it was " * 100)], "longer than"),
    ],
)
async def test_a_summary_that_fails_is_on_the_trace_and_the_oldest_are_left_out(place, step, error):
    house, phone = await place({"keep": 4})
    house.writer.extend([step])
    await talk(house, phone, 0, 7)
    await phone.settled()
    [span] = await summaries(phone)
    assert error in span["error"]
    assert (await phone.stored()).compacted is None
    house.writer.extend([[assistant_message("At the second try.")]])
    await talk(house, phone, 7, 9)
    assert said(house)[0] == f"{EARLIER}\nAt the second try."


async def test_a_tool_call_stays_with_its_result(place):
    house, phone = await place(
        {"keep": 5}, agents={"frontdesk": {"tools": ["look_up"]}}, tools=TOOL
    )
    house.writer.extend([[assistant_message(f"Summary {n}.")] for n in range(5)])
    for number in range(16):
        house.script([function_call("look_up", {"what": "it"}, call_id=f"c{number}")])
        house.script([assistant_message("Found.")])
        await phone.ask(words(number))
        await phone.clock.advance(60)
        items = house.history()
        made = [i["call_id"] for i in items if i.get("type") == "function_call"]
        got = [i["call_id"] for i in items if i.get("type") == "function_call_output"]
        assert made == got and made[-1] == f"c{number}"
    assert len(house.writer.calls) > 1
    assert "(Looked up: look_up" in house.writer.calls[0].input[0]["content"]


async def test_a_call_that_waits_for_approval_is_never_summed_up(place):
    house, phone = await place(
        {"keep": 4},
        agents={"frontdesk": {"tools": ["look_up"]}},
        tools={"look_up": {**TOOL["look_up"], "approve": [{"by": "screen"}]}},
    )
    house.writer.extend([[assistant_message("They asked.")]] * 3)
    house.script([function_call("look_up", {"what": "gold"}, call_id="c1")])
    await phone.ask("look up gold")
    await phone.clock.advance(5)
    await talk(house, phone, 0, 12, pause=2)
    assert len(house.writer.calls) > 1
    summary, call, output, *_ = house.history()
    assert summary["content"].startswith(EARLIER)
    assert (call["call_id"], output["call_id"]) == ("c1", "c1")
    assert all("gold" not in asked.input[0]["content"] for asked in house.writer.calls[1:])


async def test_work_that_goes_on_in_the_background_is_never_summed_up(place):
    house, phone = await place(
        {"keep": 4},
        agents={"frontdesk": {"tools": ["research"]}},
        tools={
            "research": {"call": "tools.stage:research", "background": {"acknowledge_after": "60m"}}
        },
    )
    house.writer.extend([[assistant_message("They asked.")]] * 4)
    house.script([function_call("research", {"what": "gold"}, call_id="c1")])
    house.script([assistant_message("I am on it.")])
    await phone.write("research gold")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.clock.advance(0.4)
    await phone.until("response.done")
    await phone.clock.advance(2)
    await talk(house, phone, 0, 12, pause=2)
    summary, call, output, *_ = house.history()
    assert summary["content"].startswith(EARLIER)
    assert call["call_id"] == "c1" and "background_work" in output["output"]


async def test_what_the_client_deletes_is_in_no_summary_any_more(place):
    house, phone = await place({"keep": 4})
    house.writer.extend([[assistant_message("They asked 0 to 4.")]])
    await talk(house, phone, 0, 7)
    first = phone.call.state.items[0].item["id"]
    assert phone.call.state.compacted is not None
    house.writer.extend([[assistant_message("They asked 1 to 5.")]])
    await phone.send("conversation.item.delete", item_id=first)
    await phone.until("conversation.item.deleted")
    assert phone.call.state.compacted is None
    await talk(house, phone, 7, 9)
    assert "Question 0" not in house.writer.calls[1].input[0]["content"]
    assert said(house)[0] == f"{EARLIER}\nThey asked 1 to 5."


async def test_a_session_that_allows_no_truncation_is_not_summed_up(place):
    house, phone = await place({"keep": 4})
    await phone.configure(truncation="disabled")
    await talk(house, phone, 0, 7)
    assert not house.writer.calls
    assert len(house.history()) == 13


async def test_who_takes_over_with_nothing_sees_nothing_of_the_time_before_in_a_summary(place):
    edge = {"to": "orders", "history": "none"}
    house, phone = await place(
        {"keep": 4},
        agents={"frontdesk": {"handoffs": [edge]}, "orders": {"handoffs": ["frontdesk"]}},
    )
    house.writer.extend([[assistant_message("The secret is 42.")]])
    await talk(house, phone, 0, 7)
    house.script([function_call("transfer_to_orders", {}, call_id="h")])
    house.script([assistant_message("Orders here.")], agent="orders")
    await phone.ask("orders, please")
    await phone.clock.advance(60)
    house.writer.extend([[assistant_message("About orders.")]])
    for number in range(20, 28):
        house.script([assistant_message("Yes.")], agent="orders")
        await phone.ask(words(number))
        await phone.clock.advance(60)
        assert "secret" not in str(house.history(agent="orders")), number
    assert said(house, agent="orders")[0] == f"{EARLIER}\nAbout orders."
    assert "Question 6" not in house.writer.calls[1].input[0]["content"]
    house.script([function_call("transfer_to_frontdesk", {}, call_id="b")], agent="orders")
    house.script([assistant_message("Back again.")])
    await phone.ask("back, please")
    await phone.clock.advance(60)
    assert phone.call.state.compacted is not None
    house.script([assistant_message("Still here.")])
    await phone.ask("well")
    assert said(house)[0] == f"{EARLIER}\nThe secret is 42.", "who knew it knows it again"
