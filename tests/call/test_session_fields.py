"""Session fields do what they say, or are not shown as in force."""

import base64

import pytest
from agents.testing import assistant_message, function_call

from frontdesk.call.session import fixed_fields, most_tokens, new_protocol, sees_images
from frontdesk.desk.loader import load_team

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()


def picture(*texts: str) -> dict:
    parts = [{"type": "input_text", "text": text} for text in texts]
    image = {"type": "input_image", "image_url": PNG, "detail": "low"}
    return {"type": "message", "role": "user", "content": [*parts, image]}


# The model's settings


async def test_how_the_model_is_to_think_reaches_every_step_of_it(house, phone):
    session = await phone.configure(reasoning={"effort": "low"}, parallel_tool_calls=False)
    assert (session["reasoning"], session["parallel_tool_calls"]) == ({"effort": "low"}, False)
    house.script(
        [function_call("look_up", {"what": "x"}, call_id="c1")], [assistant_message("Found.")]
    )
    await phone.ask("hello")
    for call in house.model.calls:
        assert call.model_settings.reasoning.effort == "low"
        assert call.model_settings.parallel_tool_calls is False


async def test_one_response_may_think_harder(house, phone):
    house.script([assistant_message("Yes.")], [assistant_message("No.")])
    await phone.ask("hello", reasoning={"effort": "high"}, parallel_tool_calls=True)
    await phone.ask("again")
    first, second = (call.model_settings for call in house.model.calls)
    assert (first.reasoning.effort, first.parallel_tool_calls) == ("high", True)
    assert (second.reasoning, second.parallel_tool_calls) == (None, None)


async def test_fields_of_hosted_models_are_not_in_force_for_others(house):
    fixed = fixed_fields(house.live_team)
    assert {"reasoning", "parallel_tool_calls", "include"} <= fixed
    phone = await house.place(fixed=fixed)
    session = await phone.configure(
        reasoning={"effort": "low"}, include=["item.input_audio_transcription.logprobs"]
    )
    assert session["reasoning"] is None
    assert session["include"] is None


# Truncation


async def test_the_oldest_are_left_out_when_the_context_is_full(build_house):
    house = await build_house(models={"main": {"context_window": 5_000}})
    phone = await house.place()
    house.script([assistant_message("Yes.")])
    await phone.write("old " * 400)
    await phone.ask("new " * 100)
    assert [item["content"] for item in house.history()] == [("new " * 100)[:-1]]


async def test_tools_count_as_instructions_do(build_house):
    """The specification: "tokens allowed in the conversation after instructions (which including
    tool definitions)"."""
    house = await build_house(models={"main": {"context_window": 5_000}})
    phone = await house.place()
    parameters = {
        "type": "object",
        "properties": {"x": {"type": "string", "description": "a " * 450}},
    }
    tool = {"type": "function", "name": "f", "description": "", "parameters": parameters}
    await phone.configure(tools=[tool])
    house.script([assistant_message("Yes.")])
    await phone.write("old " * 100)
    await phone.ask("new " * 100)
    assert [item["content"] for item in house.history()] == [("new " * 100)[:-1]]
    await phone.configure(tools=[])
    house.script([assistant_message("Yes.")])
    await phone.ask("again")
    assert len(house.history()) == 4, "what there is room for again is there"


