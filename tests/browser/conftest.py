"""A real server, a real Chromium, and a scripted Realtime peer behind the talk page.

All of it lives on one event loop for the whole run: starting a browser costs a second.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import runpy
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import soundfile
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from openai.types.realtime import RealtimeClientEvent
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from pydantic import TypeAdapter
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, StreamingResponse

from frontdesk.tracing.pages import Pages, router

RATE = 24_000
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


NUMBERS = itertools.count(1)
VISIT = "visit"
"""The cookie by which the site knows the pages of the test under way: what one of an earlier test
asked for in its last moment may arrive only now."""

expect.set_options(timeout=30_000)  # as long as Playwright's own actions wait


class Feed:
    """What `/api/live` tells; each listener has its own queue."""

    def __init__(self) -> None:
        self.listeners: list[asyncio.Queue[str | None]] = []
        self.joined = asyncio.Event()

    def send(self, kind: str, payload: dict[str, Any]) -> None:
        for listener in self.listeners:
            listener.put_nowait(f"event: {kind}\ndata: {json.dumps(payload)}\n\n")

    def close(self) -> None:
        for listener in self.listeners:
            listener.put_nowait(None)

    async def stream(self, ours: bool) -> AsyncIterator[str]:
        """``ours``: whether the test under way waits for this listener."""
        mine: asyncio.Queue[str | None] = asyncio.Queue()
        self.listeners.append(mine)
        if ours:
            self.joined.set()
        try:
            yield ": hello\n\n"
            while (line := await mine.get()) is not None:
                yield line
        finally:
            self.listeners.remove(mine)


class Peer:
    """The server's end of one Realtime socket: keeps what the page sent, says what the test tells.

    Every client event is judged by the official client's own types.
    """

    judge: TypeAdapter[Any] = TypeAdapter(RealtimeClientEvent)

    def __init__(self, socket: WebSocket, subprotocols: list[str]) -> None:
        self.socket = socket
        self.subprotocols = subprotocols
        self.events: list[dict[str, Any]] = []
        self.changed = asyncio.Condition()
        self.gone = asyncio.Event()
        self.query = dict(socket.query_params)
        self.last = ""
        """The id of the last event."""

    async def run(self, call_id: str, token: str | None) -> None:
        resume: dict[str, Any] = {}
        if token:
            replay = {"replay": "events"} if "resume" in self.query else {}
            resume = {"resume": {"token": token, "seconds": 20, **replay}}
        await self.send("session.created", session={"id": call_id, "type": "realtime"}, **resume)
        try:
            while True:
                event = json.loads(await self.socket.receive_text())
                self.judge.validate_python(event)
                if event["type"] == "session.update":
                    await self.send("session.updated", session=event["session"])
                async with self.changed:
                    self.events.append(event)
                    self.changed.notify_all()
        except WebSocketDisconnect:
            self.gone.set()

    async def send(self, kind: str, **fields: Any) -> None:
        self.last = f"event_1_{next(NUMBERS)}"
        await self.socket.send_text(json.dumps({"type": kind, "event_id": self.last, **fields}))

    def sent(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    async def until(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.sent(kind)) >= count)
        return self.sent(kind)

    async def hear(self, item_id: str, words: str) -> None:
        """A user turn: speech, its end, its transcript."""
        await self.send("input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=0)
        await self.send("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=900)
        await self.send("input_audio_buffer.committed", item_id=item_id)
        item = {
            "id": item_id,
            "type": "message",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        await self.send("conversation.item.added", item=item)
        transcription = "conversation.item.input_audio_transcription"
        await self.send(f"{transcription}.delta", item_id=item_id, content_index=0, delta=words[:5])
        await self.send(
            f"{transcription}.completed", item_id=item_id, content_index=0, transcript=words
        )

    async def speak(self, item_id: str, words: str, seconds: float) -> None:
        """An agent turn, faster than real time, as servers do."""
        response = {"id": f"resp_{item_id}", "status": "in_progress"}
        await self.send("response.created", response=response)
        item = {"id": item_id, "type": "message", "role": "assistant", "content": []}
        await self.send("conversation.item.added", item=item)
        common = {"item_id": item_id, "content_index": 0, "response_id": response["id"]}
        for word in words.split(" "):
            await self.send("response.output_audio_transcript.delta", delta=word + " ", **common)
        tone = np.sin(np.arange(int(seconds * RATE)) * 2 * np.pi * 330 / RATE) * 12_000
        for chunk in np.array_split(tone.astype("<i2"), max(1, min(int(seconds * 10), 60))):
            audio = base64.b64encode(chunk.tobytes()).decode()
            await self.send("response.output_audio.delta", delta=audio, **common)
        await self.send("response.output_audio.done", **common)
        await self.send("response.output_audio_transcript.done", transcript=words, **common)
        await self.send("response.done", response={**response, "status": "completed"})


class Site:
    """The server under test, its data, its feed and the peers that joined."""

    def __init__(self, url: str, data: Any, names: SimpleNamespace) -> None:
        self.url = url
        self.data = data
        self.names = names
        self.feed = Feed()
        self.peers: asyncio.Queue[Peer] = asyncio.Queue()
        self.token: str | None = None
        self.closed = asyncio.Event()
        """Whether nobody gets in."""
        self.visit = ""

    def is_ours(self, asked: HTTPConnection) -> bool:
        """Whether a page of the test under way asks."""
        return asked.cookies.get(VISIT) == self.visit

    def reset(self) -> None:
        self.visit = str(next(NUMBERS))
        self.token = None
        self.closed.clear()
        fresh = self.names.SampleData()
        self.data.__dict__.update(fresh.__dict__)
        self.feed.joined.clear()
        while not self.peers.empty():
            self.peers.get_nowait()

    async def peer(self) -> Peer:
        return await self.peers.get()


def application(site: Site, recording: Path) -> FastAPI:
    app = FastAPI()
    app.include_router(router(Pages(site.data)))

    @app.get("/api/calls/{call_id}")
    async def call(call_id: str) -> JSONResponse:
        found = site.data.call(call_id)
        return JSONResponse(found, status_code=200 if found else 404)

    @app.get("/api/audio/{key}")
    async def piece(key: str) -> FileResponse:
        return FileResponse(recording, media_type="audio/flac")

    @app.get("/api/calls/{call_id}/audio")
    async def audio(call_id: str) -> FileResponse:
        return FileResponse(recording, media_type="audio/flac")

    @app.get("/api/live")
    async def live(request: Request) -> StreamingResponse:
        return StreamingResponse(
            site.feed.stream(site.is_ours(request)), media_type="text/event-stream"
        )

    @app.websocket("/v1/realtime")
    async def realtime(websocket: WebSocket) -> None:
        if site.closed.is_set() or not site.is_ours(websocket):
            await websocket.accept(subprotocol="realtime")
            await websocket.close(1012)
            return
        offered = list(websocket.scope["subprotocols"])
        await websocket.accept(subprotocol="realtime" if "realtime" in offered else None)
        peer = Peer(websocket, offered)
        site.peers.put_nowait(peer)
        await peer.run(site.names.CALL, site.token)

    return app


class QuietServer(uvicorn.Server):
    """Leaves the signals to pytest."""

    capture_signals = contextlib.nullcontext  # type: ignore[assignment]


@pytest.fixture(scope="session")
def names() -> SimpleNamespace:
    """The names of the sample call's module."""
    path = Path(__file__).parents[1] / "tracing_pages" / "sample.py"
    return SimpleNamespace(**runpy.run_path(str(path)))


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 s of stereo FLAC: the caller's tone on the left, the agent's on the right."""
    path = tmp_path_factory.mktemp("audio") / "call.flac"
    clock = np.arange(30 * RATE) / RATE
    left = 0.3 * np.sin(2 * np.pi * 220 * clock) * (clock % 7 < 3)
    right = 0.3 * np.sin(2 * np.pi * 330 * clock) * (clock % 7 >= 3)
    soundfile.write(path, np.stack([left, right], axis=1), RATE)
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(names: SimpleNamespace, recording: Path) -> AsyncIterator[Site]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    site = Site(f"http://127.0.0.1:{listener.getsockname()[1]}", names.SampleData(), names)
    config = uvicorn.Config(
        application(site, recording),
        ws="websockets-sansio",
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    server = QuietServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield site
    site.feed.close()
    server.should_exit = True
    await serving
    listener.close()


@contextlib.asynccontextmanager
async def chromium(*more: str) -> AsyncIterator[Browser]:
    """A browser with ``more`` flags."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install `chromium` to run the browser tests")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, *more], timeout=90_000
        )
        yield launched
        await launched.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched


@pytest.fixture(scope="session")
def another_browser() -> Any:
    """Starts a browser with flags of its own."""
    return chromium


@pytest.fixture
def until() -> Any:
    """Wait in the page for a condition: Playwright's own way needs `eval`, which is barred."""

    async def wait(page: Page, condition: str) -> None:
        await page.evaluate(
            "new Promise((done) => { const look = () => "
            f"({condition}) ? done(null) : setTimeout(look, 20); look(); }})"
        )

    return wait


@pytest.fixture
def site(served: Site) -> Site:
    served.reset()
    return served


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, site: Site) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(
        base_url=site.url,
        viewport={"width": 1400, "height": 900},
        permissions=["microphone"],
        timezone_id="Europe/Berlin",
    )
    await context.add_cookies([{"name": VISIT, "value": site.visit, "url": site.url}])
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page that fails its test on any error in the console: a breach of the policy is one."""
    page = await context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "console",
        lambda message: trouble.append(message.text) if message.type == "error" else None,
    )
    page.trouble = trouble  # type: ignore[attr-defined]
    yield page
    assert await page.evaluate("window.__hostile") is None
    assert trouble == []
