"""Callers who are known again: real servers, real sockets, the real store and its files."""

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

KEY = "fd-a-key-of-the-tests-0123456789"
HEADERS = {"authorization": f"Bearer {KEY}"}
TEAM = """\
version: 1
name: {name}
entry: clerk
models:
  main: {{ provider: auto }}
voice:
  stt: {{ provider: auto }}
  tts: {{ provider: auto }}
memory: {memory}
agents:
  clerk:
    description: Answers.
    instructions: clerk.md
"""


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Teams that ask, that only take the word of whoever connects, and that remember nobody."""
    root = tmp_path_factory.mktemp("desk")
    (root / "agents").mkdir()
    for name, memory in (
        ("support", "{}"),
        ("quiet", "{ consent: given }"),
        ("sieve", "{ consent: never }"),
    ):
        text = TEAM.format(name=name, memory=memory)
        (root / "agents" / f"{name}.yaml").write_text(text)
    (root / "agents" / "clerk.md").write_text("Answer briefly.")
    return root


@pytest.fixture(scope="session")
def keyed(
    server_process: Any, tmp_path_factory: pytest.TempPathFactory, desk: Path
) -> Iterator[Any]:
    """A server with these teams, and keys."""
    data = tmp_path_factory.mktemp("keyed")
    environ = {"FRONTDESK_API_KEYS": KEY, "FRONTDESK_TEAM": "support"}
    running = server_process(data, desk=desk, environ=environ)
    yield running
    running.stop()
    assert "ERROR" not in running.log.read_text()


@pytest.fixture(scope="session")
def elsewhere(
    server_process: Any, tmp_path_factory: pytest.TempPathFactory, desk: Path, keyed: Any
) -> Iterator[Any]:
    """Another worker of the same store, with a data folder of its own. Tests may kill it, and have
    to start it again."""
    store = f"unix://{keyed.data / 'valkey' / 'valkey.sock'}"
    environ = {"FRONTDESK_API_KEYS": KEY, "FRONTDESK_TEAM": "support"}
    data = tmp_path_factory.mktemp("elsewhere")
    environ["FRONTDESK_REDIS_URL"] = store
    running = server_process(data, desk=desk, environ=environ)
    yield running
    running.stop()


class Line:
    """A typed call."""

    def __init__(self, socket: ClientConnection, created: dict[str, Any]) -> None:
        self._socket = socket
        self.call_id: str = created["session"]["id"]

    async def say(self, words: str) -> str:
        """Write a message; returns the words of the answer."""
        content = [{"type": "input_text", "text": words}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=item)
        await self.send("response.create", response={"output_modalities": ["text"]})
        done = await self.until("response.done")
        assert done["response"]["status"] == "completed", done
        items = [item for item in done["response"]["output"] if item["type"] == "message"]
        return " ".join(part["text"] for item in items for part in item["content"])

    async def speak(self) -> None:
        """Speak for half a second, and wait for the answer, aloud, to be made."""
        pcm = (np.sin(np.arange(12_000) / 10) * 9_000).astype("<i2").tobytes()
        await self.send(
            "input_audio_buffer.append", audio=base64.b64encode(pcm + bytes(72_000)).decode()
        )
        await self.until("response.done")

    async def send(self, type: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"type": type, **fields}))

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(40):
            while (event := json.loads(await self._socket.recv()))["type"] != kind:
                pass
        return event

    async def ended(self) -> tuple[int, str]:
        """Wait for the server to close; the code and the reason."""
        async with asyncio.timeout(40):
            with contextlib.suppress(ConnectionClosed):
                async for _ in self._socket:
                    pass
        assert self._socket.close_code is not None
        return self._socket.close_code, self._socket.close_reason or ""


Dial = Callable[..., Any]


@pytest.fixture
def dial() -> Dial:
    """``async with dial(server, user="anna") as line``: place a call."""

    @asynccontextmanager
    async def dialled(
        server: Any, key: str = KEY, headers: dict[str, str] | None = None, **query: str
    ) -> AsyncIterator[Line]:
        url = str(httpx2.URL(f"{server.ws}/v1/realtime", params=query))
        sent = {"authorization": f"Bearer {key}", **(headers or {})}
        async with connect(url, additional_headers=sent, open_timeout=40) as socket:
            event = json.loads(await socket.recv())
            assert event["type"] == "session.created", event
            yield Line(socket, event)

    return dialled


@pytest.fixture
def rest() -> Callable[..., httpx2.Response]:
    """``rest(server, "GET", "/api/…")``."""

    def ask(server: Any, method: str, path: str, **more: Any) -> httpx2.Response:
        return httpx2.request(method, f"{server.url}{path}", headers=HEADERS, timeout=40, **more)

    return ask


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Wait for what another process does, and no event tells of."""

    async def wait(condition: Callable[[], Any]) -> Any:
        until = time.monotonic() + 40
        while not (found := await asyncio.to_thread(condition)):
            assert time.monotonic() < until, "it did not come about"
            await asyncio.sleep(0.05)
        return found

    return wait
