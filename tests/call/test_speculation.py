"""Answers that are begun before the end of a turn is sure: heard sooner when it was the end, and
without a trace in the history, on the wire or at a tool when it was not."""

import asyncio
import itertools

import numpy as np
import pytest
from agents.testing import ModelStep, assistant_message, function_call
from hypothesis import strategies as st

PAUSE, REST = 320, 400
"""Milliseconds of silence after which the end is likely, and those that make it sure."""
TOOLS = {"charge": {"call": "tools.stage:charge"}}
CHARGE = function_call("charge", {"what": "a lamp"}, call_id="c1")


TONE = (0.3 * np.sin(2 * np.pi * 220 * np.arange(9600) / 24_000)).astype(np.float32)
"""400 ms at 24 kHz."""


async def until(fact):
    """Wait until this is so."""
    async with asyncio.timeout(30):
        while not fact():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def pause(phone, words="hello there"):
    """Speak and fall silent, so that the turn is likely over; the team is asked."""
    calls = sum(len(model.calls) for model in phone.house.models.values())
    await phone.begin_to_speak(words)
    await phone.fall_silent(PAUSE)
    await until(lambda: sum(len(m.calls) for m in phone.house.models.values()) > calls)
    await asyncio.sleep(0)


async def finish(phone):
    """Stay silent, so that it was the end."""
    await phone.fall_silent(REST)
    return (await phone.until("response.done"))[-1]["response"]


async def rest(phone):
    """Everybody has done what there is to do."""
    for _ in range(50):
        await asyncio.sleep(0)
    await phone.settled()


def root(spans):
    return next(span for span in spans if span["name"].startswith("invoke_workflow"))


async def test_an_answer_is_begun_before_the_end_is_sure_and_nobody_hears_of_it(house, phone):
    house.script([assistant_message("Good day.")])
    await pause(phone)
    await until(lambda: house.tts.said)
    await rest(phone)
    assert phone.types == ["session.created", "input_audio_buffer.speech_started", "error"]
    assert await phone.talk() == []
    assert await phone.traces() == []


async def test_a_guess_that_comes_true_is_the_answer_and_nothing_is_done_twice(house, phone):
    house.script([assistant_message("Good day.")])
    await pause(phone)
    await until(lambda: house.tts.said)
    done = await finish(phone)
    await phone.clock.advance(1)
    assert done["status"] == "completed"
    assert len(house.model.calls) == 1
    assert [words for words, _ in house.tts.said] == ["Good day."]
    assert await phone.talk() == [("user", "hello there"), ("assistant", "Good day.")]
    [turn] = await phone.traces()
    assert (turn["caller"], turn["agent"]) == ("hello there", "Good day.")


async def test_the_time_that_was_saved_is_told_and_the_work_stands_in_the_trace(house, phone):
    house.script([assistant_message("Good day. How are you?")])
    await pause(phone)
    await until(lambda: house.tts.said)
    await rest(phone)
    await phone.clock.advance(0.25)
    await finish(phone)
    await phone.clock.advance(3)
    spans = await phone.spans()
    # Its first sound was there at once: more could not have been saved by asking sooner.
    assert root(spans)["attributes"]["voice.turn.saved"] == 0
    assert root(spans)["attributes"]["voice.turn.latency"] >= 0
    names = [span["name"].split(" ")[0] for span in spans]
    assert (names.count("run"), names.count("invoke_agent"), names.count("model_step")) == (1, 1, 1)
    by_id = {span["span_id"]: span for span in spans}
    assert all(span["parent_id"] in by_id for span in spans if span["parent_id"])
    speech = next(span for span in spans if span["stage"] == "text_to_speech")
    assert speech["end"] - speech["start"] == pytest.approx(0.25)
    text = house.tracing.metrics.registry
    [saved] = [m for m in text.collect() if m.name == "voice_turn_saved_seconds"]
    assert any(s.name.endswith("_count") and s.value == 1 for s in saved.samples)


