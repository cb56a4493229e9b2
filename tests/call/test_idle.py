"""A caller who says nothing is asked whether they are there, and then the call ends politely."""

import asyncio

import pytest
from agents.testing import ModelStep, assistant_message, function_call

ASKED = "Are you still there?"
GOODBYE = "Nobody is there, so goodbye."
IDLE = {"after": "6s", "times": 2, "goodbye": GOODBYE}
WORK = {"grace": "400ms", "acknowledge_after": "60s", "deadline": "90s"}
SEMANTIC = {"type": "semantic_vad"}


def said(response):
    return "".join(part["transcript"] for item in response["output"] for part in item["content"])


@pytest.fixture
async def patient(build_house):
    """A house whose callers may be silent for 6 seconds, twice."""
    return await build_house(voice={"idle": IDLE})


@pytest.fixture
async def caller(patient):
    """Somebody who was answered, and says nothing more."""
    phone = await patient.place(defaults={"audio": {"input": {"turn_detection": SEMANTIC}}})
    await greet(patient, phone)
    return phone


async def greet(house, phone):
    house.script([assistant_message("Good day.")])  # 450 ms
    await phone.ask("hello")
    await phone.read_all()


async def silence(phone, seconds):
    """Time goes by; what came of it is read."""
    await phone.clock.advance(seconds)
    await phone.settled()


async def asked_again(phone):
    """Be silent for too long; what is said then."""
    await phone.clock.advance(0.05 * len(said(phone.done[-1])) + 6.1)
    await phone.until("input_audio_buffer.timeout_triggered")
    await phone.until("response.done")
    return said(phone.done[-1])


async def test_it_is_asked_as_often_as_the_team_says_and_then_the_call_says_goodbye(caller):
    assert [await asked_again(caller) for _ in range(3)] == [ASKED, ASKED, GOODBYE]
    await silence(caller, 0.05 * len(GOODBYE) - 0.4)  # each of the three may be 0.1 s early
    assert caller.closed is None  # it is still being played
    await caller.clock.advance(0.6)
    await caller.running
    assert caller.closed == (1000, "the caller stayed silent")
    turns = await caller.traces()
    root = next(s for s in await caller.spans() if s["parent_id"] is None)
    assert len(turns) == 4
    assert root["attributes"]["voice.idle.times"] == 3


async def test_silence_counts_from_the_end_of_playback(caller):
    await silence(caller, 0.45 + 5.9)
    assert "input_audio_buffer.timeout_triggered" not in caller.types
    await caller.clock.advance(0.2)
    await caller.until("response.done")
    assert "input_audio_buffer.timeout_triggered" in caller.types


async def test_a_word_of_the_caller_begins_the_count_anew(patient, caller):
    await asked_again(caller)
    await asked_again(caller)
    patient.script([assistant_message("Fine.")])
    await caller.say("I am here")
    await caller.until("response.done")
    assert said(caller.done[-1]) == "Fine."
    assert [await asked_again(caller) for _ in range(3)] == [ASKED, ASKED, GOODBYE]


async def test_noise_without_words_is_no_sign_of_life(caller):
    await asked_again(caller)
    await asked_again(caller)
    await caller.clock.advance(2)
    await caller.say("")
    await caller.until("response.done")
    assert said(caller.done[-1]) == "Sorry, I didn't catch that."
    assert await asked_again(caller) == GOODBYE


async def test_what_is_typed_resets_count_and_clock(patient, caller):
    await asked_again(caller)
    await asked_again(caller)
    await silence(caller, 0.05 * len(ASKED) + 5)
    await caller.write("a moment, please")
    await silence(caller, 5)
    patient.script([assistant_message("Take your time.")])
    await caller.clock.advance(1.1)
    await caller.until("response.done")
    assert said(caller.done[-1]) == "Take your time."
    assert [await asked_again(caller) for _ in range(2)] == [ASKED, GOODBYE]


async def test_who_speaks_over_the_goodbye_stays_in_the_call(patient, caller):
    for _ in range(3):
        await asked_again(caller)
    patient.script([assistant_message("Welcome back.")])
    await caller.say("wait")
    await caller.until("response.done")
    await silence(caller, 3)
    assert said(caller.done[-1]) == "Welcome back."
    assert caller.closed is None
    assert await asked_again(caller) == ASKED


async def test_a_goodbye_that_cannot_be_spoken_ends_the_call_all_the_same(patient, caller):
    await asked_again(caller)
    await asked_again(caller)
    patient.tts.failures = 9
    await caller.clock.advance(0.05 * len(ASKED) + 6.1)
    await caller.running
    assert caller.closed == (1000, "the caller stayed silent")


