"""``POST /v1/audio/transcriptions``."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData

from frontdesk.api import upload
from frontdesk.api.errors import ApiError

TWO = (-0.5, 1.5, -1, 2, -0.7)
"""Two pieces of speech: 0.5 to 2.0 and 3.0 to 5.0 of 5.7 seconds."""


async def test_a_file_becomes_text(front, recording):
    answer = await front.hear(recording(*TWO))
    assert answer.json() == {
        "text": "Piece 0. Piece 1.",
        "usage": {"type": "duration", "seconds": 5.7},
    }


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "MP3", "OGG", "AIFF"])
async def test_the_kind_of_file_is_found_in_the_file(front, recording, kind):
    sound = recording(*TWO, kind=kind, rate=24_000)
    assert (await front.hear(sound)).json()["text"] == "Piece 0. Piece 1."


async def test_text_is_plain_with_a_line_end(front, recording):
    answer = await front.hear(recording(*TWO), response_format="text")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == "Piece 0. Piece 1.\n"


async def test_verbose_json_tells_when_each_piece_was_said(front, recording):
    front.ear.confidence = 0.5
    fields = {"response_format": "verbose_json", "timestamp_granularities[]": "segment"}
    told = (await front.hear(recording(*TWO), language="en", **fields)).json()
    assert (told["task"], told["language"], told["duration"]) == ("transcribe", "en", 5.7)
    assert told["usage"] == {"type": "duration", "seconds": 5.7}
    one, two = told["segments"]
    assert (one["id"], two["id"]) == (0, 1)
    assert (one["text"], two["text"]) == ("Piece 0.", "Piece 1.")
    assert one["start"] == pytest.approx(0.5, abs=0.1)
    assert one["end"] == pytest.approx(2.0, abs=0.1)
    assert two["start"] == pytest.approx(3.0, abs=0.1)
    assert two["end"] == pytest.approx(5.0, abs=0.1)
    assert two["seek"] == round(two["start"] * 100)
    assert one["avg_logprob"] == pytest.approx(math.log(0.5))
    assert one["no_speech_prob"] < 0.1


async def test_subtitles_carry_the_same_times(front, recording):
    sound = recording(*TWO)
    segments = (await front.hear(sound, response_format="verbose_json")).json()["segments"]
    srt = (await front.hear(sound, response_format="srt")).text
    vtt = (await front.hear(sound, response_format="vtt")).text
    start = f"00:00:{segments[1]['start']:06.3f}"
    end = f"00:00:{segments[1]['end']:06.3f}"
    assert f"\n\n2\n{start} --> {end}\nPiece ".replace(".", ",") in srt.replace(".", ",")
    assert "," in srt.splitlines()[1]
    assert vtt.startswith("WEBVTT\n\n00:00:0")
    assert f"\n{start} --> {end}\nPiece " in vtt


async def test_a_stream_tells_each_piece_when_it_is_understood(front, recording, soon, events_of):
    front.ear.holds_at = 1
    data, files = {"model": "x", "stream": "true"}, {"file": ("a.wav", recording(*TWO))}
    path = "/v1/audio/transcriptions"
    async with front.client.stream("POST", path, data=data, files=files) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        parts = answer.aiter_text()
        heard = await soon(anext(parts))
        assert events_of(heard) == [{"type": "transcript.text.delta", "delta": "Piece 0."}]
        front.ear.go_on.set()
        rest = "".join([part async for part in parts])
    assert events_of(rest) == [
        {"type": "transcript.text.delta", "delta": " Piece 1."},
        {
            "type": "transcript.text.done",
            "text": "Piece 0. Piece 1.",
            "usage": {
                "type": "tokens",
                "input_tokens": 57,
                "input_token_details": {"audio_tokens": 57, "text_tokens": 0},
                "output_tokens": 5,
                "total_tokens": 62,
            },
        },
    ]


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_a_client_that_goes_away_ends_the_work(front, recording, soon, stream):
    front.ear.holds_at = 0
    asking = asyncio.create_task(front.hear(recording(*TWO), stream=stream))
    await soon(front.ear.began.wait())
    asking.cancel()
    await soon(front.ear.stopped.wait())
    assert (await front.hear(recording(*TWO))).status_code == 200


async def test_where_to_cut_can_be_asked_for(front, recording):
    sound = recording(1, -0.4, 1, -1)
    assert (await front.hear(sound, chunking_strategy="auto")).json()["text"] == "Piece 0."
    fields = {"chunking_strategy[type]": "server_vad"}
    fields["chunking_strategy[silence_duration_ms]"] = "200"
    assert (await front.hear(sound, **fields)).json()["text"] == "Piece 1. Piece 2."
    as_json = '{"type": "server_vad", "silence_duration_ms": 200}'
    answer = await front.hear(sound, chunking_strategy=as_json)
    assert answer.json()["text"] == "Piece 3. Piece 4."


async def test_language_and_prompt_reach_the_model(front, recording):
    await front.hear(recording(1, -1), language="de", prompt="Frontdesk")
    await front.hear(recording(1, -1), **{"languages[]": "ko"})
    await front.hear(recording(1, -1), language="", prompt="")
    assert front.ear.asked == [("de", "Frontdesk"), ("ko", None), (None, None)]


async def test_logprobs_come_from_a_model_that_has_them(front, recording, refused, events_of):
    fields, sound = {"include[]": "logprobs"}, recording(*TWO)
    refused(await front.hear(sound, **fields), "unsupported_value", "include")
    front.ear.logprobs = True
    told = (await front.hear(sound, **fields)).json()
    assert [each["token"] for each in told["logprobs"]] == ["Piece 0.", "Piece 1."]
    one, two, done = events_of((await front.hear(sound, stream="true", **fields)).text)
    assert done["logprobs"] == one["logprobs"] + two["logprobs"]
    assert one["logprobs"][0]["logprob"] == -0.5
    assert "logprobs" not in (await front.hear(sound)).json()
    refused(
        await front.hear(sound, response_format="text", **fields), "unsupported_value", "include"
    )


async def test_tokens_that_the_model_counted_are_the_usage(front, recording, events_of):
    details = {"audio_tokens": 20, "text_tokens": 3}
    usage = {"type": "tokens", "input_tokens": 23, "output_tokens": 4, "total_tokens": 27}
    front.ear.usage = {**usage, "input_token_details": details}
    both = {
        "type": "tokens",
        "input_tokens": 46,
        "output_tokens": 8,
        "total_tokens": 54,
        "input_token_details": {"audio_tokens": 40, "text_tokens": 6},
    }
    assert (await front.hear(recording(*TWO))).json()["usage"] == both
    answer = await front.hear(recording(*TWO), stream="true")
    assert events_of(answer.text)[-1]["usage"] == both


async def test_what_a_model_cannot_follow_is_refused(front, recording, refused):
    front.ear.languages = ("en",)
    front.ear.takes_prompt = False
    sound = recording(1, -1)
    refused(await front.hear(sound, language="de"), "unsupported_value", "language")
    refused(await front.hear(sound, **{"languages[]": "de"}), "unsupported_value", "languages")
    refused(await front.hear(sound, prompt="Hm"), "unsupported_value", "prompt")
    assert (await front.hear(sound, language="en-GB")).status_code == 200


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"response_format": "diarized_json"}, "unsupported_value", "response_format"),
        ({"response_format": "xml"}, "invalid_value", "response_format"),
        ({"stream": "true", "response_format": "srt"}, "unsupported_value", "response_format"),
        ({"stream": "perhaps"}, "invalid_value", "stream"),
        ({"language": "english, please"}, "invalid_value", "language"),
        ({"languages[]": ["en", "de"]}, "unsupported_value", "languages"),
        ({"temperature": "0.5"}, "unsupported_value", "temperature"),
        ({"temperature": "2"}, "invalid_value", "temperature"),
        ({"temperature": "warm"}, "invalid_value", "temperature"),
        ({"include[]": "logprobs"}, "unsupported_value", "include"),
        ({"include[]": "sums"}, "invalid_value", "include[0]"),
        ({"keywords[]": "Frontdesk"}, "unsupported_value", "keywords"),
        ({"known_speaker_names[]": "Ann"}, "unsupported_value", "known_speaker_names"),
        ({"timestamp_granularities[]": "segment"}, "unsupported_value", "timestamp_granularities"),
        (
            {"timestamp_granularities[]": "word", "response_format": "verbose_json"},
            "unsupported_value",
            "timestamp_granularities",
        ),
        ({"chunking_strategy": "never"}, "invalid_value", "chunking_strategy"),
        (
            {"chunking_strategy[type]": "server_vad", "chunking_strategy[threshold]": "7"},
            "invalid_value",
            "chunking_strategy.threshold",
        ),
        ({"colour": "blue"}, "unknown_parameter", "colour"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(
    front, recording, refused, fields, code, param
):
    answer = await front.hear(recording(1, -1), **fields)
    assert answer.status_code == 400
    refused(answer, code, param)
    assert not front.ear.asked


names = st.text("ab[].", min_size=1, max_size=6)


@given(st.lists(st.tuples(names, st.text(max_size=3)), max_size=6))
def test_fields_of_any_names_are_read_or_refused(pairs):
    try:
        fields = upload._fields(FormData(pairs))
    except ApiError as error:
        assert (error.status, error.code) == (400, "invalid_type")
        return
    for name, value in pairs:
        assert not value or name.partition("[")[0] in fields


async def test_temperature_0_is_what_the_models_do(front, recording):
    assert (await front.hear(recording(1, -1), temperature="0")).status_code == 200


async def test_the_model_must_be_named_and_names_the_team(front, recording, refused):
    refused(await front.hear(recording(1), model=""), "missing_required_parameter", "model")
    await front.hear(recording(1), model="whisper-1")
    assert front.named == ["whisper-1"]


@pytest.mark.parametrize("sound", [b"", b"Example data", bytes(64) + b"ftyp"])
async def test_what_is_no_sound_file_is_refused(front, refused, sound):
    answer = await front.hear(sound)
    assert answer.status_code == 400
    refused(answer, "invalid_file", "file")


async def test_a_request_without_a_file_is_refused(front, refused):
    path = "/v1/audio/transcriptions"
    answer = await front.client.post(path, data={"model": "x"}, files={"other": b"x"})
    refused(answer, "invalid_type", "other")
    answer = await front.client.post(path, data={"model": "x"}, files={"file": (None, "x")})
    refused(answer, "invalid_type", "file")
    answer = await front.client.post(path, json={"model": "x"})
    assert answer.status_code == 415
    answer = await front.client.post(
        path, content=b"nothing", headers={"content-type": "multipart/form-data"}
    )
    assert answer.status_code == 400


async def test_a_file_over_25_mb_is_refused(front, refused, monkeypatch):
    monkeypatch.setattr(upload, "LONGEST", 100_000)
    answer = await front.hear(bytes(100_001))
    assert answer.status_code == 413
    refused(answer, "request_too_large", "file")
    answer = await front.hear(bytes(600_000))
    assert answer.status_code == 413
    refused(answer, "request_too_large", "file")


async def test_silence_is_an_empty_text(front, recording):
    answer = await front.hear(recording(-3), response_format="verbose_json")
    assert (answer.json()["text"], answer.json()["segments"]) == ("", [])
    assert (await front.hear(recording(-3), response_format="vtt")).text == "WEBVTT\n"


async def test_less_than_a_tenth_of_a_second_is_refused(front, recording, refused, events_of):
    refused(await front.hear(recording(0.09)), "invalid_file", "file")
    (event,) = events_of((await front.hear(recording(0.09), stream="true")).text)
    assert event["error"]["param"] == "file"


async def test_a_model_that_fails_is_a_server_error(front, recording, refused):
    front.ear.fails_at = 0
    answer = await front.hear(recording(*TWO))
    assert answer.status_code == 500
    refused(answer, "transcription_failed", None)


async def test_a_model_that_fails_in_a_stream_ends_it_with_an_error(front, recording, events_of):
    front.ear.fails_at = 1
    answer = await front.hear(recording(*TWO), stream="true")
    first, last = events_of(answer.text)
    assert first == {"type": "transcript.text.delta", "delta": "Piece 0."}
    assert last["error"]["code"] == "transcription_failed"
    assert "secret" not in answer.text


async def test_more_files_than_can_wait_are_told_to_come_again(front, recording, soon, refused):
    front.ear.holds_at = 0
    sound = recording(1, -1)
    asked = [asyncio.create_task(front.hear(sound)) for _ in range(20)]
    done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 4:
        more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    for answer in done:
        assert answer.result().status_code == 429
        assert int(answer.result().headers["retry-after"]) > 0
        refused(answer.result(), "rate_limit_exceeded", None)
    front.ear.go_on.set()
    answers = await soon(asyncio.gather(*waiting))
    assert [answer.status_code for answer in answers] == [200] * 16
