"""Items of the client: their place, their ids, their contents."""

from typing import Any

import pytest

from frontdesk.protocol.commands import ItemAdded, ItemDeleted
from frontdesk.protocol.engine import ResponseText, TranscriptCompleted


def ids(talk: Any) -> list[str]:
    return [item["id"] for item in talk.core.items]


def add(talk: Any, item_id: str, previous: str | None = None) -> list[dict[str, Any]]:
    item = {
        "type": "message",
        "id": item_id,
        "role": "system",
        "content": [{"type": "input_text", "text": "x"}],
    }
    place = {"previous_item_id": previous} if previous else {}
    return talk.send("conversation.item.create", item=item, **place)


def test_items_go_where_the_client_wants_them(talk: Any) -> None:
    add(talk, "b")
    add(talk, "d")
    assert add(talk, "a", "root")[0]["previous_item_id"] is None
    assert add(talk, "c", "b")[0]["previous_item_id"] == "b"
    assert add(talk, "e", None)[1]["previous_item_id"] == "d"
    assert ids(talk) == ["a", "b", "c", "d", "e"]
    assert isinstance(talk.told[0], ItemAdded)
    assert talk.told[0].previous_item_id == "d"


def test_an_unknown_place_is_refused(talk: Any) -> None:
    error = add(talk, "a", "nowhere")[0]["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "previous_item_id")
    assert ids(talk) == []


def test_an_id_is_used_once(talk: Any) -> None:
    add(talk, "a")
    error = add(talk, "a")[0]["error"]
    assert (error["code"], error["param"]) == ("item_create_duplicate_item_id", "item.id")


@pytest.mark.parametrize("gone", ["a", "b", "c"])
def test_a_deleted_item_leaves_the_chain_whole(talk: Any, gone: str) -> None:
    for item_id in "abc":
        add(talk, item_id)
    assert talk.send("conversation.item.delete", item_id=gone)[0]["item_id"] == gone
    assert talk.told == [ItemDeleted(gone)]
    rest = [item_id for item_id in "abc" if item_id != gone]
    assert ids(talk) == rest
    assert add(talk, "d")[0]["previous_item_id"] == rest[-1]
    assert add(talk, gone)[0]["previous_item_id"] == "d"


@pytest.mark.parametrize("verb", ["retrieve", "delete", "truncate"])
def test_an_unknown_item_is_refused(talk: Any, verb: str) -> None:
    extra = {"content_index": 0, "audio_end_ms": 0} if verb == "truncate" else {}
    error = talk.send(f"conversation.item.{verb}", item_id="nope", **extra)[0]["error"]
    assert (error["code"], error["param"]) == (f"item_{verb}_invalid_item_id", "item_id")
    assert "nope" in error["message"]


def test_an_item_in_progress_can_be_read_but_not_deleted(talk: Any) -> None:
    talk.respond()
    talk.feed(ResponseText("resp_1", "Good "))
    talk.feed(ResponseText("resp_1", "day"))
    item = talk.send("conversation.item.retrieve", item_id="item_1")[0]["item"]
    assert item["status"] == "in_progress"
    assert item["content"] == [{"type": "output_audio", "transcript": "Good day"}]
    error = talk.send("conversation.item.delete", item_id="item_1")[0]["error"]
    assert error["code"] == "item_delete_invalid_item_id"


def test_text_cannot_be_truncated_by_audio_time(talk: Any) -> None:
    talk.say("Hello", "mine")
    error = talk.send(
        "conversation.item.truncate", item_id="mine", content_index=0, audio_end_ms=0
    )[0]["error"]
    assert error["code"] == "item_truncate_invalid_item_id"


def test_truncating_another_part_than_the_audio_is_refused(talk: Any) -> None:
    talk.respond()
    talk.feed(ResponseText("resp_1", "Good day"))
    error = talk.send(
        "conversation.item.truncate", item_id="item_1", content_index=1, audio_end_ms=0
    )[0]["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "content_index")


def test_audio_of_an_item_is_passed_on_once_and_not_shown(talk: Any) -> None:
    part = {"type": "input_audio", "audio": "AAAA"}
    item = {"type": "message", "id": "a", "role": "user", "content": [part]}
    shown = talk.send("conversation.item.create", item=item)[0]["item"]["content"]
    assert shown == [{"type": "input_audio", "transcript": None}]
    assert talk.told[0].item["content"] == [part | {"transcript": None}]
    assert talk.feed(TranscriptCompleted("a", "Hi", 1.0)) == []
    assert talk.core.items[0]["content"] == [{"type": "input_audio", "transcript": "Hi"}]


def test_an_image_is_kept(talk: Any) -> None:
    part = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0=", "detail": "low"}
    item = {"type": "message", "id": "a", "role": "user", "content": [part]}
    assert talk.send("conversation.item.create", item=item)[0]["item"]["content"] == [part]


def test_nulls_of_a_dumped_model_are_left_out(talk: Any) -> None:
    part = {"type": "input_text", "text": "x", "audio": None, "image_url": None}
    item = {"type": "message", "id": None, "status": None, "role": "user", "content": [part]}
    shown = talk.send("conversation.item.create", item=item)[0]["item"]
    assert shown["content"] == [{"type": "input_text", "text": "x"}]
    assert (shown["id"], shown["status"]) == ("item_1", "completed")


def test_history_may_be_replayed_with_calls_and_outputs(talk: Any, kinds: Any) -> None:
    said = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": ""}],
    }
    spoken = {"type": "message", "role": "assistant", "content": [{"type": "output_audio"}]}
    call = {"type": "function_call", "name": "find", "arguments": "{}", "call_id": "c"}
    output = {"type": "function_call_output", "call_id": "c", "output": "found"}
    for item in (said, spoken, call, output):
        assert kinds(talk.send("conversation.item.create", item=item)) == [
            "conversation.item.added",
            "conversation.item.done",
        ]
        assert talk.said[1]["item"]["status"] == "completed"
    assert talk.core.items[1]["content"] == [{"type": "output_audio", "transcript": ""}]


def test_a_call_without_an_id_gets_one(talk: Any) -> None:
    call = {"type": "function_call", "name": "find", "arguments": "{}"}
    assert talk.send("conversation.item.create", item=call)[0]["item"]["call_id"] == "call_1"


MESSAGE = {"type": "message", "role": "user"}


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        ({}, "missing_required_parameter", "item.type"),
        ({"type": "song"}, "invalid_value", "item.type"),
        ({"type": "mcp_call"}, "invalid_value", "item.type"),
        ({"type": "message"}, "missing_required_parameter", "item.role"),
        ({"type": "message", "role": "pope"}, "invalid_value", "item.role"),
        (MESSAGE, "missing_required_parameter", "item.content"),
        (MESSAGE | {"content": "Hello"}, "invalid_type", "item.content"),
        (MESSAGE | {"content": ["Hello"]}, "invalid_type", "item.content[0]"),
        (MESSAGE | {"content": [], "mood": 1}, "unknown_parameter", "item.mood"),
        (MESSAGE | {"content": [], "id": ""}, "invalid_value", "item.id"),
        (
            MESSAGE | {"content": [{"type": "output_text", "text": "x"}]},
            "invalid_value",
            "item.content[0].type",
        ),
        (
            MESSAGE | {"content": [{"type": "input_text"}]},
            "missing_required_parameter",
            "item.content[0].text",
        ),
        (MESSAGE | {"content": [{"type": "input_audio"}]}, "invalid_value", "item.content[0]"),
        (
            MESSAGE | {"content": [{"type": "input_audio", "audio": "§"}]},
            "invalid_value",
            "item.content[0].audio",
        ),
        (
            MESSAGE | {"content": [{"type": "input_image", "image_url": "http://x/y.png"}]},
            "invalid_value",
            "item.content[0].image_url",
        ),
        (
            {"type": "function_call_output", "call_id": "c", "output": {}},
            "invalid_type",
            "item.output",
        ),
        (
            {"type": "function_call_output", "call_id": "c", "output": ""},
            "invalid_tool_call_id",
            "item.call_id",
        ),
    ],
)
def test_a_bad_item_is_refused_by_name(talk: Any, item: Any, code: str, param: str) -> None:
    (event,) = talk.send("conversation.item.create", item=item, event_id="i1")
    assert (event["error"]["code"], event["error"]["param"]) == (code, param)
    assert event["error"]["event_id"] == "i1"
    assert talk.core.items == ()


def test_a_call_id_is_used_once(talk: Any) -> None:
    call = {"type": "function_call", "name": "find", "arguments": "{}", "call_id": "c"}
    talk.send("conversation.item.create", item=call)
    assert talk.send("conversation.item.create", item=call)[0]["error"]["param"] == "item.call_id"
