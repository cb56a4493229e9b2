"""Guardrails in a call: what is blocked reaches neither ear, client, history nor log."""

import asyncio
import json

import pytest
from agents.testing import assistant_message, function_call

from frontdesk.state.fold import dump

CARD = "4111 1111 1111 1111"
LINE = "Not that."
GUARDS = '''
from frontdesk.team.guardrails.passage import Passage, Violation


async def slow(passage: Passage) -> Violation | None:
    """Waits for the stage of the test; finds the word "lottery"."""
    stage = passage.variables["stage"]
    stage.verdict_wanted.set()
    await stage.verdict_may_come.wait()
    return Violation("a lottery", "a game") if "lottery" in passage.text else None


def shouting(text: str) -> str | None:
    """Runs in a thread."""
    return "too loud" if text.isupper() else None


async def broken(text: str) -> None:
    raise RuntimeError("hunter2")


def wrong(text: str) -> bool:
    return True
'''


SLOW = {"call": "tools.guards:slow", "hold": "20s"}


def guarded(side: str, *, agent=None, **guardrails):
    """Sections of a team whose one agent has these guardrails on one side."""
    return {
        "guardrails": guardrails,
        "agents": {"frontdesk": {"guardrails": {side: [*guardrails]}, **(agent or {})}},
    }


@pytest.fixture
def house_with(build_house, tmp_path):
    """Builds a house with functions for guardrails, and a call with it."""
    (tmp_path / "desk" / "tools").mkdir(parents=True)
    (tmp_path / "desk" / "tools" / "guards.py").write_text(GUARDS)

    async def build(**sections):
        house = await build_house(lines={"blocked": LINE}, **sections)
        return house, await house.place()

    return build


def said(house):
    """What was synthesised."""
    return [text for text, _ in house.tts.said]


async def called(model):
    while not model.calls:  # noqa: ASYNC110 (it has no event to wait for)
        await asyncio.sleep(0)


def reached(phone, word):
    """Whether a word came anywhere near the client."""
    return any(word in text for frame in phone.frames for text in texts(frame))


def texts(value, key=""):
    """All that is written in a document, but for ids and sound: four digits come up there by
    chance."""
    if isinstance(value, dict):
        heard = value.get("type") == "response.output_audio.delta"
        for name, inner in value.items():
            yield from () if heard and name == "delta" else texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, key)
    elif isinstance(value, str) and key not in ("id", "trace") and not key.endswith(("_id", ".id")):
        yield value


async def guardrail_spans(phone, turn=-1):
    spans = [s for s in await phone.spans(turn) if s["name"].startswith("guardrail ")]
    return sorted(
        (s["name"].removeprefix("guardrail "), s["attributes"]["voice.guardrail.triggered"])
        for s in spans
    )


async def root(phone, turn=-1):
    return next(s for s in await phone.spans(turn) if s["name"].startswith("invoke_workflow"))


async def test_a_blocked_clause_is_never_said_nor_what_would_follow_it(house_with):
    house, phone = await house_with(**guarded("output", rude={"words": ["idiot"]}))
    house.script([assistant_message("Good day to you. You are an idiot. Anything else?")])
    await phone.ask("hello")
    assert said(house) == ["Good day to you.", LINE]
    assert not reached(phone, "idiot")
    assert not reached(phone, "Anything")
    assert phone.done[0]["status_details"]["reason"] == "content_filter"
    assert phone.done[0]["status"] == "incomplete"
    await phone.clock.advance(60)
    assert await phone.talk() == [("user", "hello"), ("assistant", f"Good day to you. {LINE}")]
    assert b"idiot" not in dump(await phone.stored())
    house.script([assistant_message("Yes.")])
    await phone.ask("go on")
    assert "idiot" not in json.dumps(house.history())
    assert [item["role"] for item in house.history()] == ["user", "assistant", "user"]


async def test_a_blocked_answer_is_in_the_trace_with_what_blocked_it(house_with):
    house, phone = await house_with(**guarded("output", rude={"words": ["idiot"]}))
    house.script([assistant_message("Good day to you. You are an idiot.")])
    await phone.ask("hello")
    await phone.clock.advance(60)
    assert await guardrail_spans(phone) == [("rude", False), ("rude", True)]
    spans = [s["attributes"] for s in await phone.spans() if s["name"] == "guardrail rude"]
    [tripped] = [span for span in spans if span["voice.guardrail.triggered"]]
    assert tripped["voice.guardrail.mode"] == "block"
    assert tripped["voice.guardrail.stage"] == "output"
    assert tripped["voice.guardrail.reason"] == "'idiot'"
    assert tripped["voice.guardrail.text"] == "You are an idiot."
    assert tripped["voice.openai.span_type"] == "guardrail"
    attributes = (await root(phone))["attributes"]
    assert attributes["voice.turn.blocked_by"] == "rude"
    assert attributes["voice.turn.held"] >= 0


