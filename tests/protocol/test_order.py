"""The order of events, one test a scene."""

from typing import Any

from frontdesk.protocol.commands import (
    Asked,
    AudioCommitted,
    ItemAdded,
    ItemChanged,
    ResponseOver,
    ResponseRequested,
    SessionChanged,
)
from frontdesk.protocol.engine import (
    ResponseAudio,
    ResponseEnded,
    ResponseFunctionCall,
    ResponseText,
    ResponseUsage,
    SpeechStarted,
    SpeechStopped,
    TranscriptCompleted,
    TranscriptDelta,
    Usage,
)

AUDIO = {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}}


def test_session_created_comes_first_and_unasked(new_talk: Any, kinds: Any) -> None:
    talk = new_talk()
    assert kinds(talk.open()) == ["session.created"]
    assert talk.said[0]["session"]["id"] == "sess_1"
    assert talk.said[0]["session"]["model"] == "support"


def test_an_update_is_answered_by_one_updated_then_the_change(talk: Any, kinds: Any) -> None:
    assert kinds(talk.configure(instructions="Be brief.")) == ["session.updated"]
    assert talk.told == [SessionChanged(talk.core.session, frozenset({"instructions"}))]


def test_an_item_of_the_client_is_added_and_done_at_once(talk: Any, plain: Any) -> None:
    item = {
        "id": "mine",
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_text", "text": "Hello"}],
    }
    assert plain(talk.say("Hello", "mine")) == [
        {"type": "conversation.item.added", "previous_item_id": None, "item": item},
        {"type": "conversation.item.done", "previous_item_id": None, "item": item},
    ]
    assert talk.told == [ItemAdded(item, None)]


