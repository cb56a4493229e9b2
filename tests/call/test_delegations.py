"""Background work: it runs while the talk goes on, and the caller gets to know what came of it."""

import asyncio
import json

import pytest
from agents.testing import assistant_message, function_call

from frontdesk.protocol.engine import ResponseEnded

RESEARCH = {
    "call": "tools.stage:research",
    "background": {
        "called": "the research",
        "acknowledge_after": "4s",
        "deadline": "60s",
        "say": "I'm still at the research.",
    },
}


@pytest.fixture
def build(build_house):
    async def build(idempotent=False, **background):
        tool = {**RESEARCH, "background": {**RESEARCH["background"], **background}}
        tool["idempotent"] = idempotent
        return await build_house(
            agents={"frontdesk": {"tools": ["research", "look_up"]}},
            tools={"research": tool, "look_up": {"call": "tools.stage:look_up"}},
            budgets={"silence": "10m"},  # time is moved in leaps here
        )

    return build


@pytest.fixture
async def house(build):
    return await build()


@pytest.fixture
async def phone(house):
    return await house.place()


def research(what="lamps", call_id="c1"):
    return function_call("research", {"what": what}, call_id=call_id)


def words(response):
    parts = [part for item in response["output"] for part in item.get("content", ())]
    return "".join(part.get("transcript") or part.get("text") or "" for part in parts)


async def until_done(phone, text):
    """Read on to the end of the response with these words."""
    while words((await phone.until("response.done"))[-1]["response"]) != text:
        pass


def work_of(phone):
    return [*phone.call.state.delegations.values()]


async def begun(house, phone, *calls):
    """The model has asked for the research and talked on; all of that was heard."""
    house.script([*(calls or [research()])], [assistant_message("I'm on it.")])
    await phone.write("tell me about lamps")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.clock.advance(0.4)
    await until_done(phone, "I'm on it.")
    await phone.clock.advance(2)


async def over(phone):
    """The work has come to its end."""
    while work_of(phone)[0]["status"] == "running":  # noqa: ASYNC110 (the log, which tells nobody)
        await asyncio.sleep(0)


async def report(house, words):
    house.stage.work["lamps"].reports.put_nowait(words)
    for _ in range(50):
        await asyncio.sleep(0)


async def come(house, what="lamps", **how):
    house.stage.work[what].end(**how)
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_quick_function_just_answers(house, phone):
    house.script([research()], [assistant_message("They shine.")])
    await phone.write("tell me about lamps")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await come(house)
    await until_done(phone, "They shine.")
    assert house.history()[-1]["output"] == "all about lamps"
    await phone.clock.advance(30)
    assert len(phone.done) == 1
    [work] = work_of(phone)
    assert (work["status"], work["told"], work["owner"]) == ("done", "turn", "frontdesk")


async def test_the_talk_goes_on_and_the_result_is_spoken_at_a_gap(house, phone):
    await begun(house, phone)
    receipt = json.loads(house.history()[-1]["output"])["background_work"]
    assert receipt == {"id": work_of(phone)[0]["id"], "what": "the research", "status": "running"}
    house.script([assistant_message("We open at nine.")])
    await phone.ask("when do you open")
    house.script([assistant_message("Lamps shine.")])
    await come(house)
    assert len(phone.done) == 2, "it waits until the answer was heard"
    await phone.clock.advance(5)
    await until_done(phone, "Lamps shine.")
    call, output = house.history()[-2:]
    assert (call["name"], json.loads(call["arguments"])) == ("research", {"what": "lamps"})
    assert output["output"] == "all about lamps"
    assert work_of(phone)[0]["told"] is None
    await phone.clock.advance(5)
    assert work_of(phone)[0]["told"] == "spoken"
    await phone.clock.advance(60)
    assert len(phone.done) == 3


async def test_the_caller_hears_that_it_still_goes_on(house, phone):
    await begun(house, phone)
    await phone.clock.advance(3)
    await until_done(phone, "I'm still at the research.")
    await phone.clock.advance(30)
    assert len(phone.done) == 2, "it says so once"
    assert ("assistant", "I'm still at the research.") in await phone.talk()