async def test_a_guardrail_has_a_line_of_its_own(house_with):
    rude = {"words": ["idiot"], "say": "Let us stay friendly."}
    house, phone = await house_with(**guarded("output", rude=rude))
    house.script([assistant_message("You idiot.")])
    await phone.ask("hello")
    assert said(house) == ["Let us stay friendly."]


async def test_the_team_s_guardrails_hold_for_every_agent(house_with):
    house, phone = await house_with(
        guardrails={"rude": {"words": ["idiot"]}, "loud": {"words": ["hey"]}},
        defaults={"guardrails": {"output": ["rude"]}},
        agents={"frontdesk": {"guardrails": {"output": ["loud"]}}},
    )
    house.script([assistant_message("Hey.")], [assistant_message("You idiot.")])
    await phone.ask("one")
    await phone.clock.advance(60)
    await phone.ask("two")
    assert said(house) == [LINE, LINE]


async def test_a_text_answer_is_guarded_too(house_with):
    house, phone = await house_with(**guarded("output", rude={"words": ["idiot"]}))
    house.script([assistant_message("Good day to you. You are an idiot. Anything else?")])
    await phone.write("hello")
    await phone.respond(output_modalities=["text"])
    assert phone.done[0]["output"][0]["content"][0]["text"] == f"Good day to you. {LINE}"
    assert not reached(phone, "idiot")


async def test_an_answer_out_of_band_is_guarded_too(house_with):
    house, phone = await house_with(**guarded("output", rude={"words": ["idiot"]}))
    house.script([assistant_message("You are an idiot.")])
    await phone.respond(conversation="none", output_modalities=["text"], input=[])
    assert phone.done[0]["output"][0]["content"][0]["text"] == LINE


async def test_personal_data_is_replaced_by_words_that_can_be_said(house_with):
    house, phone = await house_with(**guarded("output", no={"pii": ["card"], "mode": "replace"}))
    house.script([assistant_message(f"Your card is {CARD}. Is that right?")])
    await phone.ask("my card?")
    assert said(house) == ["Your card is a hidden card number.", "Is that right?"]
    assert not reached(phone, "1111")
    await phone.clock.advance(60)
    assert (await phone.talk())[1] == (
        "assistant",
        "Your card is a hidden card number. Is that right?",
    )
    tripped = next(s for s in await phone.spans() if s["name"] == "guardrail no")["attributes"]
    assert not any("1111" in text for text in texts(tripped))


async def test_a_number_cut_over_clauses_is_found_whole(house_with):
    rule = {"pii": ["card"], "mode": "replace", "replacement": "a {kind} ending in {last}"}
    house, phone = await house_with(**guarded("output", no=rule))
    house.script([assistant_message("It is four one one one, one one one one. One one one one. "
                                    "One one one one. Fine?")])  # fmt: skip
    await phone.ask("my card?")
    assert said(house) == [
        "It is a card number ending in 1 1 1 1.",
        "Fine?",
    ]


async def test_an_audited_answer_is_said_and_noted(house_with):
    house, phone = await house_with(**guarded("output", rude={"words": ["idiot"], "mode": "audit"}))
    house.script([assistant_message("You idiot.")])
    await phone.ask("hello")
    assert said(house) == ["You idiot."]
    assert await guardrail_spans(phone) == [("rude", True)]


async def test_an_audit_that_takes_long_holds_nothing_up(house_with):
    rule = {"call": "tools.guards:slow", "mode": "audit"}
    house, phone = await house_with(**guarded("output", games=rule))
    house.stage.verdict_may_come.clear()
    house.script([assistant_message("Try the lottery.")])
    await phone.ask("hello")
    assert said(house) == ["Try the lottery."]
    house.stage.verdict_may_come.set()
    while not await guardrail_spans(phone):
        await phone.settled()
    assert await guardrail_spans(phone) == [("games", True)]


@pytest.mark.parametrize(("otherwise", "heard"), [("pass", "Try the lottery."), ("block", LINE)])
async def test_a_check_that_is_late_ends_as_the_team_says(house_with, otherwise, heard):
    rule = {"call": "tools.guards:slow", "hold": "10ms", "on_timeout": otherwise}
    house, phone = await house_with(**guarded("output", games=rule))
    house.stage.verdict_may_come.clear()
    house.script([assistant_message("Try the lottery.")])
    await phone.ask("hello")
    assert said(house) == [heard]
    [late] = [s for s in await phone.spans() if s["name"] == "guardrail games"]
    assert late["attributes"]["error.type"] == "guardrail_timeout"
    house.stage.verdict_may_come.set()
    await phone.settled()


