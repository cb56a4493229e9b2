"""A call whose worker died: whatever was under way is closed, and gone on with, exactly once."""

import asyncio

import pytest
from agents.testing import ModelStep, assistant_message, function_call
from mcp.types import ToolAnnotations
from redis.exceptions import ConnectionError

from frontdesk.call import journal, preparing, told
from frontdesk.call.recovery import UNKNOWN
from frontdesk.desk.schema import McpUse
from frontdesk.team.recording import may_run_twice


async def taken_over(house, phone):
    await house.kill(phone)
    return await house.place(phone.call.state.call_id)


async def turns(count=60):
    for _ in range(count):
        await asyncio.sleep(0)


def words(response):
    return " ".join(
        part.get("transcript") or part.get("text") or ""
        for item in response["output"]
        for part in item.get("content", [])
    )


async def test_speech_that_was_not_committed_is_gone_and_the_client_is_told(house, phone):
    await phone.begin_to_speak("half a sen")
    await phone.until("input_audio_buffer.speech_started")
    again = await taken_over(house, phone)
    assert again.types[:2] == ["session.created", "input_audio_buffer.cleared"]
    house.stt.lines.clear()
    house.script([assistant_message("I am.")])
    await again.say("are you there")
    assert words((await again.until("response.done"))[-1]["response"]) == "I am."


async def test_a_call_that_was_idle_goes_on_in_silence(house, phone):
    house.script([assistant_message("Hello.")])
    await phone.ask("hello")
    await phone.clock.advance(5)
    again = await taken_over(house, phone)
    await again.clock.advance(5)
    assert again.types == ["session.created", "input_audio_buffer.cleared"]


async def test_what_was_said_and_not_yet_in_words_is_heard_from_the_record(house, phone):
    house.stage.words_may_come.clear()
    await phone.say("where is my order")
    await house.stage.words_wanted.wait()
    await house.tracing.flush()
    await phone.call._parts.book.recorded_within(30)
    await house.kill(phone)
    house.stage.words_may_come.set()
    house.stt.lines.append("where is my order")
    house.script([assistant_message("On its way.")])
    again = await house.place(phone.call.state.call_id)
    closed, answered = await two_responses(again)
    assert (closed["status"], words(answered)) == ("incomplete", "On its way.")
    assert (await again.talk())[0] == ("user", "where is my order")


async def two_responses(phone):
    """The end of the one that was cut off, and the one that takes its place."""
    closed = (await phone.until("response.done"))[-1]["response"]
    return closed, (await phone.until("response.done"))[-1]["response"]


async def test_what_was_said_and_cannot_be_heard_again_is_asked_for(house, phone, monkeypatch):
    house.stage.words_may_come.clear()
    await phone.say("where is my order")
    await house.stage.words_wanted.wait()
    await phone.call._parts.book.recorded_within(30)
    await house.kill(phone)
    house.stage.words_may_come.set()
    monkeypatch.setattr(house.tracing.audio, "sound", lost)
    again = await house.place(phone.call.state.call_id)
    _, answered = await two_responses(again)
    assert words(answered) == house.team.lines.unheard


def lost(uri):
    raise OSError("another machine has it")


@pytest.mark.parametrize("text", [True, False])
async def test_a_turn_whose_model_was_thinking_is_answered(house, phone, text):
    thinking = asyncio.Event()

    async def never(call):
        thinking.set()
        await asyncio.Event().wait()

    await phone.configure(output_modalities=["text" if text else "audio"])
    house.script(ModelStep.respond(never))
    await phone.write("who are you")
    await phone.send("response.create", response={"instructions": "Be brief."})
    await thinking.wait()
    await phone.until("response.created")
    house.script([assistant_message("Frontdesk.")])
    again = await taken_over(house, phone)
    closed, answered = await two_responses(again)
    assert closed["id"] == phone.of("response.created")[0]["response"]["id"]
    assert words(answered) == "Frontdesk."
    assert house.model.calls[-1].system_instructions == "You are frontdesk.\n\nBe brief."
    await again.clock.advance(60)
    assert len(again.of("response.created")) == 1


