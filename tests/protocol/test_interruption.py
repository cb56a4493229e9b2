"""Barge-in, cancel, truncate, and responses that land on one another."""

from typing import Any

import pytest

from frontdesk.protocol.commands import (
    ItemChanged,
    ItemTruncated,
    ResponseCancelled,
    ResponseOver,
    ResponseRequested,
    ResponseWaits,
)
from frontdesk.protocol.engine import (
    ItemCut,
    ResponseAudio,
    ResponseEnded,
    ResponseFunctionCall,
    ResponseText,
    SpeechStarted,
    SpeechStopped,
)

CLOSERS = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]


@pytest.fixture
def speaking(talk: Any) -> Any:
    """The agent is in the middle of a spoken reply."""
    talk.respond(metadata={"client_event_id": "e1"})
    talk.feed(ResponseText("resp_1", "It opens at nine"))
    talk.feed(ResponseAudio("resp_1", bytes(9600), 200.0))
    return talk


def test_a_caller_who_speaks_up_interrupts_the_reply(speaking: Any, kinds: Any) -> None:
    events = speaking.feed(SpeechStarted(500))
    assert kinds(events) == ["input_audio_buffer.speech_started", *CLOSERS]
    item, done = events[4]["item"], events[-1]["response"]
    assert item["status"] == "incomplete"
    assert item["content"] == [{"type": "output_audio", "transcript": "It opens at nine"}]
    assert done["status"] == "cancelled"
    assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert done["output"] == [item]
    assert done["metadata"] == {"client_event_id": "e1"}
    assert speaking.told == [
        ItemChanged(item),
        ResponseOver("resp_1"),
        ResponseCancelled("resp_1", "turn_detected"),
    ]


def test_a_client_cancels_the_reply(speaking: Any, kinds: Any) -> None:
    events = speaking.send("response.cancel")
    assert kinds(events) == CLOSERS
    assert events[-1]["response"]["status_details"]["reason"] == "client_cancelled"
    assert speaking.told[-1] == ResponseCancelled("resp_1", "client_cancelled")


def test_a_reply_cancelled_before_its_first_word_is_still_done(talk: Any, kinds: Any) -> None:
    talk.respond()
    assert kinds(talk.send("response.cancel", response_id="resp_1")) == ["response.done"]
    assert talk.said[0]["response"]["output"] == []


def test_nothing_of_a_cancelled_reply_is_sent_any_more(speaking: Any) -> None:
    speaking.send("response.cancel")
    for late in (
        ResponseText("resp_1", "."),
        ResponseAudio("resp_1", bytes(960), 20.0),
        ResponseFunctionCall("resp_1", "call_1", "find", "{}"),
        ResponseEnded("resp_1"),
    ):
        assert speaking.feed(late) == []
        assert speaking.told == []


def test_with_interrupt_response_off_the_reply_goes_on_and_the_turn_waits(
    speaking: Any, kinds: Any
) -> None:
    off = {"type": "server_vad", "interrupt_response": False}
    speaking.configure(audio={"input": {"turn_detection": off}})
    assert kinds(speaking.feed(SpeechStarted(500))) == ["input_audio_buffer.speech_started"]
    assert "response.created" not in kinds(speaking.feed(SpeechStopped(900)))
    assert kinds(speaking.feed(ResponseText("resp_1", "."))) == [
        "response.output_audio_transcript.delta"
    ]
    assert kinds(speaking.feed(ResponseEnded("resp_1"))) == [*CLOSERS, "response.created"]
    assert isinstance(speaking.told[-1], ResponseRequested)


def test_with_create_response_off_the_client_asks_itself(talk: Any, kinds: Any) -> None:
    off = {"type": "server_vad", "create_response": False}
    talk.configure(audio={"input": {"turn_detection": off}})
    talk.feed(SpeechStarted(100))
    assert kinds(talk.feed(SpeechStopped(900)))[-1] == "conversation.item.done"
    assert talk.core.active_response is None


def test_barge_in_leaves_out_of_band_responses_running(speaking: Any, kinds: Any) -> None:
    beside = speaking.respond(conversation="none")
    speaking.feed(SpeechStarted(500))
    assert "response.output_audio_transcript.delta" in kinds(
        speaking.feed(ResponseText(beside, "still here"))
    )


def test_an_out_of_band_response_is_cancelled_by_its_id(speaking: Any, kinds: Any) -> None:
    beside = speaking.respond(conversation="none")
    assert kinds(speaking.send("response.cancel", response_id=beside)) == ["response.done"]
    assert speaking.core.active_response == "resp_1"


def test_a_second_response_is_refused_while_one_is_active(speaking: Any) -> None:
    error = speaking.send("response.create", event_id="again")[0]["error"]
    assert error["code"] == "conversation_already_has_active_response"
    assert error["event_id"] == "again"
    assert speaking.core.active_response == "resp_1"