async def test_a_limit_beyond_what_any_model_takes_is_refused(build_house):
    """The specification: "cannot be higher than the model's context window size minus the maximum
    output tokens"."""
    house = await build_house(models={"main": {"context_window": 8_096}})
    phone = await house.place(most_tokens=most_tokens(house.live_team))

    def session(limit: int) -> dict:
        limits = {"post_instructions": limit}
        ratio = {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": limits}
        return {"type": "realtime", "truncation": ratio}

    await phone.send("session.update", session=session(4_001))
    error = (await phone.until("error"))[-1]["error"]
    assert error["param"] == "session.truncation.token_limits.post_instructions"
    assert "4000" in error["message"]
    await phone.configure(**session(4_000))


async def test_what_is_left_out_stays_on_the_wire(house, phone):
    rules = {"type": "retention_ratio", "retention_ratio": 0.5}
    await phone.configure(truncation={**rules, "token_limits": {"post_instructions": 40}})
    first = await phone.write("words " * 5)
    for _ in range(4):
        house.script([assistant_message("Yes.")])
        await phone.ask("words " * 5)
        await phone.clock.advance(5)
    assert len(house.history()) < 4
    assert not phone.of("conversation.item.deleted")
    await phone.send("conversation.item.retrieve", item_id=first)
    item = (await phone.until("conversation.item.retrieved"))[-1]["item"]
    assert item["content"][0]["text"] == ("words " * 5)


async def test_a_full_context_fails_the_response_when_nothing_may_be_left_out(build_house):
    house = await build_house(models={"main": {"context_window": 5_000}})
    phone = await house.place()
    assert (await phone.configure(truncation="disabled"))["truncation"] == "disabled"
    await phone.ask("old " * 600)
    error = phone.done[0]["status_details"]["error"]
    assert (phone.done[0]["status"], error["code"]) == ("failed", "context_length_exceeded")
    assert error["type"] == "invalid_request_error"
    assert house.tts.said == [], "the client's mistake is not spoken"
    house.script([assistant_message("Yes.")])
    await phone.configure(truncation="auto")
    await phone.ask("hello")
    assert phone.done[1]["status"] == "completed"


async def test_a_client_bounds_what_a_turn_costs(house, phone):
    rules = {
        "type": "retention_ratio",
        "retention_ratio": 0.5,
        "token_limits": {"post_instructions": 40},
    }
    assert (await phone.configure(truncation=rules))["truncation"] == rules
    lengths = []
    for _ in range(6):
        house.script([assistant_message("Yes.")])
        await phone.ask("words " * 5)
        await phone.clock.advance(5)
        lengths.append(len(house.history()))
    assert lengths == [1, 3, 1, 3, 1, 3]


# Prompts


@pytest.fixture
async def desk_with_prompts(build_house, tmp_path):
    """A house whose team has two agents, and prompts of its desk: one agent's own and a spare."""
    folder = tmp_path / "files" / "agents"
    (folder / "prompts").mkdir(parents=True)
    (folder / "prompts" / "hello.md").write_text("Greet for {{ shop }}.")
    (folder / "prompts" / "sale.md").write_text("Today only: {{ offer }} at {{ shop }}.")
    (folder / "support.yaml").write_text(
        "version: 1\nname: support\nentry: frontdesk\nvariables: {shop: Lamps}\n"
        "agents:\n"
        "  frontdesk: {description: All., instructions: prompts/hello.md}\n"
    )
    house = await build_house()
    loaded = load_team(folder / "support.yaml")
    object.__setattr__(house.live_team, "loaded", loaded)
    return house


def protocol_of(house) -> dict:
    core = new_protocol(house.live_team, "sess_1", None, "realtime", None)
    return {"prompts": core._session._prompts}


async def test_a_prompt_of_the_desk_is_added_to_the_agents_own(desk_with_prompts):
    house = desk_with_prompts
    phone = await house.place(**protocol_of(house))
    session = await phone.configure(
        prompt={"id": "sale", "variables": {"offer": "bulbs"}}, instructions="Sing."
    )
    version = house.live_team.loaded.stored["sale"].version
    assert session["prompt"] == {"id": "sale", "version": version, "variables": {"offer": "bulbs"}}
    house.script([assistant_message("Hello.")])
    await phone.ask("hi")
    assert house.model.calls[0].system_instructions == (
        "You are frontdesk.\n\nToday only: bulbs at Lamps.\n\nSing."
    )


async def test_an_agents_own_prompt_is_filled_in_anew(desk_with_prompts):
    house = desk_with_prompts
    phone = await house.place(**protocol_of(house))
    house.script([assistant_message("Hello.")], [assistant_message("Hello.")])
    await phone.ask("hi", prompt={"id": "hello", "variables": {"shop": "Candles"}})
    await phone.clock.advance(9)
    await phone.ask("hi")
    found = [call.system_instructions for call in house.model.calls]
    assert found == ["Greet for Candles.", "You are frontdesk."]


@pytest.mark.parametrize(
    ("prompt", "code", "param"),
    [
        ({"id": "sail"}, "invalid_value", "id"),
        ({"id": "hello", "version": "1"}, "invalid_value", "version"),
        ({"id": "sale"}, "missing_required_parameter", "variables.offer"),
        (
            {"id": "hello", "variables": {"offer": "x"}},
            "unknown_parameter",
            "variables.offer",
        ),
        (
            {"id": "hello", "variables": {"agent": "x"}},
            "unknown_parameter",
            "variables.agent",
        ),
        ({"id": "sale", "variables": {"offer": 5}}, "invalid_type", "variables.offer"),
        (
            {"id": "sale", "variables": {"offer": {"type": "input_image"}}},
            "invalid_type",
            "variables.offer",
        ),
    ],
)
async def test_a_prompt_that_does_not_suit_is_named_and_nothing_changes(
    desk_with_prompts, prompt, code, param
):
    phone = await desk_with_prompts.place(**protocol_of(desk_with_prompts))
    session = {"type": "realtime", "instructions": "Must not stick.", "prompt": prompt}
    await phone.send("session.update", session=session)
    error = (await phone.until("error"))[-1]["error"]
    assert (error["code"], error["param"]) == (code, f"session.prompt.{param}")
    await phone.send("response.create", response={"prompt": prompt})
    error = (await phone.until("error"))[-1]["error"]
    assert (error["code"], error["param"]) == (code, f"response.prompt.{param}")
    assert (await phone.configure())["instructions"] != "Must not stick."


async def test_a_pinned_prompt_that_has_changed_is_not_in_force_when_a_call_goes_on(
    desk_with_prompts,
):
    house = desk_with_prompts
    phone = await house.place(**protocol_of(house))
    await phone.configure(prompt={"id": "hello"})
    await phone.hang_up()
    path = house.live_team.loaded.path
    (path.parent / "prompts" / "hello.md").write_text("Something else.")
    object.__setattr__(house.live_team, "loaded", load_team(path))
    again = await house.place(phone.call.state.call_id, **protocol_of(house))
    assert again.frames[0]["session"]["prompt"] is None


# Tracing


async def test_the_clients_names_for_its_calls_stand_in_every_turns_trace(house, phone):
    tracing = {"workflow_name": "Sales", "group_id": "g1", "metadata": {"tenant": "7"}}
    assert (await phone.configure(tracing=tracing))["tracing"] == tracing
    assert (await phone.configure(tracing=None))["tracing"] == tracing
    house.script([assistant_message("Hello.")])
    await phone.ask("hi")
    await phone.clock.advance(9)
    root = next(span for span in await phone.spans() if span["parent_id"] is None)
    assert root["attributes"]["voice.client.workflow_name"] == "Sales"
    assert root["attributes"]["voice.client.group_id"] == "g1"
    assert root["attributes"]["voice.client.metadata"] == '{"tenant":"7"}'
    [turn] = await phone.traces()
    assert turn["agent"] == "Hello."


# Images


async def test_an_image_reaches_a_model_that_can_see(build_house):
    house = await build_house(models={"main": {"vision": True}})
    phone = await house.place(sees_images=sees_images(house.live_team))
    await phone.send("conversation.item.create", item=picture("What is this?"))
    house.script([assistant_message("A lamp.")])
    await phone.respond()
    assert house.history() == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": PNG, "detail": "low"},
            ],
        }
    ]


