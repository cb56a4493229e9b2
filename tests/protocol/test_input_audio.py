"""The input buffer: what may be committed, whose speech it is, how audio is counted."""

from typing import Any

import pybase64
import pytest

from frontdesk.protocol.commands import AudioAppended, AudioCleared, AudioCommitted
from frontdesk.protocol.engine import SpeechStarted, SpeechStopped, TranscriptCompleted


@pytest.fixture
def manual(talk: Any) -> Any:
    """Push to talk."""
    talk.configure(audio={"input": {"turn_detection": None}})
    return talk


def test_appended_audio_is_passed_on_without_an_answer(manual: Any) -> None:
    assert manual.send("input_audio_buffer.append", audio="AAEC/w==") == []
    assert manual.told == [AudioAppended(b"\x00\x01\x02\xff")]


def test_the_keys_of_an_append_may_come_in_any_order(manual: Any) -> None:
    frame = '{"audio":"AAE=","event_id":"e","type":"input_audio_buffer.append"}'
    for raw in (frame, frame.encode()):
        assert manual.send_raw(raw) == []
        assert manual.told == [AudioAppended(b"\x00\x01")]


def test_slashes_may_be_escaped(manual: Any) -> None:
    manual.send_raw(r'{"type":"input_audio_buffer.append","audio":"\/\/8="}')
    assert manual.told == [AudioAppended(b"\xff\xff")]


def test_half_a_sample_waits_for_its_other_half(manual: Any) -> None:
    manual.send("input_audio_buffer.append", audio=pybase64.b64encode(b"abc").decode())
    assert manual.told == [AudioAppended(b"ab")]
    manual.send("input_audio_buffer.append", audio=pybase64.b64encode(b"d").decode())
    assert manual.told == [AudioAppended(b"cd")]


def test_nothing_is_passed_on_for_no_audio(manual: Any) -> None:
    assert manual.send("input_audio_buffer.append", audio="") == []
    assert manual.told == []


def test_99_milliseconds_are_too_little_to_commit(manual: Any) -> None:
    manual.append(99)
    error = manual.send("input_audio_buffer.commit", event_id="c1")[0]["error"]
    assert error["code"] == "input_audio_buffer_commit_empty"
    assert error["event_id"] == "c1"
    assert manual.told == []
    manual.append(1)
    assert manual.send("input_audio_buffer.commit")[0]["type"] == "input_audio_buffer.committed"


def test_a_commit_empties_the_buffer(manual: Any) -> None:
    manual.append(100)
    manual.send("input_audio_buffer.commit")
    error = manual.send("input_audio_buffer.commit")[0]["error"]
    assert error["code"] == "input_audio_buffer_commit_empty"


@pytest.mark.parametrize("format", ["audio/pcmu", "audio/pcma"])
def test_telephone_audio_has_eight_bytes_a_millisecond(manual: Any, format: str) -> None:
    manual.configure(audio={"input": {"format": {"type": format}}})
    audio = pybase64.b64encode(bytes(799)).decode()
    manual.send("input_audio_buffer.append", audio=audio)
    assert manual.send("input_audio_buffer.commit")[0]["type"] == "error"
    manual.send("input_audio_buffer.append", audio="AA==")
    assert manual.send("input_audio_buffer.commit")[0]["type"] == "input_audio_buffer.committed"


def test_clearing_drops_what_was_not_committed(manual: Any, kinds: Any) -> None:
    manual.append(500)
    assert kinds(manual.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert manual.told == [AudioCleared()]
    assert manual.send("input_audio_buffer.commit")[0]["type"] == "error"


def test_items_committed_one_after_another_form_a_chain(manual: Any) -> None:
    for before, item_id in ((None, "item_1"), ("item_1", "item_2")):
        manual.append(100)
        committed = manual.send("input_audio_buffer.commit")[0]
        assert (committed["previous_item_id"], committed["item_id"]) == (before, item_id)


def test_a_client_may_commit_during_detected_speech(talk: Any, kinds: Any) -> None:
    talk.append(400)
    talk.feed(SpeechStarted(50))
    events = talk.send("input_audio_buffer.commit")
    assert kinds(events) == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert events[0]["audio_end_ms"] == 400
    assert {event.get("item_id", "item_1") for event in events} == {"item_1"}
    assert talk.told[-1] == AudioCommitted("item_1", transcribe=False)
    assert talk.feed(SpeechStopped(450)) == []


def test_clearing_during_speech_ends_the_speech(talk: Any, kinds: Any) -> None:
    talk.append(400)
    talk.feed(SpeechStarted(50))
    assert kinds(talk.send("input_audio_buffer.clear")) == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.cleared",
    ]
    assert talk.feed(SpeechStarted(420))[0]["item_id"] == "item_2"


def test_turning_detection_off_during_speech_keeps_the_announced_item(
    talk: Any, kinds: Any
) -> None:
    talk.append(400)
    talk.feed(SpeechStarted(50))
    assert kinds(talk.configure(audio={"input": {"turn_detection": None}})) == [
        "session.updated",
        "input_audio_buffer.speech_stopped",
    ]
    assert talk.send("input_audio_buffer.commit")[0]["item_id"] == "item_1"


def test_speech_is_not_told_when_detection_is_off(manual: Any) -> None:
    assert manual.feed(SpeechStarted(50)) == []
    assert manual.feed(SpeechStopped(90)) == []


def test_speech_that_started_cannot_start_again(talk: Any) -> None:
    talk.feed(SpeechStarted(50))
    assert talk.feed(SpeechStarted(60)) == []


def test_speech_never_ends_before_it_began(talk: Any) -> None:
    talk.feed(SpeechStarted(500))
    assert talk.feed(SpeechStopped(400))[0]["audio_end_ms"] == 501


def test_the_speech_item_is_known_to_the_engine_until_it_is_committed(talk: Any) -> None:
    talk.feed(SpeechStarted(50))
    assert talk.core.speech_item_id == "item_1"
    talk.feed(SpeechStopped(400))
    assert talk.core.speech_item_id is None


def test_a_transcription_session_commits_turns_and_never_answers(new_talk: Any, kinds: Any) -> None:
    whisper = {"input": {"transcription": {"model": "whisper-1"}}}
    talk = new_talk(defaults={"type": "transcription", "audio": whisper})
    assert talk.open()[0]["session"]["object"] == "realtime.transcription_session"
    update = {"type": "transcription", "audio": {"input": {"transcription": {"language": "ko"}}}}
    updated = talk.send("session.update", session=update)[0]["session"]
    assert updated["audio"]["input"]["transcription"] == {"model": "whisper-1", "language": "ko"}
    talk.feed(SpeechStarted(50))
    assert kinds(talk.feed(SpeechStopped(400)))[-1] == "conversation.item.done"
    assert kinds(talk.feed(TranscriptCompleted("item_1", "Hello", 0.4)))[-1] == (
        "conversation.item.input_audio_transcription.completed"
    )
    assert talk.send("response.create")[0]["error"]["code"] == "invalid_event"