async def test_a_slow_model_is_waited_for_less_by_as_long_as_it_was_asked_sooner(house, phone):
    may_answer = asyncio.Event()

    async def slowly(call):
        await may_answer.wait()
        return [assistant_message("Good day.")]

    house.script(ModelStep.respond(slowly))
    await pause(phone)
    await phone.clock.advance(0.3)
    await phone.fall_silent(REST)
    await phone.until("input_audio_buffer.committed")
    await rest(phone)
    may_answer.set()
    await phone.until("response.done")
    await phone.clock.advance(1)
    assert root(await phone.spans())["attributes"]["voice.turn.saved"] == pytest.approx(0.3)


async def test_a_caller_who_goes_on_is_answered_as_if_nothing_had_been_begun(house, phone):
    house.script([assistant_message("Too soon.")], [assistant_message("Good day.")])
    await pause(phone, "I would like")
    await until(lambda: house.tts.said)
    await phone.go_on("I would like to return it")
    await phone.fall_silent()
    await phone.until("response.done")
    await phone.clock.advance(1)
    assert "Too soon" not in str(phone.frames)
    assert await phone.talk() == [
        ("user", "I would like to return it"),
        ("assistant", "Good day."),
    ]
    assert house.history() == [{"role": "user", "content": "I would like to return it"}]
    assert len(await phone.traces()) == 1
    names = [span["name"].split(" ")[0] for span in await phone.spans()]
    assert names.count("run") == 1


async def test_what_an_answer_in_vain_cost_is_told_with_the_next_one(house, phone):
    house.script([assistant_message("Too soon.")], [assistant_message("Good day.")])
    await pause(phone, "I would like")
    await until(lambda: house.tts.said)
    await rest(phone)
    await phone.go_on("I would like to return it")
    await phone.fall_silent()
    await phone.until("response.done")
    await phone.clock.advance(1)
    spans = await phone.spans()
    assert root(spans)["attributes"]["voice.speculation.discarded"] == 1
    told = [span["attributes"] for span in spans if span["name"].startswith("speculation")]
    assert any(used.get("voice.speech.characters") == len("Too soon.") for used in told)


async def test_a_tool_waits_until_it_is_sure_and_runs_once(build_house):
    house = await build_house(agents={"frontdesk": {"tools": ["charge"]}}, tools=TOOLS)
    phone = await house.place()
    house.script([CHARGE], [assistant_message("Charged.")])
    await pause(phone)
    await rest(phone)
    assert house.stage.charged == []
    assert await phone.talk() == []
    await finish(phone)
    await phone.clock.advance(1)
    assert [what for _, what in house.stage.charged] == ["a lamp"]
    assert len(house.model.calls) == 2
    assert await phone.talk() == [
        ("user", "hello there"),
        ("function_call", "charge"),
        ("function_call_output", "charged for a lamp"),
        ("assistant", "Charged."),
    ]


async def test_no_tool_runs_for_a_caller_who_goes_on(build_house):
    house = await build_house(agents={"frontdesk": {"tools": ["charge"]}}, tools=TOOLS)
    phone = await house.place()
    house.script([CHARGE], [assistant_message("What shall I charge?")])
    await pause(phone, "charge me")
    await phone.go_on("charge me nothing")
    await phone.fall_silent()
    await phone.until("response.done")
    await rest(phone)
    assert house.stage.charged == []
    assert phone.call.state.tools == []
    assert [role for role, _ in await phone.talk()] == ["user", "assistant"]


async def test_a_handoff_ahead_gives_the_floor_only_once_the_turn_is_over(build_house):
    house = await build_house(
        agents={"frontdesk": {"handoffs": [{"to": "orders", "say": "Hold on."}]}, "orders": {}}
    )
    phone = await house.place()
    house.script([function_call("transfer_to_orders", {}, call_id="h")])
    house.script([assistant_message("Orders here.")], agent="orders")
    await pause(phone)
    await until(lambda: house.models["orders"].calls and house.tts.said)
    assert phone.call.state.agent == "frontdesk"
    await finish(phone)
    await phone.clock.advance(3)
    assert phone.call.state.agent == "orders"
    assert [words for words, _ in house.tts.said] == ["Hold on.", "Orders here."]
    assert (await phone.talk())[-1] == ("assistant", "Hold on. Orders here.")


