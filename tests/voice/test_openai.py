"""Our adapters against a server that speaks OpenAI's audio API on a real socket."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import soundfile
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from frontdesk.desk.schema import SpeechToTextChoice, TextToSpeechChoice
from frontdesk.voice.audio import samples_to_pcm16
from frontdesk.voice.base import SpeechError
from frontdesk.voice.openai import speech, transcription


@dataclass
class Server:
    """What the server was asked, and how it shall answer."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    fails: bool = False
    answers_wav: bool = False
    dies: bool = False
    models: list[Any] = field(default_factory=list)
    tone: np.ndarray = field(default_factory=lambda: np.sin(np.arange(24_000) / 20) * 0.4)


def app(server: Server) -> FastAPI:
    api = FastAPI()

    @api.post("/v1/audio/transcriptions")
    async def transcriptions(request: Request) -> Response:
        if server.fails:
            return JSONResponse({"error": {"message": "no such model"}}, 400)
        async with request.form() as form:
            sound, rate = soundfile.read(io.BytesIO(await form["file"].read()))
            asked = {k: v for k, v in form.items() if k != "file"}
        server.asked.append(asked | {"seconds": len(sound) / rate, "rate": rate})
        return JSONResponse({"text": " heard you "})

    @api.post("/v1/audio/speech")
    async def speak(request: Request) -> Response:
        server.asked.append(await request.json())
        if server.fails:
            return JSONResponse({"error": {"message": "no such voice"}}, 400)
        if server.answers_wav:
            return Response(b"RIFF....WAVE" + bytes(2000))
        pcm = samples_to_pcm16(server.tone.astype(np.float32))

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(pcm), 999):
                yield pcm[at : at + 999]
                if server.dies:
                    raise ConnectionError("gone")

        return StreamingResponse(pieces())

    return api


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    state = Server()
    listening = socket.create_server(("127.0.0.1", 0))
    state.url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    config = uvicorn.Config(app(state), log_level="critical", lifespan="off", ws="none")
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve([listening]))
    yield state
    for model in state.models:
        await model.aclose()
    running.should_exit = True
    await task
    listening.close()


def stt(server: Server, **more: Any) -> transcription.HostedTranscriber:
    choice = {"provider": "openai-compatible", "base_url": server.url, **more}
    server.models.append(transcription.create(SpeechToTextChoice.model_validate(choice)))
    return server.models[-1]


def tts(server: Server, **more: Any) -> speech.HostedSpeech:
    choice = {"provider": "openai-compatible", "base_url": server.url, **more}
    server.models.append(speech.create(TextToSpeechChoice.model_validate(choice)))
    return server.models[-1]


async def test_speech_is_uploaded_as_wav_and_comes_back_as_text(server: Server) -> None:
    model = stt(server, model="whisper-x", language="ko")
    stream = model.stream(prompt="names")
    stream.push(np.zeros(16_000, np.float32))
    stream.push(np.zeros(8_000, np.float32))
    heard = await stream.transcript()
    assert (heard.text, heard.seconds, heard.language) == ("heard you", 1.5, "ko")
    assert server.asked == [
        {
            "model": "whisper-x",
            "language": "ko",
            "prompt": "names",
            "response_format": "json",
            "seconds": 1.5,
            "rate": 16_000,
        }
    ]


async def test_the_same_audio_is_uploaded_once_and_more_of_it_again(server: Server) -> None:
    model = stt(server)
    stream = model.stream()
    stream.push(np.zeros(16_000, np.float32))
    await stream.transcript()
    await stream.transcript()
    assert len(server.asked) == 1
    stream.push(np.zeros(16_000, np.float32))
    await stream.transcript()
    assert [asked["seconds"] for asked in server.asked] == [1, 2]


async def test_less_than_the_api_takes_is_not_uploaded(server: Server) -> None:
    model = stt(server)
    stream = model.stream()
    stream.push(np.zeros(100, np.float32))
    assert (await stream.transcript()).text == ""
    assert server.asked == []


async def test_a_refusal_is_a_speech_error_with_the_servers_words(server: Server) -> None:
    server.fails = True
    ear, mouth = stt(server), tts(server)
    stream = ear.stream()
    stream.push(np.zeros(16_000, np.float32))
    with pytest.raises(SpeechError, match=r"127\.0\.0\.1: gpt-transcribe.*no such model"):
        await stream.transcript()
    with pytest.raises(SpeechError, match="no such voice"):
        [chunk async for chunk in mouth.synthesize("Hello.")]


async def test_speech_is_streamed_as_samples_whatever_the_pieces(server: Server) -> None:
    model = tts(server, voice="coral")
    chunks = [c async for c in model.synthesize("Hello.", style="calm", speed=1.25)]
    assert len(chunks) > 3
    assert np.allclose(np.concatenate(chunks), server.tone, atol=1e-4)
    (asked,) = server.asked
    assert asked == {
        "input": "Hello.",
        "model": "gpt-4o-mini-tts",
        "voice": "coral",
        "instructions": "calm",
        "speed": 1.25,
        "response_format": "pcm",
    }


async def test_an_agents_own_voice_goes_before_the_teams(server: Server) -> None:
    model = tts(server, voice="coral")
    [c async for c in model.synthesize("Hello.", voice="sage")]
    assert server.asked[0]["voice"] == "sage"
    assert "instructions" not in server.asked[0]


async def test_a_voice_that_openai_does_not_have_is_the_default_one_and_said_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(speech, "where", lambda client: "OpenAI")
    mouth = tts(server, voice="cedar")
    for voice in ("heart-low", "heart-low", "ash", None):
        async for _ in mouth.synthesize("Hello.", voice=voice):
            pass
    assert [asked["voice"] for asked in server.asked] == ["cedar", "cedar", "ash", "cedar"]
    assert caplog.text.count("OpenAI has no voice heart-low; cedar speaks instead") == 1


async def test_closing_early_ends_the_request(server: Server) -> None:
    model = tts(server)
    reply = model.synthesize("Hello.")
    await anext(reply)
    await reply.aclose()


async def test_a_server_that_answers_wav_is_told_apart(server: Server) -> None:
    server.answers_wav = True
    model = tts(server)
    with pytest.raises(SpeechError, match="raw 24 kHz PCM"):
        [chunk async for chunk in model.synthesize("Hello.")]


async def test_a_connection_that_breaks_in_the_middle_is_a_speech_error(server: Server) -> None:
    server.dies = True
    model = tts(server)
    with pytest.raises(SpeechError):
        [chunk async for chunk in model.synthesize("Hello.")]


async def test_a_server_that_is_down_is_a_speech_error(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server.url = f"http://127.0.0.1:{port}/v1"
    model = stt(server)
    stream = model.stream()
    stream.push(np.zeros(16_000, np.float32))
    with pytest.raises(SpeechError, match="Connection error"):
        await stream.transcript()
