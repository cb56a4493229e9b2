"""``POST /v1/audio/speech``."""

import asyncio
import io
from dataclasses import replace

import httpx2
import numpy as np
import pytest
import soundfile

SECOND = 48_000
"""Bytes of a second of pcm."""


def seconds(data):
    samples, rate = soundfile.read(io.BytesIO(data))
    assert rate == 24_000
    return len(samples) / rate


@pytest.mark.parametrize(
    ("file_format", "media"),
    [("mp3", "audio/mpeg"), ("opus", "audio/ogg"), ("flac", "audio/flac"), ("wav", "audio/wav")],
)
async def test_text_comes_back_as_a_sound_file(front, file_format, media):
    answer = await front.speak(response_format=file_format)
    assert answer.headers["content-type"] == media
    assert seconds(answer.content) == pytest.approx(1, abs=0.15)


async def test_mp3_is_what_one_gets_unasked(front):
    assert (await front.speak()).headers["content-type"] == "audio/mpeg"


async def test_pcm_is_bare_samples_of_24_khz(front):
    answer = await front.speak(response_format="pcm")
    assert answer.headers["content-type"] == "audio/pcm"
    samples = np.frombuffer(answer.content, "<i2")
    assert len(samples) == pytest.approx(24_000, abs=1200)
    assert np.abs(samples).max() == pytest.approx(0.3 * 32768, abs=2)


async def test_the_first_clause_is_heard_before_the_second_is_made(front, soon):
    front.mouth.holds_at = 1
    body = {"model": "support", "voice": "ash", "response_format": "pcm"}
    body["input"] = "First sentence. Second sentence."
    async with front.client.stream("POST", "/v1/audio/speech", json=body) as answer:
        parts = answer.aiter_bytes()
        heard = b""
        while len(heard) < 0.9 * SECOND:
            heard += await soon(anext(parts))
        assert not front.mouth.go_on.is_set()
        front.mouth.go_on.set()
        async for part in parts:
            heard += part
    assert len(heard) >= 1.9 * SECOND


async def test_a_client_that_goes_away_ends_the_synthesis(front, soon):
    front.mouth.holds_at = 1
    body = {"model": "support", "voice": "ash", "input": "One. Two. Three."}
    async with front.client.stream("POST", "/v1/audio/speech", json=body) as answer:
        await soon(anext(answer.aiter_bytes()))
    await soon(front.mouth.stopped.wait())
    assert len(front.mouth.asked) < 3


async def test_a_client_that_goes_away_before_the_first_sound_ends_the_synthesis(front, soon):
    front.mouth.holds_at = 0
    asking = asyncio.create_task(front.speak())
    await soon(front.mouth.began.wait())
    asking.cancel()
    await soon(front.mouth.stopped.wait())