async def test_an_answer_that_cannot_be_begun_ahead_is_made_as_usual(house, phone):
    house.script(ModelStep.raise_error(RuntimeError("down")), [assistant_message("Good day.")])
    await pause(phone)
    await rest(phone)
    done = await finish(phone)
    assert done["status"] == "completed"
    assert len(house.model.calls) == 2
    await phone.clock.advance(1)
    assert (await phone.talk())[-1] == ("assistant", "Good day.")
    assert len(await phone.traces()) == 1


async def test_sound_that_cannot_be_made_ahead_is_made_as_usual(house, phone):
    house.script([assistant_message("Good day.")])
    house.tts.failures = 1
    await pause(phone)
    await until(lambda: house.tts.said)
    await rest(phone)
    await finish(phone)
    await phone.clock.advance(1)
    assert [words for words, _ in house.tts.said] == ["Good day."] * 2
    assert (await phone.talk())[-1] == ("assistant", "Good day.")


@pytest.mark.parametrize("change", ["an item", "the session"])
async def test_what_changes_the_question_discards_the_answer(house, phone, change):
    house.script([assistant_message("Too soon.")], [assistant_message("Good day.")])
    await pause(phone)
    await rest(phone)
    if change == "an item":
        await phone.write("and by the way")
    else:
        await phone.configure(instructions="Be brief.")
    await finish(phone)
    await phone.clock.advance(1)
    assert len(house.model.calls) == 2
    assert (await phone.talk())[-1] == ("assistant", "Good day.")
    assert "Too soon" not in str(phone.frames)


async def test_clearing_the_buffer_discards_the_answer(house, phone):
    house.script([assistant_message("Too soon.")])
    await pause(phone)
    await phone.send("input_audio_buffer.clear")
    await phone.fall_silent(REST)
    await rest(phone)
    assert await phone.talk() == []
    assert phone.done == []


@pytest.mark.parametrize(
    "session",
    [
        {"audio": {"input": {"turn_detection": None}}},
        {
            "audio": {
                "input": {"turn_detection": {"type": "semantic_vad", "create_response": False}}
            }
        },
        {"output_modalities": ["text"]},
    ],
)
async def test_where_no_spoken_answer_would_follow_none_is_begun(house, phone, session):
    await phone.configure(**session)
    await phone.begin_to_speak("hello there")
    await phone.fall_silent(PAUSE)
    await rest(phone)
    assert house.model.calls == ()


async def test_a_team_may_do_without(build_house):
    house = await build_house(voice={"speculation": False})
    phone = await house.place()
    house.script([assistant_message("Good day.")])
    await phone.begin_to_speak("hello there")
    await phone.fall_silent(PAUSE)
    await rest(phone)
    assert house.model.calls == ()
    await finish(phone)
    assert len(house.model.calls) == 1


async def test_an_open_question_is_answered_by_the_callers_words_alone(build_house):
    refund = {"call": "tools.stage:charge", "approve": "spoken"}
    house = await build_house(agents={"frontdesk": {"tools": ["refund"]}}, tools={"refund": refund})
    phone = await house.place()
    house.script([function_call("refund", {"what": "a lamp"}, call_id="r1")])
    await phone.say("refund my lamp")
    await phone.until("response.done")
    await phone.clock.advance(20)
    house.script([assistant_message("Done.")])
    await phone.begin_to_speak("yes please")
    await phone.fall_silent(PAUSE)
    await rest(phone)
    assert len(house.model.calls) == 1
    await finish(phone)
    assert [what for _, what in house.stage.charged] == ["a lamp"]


async def test_who_hesitates_again_and_again_is_waited_for(house, phone):
    house.script(*[[assistant_message("Too soon.")]] * 3, [assistant_message("Good day.")])
    await pause(phone, "one")
    for words in ("one two", "one two three"):
        await phone.go_on(words)
        await phone.fall_silent(PAUSE)
        await rest(phone)
    await phone.go_on("one two three four")
    await phone.fall_silent(PAUSE)
    await rest(phone)
    assert len(house.model.calls) == 3
    await finish(phone)
    assert house.history() == [{"role": "user", "content": "one two three four"}]


