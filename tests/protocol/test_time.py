"""What happens because time went by, and what a stored call goes on with."""

from typing import Any

import pytest

from frontdesk.protocol.commands import (
    AudioCommitted,
    Close,
    ItemChanged,
    ResponseCancelled,
    ResponseRequested,
)
from frontdesk.protocol.engine import (
    ResponseAudio,
    ResponseEnded,
    ResponseText,
    SpeechStarted,
    TranscriptCompleted,
)

IDLE = {"type": "server_vad", "idle_timeout_ms": 5000}


@pytest.fixture
def spoken(talk: Any) -> Any:
    """A reply of two seconds was sent at once, to a session with an idle time-out."""
    talk.configure(audio={"input": {"turn_detection": IDLE}})
    talk.append(8000)
    talk.respond()
    talk.feed(ResponseAudio("resp_1", bytes(96), 2000.0))
    talk.feed(ResponseEnded("resp_1"))
    return talk


def test_silence_is_counted_from_the_end_of_playback(spoken: Any, kinds: Any) -> None:
    assert spoken.core.deadline == spoken.now + 7.0
    assert spoken.tick(6.9) == []
    assert kinds(spoken.tick(0.1)) == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    triggered = spoken.said[0]
    assert (triggered["audio_start_ms"], triggered["audio_end_ms"]) == (3000, 8000)
    assert {event["item_id"] for event in spoken.said[:2]} == {"item_2"}
    assert AudioCommitted("item_2", transcribe=False, silent=True) in spoken.told
    assert isinstance(spoken.told[-1], ResponseRequested)
    assert spoken.core.deadline is None


@pytest.mark.parametrize(
    "stir",
    [
        lambda talk: talk.feed(SpeechStarted(8000)),
        lambda talk: talk.respond(),
        lambda talk: talk.send("input_audio_buffer.commit"),
        lambda talk: talk.configure(audio={"input": {"turn_detection": None}}),
    ],
    ids=["speech", "response", "commit", "no detection"],
)
def test_whatever_stirs_stops_the_count(spoken: Any, stir: Any) -> None:
    stir(spoken)
    assert spoken.core.deadline is None
    assert spoken.tick(60.0) == []


def test_a_session_ends_at_its_time(new_talk: Any, kinds: Any) -> None:
    talk = new_talk(expires_at=1060)
    talk.open()
    talk.respond()
    talk.feed(ResponseText("resp_1", "Well"))
    talk.respond(conversation="none")
    assert talk.core.deadline == 1060
    events = talk.tick(60.0)
    assert [event["type"] for event in events if event["type"] == "response.done"] == [
        "response.done"
    ] * 2
    assert kinds(events)[-1] == "error"
    assert events[-1]["error"]["code"] == "session_expired"
    assert ResponseCancelled("resp_1", "client_cancelled") in talk.told
    assert talk.told[-1] == Close(1001, "session expired")
    assert talk.tick(1.0) == talk.send("response.create") == talk.feed(SpeechStarted(1)) == []


def test_a_stored_call_goes_on_where_it_broke_off(talk: Any, new_talk: Any) -> None:
    talk.configure(instructions="Be brief.", output_modalities=["text"])
    talk.say("Hello", "mine")
    talk.respond()
    talk.feed(ResponseText("resp_1", "Good "))

    other = new_talk()
    commands = other.core.restore(talk.core.items, {**talk.core.session, "id": "sess_0"})
    mended = {**talk.core.items[1], "status": "incomplete"}
    assert commands == [ItemChanged(mended)]
    assert other.open()[0]["session"] == talk.core.session
    assert other.core.items == (talk.core.items[0], mended)
    assert other.say("Go on", "next")[0]["previous_item_id"] == "item_1"
    other.respond()
    assert other.told[0].options["instructions"] == "Be brief."


def test_audio_of_an_earlier_connection_may_still_be_truncated(new_talk: Any) -> None:
    talk = new_talk()
    reply = {
        "id": "a",
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_audio", "transcript": "Good day"}],
    }
    heard = {
        "id": "b",
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }
    talk.core.restore([reply, heard])
    talk.open()
    event = talk.send("conversation.item.truncate", item_id="a", content_index=0, audio_end_ms=900)[
        0
    ]
    assert event["type"] == "conversation.item.truncated"
    assert talk.feed(TranscriptCompleted("b", "Hello", 1.0)) == []
    assert talk.core.items[1]["content"][0]["transcript"] == "Hello"
    voice = talk.configure(audio={"output": {"voice": "other"}})[0]["session"]["audio"]["output"]
    assert voice["voice"] == "alloy"
