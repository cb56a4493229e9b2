"""Frontdesk as its users have it: processes, sockets, and what can happen to them."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import time
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from frontdesk.cli import main

DESK = """\
version: 1
name: support
entry: clerk
models:
  main: { provider: auto }
voice:
  stt: { provider: auto }
  tts: { provider: auto }
  turn_detection: { type: server_vad, silence_duration_ms: 300 }
agents:
  clerk:
    description: Answers.
    instructions: clerk.md
"""
SECOND = 24_000
SPEECH = 0.3 * np.sin(2 * np.pi * 220 * np.arange(SECOND) / SECOND)
SILENCE = np.zeros(SECOND)


class Line:
    """A client's end of a call: raw frames, checked by nobody but the server."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.call_id = ""
        self.events: list[dict[str, Any]] = []
        """All that was received, sound excepted."""
        self.seen = ""
        """The id of the last event, be it sound."""
        self.sound_ms: dict[str, float] = {}
        """Milliseconds of sound that came, by item."""

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def recv(self) -> dict[str, Any]:
        event = json.loads(await self.socket.recv())
        self.seen = event["event_id"]
        if event["type"] != "response.output_audio.delta":
            self.events.append(event)
        else:
            before = self.sound_ms.get(event["item_id"], 0.0)
            self.sound_ms[event["item_id"]] = before + len(b64decode(event["delta"])) / 48
        return event

    async def heard_out(self) -> None:
        """Tell the server that the caller has heard all of the last answer: it came faster than
        anybody speaks."""
        item_id, milliseconds = next(reversed(self.sound_ms.items()))
        fields = {"item_id": item_id, "content_index": 0, "audio_end_ms": int(milliseconds)}
        await self.send("conversation.item.truncate", **fields)
        await self.until("conversation.item.truncated")

    async def until(self, kind: str) -> dict[str, Any]:
        """The next event of this kind."""
        async with asyncio.timeout(40):
            while (event := await self.recv())["type"] != kind:
                pass
        return event

    async def until_closed(self) -> tuple[int, str]:
        """Read on to the end: close code and reason."""
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(40):
                while True:
                    await self.recv()
        return self.socket.close_code or 0, self.socket.close_reason or ""

    async def configure(self, **session: Any) -> None:
        await self.send("session.update", session={"type": "realtime", **session})
        await self.until("session.updated")

    async def write(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=item)

    async def ask(self, text: str) -> dict[str, Any]:
        """A text message and the whole response to it; others may be over before, such as one that
        was broken off and is gone on with."""
        mark = {"asked": str(len(self.events))}
        await self.write(text)
        await self.send("response.create", response={"metadata": mark})
        response: dict[str, Any] = {}
        while response.get("metadata") != mark:
            response = (await self.until("response.done"))["response"]
        return response

    async def speak(self, *sounds: np.ndarray) -> None:
        for sound in sounds:
            pcm = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
            await self.send("input_audio_buffer.append", audio=b64encode(pcm).decode())

    async def spoken(self, *sounds: np.ndarray) -> tuple[str, dict[str, Any]]:
        """Speak, fall silent, and get what was understood and the response."""
        begin = len(self.events)
        await self.speak(*sounds, SILENCE, SILENCE)
        response = (await self.until("response.done"))["response"]
        heard = [
            event["transcript"]
            for event in self.events[begin:]
            if event["type"] == "conversation.item.input_audio_transcription.completed"
        ]
        return " ".join(heard), response


def said(response: dict[str, Any]) -> str:
    """The words of a response."""
    parts = [part for item in response["output"] for part in item.get("content", [])]
    return " ".join(part.get("transcript") or part.get("text") or "" for part in parts)


@pytest.fixture
async def dial() -> Any:
    """Calls to any server: ``line = await dial(server)``. All hung up at the end."""
    lines: list[Line] = []

    async def dial(
        server: Any,
        call_id: str | None = None,
        *,
        model: str = "support",
        resume: bool | str = False,
        after: str | None = None,
        also: str = "",
        **options: Any,
    ) -> Line:
        query = f"?call_id={call_id}" if call_id else f"?model={model}"
        query += f"&resume={'true' if resume is True else resume}" if resume else ""
        query += f"&after={after}" if after else ""
        query += f"&{also}" if also else ""
        address = f"{server.ws}/v1/realtime{query}"
        line = Line(await connect(address, max_size=None, compression=None, **options))
        lines.append(line)
        created = await line.recv()
        line.call_id = created.get("session", {}).get("id", "")
        return line

    yield dial
    for line in lines:
        line.socket.transport.abort()


