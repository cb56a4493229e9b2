"""openai-python's ``client.audio``, with nothing changed but the URL."""

import io
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import soundfile
from openai import AsyncOpenAI, BadRequestError, OpenAI

RATE = 24_000
INPUT = "Your lamp is on its way. It should be there on Tuesday."


@pytest.fixture
async def client(server) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1", max_retries=0) as client:
        yield client


def spoken(*seconds: float, kind: str = "WAV") -> io.BytesIO:
    """A tone and a second of silence for each of ``seconds``."""
    parts = []
    for length in seconds:
        tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(int(length * RATE)) / RATE)
        parts += [tone, np.zeros(RATE)]
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(parts), RATE, format=kind)
    file.seek(0)
    file.name = f"speech.{kind.lower()}"
    return file


def speech(**options: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": INPUT, **options}


@pytest.mark.parametrize("file_format", ["mp3", "opus", "flac", "wav"])
async def test_text_becomes_a_sound_file(client, file_format, tmp_path):
    answer = await client.audio.speech.create(**speech(response_format=file_format))
    answer.write_to_file(tmp_path / "speech")
    samples, rate = soundfile.read(tmp_path / "speech")
    assert rate == RATE
    assert len(samples) / rate == pytest.approx(3.3, abs=0.5)


async def test_speech_streams_as_raw_samples(client):
    create = client.audio.speech.with_streaming_response.create
    async with create(**speech(response_format="pcm", instructions="Calmly.")) as answer:
        parts = [part async for part in answer.iter_bytes(4096)]
    samples = np.frombuffer(b"".join(parts), "<i2")
    assert len(samples) / RATE == pytest.approx(3.3, abs=0.5)
    assert np.abs(samples).max() > 3000


async def test_speed_makes_it_shorter(client):
    long = await client.audio.speech.create(**speech(response_format="pcm", speed=0.5))
    short = await client.audio.speech.create(**speech(response_format="pcm", speed=2))
    assert len(long.content) > 3 * len(short.content)


async def test_speech_comes_as_events(client):
    create = client.audio.speech.with_streaming_response.create
    async with create(**speech(response_format="pcm", stream_format="sse")) as answer:
        lines = [line async for line in answer.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert '"speech.audio.delta"' in lines[0]
    assert '"speech.audio.done"' in lines[-1]
    assert '"output_tokens":' in lines[-1]


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "MP3", "OGG"])
async def test_a_file_becomes_text(client, kind):
    told = await client.audio.transcriptions.create(model="whisper-1", file=spoken(2, kind=kind))
    assert told.text == "two seconds of speech"
    assert told.usage.type == "duration"
    assert told.usage.seconds == pytest.approx(3, abs=0.2)


async def test_text_and_subtitles_are_strings(client):
    create = client.audio.transcriptions.create
    text = await create(model="whisper-1", file=spoken(2), response_format="text")
    assert text == "two seconds of speech\n"
    srt = await create(model="whisper-1", file=spoken(2), response_format="srt")
    assert srt.startswith("1\n00:00:00,")
    vtt = await create(model="whisper-1", file=spoken(2), response_format="vtt")
    assert vtt.startswith("WEBVTT\n")


async def test_segments_have_their_times(client):
    told = await client.audio.transcriptions.create(
        model="whisper-1",
        file=spoken(2, 2.8),
        language="en",
        response_format="verbose_json",
        timestamp_granularities=["segment"],
    )
    assert told.language == "en"
    assert told.duration == pytest.approx(6.8)
    assert told.text == "two seconds of speech three seconds of speech"
    assert [round(segment.start, 1) for segment in told.segments] == [0.0, 3.0]
    assert told.words is None


async def test_text_streams_as_it_is_understood(client):
    stream = await client.audio.transcriptions.create(
        model="gpt-4o-transcribe", file=spoken(2, 2.8), stream=True
    )
    *deltas, done = [event async for event in stream]
    assert [event.type for event in deltas] == ["transcript.text.delta"] * 2
    assert done.type == "transcript.text.done"
    assert "".join(event.delta for event in deltas) == done.text
    assert done.usage.input_token_details.audio_tokens == 68


async def test_vad_can_be_tuned(client):
    told = await client.audio.transcriptions.create(
        model="gpt-4o-transcribe",
        file=spoken(2, 2.8),
        chunking_strategy={"type": "server_vad", "silence_duration_ms": 2000},
    )
    assert told.text == "six seconds of speech"


async def test_what_cannot_be_done_is_an_error_of_the_client_that_names_the_field(client):
    with pytest.raises(BadRequestError) as refused:
        await client.audio.speech.create(**speech(response_format="aac"))
    assert refused.value.param == "response_format"
    with pytest.raises(BadRequestError) as refused:
        await client.audio.transcriptions.create(model="whisper-1", file=b"Example data")
    assert (refused.value.param, refused.value.code) == ("file", "invalid_file")
    with pytest.raises(BadRequestError) as refused:
        await client.audio.transcriptions.create(
            model="whisper-1", file=spoken(1), include=["logprobs"]
        )
    assert refused.value.param == "include"


def test_the_client_without_asyncio_gets_the_same(server):
    with OpenAI(api_key="none", base_url=f"{server.url}/v1", max_retries=0) as client:
        sound = client.audio.speech.create(**speech(response_format="wav"))
        told = client.audio.transcriptions.create(
            model="whisper-1", file=("speech.wav", sound.content)
        )
    assert told.text == "three seconds of speech"