async def test_an_answer_goes_on_where_it_was_cut(house, phone):
    house.tts.unheld = 1
    house.script([assistant_message("One is done here. Two comes after it. Three is the end.")])
    await phone.write("count")
    await phone.send("response.create")
    await phone.until_sound(800)
    await turns()
    await phone.call._parts.book.recorded_within(30)
    house.tts.unheld = None
    await house.kill(phone)
    house.stage.speech_may_come.set()
    house.script([assistant_message("One is done here. Two comes after it. Three is the end.")])
    again = await house.place(phone.call.state.call_id)
    closed, answered = await two_responses(again)
    [item] = closed["output"]
    assert item["id"] == phone.answer_ids()[0]
    assert item["status"] == "incomplete"
    assert words(answered) == "Two comes after it. Three is the end."
    await again.clock.advance(60)
    talk = await again.talk()
    assert talk[1:] == [
        ("assistant", "One is done here."),
        ("assistant", "Two comes after it. Three is the end."),
    ]
    house.script([assistant_message("Yes.")])
    await again.ask("is that all")
    assert len(again.of("response.created")) == 2


def says_and_looks_up(words):
    return [assistant_message(words), function_call("look_up", {"what": "x"}, call_id="c1")]


async def test_what_was_all_said_is_not_said_again(house, phone):
    house.stage.tool_may_end.clear()
    house.script(says_and_looks_up("All is said."))
    await phone.write("go")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.until_sound(600)
    await phone.settled()
    assert await phone.call._parts.book.recorded_within(30)
    await house.kill(phone)
    house.stage.tool_may_end.set()
    house.script([assistant_message("All is said.")])
    again = await house.place(phone.call.state.call_id)
    closed, answered = await two_responses(again)
    assert (words(closed), answered["status"], words(answered)) == ("All is said.", "completed", "")


async def test_a_text_answer_goes_on_behind_the_words_that_were_read(house, phone):
    await phone.configure(output_modalities=["text"])
    house.stage.tool_may_end.clear()
    house.script(says_and_looks_up("First part."))
    await phone.write("tell me")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.until("response.output_text.delta")
    await house.kill(phone)
    house.stage.tool_may_end.set()
    house.script([assistant_message("First part. And the second.")])
    again = await house.place(phone.call.state.call_id)
    closed, answered = await two_responses(again)
    assert (words(closed), words(answered)) == ("First part.", "And the second.")


async def test_a_tool_in_flight_is_not_run_twice_and_its_outcome_is_unknown(house, phone):
    house.stage.tool_may_end.clear()
    house.script([function_call("look_up", {"what": "it"}, call_id="c1")])
    await phone.write("what is it")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await house.kill(phone)
    house.stage.tool_started.clear()
    house.stage.tool_may_end.set()
    house.script([assistant_message("I do not know what came of it.")])
    again = await house.place(phone.call.state.call_id)
    await two_responses(again)
    assert not house.stage.tool_started.is_set()
    assert await again.talk() == [
        ("user", "what is it"),
        ("function_call", "look_up"),
        ("function_call_output", UNKNOWN),
        ("assistant", "I do not know what came of it."),
    ]
    assert not (await again.stored()).tools


async def test_a_model_that_calls_it_again_all_the_same_does_not_run_it(house, phone):
    house.stage.tool_may_end.clear()
    house.script([function_call("look_up", {"what": "it"}, call_id="c1")])
    await phone.write("what is it")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await house.kill(phone)
    house.stage.tool_started.clear()
    house.stage.tool_may_end.set()
    house.script([function_call("look_up", {"what": "it"}, call_id="c2")])
    house.script([assistant_message("Not known.")])
    again = await house.place(phone.call.state.call_id)
    await two_responses(again)
    assert not house.stage.tool_started.is_set()
    assert house.history()[-1]["output"] == UNKNOWN


@pytest.fixture
async def twice(build_house):
    return await build_house(
        agents={"frontdesk": {"tools": ["look_up"]}},
        tools={"look_up": {"call": "tools.stage:look_up", "idempotent": True}},
    )