async def test_a_verdict_that_comes_late_stops_what_is_still_unsaid(house_with):
    rule = {"call": "tools.guards:slow", "hold": "10ms", "on_timeout": "pass"}
    house, phone = await house_with(**guarded("output", games=rule))
    house.stage.verdict_may_come.clear()
    house.tts.unheld = 0
    house.script([assistant_message("Try the lottery today. It is fun.")])
    await phone.write("hello")
    await phone.send("response.create")
    await house.stage.speech_wanted.wait()
    house.stage.verdict_may_come.set()
    while len(await guardrail_spans(phone)) < 2:
        await phone.settled()
    house.stage.speech_may_come.set()
    await phone.until("response.done")
    assert said(house) == ["Try the lottery today.", LINE]


@pytest.mark.parametrize("call", ["broken", "wrong"])
@pytest.mark.parametrize(("otherwise", "heard"), [("pass", "Fine."), ("block", LINE)])
async def test_a_check_that_fails_ends_as_the_team_says(house_with, call, otherwise, heard):
    rule = {"call": f"tools.guards:{call}", "on_error": otherwise}
    house, phone = await house_with(**guarded("output", odd=rule))
    house.script([assistant_message("Fine.")])
    await phone.ask("hello")
    assert said(house) == [heard]
    assert not reached(phone, "hunter2")
    [failed] = [s for s in await phone.spans() if s["name"] == "guardrail odd"]
    assert failed["attributes"]["error.type"] == "guardrail_error"
    assert phone.done[0]["status"] == ("completed" if otherwise == "pass" else "incomplete")


async def test_a_function_that_is_not_async_checks_in_a_thread(house_with):
    house, phone = await house_with(**guarded("output", loud={"call": "tools.guards:shouting"}))
    house.script([assistant_message("GO AWAY.")])
    await phone.ask("hello")
    assert said(house) == [LINE]


async def test_a_function_may_say_what_is_said_instead(house_with):
    rule = {"call": "tools.guards:slow", "mode": "replace"}
    house, phone = await house_with(**guarded("output", games=rule))
    house.script([assistant_message("Try the lottery. Bye.")])
    await phone.ask("hello")
    assert said(house) == ["a game,", "Bye."]


async def test_a_model_judges_each_clause_with_what_was_said_before_it(house_with):
    house, phone = await house_with(**guarded("output", promises={"prompt": "x.md"}))
    house.judge.extend(
        [
            [assistant_message('{"allowed": true, "reason": ""}')],
            [assistant_message('{"allowed": false, "reason": "a promise"}')],
        ]
    )
    house.script([assistant_message("Good day to you. It is free.")])
    await phone.ask("hello")
    assert said(house) == ["Good day to you.", LINE]
    first, second = house.judge.calls
    assert json.loads(second.input) == {"before": "Good day to you. ", "words": "It is free."}
    assert first.system_instructions.endswith("Watch for promises.")
    assert "about to say" in first.system_instructions


async def test_a_judge_without_a_verdict_has_failed(house_with):
    house, phone = await house_with(**guarded("output", promises={"prompt": "x.md"}))
    house.judge.extend([[assistant_message("I think it is fine.")]])
    house.script([assistant_message("Good day.")])
    await phone.ask("hello")
    assert said(house) == [LINE]


async def test_a_blocked_question_gets_no_answer_and_no_model_sees_it_again(house_with):
    house, phone = await house_with(**guarded("input", games=SLOW))
    house.stage.verdict_may_come.clear()
    house.script([assistant_message("Buy a ticket.")])
    await phone.write("how do I win the lottery")
    await phone.send("response.create")
    await house.stage.verdict_wanted.wait()
    await called(house.model)  # it works in parallel
    await phone.settled()
    assert not phone.of("response.output_audio_transcript.delta")
    house.stage.verdict_may_come.set()
    await phone.until("response.done")
    assert said(house) == [LINE]
    assert phone.done[0]["status_details"]["reason"] == "content_filter"
    assert not reached(phone, "ticket")
    await phone.clock.advance(60)
    house.script([assistant_message("Yes.")])
    await phone.ask("are you there?")
    assert "lottery" not in json.dumps(house.history())
    assert "withheld by a guardrail" in json.dumps(house.history())
    call_id = phone.call.state.call_id
    await phone.hang_up()
    again = await house.place(call_id)
    house.script([assistant_message("Hello.")])
    await again.ask("hello again")
    assert "lottery" not in json.dumps(house.history())


