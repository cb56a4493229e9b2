"""Session config: defaults, patches, nulls, what never changes, what is refused."""

from typing import Any

import pytest

from frontdesk.protocol import ProtocolError, RealtimeProtocol
from frontdesk.protocol.commands import SessionChanged
from frontdesk.protocol.engine import ResponseAudio, ResponseEnded

PCM = {"type": "audio/pcm", "rate": 24000}
SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
SEMANTIC_VAD = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}


def test_the_defaults_are_those_of_the_hosted_service(new_talk: Any) -> None:
    session = new_talk(expires_at=5000).open()[0]["session"]
    assert session.pop("instructions")
    assert session == {
        "type": "realtime",
        "object": "realtime.session",
        "id": "sess_1",
        "model": "support",
        "expires_at": 5000,
        "output_modalities": ["audio"],
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "include": None,
        "audio": {
            "input": {
                "format": PCM,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": SERVER_VAD,
            },
            "output": {"format": PCM, "voice": "alloy", "speed": 1.0},
        },
    }


def test_a_team_sets_defaults_of_its_own(new_talk: Any) -> None:
    talk = new_talk(
        defaults={
            "audio": {
                "input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}},
                "output": {"voice": "warm"},
            }
        }
    )
    audio = talk.open()[0]["session"]["audio"]
    assert audio["input"]["turn_detection"] == SEMANTIC_VAD | {"eagerness": "high"}
    assert audio["output"] == {"format": PCM, "voice": "warm", "speed": 1.0}


def test_wrong_defaults_are_refused_by_name() -> None:
    with pytest.raises(ProtocolError, match=r"session\.audio\.output\.speed"):
        RealtimeProtocol("sess_1", "support", defaults={"audio": {"output": {"speed": 9}}})


def test_only_what_is_given_changes(talk: Any) -> None:
    before = talk.core.session
    after = talk.configure(audio={"output": {"speed": 1.25}})[0]["session"]
    assert after["audio"]["output"] == {"format": PCM, "voice": "alloy", "speed": 1.25}
    before["audio"]["output"]["speed"] = 1.25
    assert before == after


def test_the_config_handed_out_before_is_not_altered(talk: Any) -> None:
    before = talk.core.session
    talk.configure(instructions="New.", audio={"output": {"voice": "other"}})
    assert before["audio"]["output"]["voice"] == "alloy"
    assert before["instructions"] != "New."


def test_an_update_that_changes_nothing_is_still_answered(talk: Any, kinds: Any) -> None:
    assert kinds(talk.configure(tool_choice="auto")) == ["session.updated"]
    assert talk.told == []


def test_the_changed_fields_are_named(talk: Any) -> None:
    talk.configure(
        tool_choice="none", audio={"input": {"turn_detection": None}, "output": {"speed": 1.1}}
    )
    (changed,) = talk.told
    assert isinstance(changed, SessionChanged)
    assert changed.changed == {"tool_choice", "audio.input.turn_detection", "audio.output.speed"}


def test_null_clears_what_can_be_off_and_resets_the_rest(new_talk: Any) -> None:
    talk = new_talk(defaults={"tool_choice": "required", "audio": {"output": {"voice": "warm"}}})
    talk.open()
    talk.configure(
        tool_choice="none",
        instructions="x",
        prompt={"id": "p"},
        audio={
            "input": {
                "transcription": {"model": "m"},
                "noise_reduction": {"type": "near_field"},
                "format": {"type": "audio/pcmu"},
            },
            "output": {"voice": "cold", "speed": 1.5},
        },
    )
    session = talk.configure(
        tool_choice=None,
        instructions=None,
        prompt=None,
        audio={
            "input": {
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": None,
                "format": None,
            },
            "output": {"voice": None, "speed": None},
        },
    )[0]["session"]
    assert session["audio"] == {
        "input": {
            "format": PCM,
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": None,
        },
        "output": {"format": PCM, "voice": "warm", "speed": 1.0},
    }
    assert session["tool_choice"] == "required"
    assert session["prompt"] is None
    assert talk.respond() and talk.told[0].options["instructions"] is None


def test_empty_instructions_and_tools_clear(talk: Any) -> None:
    talk.configure(instructions="x", tools=[{"type": "function", "name": "find"}])
    session = talk.configure(instructions="", tools=[])[0]["session"]
    assert (session["instructions"], session["tools"]) == ("", [])


def test_the_kind_of_turn_detection_brings_its_own_defaults(talk: Any) -> None:
    def detection(**given: Any) -> Any:
        updated = talk.configure(audio={"input": {"turn_detection": given}})
        return updated[0]["session"]["audio"]["input"]["turn_detection"]

    assert detection(type="semantic_vad") == SEMANTIC_VAD
    assert detection(type="server_vad", threshold=0.9) == SERVER_VAD | {"threshold": 0.9}
    assert detection(type="server_vad", silence_duration_ms=200) == SERVER_VAD | {
        "threshold": 0.9,
        "silence_duration_ms": 200,
    }
    assert detection(create_response=False)["threshold"] == 0.9