async def test_progress_is_told_with_it_and_later_when_there_is_more(house, phone):
    await begun(house, phone)
    await report(house, "I found ten shops.")
    await phone.clock.advance(3)
    await until_done(phone, "I'm still at the research. I found ten shops.")
    await report(house, "Five are left.")
    await phone.clock.advance(8)
    await until_done(phone, "Five are left.")
    assert work_of(phone)[0]["progress"] == "Five are left."


async def test_progress_is_kept_quiet_where_the_team_says_so(build):
    house = await build(progress=False)
    phone = await house.place()
    await begun(house, phone)
    await report(house, "I found ten shops.")
    await phone.clock.advance(30)
    await until_done(phone, "I'm still at the research.")
    assert len(phone.done) == 2


async def test_barge_in_does_not_end_the_work(house, phone):
    house.script([research()], [assistant_message("I'm on it, and it will take me a while.")])
    await phone.write("tell me about lamps")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.clock.advance(0.4)
    await phone.until_sound(200)
    await phone.clock.advance(0.3)
    await phone.begin_to_speak("stop")
    await phone.until("input_audio_buffer.speech_started")
    assert not house.stage.work["lamps"].stopped.is_set()
    house.script([assistant_message("All right.")])
    await phone.fall_silent()
    await until_done(phone, "All right.")
    house.script([assistant_message("Lamps shine.")])
    await come(house)
    await phone.clock.advance(10)
    await until_done(phone, "Lamps shine.")


async def test_a_call_that_was_cut_off_within_its_grace_is_told_of_later(build):
    house = await build(grace="2s")
    phone = await house.place()
    house.script([research()])
    await phone.say("tell me about lamps")
    await house.stage.tool_started.wait()
    await phone.begin_to_speak("are you there")
    await phone.until("response.done")
    house.script([assistant_message("Yes.")])
    await phone.fall_silent()
    await until_done(phone, "Yes.")
    house.script([assistant_message("Lamps shine.")])
    await come(house)
    await phone.clock.advance(10)
    await until_done(phone, "Lamps shine.")


async def test_a_result_that_its_response_got_but_could_not_use_is_told_later(build):
    house = await build(grace="2s")
    phone = await house.place()
    house.script([research()])
    await phone.write("tell me about lamps")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    house.stage.work["lamps"].end()
    await over(phone)
    await phone.send("response.cancel")
    await phone.until("response.done")
    assert work_of(phone)[0]["told"] is None
    house.script([assistant_message("Lamps shine.")])
    await phone.clock.advance(2)
    await until_done(phone, "Lamps shine.")
    await phone.clock.advance(5)
    assert work_of(phone)[0]["told"] == "spoken"


async def test_a_result_that_was_spoken_over_before_it_was_heard_is_told_again(house, phone):
    await begun(house, phone)
    house.script([assistant_message("Lamps shine.")])
    house.stage.speech_may_come.clear()
    house.stage.speech_wanted.clear()
    await come(house)
    await phone.clock.advance(1)
    await house.stage.speech_wanted.wait()
    await phone.begin_to_speak("wait")
    assert (await phone.until("response.done"))[-1]["response"]["status"] == "cancelled"
    house.script([assistant_message("I wait.")])
    house.stage.speech_may_come.set()
    await phone.fall_silent()
    await until_done(phone, "I wait.")
    assert [item.get("type") for item in house.history()].count("function_call") == 1
    house.script([assistant_message("Lamps shine, you know.")])
    await phone.clock.advance(10)
    await until_done(phone, "Lamps shine, you know.")
    assert house.history()[-1]["output"] == "all about lamps"
    await phone.clock.advance(10)
    assert work_of(phone)[0]["told"] == "spoken"


