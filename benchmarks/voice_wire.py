"""What peers share: the Realtime wire, as far as the caller of ``voice.py`` speaks it, and models.

Runs in the peers' environment. The transcriber is the same code on the same weights as ours, the
voice the same model with the same seed, and the dialogue model says what our stand-in says: what is
left to compare is how turns are taken, and the plumbing.
"""

import asyncio
import base64
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any

import hibari
import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

sys.path.append(str(Path(__file__).parent.parent))

from frontdesk.voice.embedded.moonshine_model import MoonshineModel, folder
from frontdesk.voice.resample import Resampler

RATE, HEARD_RATE = 24_000, 16_000
AUDIBLE = 0.01
REPLY = "Thank you, I have looked that up for you now. Is there anything else you would like today?"


class Ear:
    """A transcriber, on a thread of its own."""

    def __init__(self) -> None:
        weights = folder()
        assert weights is not None
        self._model = MoonshineModel(weights)
        self._thread = ThreadPoolExecutor(1, "speech-to-text")
        self._model.hear(np.zeros(16_000, np.float32))

    async def hear(self, pcm: bytes) -> str:
        """Words of 16 kHz PCM16."""
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
        loop = asyncio.get_running_loop()
        heard = await loop.run_in_executor(self._thread, self._model.hear, samples)
        return self._model.text(heard.tokens)


class Mouth:
    """A voice, on a thread of its own."""

    def __init__(self) -> None:
        self._engine: Any = hibari.Hibari(voice="heart", threads=1)
        self._thread = ThreadPoolExecutor(1, "text-to-speech")
        for _ in self._engine.stream("Ready when you are.", 1.0, seed=1):
            pass

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        """24 kHz PCM16 as it is made, without the third of a second of silence that this model
        puts before its words: ours are spared it, too."""
        loop = asyncio.get_running_loop()
        chunks: Iterator[NDArray[np.float32]] = self._engine.stream(text, 1.0, seed=1)
        begun = False
        while (chunk := await loop.run_in_executor(self._thread, next, chunks, None)) is not None:
            if not begun:
                (loud,) = np.nonzero(np.abs(chunk) >= AUDIBLE)
                begun = len(loud) > 0
                chunk = chunk[max(0, loud[0] - RATE // 100) :] if begun else chunk[:0]
            if len(chunk):
                yield (np.clip(chunk, -1, 1) * 32767).astype("<i2").tobytes()


class Wire:
    """One call."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._out: asyncio.Queue[str] = asyncio.Queue()
        self._numbers = count(1)

    async def heard(self) -> AsyncIterator[bytes]:
        """The caller's 16 kHz PCM16; ends with the call."""
        resample = Resampler(RATE, HEARD_RATE)
        async for message in self._socket:
            event = json.loads(message)
            if event["type"] == "input_audio_buffer.append":
                samples = np.frombuffer(base64.b64decode(event["audio"]), "<i2")
                heard = resample(samples.astype(np.float32))
                yield np.clip(heard, -32768, 32767).astype("<i2").tobytes()
            elif event["type"] == "session.update":
                self.tell("session.updated")

    def tell(self, kind: str, **fields: Any) -> None:
        self._out.put_nowait(json.dumps({"type": kind, **fields}))

    def sound(self, pcm: bytes) -> None:
        """Speech, 24 kHz PCM16."""
        self.tell("response.output_audio.delta", delta=base64.b64encode(pcm).decode())

    def turn(self, text: str) -> None:
        """The caller's turn is over, and this is what was understood."""
        item = f"item_{next(self._numbers)}"
        self.tell("input_audio_buffer.committed", item_id=item)
        kind = "conversation.item.input_audio_transcription.completed"
        self.tell(kind, item_id=item, transcript=text)

    async def write(self) -> None:
        """Send what is told, in order."""
        while True:
            await self._socket.send(await self._out.get())


class Player:
    """The caller's player as a peer may know it: how much was played, and when it is played out."""

    def __init__(self) -> None:
        self._end = 0.0
        self._paused: float | None = None

    def add(self, seconds: float) -> None:
        self._end = max(self._end, time.monotonic()) + seconds

    @property
    def left(self) -> float:
        """Seconds that are still to be played."""
        now = time.monotonic() if self._paused is None else self._paused
        return max(0.0, self._end - now)

    @property
    def paused(self) -> bool:
        return self._paused is not None

    def pause(self) -> None:
        self._paused = self._paused or time.monotonic()

    def resume(self) -> None:
        if self._paused is not None:
            self._end = max(self._end, self._paused) + time.monotonic() - self._paused
            self._paused = None

    def clear(self) -> None:
        self._end, self._paused = 0.0, None


def run(talk: Callable[[Wire], Awaitable[None]]) -> None:
    """Serve calls, each by ``talk``; says where, as Frontdesk does."""

    async def answer(socket: ServerConnection) -> None:
        wire = Wire(socket)
        wire.tell("session.created")
        writing = asyncio.create_task(wire.write())
        try:
            await talk(wire)
        finally:
            writing.cancel()

    def healthy(_socket: ServerConnection, request: Request) -> Response | None:
        if request.path != "/healthz":
            return None
        body = b'{"in_use": {}}'
        headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body))})
        return Response(HTTPStatus.OK, "OK", headers, body)

    async def main() -> None:
        async with serve(
            answer, "127.0.0.1", 0, process_request=healthy, max_size=None, compression=None
        ) as server:
            port = server.sockets[0].getsockname()[1]
            print(f"talk http://127.0.0.1:{port}/talk", flush=True)
            await server.serve_forever()

    asyncio.run(main())