def test_a_transcription_echoes_only_the_keys_that_were_set(talk: Any) -> None:
    given = {"model": "gpt-4o-mini-transcribe", "language": None}
    session = talk.configure(audio={"input": {"transcription": given}})[0]["session"]
    assert session["audio"]["input"]["transcription"] == {"model": "gpt-4o-mini-transcribe"}


def test_noise_reduction_keeps_its_strength(talk: Any) -> None:
    def reduction(**given: Any) -> Any:
        updated = talk.configure(audio={"input": {"noise_reduction": given}})
        return updated[0]["session"]["audio"]["input"]["noise_reduction"]

    assert reduction(type="near_field") == {"type": "near_field", "strength": 1.0}
    assert reduction(strength=0.5) == {"type": "near_field", "strength": 0.5}
    assert reduction(type="far_field") == {"type": "far_field", "strength": 0.5}


@pytest.mark.parametrize(
    "given",
    [
        {"model": "gpt-realtime-2.1"},
        {"id": "sess_other", "object": "realtime.session", "expires_at": 1},
        {"tracing": None},
        {"tracing": "auto"},
        {"tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"a": 1}}},
        {"audio": {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}}},
        {"audio": {"input": {"transcription": {"model": "gpt-transcribe", "languages": ["en"]}}}},
        {"include": ["item.input_audio_transcription.logprobs"]},
        {"truncation": "disabled"},
        {"max_output_tokens": "inf"},
        {"audio": {"input": {"noise_reduction": None}}},
        {"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}},
        {"audio": {"input": {"transcription": {"model": "gpt-realtime-whisper"}}}},
        {"audio": {"output": {"voice": "nobody-knows-this-voice"}}},
        {"audio": {"output": {"voice": {"id": "voice_1"}}}},
        {"audio": {"output": {"speed": 1}}},
        {"audio": None},
        {"reasoning": {"effort": "low"}, "parallel_tool_calls": True},
        {"truncation": {"type": "retention_ratio", "retention_ratio": 0.8}},
        {
            "tools": [
                {
                    "type": "function",
                    "name": "find",
                    "description": None,
                    "strict": True,
                    "parameters": {"$schema": "x", "title": "y", "type": "object"},
                }
            ]
        },
    ],
)
def test_what_real_clients_send_is_accepted(talk: Any, kinds: Any, given: Any) -> None:
    assert kinds(talk.configure(**given)) == ["session.updated"]
    assert talk.core.session["id"] == "sess_1"
    assert talk.core.session["model"] == "support"


def test_the_voice_stays_once_it_was_heard(talk: Any) -> None:
    talk.configure(audio={"output": {"voice": "first"}})
    talk.respond()
    talk.feed(ResponseAudio("resp_1", bytes(2), 1.0))
    talk.feed(ResponseEnded("resp_1"))
    session = talk.configure(audio={"output": {"voice": "second"}})[0]["session"]
    assert session["audio"]["output"]["voice"] == "first"
    talk.respond(audio={"output": {"voice": "third"}})
    assert talk.said[0]["response"]["audio"]["output"]["voice"] == "first"


def test_tracing_stays_once_it_was_set(talk: Any) -> None:
    talk.configure(tracing={"workflow_name": "calls"})
    assert talk.configure(tracing=None)[0]["session"]["tracing"] == {"workflow_name": "calls"}


@pytest.mark.parametrize("first", ["auto", {"group_id": "g"}])
def test_tracing_that_is_set_takes_no_update_and_complains_of_none(talk: Any, first: Any) -> None:
    assert talk.configure(tracing=first)[0]["session"]["tracing"] == first
    for later in (None, "auto", {"workflow_name": "other"}):
        (event,) = talk.configure(tracing=later)
        assert event["session"]["tracing"] == first


def test_a_transcription_session_has_no_model_and_no_voice(new_talk: Any) -> None:
    defaults = {"type": "transcription", "audio": {"input": {"transcription": {"model": "m"}}}}
    session = new_talk(defaults=defaults, expires_at=5000).open()[0]["session"]
    assert session == {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": "sess_1",
        "expires_at": 5000,
        "include": None,
        "audio": {
            "input": {
                "format": PCM,
                "transcription": {"model": "m"},
                "noise_reduction": None,
                "turn_detection": SERVER_VAD,
            }
        },
    }


def test_a_prompt_is_looked_up_before_anything_changes(new_talk: Any) -> None:
    def find(prompt: Any, param: str) -> Any:
        if prompt["id"] != "known":
            raise ProtocolError("invalid_value", "There is no such prompt.", f"{param}.id")
        return {**prompt, "version": "7"}

    talk = new_talk(prompts=find)
    talk.open()
    before = talk.core.session
    (event,) = talk.configure(prompt={"id": "other"}, instructions="x")
    assert event["error"]["param"] == "session.prompt.id"
    assert talk.core.session == before
    found = {"id": "known", "version": "7"}
    session = talk.configure(prompt={"id": "known", "version": None, "variables": None})
    assert session[0]["session"]["prompt"] == found
    talk.respond()
    assert talk.told[0].options["prompt"] == found
    talk.feed(ResponseEnded("resp_1"))
    (event,) = talk.send("response.create", response={"prompt": {"id": "other"}})
    assert event["error"]["param"] == "response.prompt.id"
    assert talk.configure(prompt=None)[0]["session"]["prompt"] is None


def test_fields_the_server_cannot_change_are_echoed_as_they_are(new_talk: Any) -> None:
    talk = new_talk(fixed={"audio.input.noise_reduction"})
    talk.open()
    given = {"input": {"noise_reduction": {"type": "near_field"}}}
    assert talk.configure(audio=given)[0]["session"]["audio"]["input"]["noise_reduction"] is None


def test_a_field_that_means_nothing_here_is_shown_as_not_in_force(new_talk):
    talk = new_talk(fixed={"reasoning"})
    talk.open()
    assert "reasoning" not in talk.configure()[0]["session"]
    assert talk.configure(reasoning={"effort": "low"})[0]["session"]["reasoning"] is None


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"foo": 1}, "unknown_parameter", "session.foo"),
        ({"temperature": 0.8}, "unknown_parameter", "session.temperature"),
        ({"audio": {"input": {"foo": 1}}}, "unknown_parameter", "session.audio.input.foo"),
        (
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "threshold": 1}}}},
            "unknown_parameter",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "psychic_vad"}}}},
            "invalid_value",
            "session.audio.input.turn_detection.type",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}},
            "invalid_value",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": "x"}}}},
            "invalid_type",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            {"audio": {"input": {"turn_detection": {"idle_timeout_ms": 100}}}},
            "invalid_value",
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        (
            {"audio": {"input": {"turn_detection": False}}},
            "invalid_type",
            "session.audio.input.turn_detection",
        ),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}}},
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            {"audio": {"output": {"format": "pcm16"}}},
            "invalid_type",
            "session.audio.output.format",
        ),
        ({"audio": {"output": {"speed": 4}}}, "invalid_value", "session.audio.output.speed"),
        ({"audio": {"output": {"voice": 5}}}, "invalid_type", "session.audio.output.voice"),
        ({"audio": []}, "invalid_type", "session.audio"),
        ({"type": "transcription"}, "invalid_value", "session.type"),
        ({"type": ["realtime"]}, "invalid_value", "session.type"),
        ({"output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
        ({"output_modalities": ["video"]}, "invalid_value", "session.output_modalities[0]"),
        ({"max_output_tokens": 0}, "invalid_value", "session.max_output_tokens"),
        ({"max_output_tokens": True}, "invalid_type", "session.max_output_tokens"),
        ({"instructions": 5}, "invalid_type", "session.instructions"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
        ({"tools": [{"type": "magic", "name": "x"}]}, "invalid_value", "session.tools[0].type"),
        ({"tools": ["find"]}, "invalid_type", "session.tools[0]"),
        (
            {"tools": [{"name": "f"}, {"type": "mcp", "server_label": "s", "server_url": "u"}]},
            "invalid_value",
            "session.tools[1].server_url",
        ),
        ({"tool_choice": "perhaps"}, "invalid_value", "session.tool_choice"),
        ({"include": ["everything"]}, "invalid_value", "session.include[0]"),
        ({"prompt": {}}, "missing_required_parameter", "session.prompt.id"),
        ({"reasoning": {"effort": "much"}}, "invalid_value", "session.reasoning.effort"),
        ({"tracing": "manual"}, "invalid_value", "session.tracing"),
        ({"tracing": {"workflow_name": 5}}, "invalid_type", "session.tracing.workflow_name"),
        ({"truncation": "never"}, "invalid_value", "session.truncation"),
        (
            {"truncation": {"type": "retention_ratio", "retention_ratio": 2}},
            "invalid_value",
            "session.truncation.retention_ratio",
        ),
        (
            {"truncation": {"type": "retention_ratio"}},
            "missing_required_parameter",
            "session.truncation.retention_ratio",
        ),
    ],
)
def test_a_bad_field_is_named_and_nothing_changes(
    talk: Any, given: Any, code: str, param: str
) -> None:
    before = talk.core.session
    session = {"type": "realtime", "instructions": "must not stick", **given}
    (event,) = talk.send("session.update", session=session, event_id="u1")
    assert (event["error"]["code"], event["error"]["param"]) == (code, param)
    assert event["error"]["event_id"] == "u1"
    assert event["error"]["message"]
    assert talk.core.session == before
    assert talk.told == []


def test_a_session_update_must_say_its_type(talk: Any) -> None:
    (event,) = talk.send("session.update", session={"instructions": "x"})
    assert event["error"]["code"] == "missing_required_parameter"
    assert event["error"]["param"] == "session.type"