async def test_an_image_that_nobody_can_see_is_refused(house):
    assert not sees_images(house.live_team)
    phone = await house.place(sees_images=False)
    await phone.send("conversation.item.create", item=picture("What is this?"))
    error = (await phone.until("error"))[-1]["error"]
    assert (error["code"], error["param"]) == ("unsupported_value", "item.content[1].type")
    await phone.send("response.create", response={"input": [picture()]})
    error = (await phone.until("error"))[-1]["error"]
    assert error["param"] == "response.input[0].content[0].type"


async def test_an_agent_that_cannot_see_fails_the_response_once_and_goes_on(build_house):
    house = await build_house(
        models={"main": {}, "eyes": {"vision": True}},
        agents={"frontdesk": {}, "expert": {"model": "eyes"}},
    )
    phone = await house.place(sees_images=sees_images(house.live_team))
    await phone.send("conversation.item.create", item=picture("What is this?"))
    await phone.respond()
    error = phone.done[0]["status_details"]["error"]
    assert (error["code"], error["type"]) == ("unsupported_value", "invalid_request_error")
    assert "frontdesk" in error["message"]
    house.script([assistant_message("Tell me what it looks like.")])
    said = {"type": "message", "role": "user"}
    said["content"] = [{"type": "input_text", "text": "What can you do?"}]
    await phone.respond(input=[said])
    assert phone.done[1]["status"] == "completed"
    await phone.clock.advance(9)
    house.script([assistant_message("I see.")])
    await phone.ask("It is a lamp.")
    assert phone.done[2]["status"] == "completed"
    assert "cannot see" in house.history()[0]["content"][1]["text"]