def test_a_text_response(text_talk: Any, plain: Any) -> None:
    talk = text_talk
    talk.say("Hello", "mine")
    events = talk.send("response.create")
    assert talk.told[0] == ResponseRequested(
        "resp_1",
        talk.told[0].options,
        input=None,
        out_of_band=False,
        asked=Asked("client", {}),
    )
    for words in ("Good ", "day"):
        events += talk.feed(ResponseText("resp_1", words))
    usage = Usage(input_text=7, input_audio=3, cached=4, output_text=2)
    events += talk.feed(ResponseUsage("resp_1", usage))
    events += talk.feed(ResponseEnded("resp_1"))
    part = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    item: dict[str, Any] = {
        "id": "item_1",
        "object": "realtime.item",
        "type": "message",
        "status": "in_progress",
        "role": "assistant",
        "content": [],
    }
    done = item | {
        "status": "completed",
        "content": [{"type": "output_text", "text": "Good day"}],
    }
    response: dict[str, Any] = {
        "object": "realtime.response",
        "id": "resp_1",
        "status": "in_progress",
        "status_details": None,
        "output": [],
        "conversation_id": "conv_1",
        "output_modalities": ["text"],
        "max_output_tokens": "inf",
        "audio": AUDIO,
        "usage": None,
        "metadata": None,
    }
    counted = {
        "total_tokens": 12,
        "input_tokens": 10,
        "output_tokens": 2,
        "input_token_details": {
            "text_tokens": 7,
            "audio_tokens": 3,
            "image_tokens": 0,
            "cached_tokens": 4,
            "cached_tokens_details": {"text_tokens": 4, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 2, "audio_tokens": 0},
    }
    output = {"response_id": "resp_1", "output_index": 0}
    text = {"type": "text", "text": "Good day"}
    ended = response | {"status": "completed", "output": [done], "usage": counted}
    assert plain(events) == [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", **output, "item": item},
        {"type": "conversation.item.added", "previous_item_id": "mine", "item": item},
        {"type": "response.content_part.added", **part, "part": {"type": "text", "text": ""}},
        {"type": "response.output_text.delta", **part, "delta": "Good "},
        {"type": "response.output_text.delta", **part, "delta": "day"},
        {"type": "response.output_text.done", **part, "text": "Good day"},
        {"type": "response.content_part.done", **part, "part": text},
        {"type": "conversation.item.done", "previous_item_id": "mine", "item": done},
        {"type": "response.output_item.done", **output, "item": done},
        {"type": "response.done", "response": ended},
    ]
    assert talk.told == [ItemChanged(done), ResponseOver("resp_1")]


def test_an_audio_response(talk: Any, plain: Any, kinds: Any) -> None:
    talk.respond()
    events = talk.feed(ResponseText("resp_1", "Hi"))
    events += talk.feed(ResponseAudio("resp_1", b"\x00\x01\xff", 20.0))
    events += talk.feed(ResponseText("resp_1", "!"))
    events += talk.feed(ResponseAudio("resp_1", b"\x02", 20.0))
    events += talk.feed(ResponseEnded("resp_1"))
    part = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    assert kinds(events) == [
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert events[2]["part"] == {"type": "audio", "transcript": ""}
    assert plain(events)[4] == {
        "type": "response.output_audio.delta",
        **part,
        "delta": "AAH/",
    }
    assert plain(events)[7] == {"type": "response.output_audio.done", **part}
    assert events[8]["transcript"] == "Hi!"
    assert events[9]["part"] == {"type": "audio", "transcript": "Hi!"}
    assert events[10]["item"]["content"] == [{"type": "output_audio", "transcript": "Hi!"}]


def test_a_function_call_after_a_message(talk: Any, kinds: Any) -> None:
    talk.respond()
    talk.feed(ResponseText("resp_1", "One moment."))
    arguments = '{"id": 7}'
    events = talk.feed(ResponseFunctionCall("resp_1", "call_x", "find", arguments))
    told = talk.told
    events += talk.feed(ResponseEnded("resp_1"))
    assert kinds(events) == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    begun = {
        "id": "item_2",
        "object": "realtime.item",
        "type": "function_call",
        "status": "in_progress",
        "call_id": "call_x",
        "name": "find",
        "arguments": "",
    }
    ended = begun | {"status": "completed", "arguments": arguments}
    assert events[5]["item"] == begun
    assert events[5]["output_index"] == 1
    assert events[6]["previous_item_id"] == "item_1"
    assert events[8] | {"event_id": ""} == {
        "type": "response.function_call_arguments.done",
        "event_id": "",
        "response_id": "resp_1",
        "item_id": "item_2",
        "output_index": 1,
        "call_id": "call_x",
        "name": "find",
        "arguments": arguments,
    }
    assert events[9]["item"] == events[10]["item"] == ended
    assert [item["id"] for item in events[11]["response"]["output"]] == ["item_1", "item_2"]
    assert told[1:] == [ItemAdded(begun, "item_1", "resp_1"), ItemChanged(ended)]


def test_words_after_a_function_call_open_a_new_message(talk: Any) -> None:
    talk.respond()
    talk.feed(ResponseFunctionCall("resp_1", "call_x", "find", "{}"))
    added = talk.feed(ResponseText("resp_1", "Done."))[0]
    assert (added["type"], added["output_index"]) == ("response.output_item.added", 1)


def test_a_turn_by_server_vad(talk: Any, plain: Any, kinds: Any) -> None:
    talk.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    talk.append(1000)
    events = talk.feed(SpeechStarted(120))
    events += talk.feed(SpeechStopped(900))
    told = talk.told
    item = {
        "id": "item_1",
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }
    place = {"previous_item_id": None, "item_id": "item_1"}
    assert plain(events)[:5] == [
        {
            "type": "input_audio_buffer.speech_started",
            "audio_start_ms": 120,
            "item_id": "item_1",
        },
        {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 900, "item_id": "item_1"},
        {"type": "input_audio_buffer.committed", **place},
        {"type": "conversation.item.added", "previous_item_id": None, "item": item},
        {"type": "conversation.item.done", "previous_item_id": None, "item": item},
    ]
    assert kinds(events)[5:] == ["response.created"]
    assert told[:2] == [ItemAdded(item, None), AudioCommitted("item_1", transcribe=True)]
    assert isinstance(told[2], ResponseRequested)

    words = talk.feed(TranscriptDelta("item_1", "Hel")) + talk.feed(
        TranscriptCompleted("item_1", "Hello", 0.8)
    )
    event = "conversation.item.input_audio_transcription"
    where = {"item_id": "item_1", "content_index": 0}
    assert plain(words) == [
        {"type": f"{event}.delta", **where, "delta": "Hel"},
        {"type": f"{event}.delta", **where, "delta": "lo"},
        {
            "type": f"{event}.completed",
            **where,
            "transcript": "Hello",
            "usage": {"type": "duration", "seconds": 0.8},
        },
    ]
    heard = item | {"content": [{"type": "input_audio", "transcript": "Hello"}]}
    assert talk.told == [ItemChanged(heard)]


def test_push_to_talk_commits_and_then_waits(talk: Any, kinds: Any) -> None:
    talk.configure(audio={"input": {"turn_detection": None}})
    talk.append(100)
    assert kinds(talk.send("input_audio_buffer.commit")) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert talk.told[-1] == AudioCommitted("item_1", transcribe=False)
    assert talk.core.active_response is None


def test_an_out_of_band_response_leaves_the_conversation_alone(talk: Any, kinds: Any) -> None:
    talk.respond()
    talk.respond(conversation="none", output_modalities=["text"], metadata={"topic": "summary"})
    assert talk.said[0]["response"]["conversation_id"] is None
    assert talk.said[0]["response"]["metadata"] == {"topic": "summary"}
    assert talk.told[0].out_of_band
    events = talk.feed(ResponseText("resp_2", "Short."))
    talk.feed(ResponseText("resp_1", "Long "))
    events += talk.feed(ResponseEnded("resp_2"))
    assert talk.told == [ResponseOver("resp_2")]
    assert kinds(events) == [
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    assert events[-1]["response"]["metadata"] == {"topic": "summary"}
    assert talk.core.active_response == "resp_1"
    assert len(talk.core.items) == 1
