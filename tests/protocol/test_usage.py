"""Usage at the end of a response, whatever its end is."""

from typing import Any

import pytest

from frontdesk.protocol.engine import (
    ResponseAudio,
    ResponseEnded,
    ResponseText,
    ResponseUsage,
    SpeechStarted,
    SpeechStopped,
    TranscriptCompleted,
    Usage,
)

SPENT = Usage(input_text=30, input_audio=12, input_image=85, cached=20, output_text=4)


def speak(talk: Any, milliseconds: int) -> None:
    talk.feed(ResponseText("resp_1", "Good day"))
    talk.feed(ResponseAudio("resp_1", bytes(48 * milliseconds), milliseconds))
    talk.feed(ResponseUsage("resp_1", SPENT))


def expected(spoken: int) -> dict[str, Any]:
    return {
        "total_tokens": 131 + spoken,
        "input_tokens": 127,
        "output_tokens": 4 + spoken,
        "input_token_details": {
            "text_tokens": 30,
            "audio_tokens": 12,
            "image_tokens": 85,
            "cached_tokens": 20,
            "cached_tokens_details": {"text_tokens": 20, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 4, "audio_tokens": spoken},
    }


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed"])
def test_audio_sent_is_counted_at_fifty_milliseconds_a_token(talk: Any, status: Any) -> None:
    talk.respond()
    speak(talk, 1001)
    done = talk.feed(ResponseEnded("resp_1", status))[-1]["response"]
    assert (done["status"], done["usage"]) == (status, expected(21))


@pytest.mark.parametrize("how", ["cancel", "speech"])
def test_a_cancelled_response_tells_what_it_used(talk: Any, how: str) -> None:
    talk.respond()
    speak(talk, 500)
    said = talk.send("response.cancel") if how == "cancel" else talk.feed(SpeechStarted(0))
    (done,) = [event["response"] for event in said if event["type"] == "response.done"]
    assert (done["status"], done["usage"]) == ("cancelled", expected(10))


def test_usage_that_comes_after_the_end_is_dropped(talk: Any) -> None:
    talk.respond()
    talk.send("response.cancel")
    assert talk.feed(ResponseUsage("resp_1", SPENT)) == []


def test_out_of_band_responses_count_for_themselves(talk: Any) -> None:
    talk.respond()
    speak(talk, 500)
    beside = talk.respond(conversation="none")
    talk.feed(ResponseUsage(beside, Usage(input_text=1)))
    done = talk.feed(ResponseEnded(beside))[-1]["response"]
    assert (done["usage"]["total_tokens"], done["conversation_id"]) == (1, None)


def test_a_transcribers_own_count_goes_before_the_duration(talk: Any) -> None:
    usage = {"type": "tokens", "input_tokens": 12, "output_tokens": 2, "total_tokens": 14}
    usage["input_token_details"] = {"text_tokens": 2, "audio_tokens": 10}
    talk.configure(audio={"input": {"transcription": {"model": "m"}}})
    talk.append(500)
    for counted in (usage, None):
        talk.feed(SpeechStarted(0))
        item_id = talk.said[0]["item_id"]
        talk.feed(SpeechStopped(400))
        told = talk.feed(TranscriptCompleted(item_id, "Hi", 1.5, usage=counted))[-1]
        assert told["usage"] == (counted or {"type": "duration", "seconds": 1.5})