async def test_no_tool_runs_before_what_the_caller_said_has_passed(house_with):
    sections = guarded("input", agent={"tools": ["look_up"]}, games=SLOW)
    tools = {"look_up": {"call": "tools.stage:look_up"}}
    house, phone = await house_with(**sections, tools=tools)
    house.stage.verdict_may_come.clear()
    house.script([function_call("look_up", {"what": "it"}, call_id="c1")])
    await phone.write("the lottery")
    await phone.send("response.create")
    await house.stage.verdict_wanted.wait()
    await called(house.model)
    await phone.settled()
    house.stage.verdict_may_come.set()
    await phone.until("response.done")
    assert not house.stage.tool_started.is_set()
    assert [kind for kind, _ in await phone.talk()] == ["user", "assistant"]


async def test_words_that_pass_are_held_only_until_the_verdict(house_with):
    sections = guarded("input", agent={"tools": ["look_up"]}, games=SLOW)
    tools = {"look_up": {"call": "tools.stage:look_up"}}
    house, phone = await house_with(**sections, tools=tools)
    house.script(
        [function_call("look_up", {"what": "it"}, call_id="c1")], [assistant_message("Blue.")]
    )
    await phone.ask("what is it?")
    assert said(house) == ["Blue."]
    assert (await phone.talk())[1:3] == [
        ("function_call", "look_up"),
        ("function_call_output", "found it"),
    ]


async def test_what_the_caller_said_is_checked_once_not_after_each_tool(house_with):
    house, phone = await house_with(**guarded("input", games=SLOW))
    weather = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    house.script([function_call("get_weather", {}, call_id="w1")], [assistant_message("It rains.")])
    await phone.configure(tools=[weather])
    await phone.ask("the weather?")
    output = {"type": "function_call_output", "call_id": "w1", "output": "rain"}
    await phone.send("conversation.item.create", item=output)
    await phone.respond()
    assert await guardrail_spans(phone, 0) == [("games", False)]
    assert await guardrail_spans(phone, 1) == []


async def test_models_see_what_the_caller_said_without_personal_data(house_with):
    house, phone = await house_with(**guarded("input", no={"pii": ["card"], "mode": "replace"}))
    for answer in ("Thank you.", "Yes."):
        house.script([assistant_message(answer)])
        await phone.ask(f"pay with {CARD} please")
        await phone.clock.advance(60)
    users = [item["content"] for item in house.history() if item["role"] == "user"]
    assert users == ["pay with a hidden card number please"] * 2


async def test_the_desk_s_own_lines_are_not_guarded(house_with):
    rude = {"words": ["through", "sorry"]}
    house, phone = await house_with(
        guardrails={"rude": rude},
        defaults={"guardrails": {"output": ["rude"]}},
        agents={
            "frontdesk": {"handoffs": [{"to": "orders", "say": "I put you through."}]},
            "orders": {},
        },
    )
    house.script([function_call("transfer_to_orders", {}, call_id="h1")])
    house.script([assistant_message("Good day.")], agent="orders")
    await phone.ask("my order")
    assert said(house) == ["I put you through.", "Good day."]


async def tool_house(house_with, side, **rule):
    return await house_with(
        guardrails={"no": rule},
        tools={"look_up": {"call": "tools.stage:look_up", "guardrails": {side: ["no"]}}},
        agents={"frontdesk": {"tools": ["look_up"]}},
    )


def outputs(house):
    return [
        item["output"] for item in house.history() if item.get("type") == "function_call_output"
    ]


async def test_a_tool_is_not_called_with_refused_arguments(house_with):
    house, phone = await tool_house(house_with, "arguments", pii=["card"])
    house.script(
        [function_call("look_up", {"what": CARD}, call_id="c1")], [assistant_message("I can't.")]
    )
    await phone.ask("look up my card")
    assert not house.stage.tool_started.is_set()
    assert "refused by the guardrail no" in outputs(house)[0]
    assert not any("1111" in text for text in texts(json.loads(dump(await phone.stored()))))
    assert await guardrail_spans(phone) == [("no", True)]


async def test_a_withheld_result_reaches_neither_model_nor_log(house_with):
    house, phone = await tool_house(house_with, "results", words=["found"])
    house.script(
        [function_call("look_up", {"what": "it"}, call_id="c1")], [assistant_message("I can't.")]
    )
    await phone.ask("look it up")
    assert house.stage.tool_started.is_set()
    assert "withheld by the guardrail no" in outputs(house)[0]
    assert "found it" not in str(await phone.talk())


async def test_personal_data_in_a_result_is_replaced(house_with):
    house, phone = await tool_house(house_with, "results", pii=["card"], mode="replace")
    house.script(
        [function_call("look_up", {"what": CARD}, call_id="c1")], [assistant_message("Done.")]
    )
    await phone.ask("look it up")
    assert outputs(house) == ["found a hidden card number"]


async def test_without_guardrails_nothing_of_them_is_in_the_trace(house, phone):
    house.script([assistant_message("Good day.")])
    await phone.ask("hello")
    assert await guardrail_spans(phone) == []
    assert "voice.turn.held" not in (await root(phone))["attributes"]