async def test_a_tool_that_may_run_twice_is_run_again(twice):
    phone = await twice.place()
    twice.stage.tool_may_end.clear()
    twice.script([function_call("look_up", {"what": "it"}, call_id="c1")])
    await phone.write("what is it")
    await phone.send("response.create")
    await twice.stage.tool_started.wait()
    await phone.call._parts.book.recorded_within(30)
    await twice.kill(phone)
    twice.stage.tool_started.clear()
    twice.stage.tool_may_end.set()
    twice.script([assistant_message("It is blue.")])
    again = await twice.place(phone.call.state.call_id)
    await two_responses(again)
    assert twice.stage.tool_started.is_set()
    assert await again.talk() == [
        ("user", "what is it"),
        ("function_call", "look_up"),
        ("function_call_output", "found it"),
        ("assistant", "It is blue."),
    ]


async def test_a_tool_does_not_begin_when_the_call_was_claimed_meanwhile(house, phone):
    """Nobody told this worker: the record that comes before the tool does."""
    asked = asyncio.Event()
    go_on = asyncio.Event()

    async def thinks(call):
        asked.set()
        await go_on.wait()
        return [function_call("look_up", {"what": "it"}, call_id="c1")]

    house.script(ModelStep.respond(thinks))
    await phone.write("what is it")
    await phone.send("response.create")
    await asked.wait()
    await phone.call._parts.book.recorded_within(30)
    await house.store.open(phone.call.state.call_id, "other", force=True)
    house.defects_expected = True
    house.phones.remove(phone)
    frames = len(phone.frames)
    go_on.set()
    await asyncio.wait_for(phone.running, 30)
    assert not house.stage.tool_started.is_set()
    assert len(phone.frames) == frames


async def test_who_hung_up_is_not_answered_when_they_come_back(house, phone):
    house.stage.tool_may_end.clear()
    house.script([function_call("look_up", {"what": "it"}, call_id="c1")])
    await phone.write("what is it")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.hang_up()
    again = await house.place(phone.call.state.call_id)
    await turns()
    assert again.types == ["session.created"]


async def test_whose_connection_broke_is_answered_when_they_come_back(house, phone):
    thinking = asyncio.Event()

    async def never(call):
        thinking.set()
        await asyncio.Event().wait()

    house.script(ModelStep.respond(never))
    await phone.write("who are you")
    await phone.send("response.create")
    await thinking.wait()
    phone.call.leave(phone.connection, "the client left", vanished=True)
    await asyncio.wait_for(phone.running, 30)
    house.phones.remove(phone)
    house.script([assistant_message("Frontdesk.")])
    again = await house.place(phone.call.state.call_id)
    _, answered = await two_responses(again)
    assert words(answered) == "Frontdesk."
    assert "input_audio_buffer.cleared" not in again.types


async def test_a_response_beside_the_conversation_has_failed(house, phone):
    thinking = asyncio.Event()

    async def never(call):
        thinking.set()
        await asyncio.Event().wait()

    house.script(ModelStep.respond(never))
    await phone.send("response.create", response={"conversation": "none"})
    await thinking.wait()
    again = await taken_over(house, phone)
    closed = (await again.until("response.done"))[-1]["response"]
    assert closed["status_details"]["error"]["code"] == "worker_lost"
    await turns()
    assert not again.of("response.created")


async def test_the_trace_tells_of_the_loss(house, phone):
    thinking = asyncio.Event()

    async def never(call):
        thinking.set()
        await asyncio.Event().wait()

    house.script(ModelStep.respond(never))
    await phone.write("who are you")
    await phone.send("response.create")
    await thinking.wait()
    house.script([assistant_message("Frontdesk.")])
    again = await taken_over(house, phone)
    await two_responses(again)
    await again.clock.advance(60)
    lost, answered = await again.traces()
    assert lost["end_reason"] == "worker_lost"
    assert answered["end_reason"] == "completed"
    spans = {span["name"]: span for span in await again.spans()}
    assert "take_over" in spans
    [root] = [span for span in spans.values() if span["parent_id"] is None]
    assert root["attributes"]["voice.turn.resumes"] == lost["trace_id"]


async def test_after_a_long_pause_the_caller_hears_that_there_was_one(house, phone):
    thinking = asyncio.Event()

    async def never(call):
        thinking.set()
        await asyncio.Event().wait()

    house.script(ModelStep.respond(never))
    await phone.write("who are you")
    await phone.send("response.create")
    await thinking.wait()
    await house.kill(phone)
    house.now += 30
    house.script([assistant_message("Frontdesk.")])
    again = await house.place(phone.call.state.call_id)
    _, answered = await two_responses(again)
    assert words(answered) == f"{house.team.lines.back} Frontdesk."


