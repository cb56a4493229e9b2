"""Transcripts of the caller: told to a client that asked for them, kept always."""

from typing import Any

import pytest

from frontdesk.protocol.commands import ItemChanged
from frontdesk.protocol.engine import (
    SpeechStarted,
    SpeechStopped,
    TranscriptCompleted,
    TranscriptDelta,
    TranscriptFailed,
)

EVENT = "conversation.item.input_audio_transcription"


@pytest.fixture
def heard(talk: Any) -> Any:
    """A committed turn whose transcript is awaited."""
    talk.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    talk.feed(SpeechStarted(0))
    talk.feed(SpeechStopped(900))
    return talk


def test_a_transcript_nobody_asked_for_is_kept_in_silence(talk: Any) -> None:
    talk.feed(SpeechStarted(0))
    talk.feed(SpeechStopped(900))
    assert talk.feed(TranscriptDelta("item_1", "Hel")) == []
    assert talk.feed(TranscriptCompleted("item_1", "Hello", 0.9)) == []
    assert talk.core.items[0]["content"] == [{"type": "input_audio", "transcript": "Hello"}]
    assert isinstance(talk.told[0], ItemChanged)


def test_whether_to_tell_is_settled_when_the_audio_is_committed(heard: Any, kinds: Any) -> None:
    heard.configure(audio={"input": {"transcription": None}})
    assert kinds(heard.feed(TranscriptCompleted("item_1", "Hello", 0.9))) == [
        f"{EVENT}.delta",
        f"{EVENT}.completed",
    ]


def test_a_transcript_comes_once(heard: Any) -> None:
    heard.feed(TranscriptCompleted("item_1", "Hello", 0.9))
    assert heard.feed(TranscriptCompleted("item_1", "Goodbye", 0.9)) == []
    assert heard.feed(TranscriptDelta("item_1", "!")) == []
    assert heard.feed(TranscriptFailed("item_1", "late")) == []
    assert heard.core.items[0]["content"][0]["transcript"] == "Hello"


def test_an_empty_transcript_is_completed_without_a_delta(heard: Any, kinds: Any) -> None:
    assert kinds(heard.feed(TranscriptCompleted("item_1", "", 0.9))) == [f"{EVENT}.completed"]


def test_a_failed_transcription_says_why_and_leaves_the_item(heard: Any) -> None:
    event = heard.feed(TranscriptFailed("item_1", "The model is down."))[0]
    assert event["type"] == f"{EVENT}.failed"
    assert event["error"] == {
        "type": "server_error",
        "code": "transcription_failed",
        "message": "The model is down.",
    }
    item = heard.send("conversation.item.retrieve", item_id="item_1")[0]["item"]
    assert item["content"] == [{"type": "input_audio", "transcript": None}]


def test_words_for_a_deleted_item_are_dropped(heard: Any) -> None:
    heard.send("conversation.item.delete", item_id="item_1")
    assert heard.feed(TranscriptDelta("item_1", "Hel")) == []
    assert heard.feed(TranscriptCompleted("item_1", "Hello", 0.9)) == []
    assert heard.told == []


def test_logprobs_are_included_on_request(heard: Any) -> None:
    probable = [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}]
    heard.configure(include=["item.input_audio_transcription.logprobs"])
    delta = heard.feed(TranscriptDelta("item_1", "Hi", probable))[0]
    done = heard.feed(TranscriptCompleted("item_1", "Hi", 0.9, probable))[0]
    assert delta["logprobs"] == done["logprobs"] == probable


def test_logprobs_are_left_out_otherwise(heard: Any) -> None:
    probable = [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}]
    done = heard.feed(TranscriptCompleted("item_1", "Hi", 0.9, probable))[-1]
    assert "logprobs" not in done


def test_a_transcription_session_tells_words_before_the_turn_ends(new_talk: Any) -> None:
    live = {"input": {"transcription": {"model": "live"}}}
    talk = new_talk(defaults={"type": "transcription", "audio": live})
    talk.open()
    item_id = talk.feed(SpeechStarted(0))[0]["item_id"]
    assert talk.feed(TranscriptDelta(item_id, "Hel"))[0]["delta"] == "Hel"
    talk.feed(SpeechStopped(900))
    rest = talk.feed(TranscriptCompleted(item_id, "Hello", 0.9))
    assert [event.get("delta") for event in rest] == ["lo", None]
