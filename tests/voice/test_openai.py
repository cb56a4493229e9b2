"""Our adapters against a server that speaks OpenAI's audio API on a real socket."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import soundfile
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from frontdesk.desk.voice import SpeechToTextChoice, TextToSpeechChoice
from frontdesk.voice.audio import samples_to_pcm16
from frontdesk.voice.base import SpeechError
from frontdesk.voice.loudness import TARGET, Levels, loudness
from frontdesk.voice.openai import live_transcription, speech
from frontdesk.voice.registry import ModelMissing
from frontdesk.voice.speaker import Speaker


@dataclass
class Server:
    """What the server was asked, and how it shall answer."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    fails: bool = False
    answer: Callable[[np.ndarray], Response] | None = None
    dies: bool = False
    refuses_key: bool = False
    models: list[Any] = field(default_factory=list)
    tone: np.ndarray = field(default_factory=lambda: np.sin(np.arange(24_000) / 20) * 0.4)


def app(server: Server) -> FastAPI:
    api = FastAPI()

    @api.get("/v1/models")
    async def models() -> Response:
        error = {"message": "who are you"}
        return JSONResponse({"error": error}, 401 if server.refuses_key else 404)

    @api.post("/v1/audio/transcriptions")
    async def transcriptions(request: Request) -> Response:
        if server.fails:
            return JSONResponse({"error": {"message": "no such model"}}, 400)
        if server.answer:
            return server.answer(server.tone)
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
        if server.answer:
            return server.answer(server.tone)
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


def stt(server: Server, **more: Any) -> Any:
    choice = {"provider": "openai-compatible", "base_url": server.url, **more}
    server.models.append(live_transcription.create(SpeechToTextChoice.model_validate(choice)))
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


async def test_a_model_that_takes_no_instructions_is_told_a_rate_and_tuned(server: Server) -> None:
    model = tts(server, model="tts-1")
    calm = [c async for c in model.synthesize("Hello.", style="deep and slow", speed=1.0)]
    (asked,) = server.asked
    assert "instructions" not in asked
    assert asked["speed"] == pytest.approx(0.86 / (22 / 24))
    assert sum(map(len, calm)) == pytest.approx(len(server.tone) * 24 / 22, rel=0.01)
    assert model.follows("deep and slow") == "rate 0.86, pitch 0.92, pauses 1.30"
    assert tts(server).follows("deep and slow") is None


@pytest.mark.parametrize("level", [0.02, 0.9])
async def test_a_loud_and_a_soft_server_are_heard_alike(server: Server, level: float) -> None:
    server.tone = level / 0.4 * server.tone

    async def reply() -> AsyncIterator[str]:
        yield "One is. Two is."

    chunks = [chunk async for chunk in Speaker(tts(server), levels=Levels()).speak(reply())]
    for clause in ("One is. ", "Two is."):
        sound = np.concatenate([chunk.audio for chunk in chunks if chunk.text == clause])
        assert loudness(sound) == pytest.approx(TARGET, abs=1)


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