async def test_a_result_that_was_heard_in_part_is_told(house, phone):
    await begun(house, phone)
    house.script([assistant_message("Lamps shine, and they do so all day and all night.")])
    await come(house)
    await phone.clock.advance(1)
    await phone.until("response.done")
    await phone.clock.advance(1)
    house.script([assistant_message("All right.")])
    await phone.say("thanks")
    await until_done(phone, "All right.")
    await phone.clock.advance(20)
    assert (work_of(phone)[0]["told"], len(phone.done)) == ("spoken", 3)


async def test_nobody_is_spoken_over_to_tell_a_result(house, phone):
    await begun(house, phone)
    await phone.begin_to_speak("so what I want to say is")
    await come(house)
    await phone.clock.advance(3)
    assert len(phone.of("response.created")) == 1
    house.script([assistant_message("I see.")], [assistant_message("Lamps shine.")])
    await phone.fall_silent()
    await until_done(phone, "I see.")
    await phone.clock.advance(3)
    await until_done(phone, "Lamps shine.")


async def test_a_failure_is_told_without_its_secrets(house, phone, caplog):
    house.defects_expected = True
    await begun(house, phone)
    house.script([assistant_message("That went wrong.")])
    await come(house, fails=True)
    await phone.clock.advance(3)
    await until_done(phone, "That went wrong.")
    assert "fault of its own" in house.history()[-1]["output"]
    assert "hunter2" not in json.dumps(house.history())
    assert work_of(phone)[0]["status"] == "failed"


async def test_work_past_its_deadline_is_stopped_and_the_caller_told(house, phone):
    await begun(house, phone)
    await phone.clock.advance(4)
    await until_done(phone, "I'm still at the research.")
    house.script([assistant_message("It took too long.")])
    await phone.clock.advance(70)
    await until_done(phone, "It took too long.")
    assert house.stage.work["lamps"].stopped.is_set()
    assert "longer than 60 seconds" in house.history()[-1]["output"]
    assert work_of(phone)[0]["status"] == "expired"


async def test_the_same_work_is_joined(house, phone):
    await begun(house, phone, research(call_id="c1"), research(call_id="c2"))
    outputs = [json.loads(i["output"]) for i in house.history() if "output" in i]
    assert sorted(receipt["joined"] for receipt in outputs) == [False, True]
    assert len({receipt["background_work"]["id"] for receipt in outputs}) == 1
    assert len(work_of(phone)) == 1


async def test_the_same_work_is_refused(build):
    house = await build(duplicates="refuse")
    phone = await house.place()
    await begun(house, phone, research(call_id="c1"), research(call_id="c2"))
    outputs = [item["output"] for item in house.history() if "output" in item]
    assert any("under way already" in output for output in outputs)
    assert len(work_of(phone)) == 1


async def test_the_same_work_waits_for_the_first(build):
    house = await build(duplicates="queue")
    phone = await house.place()
    await begun(house, phone, research(call_id="c1"), research(call_id="c2"))
    assert sorted(work["status"] for work in work_of(phone)) == ["queued", "running"]
    house.script([assistant_message("One.")])
    await come(house)
    assert sorted(work["status"] for work in work_of(phone)) == ["done", "running"]
    await phone.clock.advance(3)
    await until_done(phone, "One.")
    house.script([assistant_message("Two.")])
    await come(house)
    await phone.clock.advance(10)
    await until_done(phone, "Two.")
    await phone.clock.advance(10)
    assert [work["told"] for work in work_of(phone)] == ["spoken", "spoken"]


async def test_no_more_run_at_once_than_the_team_says(build):
    house = await build(at_once=1)
    phone = await house.place()
    await begun(house, phone, research("lamps", "c1"), research("bulbs", "c2"))
    assert [work["status"] for work in work_of(phone)] == ["running", "queued"]
    house.script([assistant_message("One.")])
    await come(house)
    assert [work["status"] for work in work_of(phone)] == ["done", "running"]