def test_a_response_asked_for_while_a_function_call_closes_is_queued(talk: Any, kinds: Any) -> None:
    talk.respond()
    talk.feed(ResponseFunctionCall("resp_1", "call_1", "find", "{}"))
    output = {"type": "function_call_output", "call_id": "call_1", "output": "found"}
    assert kinds(talk.send("conversation.item.create", item=output)) == [
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert talk.send("response.create", response={"metadata": {"n": "2"}}) == []
    assert kinds(talk.feed(ResponseEnded("resp_1"))) == ["response.done", "response.created"]
    assert talk.said[1]["response"]["metadata"] == {"n": "2"}
    assert talk.core.active_response == "resp_2"


def test_only_one_response_is_queued(talk: Any) -> None:
    talk.respond()
    talk.feed(ResponseFunctionCall("resp_1", "call_1", "find", "{}"))
    talk.send("response.create")
    assert talk.send("response.create")[0]["error"]["code"] == (
        "conversation_already_has_active_response"
    )


def test_barge_in_cancels_the_queued_response_too(talk: Any, kinds: Any) -> None:
    talk.respond()
    talk.feed(ResponseFunctionCall("resp_1", "call_1", "find", "{}"))
    talk.send("response.create")
    events = talk.feed(SpeechStarted(100))
    assert kinds(events) == [
        "input_audio_buffer.speech_started",
        "response.done",
        "response.created",
        "response.done",
    ]
    assert events[3]["response"]["status_details"]["reason"] == "turn_detected"
    assert talk.told == [
        ResponseOver("resp_1"),
        ResponseCancelled("resp_1", "turn_detected"),
        ResponseWaits(None),
        ResponseOver("resp_2"),
    ]
    assert talk.core.active_response is None


def test_cancelling_by_id_lets_the_queued_response_start(talk: Any, kinds: Any) -> None:
    talk.respond()
    talk.feed(ResponseFunctionCall("resp_1", "call_1", "find", "{}"))
    talk.send("response.create")
    assert kinds(talk.send("response.cancel", response_id="resp_1")) == [
        "response.done",
        "response.created",
    ]
    assert talk.core.active_response == "resp_2"


def test_cancelling_a_reply_that_was_spoken_over_lets_the_turn_be_answered(
    speaking: Any, kinds: Any
) -> None:
    off = {"type": "server_vad", "interrupt_response": False}
    speaking.configure(audio={"input": {"turn_detection": off}})
    speaking.feed(SpeechStarted(500))
    speaking.feed(SpeechStopped(900))
    assert kinds(speaking.send("response.cancel")) == [*CLOSERS, "response.created"]


def test_truncate_is_confirmed_and_the_words_unheard_are_dropped(speaking: Any, kinds: Any) -> None:
    speaking.feed(SpeechStarted(500))
    where = {"item_id": "item_1", "content_index": 0, "audio_end_ms": 120}
    events = speaking.send("conversation.item.truncate", **where)
    assert events == [events[0] | {"type": "conversation.item.truncated"} | where]
    assert speaking.told == [ItemTruncated("item_1", 0, 120)]
    assert speaking.feed(ItemCut("item_1", "It opens")) == []
    kept = speaking.send("conversation.item.retrieve", item_id="item_1")[0]["item"]
    assert kept["content"] == [{"type": "output_audio", "transcript": "It opens"}]
    assert speaking.core.items[0] == kept


def test_a_reply_truncated_while_it_goes_on_is_cut_when_it_ends(speaking: Any) -> None:
    speaking.send("conversation.item.truncate", item_id="item_1", content_index=0, audio_end_ms=100)
    speaking.feed(ItemCut("item_1", "It"))
    events = speaking.feed(ResponseEnded("resp_1"))
    transcript = [{"type": "output_audio", "transcript": "It opens at nine"}]
    assert events[-1]["response"]["output"][0]["content"] == transcript
    assert speaking.core.items[0]["content"][0]["transcript"] == "It"


def test_a_completed_item_may_be_truncated_up_to_the_audio_sent(speaking: Any) -> None:
    speaking.feed(ResponseEnded("resp_1"))
    where = {"item_id": "item_1", "content_index": 0}
    error = speaking.send("conversation.item.truncate", **where, audio_end_ms=201)[0]["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "audio_end_ms")
    assert speaking.told == []
    event = speaking.send("conversation.item.truncate", **where, audio_end_ms=200)[0]
    assert event["type"] == "conversation.item.truncated"


def test_an_item_is_never_made_longer_by_a_second_truncation(speaking: Any) -> None:
    where = {"item_id": "item_1", "content_index": 0}
    speaking.send("conversation.item.truncate", **where, audio_end_ms=50)
    event = speaking.send("conversation.item.truncate", **where, audio_end_ms=150)[0]
    assert event["audio_end_ms"] == 50


@pytest.mark.parametrize(
    ("end", "status", "details", "item_status"),
    [
        (
            ResponseEnded("resp_1", "incomplete", "content_filter"),
            "incomplete",
            {"type": "incomplete", "reason": "content_filter"},
            "incomplete",
        ),
        (
            ResponseEnded("resp_1", "failed", error={"code": "model_down", "message": "Gone."}),
            "failed",
            {
                "type": "failed",
                "error": {"type": "server_error", "code": "model_down", "message": "Gone."},
            },
            "incomplete",
        ),
        (ResponseEnded("resp_1"), "completed", None, "completed"),
    ],
)
def test_a_response_ends_with_what_became_of_it(
    speaking: Any, end: ResponseEnded, status: str, details: Any, item_status: str
) -> None:
    response = speaking.feed(end)[-1]["response"]
    assert (response["status"], response["status_details"]) == (status, details)
    assert response["output"][0]["status"] == item_status
    assert speaking.core.active_response is None