# Sound


async def test_the_speed_holds_from_the_next_turn_on(house, phone):
    for speed in (None, 1.5, 0.5):
        if speed:
            session = await phone.configure(audio={"output": {"speed": speed}})
            assert session["audio"]["output"]["speed"] == speed
        house.script([assistant_message(f"Good day at {speed}.")])
        await phone.ask("hello")
        await phone.clock.advance(9)
    assert house.tts.speeds == [1.0, 1.5, 0.5]


@pytest.mark.parametrize("heard", ["audio/pcm", "audio/pcmu", "audio/pcma"])
@pytest.mark.parametrize("spoken", ["audio/pcm", "audio/pcmu", "audio/pcma"])
async def test_formats_in_and_out_have_nothing_to_do_with_each_other(house, phone, heard, spoken):
    bytes_per_ms = {"audio/pcm": 48, "audio/pcmu": 8, "audio/pcma": 8}
    session = await phone.configure(
        audio={
            "input": {"format": {"type": heard}, "turn_detection": None},
            "output": {"format": {"type": spoken}},
        }
    )
    assert session["audio"]["input"]["format"]["type"] == heard
    assert session["audio"]["output"]["format"]["type"] == spoken
    house.stt.lines.append("hello")
    sound = base64.b64encode(bytes(500 * bytes_per_ms[heard])).decode()
    await phone.send("input_audio_buffer.append", audio=sound)
    await phone.send("input_audio_buffer.commit")
    house.script([assistant_message("Good day.")])
    await phone.respond()
    assert phone.done[0]["usage"]["input_token_details"]["audio_tokens"] == 5
    deltas = [base64.b64decode(f["delta"]) for f in phone.of("response.output_audio.delta")]
    assert abs(sum(map(len, deltas)) / bytes_per_ms[spoken] - 450) < 5


# Listening only


async def test_a_transcription_session_has_a_trace_for_each_turn_and_no_answer(house):
    audio = {"input": {"transcription": {"model": "m"}}}
    phone = await house.place(defaults={"type": "transcription", "audio": audio})
    for words in ("hello there", "and good bye"):
        await phone.say(words)
        await phone.until("conversation.item.input_audio_transcription.completed")
        await phone.settled()
        await phone.clock.advance(5)
    assert not any(kind.startswith("response.") for kind in phone.types)
    turns = await phone.traces()
    assert [(turn["caller"], turn["end_reason"]) for turn in turns] == [
        ("hello there", "completed"),
        ("and good bye", "completed"),
    ]
    names = {span["name"].partition(" ")[0] for span in await phone.spans()}
    assert names == {"invoke_workflow", "user_speech", "end_of_turn", "speech_to_text"}
