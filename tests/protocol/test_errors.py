"""Frames that are wrong: one error each, and the call goes on."""

import json
from typing import Any

import pybase64
import pytest

from frontdesk.protocol.commands import OutputCleared
from frontdesk.protocol.engine import EngineError

DEEP = '{"type":"session.update","session":' + '{"a":' * 300 + "1" + "}" * 300 + "}"


@pytest.mark.parametrize(
    ("frame", "code", "param"),
    [
        ("", "invalid_event", None),
        ("{", "invalid_event", None),
        ("[]", "invalid_event", None),
        ("null", "invalid_event", None),
        ('"response.create"', "invalid_event", None),
        ("NaN", "invalid_event", None),
        (b"\x00\x01\x02\x03", "invalid_event", None),
        (b'{"type":"\xff"}', "invalid_event", None),
        ('{"type":"\ud800"}', "invalid_event", None),
        ('{"type":"\\ud800"}', "invalid_event", None),
        (DEEP, "invalid_event", None),
        ("[" * 100_000, "invalid_event", None),
        ("{}", "missing_required_parameter", "type"),
        ('{"type":null}', "missing_required_parameter", "type"),
        ('{"type":5}', "invalid_value", "type"),
        ('{"type":["response.create"]}', "invalid_value", "type"),
        ('{"type":"response.make"}', "invalid_value", "type"),
        ('{"type":"session.created"}', "invalid_value", "type"),
        ('{"type":"response.create","mood":1}', "unknown_parameter", "mood"),
        ('{"type":"response.create","response":[]}', "invalid_type", "response"),
        ('{"type":"session.update"}', "missing_required_parameter", "session"),
        ('{"type":"session.update","session":null}', "invalid_type", "session"),
        ('{"type":"conversation.item.create"}', "missing_required_parameter", "item"),
        ('{"type":"conversation.item.delete","item_id":5}', "invalid_type", "item_id"),
        ('{"type":"input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        ('{"type":"input_audio_buffer.append","audio":5}', "invalid_type", "audio"),
        ('{"type":"input_audio_buffer.append","audio":null}', "invalid_type", "audio"),
        ('{"type":"input_audio_buffer.append","audio":"§§§§"}', "invalid_value", "audio"),
        ('{"type":"input_audio_buffer.append","audio":"AAA"}', "invalid_value", "audio"),
        ('{"type":"input_audio_buffer.append","audio":"AA==","x":1}', "unknown_parameter", "x"),
        ('{"type":"response.cancel","event_id":5}', "invalid_type", "event_id"),
        ('{"type":"response.cancel","event_id":"' + "e" * 513 + '"}', "invalid_value", "event_id"),
        (
            '{"type":"conversation.item.truncate","item_id":"a","content_index":0,"audio_end_ms":-1}',
            "invalid_value",
            "audio_end_ms",
        ),
        (
            '{"type":"conversation.item.truncate","item_id":"a","content_index":0,"audio_end_ms":1e9}',
            "invalid_type",
            "audio_end_ms",
        ),
    ],
)
def test_a_wrong_frame_gets_one_error_and_the_call_goes_on(
    talk: Any, kinds: Any, frame: Any, code: str, param: str | None
) -> None:
    (event,) = talk.send_raw(frame)
    error = event["error"]
    assert (event["type"], error["type"]) == ("error", "invalid_request_error")
    assert (error["code"], error["param"]) == (code, param)
    assert error["message"]
    assert talk.told == []
    assert kinds(talk.say("Still there?")) == ["conversation.item.added", "conversation.item.done"]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "no.such.event"},
        {"type": "response.cancel"},
        {"type": "input_audio_buffer.commit"},
        {"type": "input_audio_buffer.append", "audio": "?"},
        {"type": "conversation.item.retrieve", "item_id": "nope"},
    ],
)
def test_the_error_names_the_event_that_caused_it(talk: Any, event: Any) -> None:
    assert talk.send_raw(json.dumps(event))[0]["error"]["event_id"] is None
    talk.send_raw(json.dumps(event | {"event_id": "mine"}))
    assert [said["error"]["event_id"] for said in talk.said] == ["mine"]


def test_a_needless_cancel_reads_as_clients_expect(talk: Any) -> None:
    error = talk.send("response.cancel")[0]["error"]
    assert error["code"] == "response_cancel_not_active"
    assert error["message"].startswith("Cancellation failed")


def test_fifteen_mebibytes_may_be_appended_and_no_more(talk: Any) -> None:
    most = bytes(15 * 1024 * 1024)
    audio = pybase64.b64encode(most).decode()
    assert talk.send("input_audio_buffer.append", audio=audio) == []
    error = talk.send("input_audio_buffer.append", audio=audio + "AAAAAAAA")[0]["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "audio")


def test_json_in_a_binary_frame_is_understood(talk: Any, kinds: Any) -> None:
    assert kinds(talk.send_raw(b'{"type":"input_audio_buffer.clear"}')) == [
        "input_audio_buffer.cleared"
    ]


def test_a_client_may_clear_the_output_of_a_server_that_plays_it(talk: Any) -> None:
    assert talk.send("output_audio_buffer.clear") == []
    assert talk.told == [OutputCleared()]


def test_text_of_every_kind_comes_back_as_it_was(talk: Any) -> None:
    for text in ("안녕하세요 👋🏽", "\u0000\u2028\u202e", "a" * 100_000, "𝔘𝔫𝔦"):
        assert talk.say(text)[0]["item"]["content"][0]["text"] == text


def test_trouble_of_the_engine_is_a_server_error(talk: Any) -> None:
    (event,) = talk.feed(EngineError("The model is gone.", "model_unavailable"))
    assert event["error"] == {
        "type": "server_error",
        "code": "model_unavailable",
        "message": "The model is gone.",
        "param": None,
        "event_id": None,
    }