async def test_a_specialist_that_had_begun_to_act_is_not_begun_again(build_house):
    house = await build_house(
        agents={
            "frontdesk": {"delegates": ["clerk"]},
            "clerk": {"tools": ["charge"], "background": {"restart": True, "grace": "0.1s"}},
        },
        tools={"charge": {"call": "tools.stage:charge"}},
        budgets={"silence": "10m"},
    )
    house.stage.tool_may_end.clear()
    house.script([function_call("ask_clerk", {"request": "charge a lamp"}, call_id="c1")])
    house.script([assistant_message("The clerk is on it.")])
    house.script([function_call("charge", {"what": "lamp"}, call_id="k1")], agent="clerk")
    phone = await house.place()
    await phone.write("charge me")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.clock.advance(1)
    await phone.until("response.done")
    assert await phone.call._parts.book.recorded_within(30)
    await house.kill(phone)
    house.script([assistant_message("I don't know whether you were charged.")])
    again = await house.place(phone.call.state.call_id)
    [work] = again.call.state.delegations.values()
    assert work["status"] == "lost"
    assert "it is not known what of it took effect" in work["output"]
    await again.clock.advance(5)
    told = (await again.until("response.done"))[-1]["response"]
    assert words(told) == "I don't know whether you were charged."
    assert len(house.stage.charged) == 1
    await again.clock.advance(60)
    assert not (await again.stored()).tools


@pytest.mark.parametrize(
    ("idempotent", "hints", "twice"),
    [
        (None, None, False),
        (None, {"readOnlyHint": True}, True),
        (None, {"idempotentHint": True}, True),
        (None, {"destructiveHint": False}, False),
        ([], {"readOnlyHint": True}, False),
        (["find_*"], None, True),
        (["set_*"], {"readOnlyHint": True}, False),
    ],
)
def test_which_tools_of_a_server_may_run_twice(idempotent, hints, twice):
    use = McpUse(idempotent=idempotent)
    annotations = None if hints is None else ToolAnnotations.model_validate(hints)
    assert may_run_twice("find_order", use, annotations) == twice


async def test_a_tool_does_not_run_while_nothing_can_be_put_on_record(house, phone, monkeypatch):
    async def away(lease, *batch):
        raise ConnectionError("the store is away")

    asked = asyncio.Event()
    go_on = asyncio.Event()

    async def thinks(call):
        asked.set()
        await go_on.wait()
        return [function_call("look_up", {"what": "it"}, call_id="c1")]

    house.script(ModelStep.respond(thinks), [assistant_message("Not done.")])
    await phone.write("what is it")
    await phone.send("response.create")
    await asked.wait()
    assert await phone.call._parts.book.recorded_within(30)
    append = house.store.append
    monkeypatch.setattr(preparing, "SECONDS", 0.05)
    monkeypatch.setattr(told, "PATIENCE", 0.05)
    house.store.append = away
    go_on.set()
    done = (await phone.until("response.done"))[-1]["response"]
    house.store.append = append
    assert words(done) == "Not done."
    assert not house.stage.tool_started.is_set()
    assert house.history()[-1]["output"] == journal.NOT_DONE


async def test_who_asks_while_a_lost_answer_is_gone_on_with_is_answered_after_it(house, phone):
    thinking, go_on = asyncio.Event(), asyncio.Event()

    async def never(call):
        thinking.set()
        await asyncio.Event().wait()

    async def slowly(call):
        await go_on.wait()
        return [assistant_message("Frontdesk.")]

    house.script(ModelStep.respond(never))
    await phone.write("who are you")
    await phone.send("response.create")
    await thinking.wait()
    house.script(ModelStep.respond(slowly), [assistant_message("Still here.")])
    again = await taken_over(house, phone)
    await again.until("response.done")
    await again.write("are you there")
    await again.send("response.create")
    await again.settled()
    go_on.set()
    first = (await again.until("response.done"))[-1]["response"]
    second = (await again.until("response.done"))[-1]["response"]
    assert (words(first), words(second)) == ("Frontdesk.", "Still here.")
    codes = [frame["error"]["code"] for frame in again.of("error")]
    assert "conversation_already_has_active_response" not in codes