async def test_two_results_that_wait_are_told_in_one_go(house, phone):
    await begun(house, phone, research("lamps", "c1"), research("bulbs", "c2"))
    house.script([assistant_message("Both shine.")])
    await come(house, "lamps")
    await come(house, "bulbs")
    await phone.clock.advance(3)
    await until_done(phone, "Both shine.")
    outputs = [item["output"] for item in house.history() if "output" in item]
    assert outputs[-2:] == ["all about lamps", "all about bulbs"]


async def test_the_caller_can_ask_how_it_stands_and_cancel_it(house, phone):
    await begun(house, phone)
    await report(house, "I found ten shops.")
    house.script([function_call("list_background_work", {}, call_id="l1")])
    house.script([assistant_message("I found ten shops so far.")])
    await phone.ask("how far are you")
    [listed] = json.loads(house.history()[-1]["output"])["work"]
    assert (listed["what"], listed["status"]) == ("the research", "running")
    assert listed["progress"] == "I found ten shops."
    house.script([function_call("cancel_background_work", {"which": "it"}, call_id="l2")])
    house.script([assistant_message("I stopped.")])
    await phone.clock.advance(1)
    await phone.ask("stop that")
    cancelled = {"cancelled": ["the research"], "running": []}
    assert json.loads(house.history()[-1]["output"]) == cancelled
    await asyncio.wait_for(house.stage.work["lamps"].stopped.wait(), 30)
    await phone.clock.advance(60)
    assert (work_of(phone)[0]["status"], work_of(phone)[0]["told"]) == ("cancelled", "turn")


async def test_which_of_several_is_cancelled_must_be_clear(house, phone):
    await begun(house, phone, research("lamps", "c1"), research("bulbs", "c2"))
    house.script([function_call("cancel_background_work", {}, call_id="l2")])
    house.script([assistant_message("Which one?")])
    await phone.ask("stop that")
    told = json.loads(house.history()[-1]["output"])
    assert told == {"cancelled": [], "running": ["the research", "the research"]}
    chosen = work_of(phone)[1]["id"]
    house.script([function_call("cancel_background_work", {"which": chosen}, call_id="l3")])
    house.script([assistant_message("Done.")])
    await phone.ask("the second")
    assert [work["status"] for work in work_of(phone)] == ["running", "cancelled"]


async def test_tools_for_background_work_are_offered_once_there_is_some(house, phone):
    await begun(house, phone)
    offered = [{tool.name for tool in call.tools} for call in house.model.calls]
    assert "list_background_work" not in offered[0]
    assert {"list_background_work", "cancel_background_work"} <= offered[1]


async def test_work_cancelled_from_outside_is_told_to_the_caller(house, phone):
    await begun(house, phone)
    house.script([assistant_message("A colleague stopped it.")])
    told = await phone.call.background.cancel(work_of(phone)[0]["id"])
    assert told["cancelled"] == ["the research"]
    await phone.clock.advance(3)
    await until_done(phone, "A colleague stopped it.")
    assert "stopped by a colleague" in house.history()[-1]["output"]


async def test_hanging_up_cancels_the_work(house, phone):
    await begun(house, phone)
    await phone.hang_up()
    assert house.stage.work["lamps"].stopped.is_set()
    [work] = (await house.store.load(phone.call.state.call_id)).delegations.values()
    assert (work["status"], work["told"]) == ("cancelled", None)


@pytest.mark.parametrize(
    ("harmless", "told"),
    [(True, "its result is lost"), (False, "it is not known what of it took effect")],
)
async def test_work_that_was_cut_off_is_told_of_when_the_call_goes_on(build, harmless, told):
    house = await build(idempotent=harmless)
    phone = await house.place()
    await begun(house, phone)
    phone.call.end("the server stops", 1001)
    await phone.running
    again = await house.place(phone.call.state.call_id)
    house.script([assistant_message("I lost that.")])
    await again.clock.advance(1)
    await until_done(again, "I lost that.")
    assert told in house.history()[-1]["output"]
    await again.clock.advance(5)
    assert (work_of(again)[0]["status"], work_of(again)[0]["told"]) == ("lost", "spoken")