def sound_file(
    tone: np.ndarray, rate: int, kind: str, *, channels: int = 1, **how: Any
) -> Response:
    at = np.arange(len(tone) * rate // 24_000) * 24_000 / rate
    frames = np.repeat(np.interp(at, np.arange(len(tone)), tone)[:, None], channels, axis=1)
    file = io.BytesIO()
    soundfile.write(file, frames, rate, format=kind, **how)
    pieces = file.getvalue()

    async def slowly() -> AsyncIterator[bytes]:
        for begin in range(0, len(pieces), 1001):
            yield pieces[begin : begin + 1001]

    media = {"MP3": "audio/mpeg", "RAW": f"audio/pcm; rate={rate}"}.get(kind, "audio/x-whatever")
    return StreamingResponse(slowly(), media_type=media)


RAW = {"subtype": "PCM_16", "endian": "LITTLE"}


@pytest.mark.parametrize(
    "answer",
    [
        lambda tone: sound_file(tone, 24_000, "WAV", subtype="PCM_16"),
        lambda tone: sound_file(tone, 32_000, "WAV", subtype="PCM_16", channels=2),
        lambda tone: sound_file(tone, 16_000, "WAV", subtype="FLOAT"),
        lambda tone: sound_file(tone, 48_000, "FLAC"),
        lambda tone: sound_file(tone, 24_000, "MP3"),
        lambda tone: sound_file(tone, 24_000, "OGG"),
        lambda tone: sound_file(tone, 8_000, "RAW", **RAW),
    ],
    ids=["wav", "wav 32 kHz stereo", "wav 16 kHz float", "flac", "mp3", "ogg", "pcm 8 kHz"],
)
async def test_sound_in_another_form_than_asked_for_is_heard_as_it_is(
    server: Server, answer: Callable[[np.ndarray], Response]
) -> None:
    server.answer = answer
    heard = np.concatenate([c async for c in tts(server).synthesize("Hello.")])
    assert len(heard) == pytest.approx(len(server.tone), abs=2400)  # MP3 pads
    middle = heard[6000:18_000]
    assert np.abs(middle).max() == pytest.approx(0.4, abs=0.03)
    crossings = np.count_nonzero(np.diff(np.signbit(middle)))
    assert crossings == pytest.approx(12_000 / 20 / np.pi, abs=3)  # the same pitch


def told(status: int, body: bytes, media: str = "application/json", **headers: str) -> Any:
    return lambda tone: Response(body, status, headers, media)


PAGE = b"<!doctype html><html><head><style>p { color: red }</style></head><h1>502 Bad Gateway</h1>"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            told(401, b'{"error": {"message": "Bad key."}}'),
            r"HTTP 401: Bad key\..*tts\.api_key",
        ),
        (told(404, b'{"detail": "Not Found"}'), r"HTTP 404: Not Found; see voice\.tts\.model and"),
        (told(404, b""), r"HTTP 404: no explanation"),
        (told(502, PAGE, "text/html"), r"HTTP 502: 502 Bad Gateway$"),
        (told(200, PAGE, "text/html"), r"no sound but 502 Bad Gateway"),
        (told(200, b'{"error": "busy"}'), r"no sound but .*busy"),
        (told(200, b"", "audio/pcm"), r"the answer is empty"),
        (told(200, b"RIFF0000WAVE" + bytes(70_000), "audio/wav"), r"has no sound in it"),
        (told(200, b"ID3" + bytes(3000), "audio/mpeg"), r"cannot be read"),
    ],
)
async def test_an_answer_that_is_no_sound_says_what_is_wrong_and_where_to_mend_it(
    server: Server, answer: Any, why: str
) -> None:
    server.answer = answer
    with pytest.raises(SpeechError, match=why) as raised:
        [chunk async for chunk in tts(server).synthesize("Hello.")]
    assert "<" not in str(raised.value)
    assert len(server.asked) == 1  # who waits for it decides who is asked next


async def test_a_server_that_has_enough_says_when_to_come_again(server: Server) -> None:
    server.answer = told(429, b'{"error": {"message": "Slow down."}}', **{"Retry-After": "42"})
    with pytest.raises(SpeechError, match="HTTP 429: Slow down") as raised:
        [chunk async for chunk in tts(server).synthesize("Hello.")]
    assert raised.value.retry_after == 42


async def test_a_transcript_that_is_none_says_so(server: Server) -> None:
    server.answer = told(200, PAGE, "text/html")
    stream = stt(server).stream()
    stream.push(np.zeros(16_000, np.float32))
    with pytest.raises(SpeechError, match=r"holds no text.*voice\.stt\.base_url.*502 Bad Gateway"):
        await stream.transcript()


async def test_whisper_says_what_language_it_heard_where_it_can(server: Server) -> None:
    long_only: list[Any] = [
        told(200, b'{"text": "Annyeong", "language": "korean", "duration": 1}'),
        told(400, b'{"error": {"message": "response_format must be json"}}'),
        told(200, b'{"text": "Hallo"}'),
    ]
    server.answer = lambda tone: long_only.pop(0)(tone)
    model = stt(server, model="whisper-large-v3")

    async def heard(**how: Any) -> Any:
        stream = model.stream(**how)
        stream.push(np.zeros(16_000, np.float32))
        return await stream.transcript()

    assert (await heard()).language == "ko"
    assert (await heard()).language is None
    assert long_only == []


async def test_warming_up_opens_a_connection_and_finds_a_key_that_is_refused(
    server: Server,
) -> None:
    await tts(server).warm_up()  # a server without a list of models
    await stt(server).warm_up()
    assert server.asked == []
    server.refuses_key = True
    with pytest.raises(ModelMissing, match=r"^voice\.tts\.api_key: .*HTTP 401: who are you"):
        await tts(server).warm_up()
    with pytest.raises(ModelMissing, match=r"^voice\.stt\.api_key: "):
        await stt(server).warm_up()


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