@pytest.fixture
def answer_of() -> Callable[[dict[str, Any]], str]:
    return said


@pytest.fixture
def get() -> Callable[[Any, str], Any]:
    """GET a JSON document of a server."""

    def get(server: Any, path: str) -> Any:
        with urllib.request.urlopen(server.url + path, timeout=40) as answer:
            return json.load(answer)

    return get


@pytest.fixture
def post() -> Callable[[Any, str, Any], Any]:
    """POST a JSON document to a server, and get another."""

    def post(server: Any, path: str, document: Any) -> Any:
        body, headers = json.dumps(document).encode(), {"content-type": "application/json"}
        request = urllib.request.Request(server.url + path, body, headers)
        with urllib.request.urlopen(request, timeout=40) as answer:
            return json.load(answer)

    return post


@pytest.fixture
def calls_end(get) -> Callable[[Any], Awaitable[None]]:
    """Wait until a server has no calls left."""

    async def calls_end(server: Any) -> None:
        async with asyncio.timeout(40):
            while (await asyncio.to_thread(get, server, "/healthz"))["calls"]:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.05)

    return calls_end


@pytest.fixture
def serve(server_process, tmp_path, desk) -> Iterator[Any]:
    """Servers of one's own: ``server = serve()``. Restarted, they have the same name again, as a
    server on a fixed port has."""
    running: list[Any] = []

    def serve(
        data: Path | None = None, *, environ: dict[str, str] | None = None, **how: Any
    ) -> Any:
        folder = data or tmp_path / "data"
        folder.mkdir(parents=True, exist_ok=True)
        environ = {"FRONTDESK_WORKER": "w1", **(environ or {})}
        server = server_process(folder, environ=environ, **{"desk": desk, **how})
        running.append(server)
        return server

    yield serve
    for server in running:
        server.stop()
        assert "Traceback" not in server.log.read_text()
        deadline = time.monotonic() + 40  # they end with their parent, or a moment later
        while left := processes(str(server.data)):
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


@pytest.fixture(scope="session")
def embedded(server_process, tmp_path_factory) -> Iterator[Any]:
    """The example desk on embedded models: real ears and some wits. Takes seconds to start."""
    data = tmp_path_factory.mktemp("embedded")
    server = server_process(data, models="embedded", environ={"FRONTDESK_WORKER": "w1"})
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text()


@pytest.fixture
def frontdesk(tmp_path, monkeypatch, capsys) -> Callable[..., tuple[int, str]]:
    """The command, in this process, as starting one takes seconds: ``frontdesk("serve", desk)``
    gives its exit code and all that it prints, which is never a traceback."""
    monkeypatch.setenv("FRONTDESK_DATA", str(tmp_path / "data"))

    def run(*words: Any, **environ: str) -> tuple[int, str]:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["frontdesk", *map(str, words)])
        with pytest.raises(SystemExit) as exit:
            main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return int(exit.value.code or 0), printed.out + printed.err

    return run


@pytest.fixture(scope="session")
def desk(tmp_path_factory) -> Path:
    """A desk that is up sooner than the example: one agent, no MCP servers."""
    root = tmp_path_factory.mktemp("desk")
    (root / "agents").mkdir()
    (root / "agents" / "support.yaml").write_text(DESK)
    (root / "agents" / "clerk.md").write_text("Answer briefly.")
    return root


def processes(mark: str) -> dict[int, str]:
    """Processes, by id, with ``mark`` in their command line or environment. Linux only."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environ = (entry / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if command and re.search(re.escape(mark) + r"(\0|$|/| )", command + "\0" + environ):
            found[int(entry.name)] = command
    return found


@pytest.fixture
def children() -> Callable[[Any], dict[int, str]]:
    """The processes that live on a server's data folder, its own included."""
    return lambda server: processes(str(server.data))


@pytest.fixture
def kill() -> Callable[[int], None]:
    return lambda pid: os.kill(pid, signal.SIGKILL)


class Sounds:
    speech, silence = SPEECH, SILENCE


@pytest.fixture
def sounds() -> type[Sounds]:
    """One second each, at 24 kHz: a tone, which instant models take for speech, and nothing."""
    return Sounds