async def test_work_that_may_be_done_twice_is_begun_again(build):
    house = await build(restart=True)
    phone = await house.place()
    await begun(house, phone)
    phone.call.end("the server stops", 1001)
    await phone.running
    again = await house.place(phone.call.state.call_id)
    assert (work_of(again)[0]["status"], work_of(again)[0]["restarts"]) == ("running", 1)
    house.script([assistant_message("Lamps shine.")])
    await asyncio.sleep(0)
    await come(house)
    await again.clock.advance(1)
    await until_done(again, "Lamps shine.")
    await again.clock.advance(5)
    assert work_of(again)[0]["told"] == "spoken"


async def test_a_result_that_was_not_told_before_the_end_is_told_when_the_call_goes_on(
    house, phone
):
    await begun(house, phone)
    await come(house)
    await phone.hang_up()
    assert work_of(phone)[0]["status"] == "done"
    again = await house.place(phone.call.state.call_id)
    house.script([assistant_message("Lamps shine.")])
    await again.clock.advance(1)
    await until_done(again, "Lamps shine.")


async def told_half(house, phone, *, held):
    """Background work has come back, and what there is to say of it is being said, or played."""
    await begun(house, phone)
    house.script([assistant_message("Lamps shine. They last.")])
    house.tts.unheld = len(house.tts.said) + 1 if held else None
    await come(house)
    await phone.clock.advance(1)
    if held:
        await phone.until("response.output_audio.delta")
        await come(house)
    else:
        await until_done(phone, "Lamps shine. They last.")
    await phone.stored()
    house.tts.unheld = None
    await house.kill(phone)
    house.stage.speech_may_come.set()
    return await house.place(phone.call.state.call_id)


async def test_a_result_that_was_played_when_its_worker_died_is_not_told_again(house, phone):
    again = await told_half(house, phone, held=False)
    assert work_of(again)[0]["told"] == "spoken"
    await again.clock.advance(30)
    await again.settled()
    assert not again.of("response.created")


@pytest.mark.parametrize("deaths", [1, 2])
async def test_of_a_result_that_was_cut_off_with_its_worker_the_rest_is_told(house, phone, deaths):
    again = await told_half(house, phone, held=True)
    if deaths == 2:  # before the first that took over had told anything
        await again.stored()
        await house.kill(again)
        again = await house.place(again.call.state.call_id)
    assert work_of(again)[0]["told"] is None
    house.script([assistant_message("Lamps shine. They last.")])
    await again.clock.advance(1)
    await until_done(again, "They last.")
    await again.clock.advance(5)
    assert work_of(again)[0]["told"] == "spoken"
    assert [words for who, words in await again.talk() if who == "assistant"][1:] == [
        "Lamps shine.",
        "They last.",
    ]


async def test_a_result_that_was_all_written_when_its_worker_died_is_not_written_again(
    house, phone, monkeypatch
):
    await phone.configure(output_modalities=["text"])
    await begun(house, phone)
    house.script([assistant_message("Lamps shine.")])
    arrivals, is_end = phone.call._arrivals, lambda event: isinstance(event, ResponseEnded)
    apply = arrivals.apply
    monkeypatch.setattr(arrivals, "apply", lambda event: is_end(event) or apply(event))
    await come(house)
    await phone.clock.advance(1)
    await phone.until("response.output_text.delta")
    await come(house)
    await phone.stored()
    await house.kill(phone)
    again = await house.place(phone.call.state.call_id)
    assert work_of(again)[0]["told"] is None
    house.script([assistant_message("Lamps shine.")])
    await again.clock.advance(1)
    await again.until("response.created")
    await again.until("response.done")
    await again.settled()
    assert work_of(again)[0]["told"] == "spoken"
    await again.clock.advance(30)
    await again.settled()
    assert len(again.of("response.created")) == 1
    assert not again.of("response.output_text.delta")


async def test_a_result_is_written_in_a_text_session(house, phone):
    await phone.configure(output_modalities=["text"])
    await begun(house, phone)
    house.script([assistant_message("Lamps shine.")])
    await come(house)
    await phone.clock.advance(1)
    await until_done(phone, "Lamps shine.")
    assert work_of(phone)[0]["told"] == "spoken"