async def test_background_work_is_waited_for_in_silence(build_house):
    house = await build_house(
        voice={"idle": IDLE},
        agents={"frontdesk": {"tools": ["research"]}},
        tools={"research": {"call": "tools.stage:research", "background": WORK}},
    )
    phone = await house.place(defaults={"audio": {"input": {"turn_detection": SEMANTIC}}})
    house.script([function_call("research", {"what": "lamps"}, call_id="c")])
    house.script([assistant_message("I'll look.")])
    await phone.write("find out about lamps")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.clock.advance(0.5)
    await phone.until("response.done")
    await silence(phone, 20)
    assert "input_audio_buffer.timeout_triggered" not in phone.types
    house.script([assistant_message("All about lamps.")])
    house.stage.work["lamps"].end()
    while phone.call.background.delegations.under_way:  # noqa: ASYNC110 (which tells nobody)
        await asyncio.sleep(0)
    await phone.clock.advance(1)
    await phone.until("response.done")
    assert said(phone.done[-1]) == "All about lamps."
    assert await asked_again(phone) == ASKED


async def test_a_decision_at_a_screen_is_waited_for_in_silence(build_house):
    rule = {"by": "screen", "timeout": "5m"}
    house = await build_house(
        voice={"idle": IDLE},
        agents={"frontdesk": {"tools": ["look_up"]}},
        tools={"look_up": {"call": "tools.stage:look_up", "approve": rule}},
    )
    phone = await house.place(defaults={"audio": {"input": {"turn_detection": SEMANTIC}}})
    house.script([function_call("look_up", {"what": "it"}, call_id="c")])
    await phone.ask("look it up")
    assert said(phone.done[-1]).startswith("I have to ask a colleague")
    await silence(phone, 40)
    assert "input_audio_buffer.timeout_triggered" not in phone.types


async def test_a_tool_of_the_client_is_waited_for_in_silence(patient, caller):
    tool = {"type": "function", "name": "look", "parameters": {"type": "object"}}
    await caller.configure(tools=[tool])
    patient.script([function_call("look", {}, call_id="c")])
    await caller.ask("look")
    await silence(caller, 20)
    assert "input_audio_buffer.timeout_triggered" not in caller.types


async def test_a_slow_answer_is_not_taken_for_silence_of_the_caller(patient, caller):
    asked = []

    async def never(call):
        asked.append(call)
        await caller.clock.sleep(25)
        return [assistant_message("At last.")]

    patient.script(ModelStep.respond(never))
    await caller.write("and?")
    await caller.send("response.create")
    await caller.until("response.created")
    await caller.clock.asleep()
    await silence(caller, 24)
    assert "input_audio_buffer.timeout_triggered" not in caller.types
    await caller.send("response.cancel")
    await caller.until("response.done")


async def test_nobody_is_asked_who_is_not_on_the_line(build_house):
    house = await build_house(voice={"idle": IDLE})
    house.grace = 60
    phone = await house.place(defaults={"audio": {"input": {"turn_detection": SEMANTIC}}})
    await greet(house, phone)
    phone.call.leave(phone.connection, "the connection broke", vanished=True)
    await phone.clock.advance(20)
    assert "input_audio_buffer.timeout_triggered" not in phone.types
    phone.call.end("enough")
    await phone.running


@pytest.mark.parametrize(
    "session",
    [
        {"audio": {"input": {"turn_detection": None}}},
        {"output_modalities": ["text"]},
        {
            "audio": {
                "input": {"turn_detection": {"type": "semantic_vad", "create_response": False}}
            }
        },
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": None}}}},
    ],
    ids=["push-to-talk", "text", "the client answers", "the client wants none"],
)
async def test_a_session_in_which_silence_is_normal_has_no_idle(patient, session):
    phone = await patient.place()
    await phone.configure(**session)
    await greet(patient, phone)
    await silence(phone, 60)
    assert "input_audio_buffer.timeout_triggered" not in phone.types


async def test_the_sessions_own_time_wins_and_the_teams_shows_where_it_says_none(patient):
    phone = await patient.place()
    mine = {"type": "server_vad"}
    shown = await phone.configure(audio={"input": {"turn_detection": mine}})
    assert shown["audio"]["input"]["turn_detection"]["idle_timeout_ms"] == 6000
    mine = {"type": "server_vad", "idle_timeout_ms": 20_000}
    shown = await phone.configure(audio={"input": {"turn_detection": mine}})
    assert shown["audio"]["input"]["turn_detection"]["idle_timeout_ms"] == 20_000
    await greet(patient, phone)
    await silence(phone, 0.45 + 19.9)
    assert "input_audio_buffer.timeout_triggered" not in phone.types
    await phone.clock.advance(0.2)
    await phone.until("response.done")
    assert said(phone.done[-1]) == ASKED


async def test_without_the_teams_rules_a_client_may_ask_for_ever(house, phone):
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    await phone.configure(audio={"input": {"turn_detection": detection}})
    await greet(house, phone)
    assert [await asked_again(phone) for _ in range(4)] == [ASKED] * 4
    assert phone.closed is None