async def test_events_carry_the_same_sound_and_end_with_the_usage(front, events_of, unbase64):
    answer = await front.speak(stream_format="sse", response_format="pcm", input="Hello there.")
    assert answer.headers["content-type"].startswith("text/event-stream")
    *deltas, done = events_of(answer.text)
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    sound = b"".join(unbase64(event["audio"]) for event in deltas)
    assert sound == (await front.speak(response_format="pcm", input="Hello there.")).content
    assert done["type"] == "speech.audio.done"
    spoken = -(-len(sound) * 20 // SECOND)
    assert done["usage"] == {
        "input_tokens": 3,
        "output_tokens": spoken,
        "total_tokens": 3 + spoken,
    }


async def test_voice_style_and_speed_reach_the_model(front):
    await front.speak(voice="ash", instructions="Whisper.", speed=2)
    await front.speak(voice={"id": "voice_7"})
    own = next(iter(front.teams.values())).loaded.team.voice.tts.style
    assert front.mouth.asked == [
        ("Hello.", "ash", "Whisper.", 2.0),
        ("Hello.", "voice_7", own, 1.0),
    ]


async def test_a_voice_the_model_does_not_have_is_the_teams(front):
    await front.speak(voice="nobody")
    own = next(iter(front.teams.values())).loaded.team.voice.tts.voice
    assert front.mouth.asked[0][1] == own


async def test_the_model_names_the_team(front):
    await front.speak(model="tts-1")
    assert front.named == ["tts-1"]


async def test_figures_are_read_as_in_a_call(front):
    await front.speak(input="It costs $5.")
    assert "5 dollars" in front.mouth.asked[0][0]


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"input": ""}, "invalid_value", "input"),
        ({"input": "x" * 4097}, "invalid_value", "input"),
        ({"input": "🙂"}, "invalid_value", "input"),
        ({"input": 5}, "invalid_type", "input"),
        ({"input": None}, "invalid_type", "input"),
        ({"voice": 3}, "invalid_type", "voice"),
        ({"voice": {"name": "x"}}, "missing_required_parameter", "voice.id"),
        ({"model": None}, "invalid_type", "model"),
        ({"speed": 0.2}, "invalid_value", "speed"),
        ({"speed": 4.1}, "invalid_value", "speed"),
        ({"speed": "fast"}, "invalid_value", "speed"),
        ({"response_format": "aac"}, "unsupported_value", "response_format"),
        ({"response_format": "ogg"}, "invalid_value", "response_format"),
        ({"stream_format": "json"}, "invalid_value", "stream_format"),
        ({"pitch": 2}, "unknown_parameter", "pitch"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(front, refused, fields, code, param):
    answer = await front.speak(**fields)
    assert answer.status_code == 400
    refused(answer, code, param)
    assert not front.mouth.asked


@pytest.mark.parametrize("left_out", ["model", "voice", "input"])
async def test_what_is_left_out_is_named(front, refused, left_out):
    body = {"model": "support", "voice": "ash", "input": "Hello."}
    del body[left_out]
    answer = await front.client.post("/v1/audio/speech", json=body)
    refused(answer, "missing_required_parameter", left_out)


async def test_nulls_are_defaults(front):
    names = ("instructions", "response_format", "speed", "stream_format")
    answer = await front.speak(**dict.fromkeys(names))
    assert answer.headers["content-type"] == "audio/mpeg"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff"])
async def test_a_body_that_is_no_json_object_is_refused(front, body):
    answer = await front.client.post("/v1/audio/speech", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_a_model_that_fails_once_is_asked_again(front):
    front.mouth.fails = range(1)
    answer = await front.speak(response_format="pcm")
    assert len(answer.content) == pytest.approx(SECOND, rel=0.05)


async def test_where_the_first_model_fails_the_next_one_speaks(front, refused):
    first, second = front.mouth, type(front.mouth)()
    second.name = "another mouth"
    first.fails = range(100)
    team = front.teams["support"]
    models = replace(team.voice, stand_ins=(second,))
    front.teams["support"] = replace(team, voice=models)
    answer = await front.speak(response_format="pcm", input="One. Two.")
    assert len(answer.content) == pytest.approx(2 * SECOND, rel=0.05)
    assert [text for text, *_ in second.asked] == ["One.", "Two."]
    assert len(first.asked) == 2  # then it rests
    second.fails = range(100)
    refused(await front.speak(), "speech_failed", None)


async def test_a_model_that_fails_at_once_is_a_server_error(front, refused):
    front.mouth.fails = range(9)
    answer = await front.speak()
    assert answer.status_code == 500
    refused(answer, "speech_failed", None)


async def test_a_model_that_fails_later_breaks_the_file_off(front):
    front.mouth.fails = range(1, 3)
    with pytest.raises(httpx2.RemoteProtocolError):
        await front.speak(input="One. Two.", response_format="pcm")
    assert (await front.speak()).status_code == 200


async def test_a_model_that_fails_later_ends_the_events_with_an_error(front, events_of):
    front.mouth.fails = range(1, 3)
    answer = await front.speak(input="One. Two.", stream_format="sse", response_format="pcm")
    events = events_of(answer.text)
    assert events[0]["type"] == "speech.audio.delta"
    assert events[-1]["error"]["code"] == "speech_failed"
    assert "secret" not in answer.text


async def test_one_clause_is_made_at_a_time_so_that_calls_come_first(front):
    texts = [f"Number {word}. And more." for word in ("one", "two", "three", "four")]
    answers = await asyncio.gather(*(front.speak(input=text) for text in texts))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert front.mouth.busiest == 1