async def test_a_response_asked_for_while_a_result_is_told_follows_it(house, phone):
    await begun(house, phone)
    house.script([assistant_message("Lamps shine.")], [assistant_message("At nine.")])
    house.stage.speech_may_come.clear()
    await come(house)
    await phone.clock.advance(1)
    await phone.until("response.created")
    await phone.write("when do you open")
    await phone.send("response.create")
    house.stage.speech_may_come.set()
    await until_done(phone, "Lamps shine.")
    await until_done(phone, "At nine.")
    assert not phone.of("error")


async def test_a_result_that_no_model_can_tell_is_tried_twice_and_then_given_up(house, phone):
    await begun(house, phone)
    house.script(RuntimeError("no GPU"), RuntimeError("no GPU"))
    await come(house)
    for _ in range(2):
        await phone.clock.advance(1)
        await until_done(phone, house.team.lines.sorry)
        await phone.clock.advance(10)
    await phone.clock.advance(30)
    assert len(phone.done) == 3
    assert (work_of(phone)[0]["status"], work_of(phone)[0]["told"]) == ("done", "failed")


async def test_the_work_has_a_trace_of_its_own_that_the_turns_can_be_found_by(house, phone):
    await begun(house, phone)
    house.script([assistant_message("Lamps shine.")])
    await come(house)
    await phone.clock.advance(3)
    await until_done(phone, "Lamps shine.")
    await phone.clock.advance(10)
    await house.tracing.flush()
    turns = await phone.traces()
    assert [turn["agent"] for turn in turns] == ["I'm on it.", "Lamps shine."]
    [work] = work_of(phone)
    trace = house.tracing.store.trace(work["trace"].partition("-")[0])
    root = trace["spans"][0]
    assert (root["name"], root["status"], root["stage"]) == (
        "delegation research",
        "ok",
        "delegation",
    )
    assert root["attributes"]["voice.delegation.id"] == work["id"]
    assert root["attributes"]["voice.delegation.trace"] == turns[0]["trace_id"]
    assert root["attributes"]["voice.delegation.status"] == "done"
    told = (await phone.spans(1))[0]
    assert told["attributes"]["voice.delegation.told"] == [work["id"]]


async def test_a_specialist_works_in_the_background_and_never_has_the_floor(build_house):
    house = await build_house(
        agents={
            "frontdesk": {"delegates": ["reader"]},
            "reader": {"tools": ["look_up"], "background": {"called": "reading up"}},
        },
        tools={"look_up": {"call": "tools.stage:look_up"}},
        budgets={"silence": "10m"},
    )
    house.stage.tool_may_end.clear()
    house.script([function_call("ask_reader", {"request": "What are lamps?"}, call_id="a1")])
    house.script([assistant_message("I have it read up.")])
    house.script([function_call("look_up", {"what": "lamps"}, call_id="r1")], agent="reader")
    house.script([assistant_message("Lamps give light.")], agent="reader")
    phone = await house.place()
    await phone.write("tell me about lamps")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.clock.advance(0.4)
    await until_done(phone, "I have it read up.")
    await phone.clock.advance(2)
    assert house.history(0, "reader") == [{"role": "user", "content": "What are lamps?"}]
    house.stage.tool_may_end.set()
    await over(phone)
    house.script([assistant_message("They give light.")])
    await phone.clock.advance(1)
    await until_done(phone, "They give light.")
    assert house.history()[-1]["output"] == "Lamps give light."
    assert (phone.call.state.agent, work_of(phone)[0]["owner"]) == ("frontdesk", "frontdesk")
    await house.tracing.flush()
    names = [
        span["name"]
        for span in house.tracing.store.trace(work_of(phone)[0]["trace"].partition("-")[0])["spans"]
    ]
    assert names[0] == "delegation ask_reader"
    assert {"invoke_agent reader", "execute_tool look_up"} <= {*names}
