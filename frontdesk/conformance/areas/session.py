"""``session.update`` as a patch: sections 1.3a and 2.1."""

from typing import Any

from frontdesk.conformance.reply import must
from frontdesk.conformance.suite import Area, Bench

area = Area("session", "patches, nulls, the echo of what is in force")

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Weather",
        "type": "object",
        "properties": {"city": {"type": "string", "title": "City"}},
        "required": ["city"],
    },
}


@area.scenario("session.instructions", "session.output_modalities")
async def fields_left_out_stay(bench: Bench) -> None:
    """session.update is a patch: only the fields in it change (1.3a)."""
    async with bench.session(instructions="Speak like a pirate.") as session:
        before = session.config
        after = await session.configure(output_modalities=["text"])
        must(after["output_modalities"] == ["text"], "output_modalities ['text']", after)
        changed = {key for key in after if after[key] != before.get(key)}
        expected = "only output_modalities changed"
        must(changed <= {"output_modalities", "expires_at"}, expected, f"changed: {changed}")


@area.scenario("session.audio.input.turn_detection")
async def a_patch_reaches_into_audio(bench: Bench) -> None:
    """A patch of one part of audio leaves the others as they are (1.3a)."""
    async with bench.session(detect=True) as session:
        voice = session.config["audio"]["output"].get("voice")
        told = await session.configure(audio={"input": {"turn_detection": None}})
        must(told["audio"]["input"].get("turn_detection") is None, "turn_detection null", told)
        must(told["audio"]["output"].get("voice") == voice, f"the voice stays {voice}", told)


@area.scenario()
async def null_and_empty_values_clear(bench: Bench) -> None:
    """instructions "", tools [], and null for what can be off, clear (1.3a)."""
    audio: dict[str, Any] = {
        "input": {
            "transcription": {"model": "whisper-1"},
            "noise_reduction": {"type": "near_field"},
        }
    }
    async with bench.session(instructions="Hm.", tools=[TOOL], audio=audio) as session:
        off = {"turn_detection": None, "transcription": None, "noise_reduction": None}
        told = await session.configure(instructions="", tools=[], audio={"input": off})
        must(told.get("tools") == [], "tools []", told)
        must(told.get("instructions") == "", "instructions ''", told)
        for field in off:
            must(told["audio"]["input"].get(field) is None, f"audio.input.{field} null", told)


@area.scenario()
async def a_bad_field_changes_nothing(bench: Bench) -> None:
    """A session.update with one bad field has an error, and none of it is applied (1.3a)."""
    async with bench.session() as session:
        bad: dict[str, Any] = {"type": "realtime", "instructions": "No.", "tool_choice": 7}
        error = await session.refused("session.update", session=bad)
        param = str(error.get("param"))
        must(param.startswith("session.tool_choice"), "param session.tool_choice…", param)
        told = await session.configure()
        must(told.get("instructions") != "No.", "the instructions of before", told)


@area.scenario()
async def every_update_is_answered_in_order(bench: Bench) -> None:
    """Ten updates sent at once have ten answers, in order (2.10 rule 2)."""
    async with bench.session() as session:
        for number in range(10):
            patch = {"type": "realtime", "instructions": f"Number {number}."}
            await session.send("session.update", session=patch)
        for number in range(10):
            event = await session.expect("session.updated")
            told = event["session"].get("instructions")
            must(told == f"Number {number}.", f"instructions 'Number {number}.'", event)


@area.scenario("session.audio.input.turn_detection")
async def the_whole_turn_detection_in_force_is_told(bench: Bench) -> None:
    """What a client left out of turn_detection is echoed with its default (3.1)."""
    async with bench.session(detect=True) as session:
        whole = {
            "server_vad": {"threshold", "prefix_padding_ms", "silence_duration_ms"},
            "semantic_vad": {"eagerness"},
        }
        for kind, fields in whole.items():
            patch = {"input": {"turn_detection": {"type": kind}}}
            told = (await session.configure(audio=patch))["audio"]["input"]["turn_detection"]
            for field in (*sorted(fields), "create_response", "interrupt_response"):
                must(told.get(field) is not None, f"turn_detection.{field} of {kind}", told)
            must(told["interrupt_response"] is True, "interrupt_response true", told)


@area.scenario("session.audio.input.transcription")
async def transcription_is_echoed_as_it_was_set(bench: Bench) -> None:
    """pipecat cannot read keys in transcription that nobody set (3.3)."""
    async with bench.session() as session:
        given = {"model": "gpt-4o-mini-transcribe", "language": "en"}
        told = await session.configure(audio={"input": {"transcription": given}})
        echoed = told["audio"]["input"]["transcription"]
        extra = echoed.keys() - {"model", "language", "prompt"}
        must(not extra, "no keys but model, language and prompt", echoed)
        must(echoed.get("language") == "en", "language en", echoed)


@area.scenario("session.tools", "session.tool_choice")
async def tools_are_echoed_with_their_schemas(bench: Bench) -> None:
    """Schemas with $schema and title are taken as they are (3.6)."""
    async with bench.session(tools=[TOOL], tool_choice="required") as session:
        told = session.config
        must(told.get("tool_choice") == "required", "tool_choice required", told)
        echoed = told["tools"][0]
        for key in ("type", "name", "description", "parameters"):
            must(echoed.get(key) == TOOL[key], f"tools[0].{key} as it was sent", echoed)


@area.scenario()
async def what_clients_send_out_of_habit_is_accepted(bench: Bench) -> None:
    """The accept-without-complaint list of section 3.6, as one client after the other sends it."""
    patches: list[dict[str, Any]] = [
        {"max_output_tokens": "inf", "tracing": None},
        {"audio": {"input": {"noise_reduction": None, "turn_detection": {"type": "semantic_vad"}}}},
        {"audio": {"output": {"voice": "ash", "speed": 1.0}}},
        {"audio": {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}}},
        {"audio": {"input": {"transcription": {"model": "gpt-realtime-whisper"}}}},
        {"tracing": "auto"},
        {"tracing": None},
    ]
    async with bench.session() as session:
        for patch in patches:
            await session.configure(**patch)
