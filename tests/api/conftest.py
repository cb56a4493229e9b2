"""The REST endpoints on a real socket, with speech models that do what a test wants."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx2
import numpy as np
import pytest
import soundfile
import uvicorn
from fastapi import FastAPI
from uvicorn.server import ServerState

from frontdesk.api import errors, speech, transcriptions
from frontdesk.call.live_team import LiveTeam
from frontdesk.desk.loader import Desk, load_desk
from frontdesk.voice.base import INPUT_RATE, OUTPUT_RATE, Samples, SpeechError, Transcript
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.phrases import PhraseCache
from tests.conftest import ROOT

TONE = (0.3 * np.sin(2 * np.pi * 220 * np.arange(OUTPUT_RATE) / OUTPUT_RATE)).astype(np.float32)


class Mouth:
    """Says a second of tone for each clause, unless held up or told to fail."""

    name = "a mouth"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, str | None, float]] = []
        self.fails = range(0)
        self.holds_at: int | None = None
        self.began = asyncio.Event()
        self.go_on = asyncio.Event()
        self.stopped = asyncio.Event()
        self.busy = self.busiest = 0

    def has_voice(self, voice: str) -> bool:
        return voice in ("ash", "voice_7")

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        self.asked.append((text, voice, style, speed))
        self.began.set()
        number = len(self.asked) - 1
        if number in self.fails:
            raise SpeechError("it broke: secret detail")
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        try:
            await asyncio.sleep(0)
            if number == self.holds_at:
                await self.go_on.wait()
            self.busy -= 1
            yield TONE
        except (asyncio.CancelledError, GeneratorExit):
            self.stopped.set()
            raise

    async def warm_up(self) -> None: ...


class Ear:
    """Understands "piece N, S seconds" of the N-th piece, unless held up or told to fail."""

    name = "an ear"

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, str | None]] = []
        self.fails_at: int | None = None
        self.holds_at: int | None = None
        self.confidence: float | None = None
        self.usage: dict[str, Any] | None = None
        self.logprobs = False
        self.go_on = asyncio.Event()
        self.stopped = asyncio.Event()
        self.began = asyncio.Event()

    def stream(
        self, *, language: str | None = None, prompt: str | None = None, logprobs: bool = False
    ) -> "Hearing":
        self.asked.append((language, prompt))
        return Hearing(self, len(self.asked) - 1, logprobs)

    async def warm_up(self) -> None: ...


class Hearing:
    def __init__(self, ear: Ear, number: int, logprobs: bool) -> None:
        self._logprobs = logprobs
        self._ear = ear
        self._number = number
        self._length = 0

    def push(self, samples: Samples) -> None:
        self._length += len(samples)

    async def transcript(self) -> Transcript:
        ear = self._ear
        ear.began.set()
        if self._number == ear.fails_at:
            raise SpeechError("it broke: secret detail")
        if self._number == ear.holds_at:
            try:
                await ear.go_on.wait()
            except asyncio.CancelledError:
                ear.stopped.set()
                raise
        text, seconds = f"Piece {self._number}.", self._length / INPUT_RATE
        logprobs = None
        if self._logprobs:
            logprobs = [{"token": text, "logprob": -0.5, "bytes": [*text.encode()]}]
        return Transcript(text, seconds, None, ear.confidence, logprobs, ear.usage)

    async def aclose(self) -> None: ...


class Front:
    """A server with these models; ``client`` speaks to it."""

    def __init__(self, desk: Desk, models: VoiceModels) -> None:
        self.mouth: Any = models.tts
        self.ear: Any = models.stt
        self.teams: dict[str, LiveTeam] = {}
        for loaded in desk.teams.values():
            team: Any = LiveTeam(loaded, SimpleNamespace(), models, PhraseCache())  # type: ignore[arg-type]
            self.teams[loaded.team.name] = team
        self.named: list[str | None] = []

    def team(self, name: str | None) -> LiveTeam:
        self.named.append(name)
        return self.teams.get(name or "") or next(iter(self.teams.values()))

    async def speak(self, **fields: Any) -> httpx2.Response:
        body = {"model": "support", "voice": "ash", "input": "Hello.", **fields}
        return await self.client.post("/v1/audio/speech", json=body)

    async def hear(self, sound: bytes, **fields: Any) -> httpx2.Response:
        files = {"file": ("sound.wav", sound)}
        data = {"model": "support", **fields}
        return await self.client.post("/v1/audio/transcriptions", data=data, files=files)


@pytest.fixture(scope="session")
def desk() -> Desk:
    return load_desk(ROOT)


@pytest.fixture
def models() -> VoiceModels:
    return VoiceModels(Ear(), Mouth(), EnergyActivity)


@asynccontextmanager
async def serving(desk: Desk, models: VoiceModels) -> AsyncIterator[Front]:
    made = Front(desk, models)
    app = FastAPI()
    worker: Any = made
    app.include_router(speech.router(worker))
    app.include_router(transcriptions.router(worker))
    errors.install(app)
    # Not uvicorn's own Server, which takes 0.2 s to end.
    config = uvicorn.Config(app, log_level="critical", ws="none", lifespan="off")
    config.load()
    make_protocol: Any = config.http_protocol_class
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: make_protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    host, port = server.sockets[0].getsockname()
    async with httpx2.AsyncClient(base_url=f"http://{host}:{port}", timeout=20) as made.client:
        yield made
    server.close()
    while state.tasks:
        await asyncio.gather(*state.tasks, return_exceptions=True)


@pytest.fixture
async def front(desk, models) -> AsyncIterator[Front]:
    async with serving(desk, models) as made:
        yield made


@pytest.fixture
async def behind(desk) -> AsyncIterator[Front]:
    """Another server, which the first one may use as its provider."""
    async with serving(desk, VoiceModels(Ear(), Mouth(), EnergyActivity)) as made:
        yield made


def talk(*parts: float, rate: int = 16_000, kind: str = "WAV", **how: Any) -> bytes:
    """A file with tones (positive seconds) and silences (negative)."""
    noise = np.random.default_rng(1)
    made = []
    for part in parts:
        at = np.arange(int(abs(part) * rate)) / rate
        hush = noise.normal(0, 0.0005, len(at))
        made.append(0.3 * np.sin(2 * np.pi * 220 * at) if part > 0 else hush)
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(made), rate, format=kind, **how)
    return file.getvalue()


@pytest.fixture
def recording() -> Callable[..., bytes]:
    return talk


@pytest.fixture
def events_of() -> Callable[[str], list[dict[str, Any]]]:
    """The events in the body of a stream."""

    def read(body: str) -> list[dict[str, Any]]:
        return [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: ")]

    return read


@pytest.fixture
def refused() -> Callable[[httpx2.Response, str, str | None], None]:
    """A refusal in the OpenAI API's form, of this code, naming this field."""

    def check(answer: httpx2.Response, code: str, param: str | None) -> None:
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert (error["code"], error["param"]) == (code, param), error
        assert error["message"] and "secret" not in error["message"]
        kind = "server_error" if answer.status_code >= 500 else "invalid_request_error"
        assert error["type"] == kind

    return check


@pytest.fixture
def unbase64() -> Callable[[str], bytes]:
    return base64.b64decode


@pytest.fixture
def soon() -> Callable[[Awaitable[Any]], Awaitable[Any]]:
    """Wait for what must happen."""
    return lambda event: asyncio.wait_for(event, 10)