async def test_a_caller_may_speak_over_an_answer_that_came_early(house, phone):
    house.script([assistant_message("This is a long answer. There is more.")])
    await pause(phone)
    await until(lambda: house.tts.said)
    await phone.fall_silent(REST)
    await phone.until_sound(1000)
    await phone.clock.advance(0.8)
    house.script([assistant_message("Yes?")])
    await phone.say("stop")
    await phone.until("response.done")
    await phone.clock.advance(3)
    talk = await phone.talk()
    assert talk[1][0] == "assistant"
    assert "more" not in talk[1][1]
    assert [response["status"] for response in phone.done] == ["cancelled", "completed"]


async def stopped(house, phone, words):
    """An answer is stopped by these words, and the turn is likely over."""
    house.script(
        [assistant_message("This is a long answer. There is more.")], [assistant_message("Yes?")]
    )
    await phone.ask("go on")
    await phone.clock.advance(0.8)
    await phone.begin_to_speak(words)
    await phone.until("input_audio_buffer.speech_started")
    await phone.fall_silent(PAUSE)
    await rest(phone)


async def test_who_takes_the_word_is_answered_ahead_like_anybody(house, phone):
    await stopped(house, phone, "wait, where is my lamp")
    assert len(house.model.calls) == 2
    assert len(await phone.talk()) == 2
    await finish(phone)
    await phone.clock.advance(3)
    assert len(house.model.calls) == 2
    assert house.tts.said[-1][0] == "Yes?"
    assert (await phone.talk())[-1] == ("assistant", "Yes?")


@pytest.mark.parametrize("words", ["uh-huh", "You", "okay"])
async def test_for_who_only_listens_nothing_is_begun(house, phone, words):
    await stopped(house, phone, words)
    await finish(phone)
    await phone.clock.advance(60)
    assert len(house.model.calls) == 1
    heard = [words for role, words in await phone.talk() if role == "assistant"]
    assert " ".join(heard) == "This is a long answer. There is more."


async def test_a_call_that_is_lost_meanwhile_is_answered_where_it_goes_on(build_house):
    house = await build_house(agents={"frontdesk": {"tools": ["charge"]}}, tools=TOOLS)
    phone = await house.place()
    house.script([CHARGE])
    await pause(phone)
    await house.kill(phone)
    assert house.stage.charged == []
    again = await house.place(phone.call.state.call_id)
    assert await again.talk() == []
    assert again.call.state.tools == []
    house.script([assistant_message("Good day.")])
    await again.say("hello again")
    await again.until("response.done")
    await again.clock.advance(1)
    assert await again.talk() == [("user", "hello again"), ("assistant", "Good day.")]


GUARDS = '''
from frontdesk.team.guardrails.passage import Passage, Violation


async def slow(passage: Passage) -> Violation | None:
    """Waits for the stage of the test; finds the word "lottery"."""
    stage = passage.variables["stage"]
    stage.charged.append((passage.stage, passage.text))
    stage.verdict_wanted.set()
    await stage.verdict_may_come.wait()
    return Violation("a lottery") if "lottery" in passage.text else None
'''


@pytest.fixture
def guarded(build_house, tmp_path):
    (tmp_path / "desk" / "tools").mkdir(parents=True)
    (tmp_path / "desk" / "tools" / "guards.py").write_text(GUARDS)

    async def build(*sides):
        house = await build_house(
            lines={"blocked": "Not that."},
            guardrails={"games": {"call": "tools.guards:slow", "hold": "20s"}},
            agents={"frontdesk": {"guardrails": {side: ["games"] for side in sides}}},
        )
        return house, await house.place()

    return build


async def test_slow_guardrails_are_asked_ahead_and_once(guarded):
    house, phone = await guarded("input", "output")
    house.script([assistant_message("Good day.")])
    await pause(phone)
    await until(lambda: house.tts.said)
    await finish(phone)
    await phone.clock.advance(1)
    assert house.stage.charged == [("input", "hello there"), ("output", "Good day.")]
    spans = [s for s in await phone.spans() if s["name"] == "guardrail games"]
    stages = sorted(s["attributes"]["voice.guardrail.stage"] for s in spans)
    assert stages == ["input", "output"]


@pytest.mark.parametrize(
    ("asked", "answer"), [("the lottery", "Good day."), ("hello there", "Play the lottery.")]
)
async def test_a_guardrail_stops_an_answer_that_was_begun_ahead(guarded, asked, answer):
    house, phone = await guarded("input", "output")
    house.script([assistant_message(answer)])
    await pause(phone, asked)
    await rest(phone)
    assert phone.of("response.created") == []
    done = await finish(phone)
    await phone.clock.advance(1)
    assert done["status_details"]["reason"] == "content_filter"
    assert answer not in str(phone.frames)
    assert (await phone.talk())[-1] == ("assistant", "Not that.")


async def test_words_that_wait_for_a_verdict_are_not_let_out_by_the_end_of_the_turn(guarded):
    house, phone = await guarded("input")
    house.stage.verdict_may_come.clear()
    house.script([assistant_message("Good day.")])
    await pause(phone)
    await phone.fall_silent(REST)
    await phone.until("input_audio_buffer.committed")
    await rest(phone)
    assert phone.of("response.output_audio.delta") == []
    house.stage.verdict_may_come.set()
    await phone.until("response.done")
    assert len(house.stage.charged) == 1


def thinks(call):
    """The same answer to the same input: a tool for who wants to be charged, once."""
    asked = [item["content"] for item in call.input if item.get("role") == "user"][-1]
    if call.input[-1].get("role") == "user" and "charge" in asked:
        return [function_call("charge", {"what": asked}, call_id=f"c{len(call.input)}")]
    return [assistant_message(f"You said {asked}. And that is all there is to say about it.")]


ACTS = st.lists(
    st.sampled_from(
        "speak speak charge pause pause pause go_on finish finish finish advance hear write cancel "
        "clear session commit late".split()
    ),
    min_size=4,
    max_size=12,
)


async def over(phone):
    """All that was begun is done, the store's part too."""
    for _ in range(2):
        await rest(phone)
        await phone.house.writers[phone.call].flush()
    await rest(phone)


async def lived_through(build, acts, speculation):
    """What a life comes to: the log, what the client was told, and what the tools did."""
    house = await build(
        agents={"frontdesk": {"tools": ["charge"]}},
        tools=TOOLS,
        voice={"speculation": speculation},
    )
    house.script(*[ModelStep.respond(thinks) for _ in range(40)])
    house.stt.lines.extend(f"words {n}" for n in range(100))
    phone = await house.place()
    for number, act in enumerate(acts):
        match act:
            case "speak":
                await phone.append(TONE)
            case "charge":
                house.stt.lines.appendleft(f"charge {number}")
                await phone.append(TONE)
            case "go_on":
                await phone.go_on(f"words and charge {number}")
            case "pause":
                await phone.fall_silent(PAUSE)
            case "finish":
                await phone.fall_silent(REST + PAUSE)
            case "advance" | "hear":
                await phone.clock.advance(0.3 if act == "advance" else 30)
            case "write":
                await phone.write(f"written {number}")
            case "cancel":
                await phone.send("response.cancel")
            case "clear" | "commit":
                await phone.send(f"input_audio_buffer.{act}")
            case "session":
                await phone.send(
                    "session.update", session={"type": "realtime", "instructions": f"{number}"}
                )
            case "late":
                house.stage.words_may_come.clear()
        await over(phone)
        house.stage.words_may_come.set()
    await phone.clock.advance(60)
    await phone.hang_up()
    told = [
        kind for kind, _ in itertools.groupby(phone.types) if not kind.endswith((".delta", "error"))
    ]
    answers = [
        (response["status"], [item.get("content") for item in response["output"]])
        for response in phone.done
    ]
    charged = [what for _, what in house.stage.charged]
    return await phone.talk(), told, str(answers), charged, len(await phone.traces())


@pytest.mark.timeout(120)  # two lives an example
def test_whatever_happens_it_comes_to_the_same_as_without_speculation(lived):
    async def live(build, acts):
        without = await lived_through(build, acts, speculation=False)
        assert await lived_through(build, acts, speculation=True) == without

    lived(live, 6, ACTS)
