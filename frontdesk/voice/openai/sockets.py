"""Transcription sessions of a Realtime API: sound goes in while it is spoken, words come out."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import orjson
import pybase64
from openai import AsyncOpenAI, OpenAIError
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import WebSocketException

from frontdesk.voice.base import SpeechError

logger = logging.getLogger(__name__)

Event = dict[str, Any]

CONNECT_SECONDS = 5.0
_KEPT = 8
"""Sockets that wait for the next turn; of more, the oldest is closed."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds without a new attempt after one that failed: twice as many each time."""


class TranscriptionSocket:
    """One session, used by one turn at a time. What is sent before it is open waits; once it is
    ``broken``, every commit fails with that. ``stirred`` is when it last said anything (loop time).
    """

    def __init__(self, client: AsyncOpenAI, session: Event, on_broken: Callable[[], None]) -> None:
        self.broken: SpeechError | None = None
        self.ready = asyncio.Event()
        """Set when the server has taken the session, or never will."""
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self.stirred = self._loop.time()
        self._client = client
        self._session = session
        self._outgoing: asyncio.Queue[Event] = asyncio.Queue()
        self._commits: deque[asyncio.Future[Event]] = deque()
        self._items: dict[str, asyncio.Future[Event]] = {}
        self._running = asyncio.create_task(self._run())
        self._send({"type": "session.update", "session": session})

    def configure(self, session: Event) -> None:
        """Transcribe in this way from now on."""
        if session != self._session:
            self._session = session
            self._send({"type": "session.update", "session": session})

    def append(self, pcm: bytes) -> None:
        """The next sound, 24 kHz and 16 bit."""
        audio = pybase64.b64encode(pcm).decode("ascii")
        self._send({"type": "input_audio_buffer.append", "audio": audio})

    def commit(self) -> asyncio.Future[Event]:
        """The words of all that was appended since the last commit: the event that has them. It
        fails with :class:`SpeechError`."""
        words: asyncio.Future[Event] = self._loop.create_future()
        words.add_done_callback(_seen)
        if self.broken is not None:
            words.set_exception(self.broken)
        else:
            self._commits.append(words)
            self._send({"type": "input_audio_buffer.commit"})
        return words

    def clear(self) -> None:
        """Forget what was appended since the last commit."""
        self._send({"type": "input_audio_buffer.clear"})

    async def aclose(self) -> None:
        """Close the connection."""
        self._on_broken = lambda: None
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    def _send(self, event: Event) -> None:
        if self.broken is None:
            self._outgoing.put_nowait(event)

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connecting = self._client.realtime.connect(extra_query={"intent": "transcription"})
                connection = await connecting.enter()
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._write(connection))
                    both.create_task(self._read(connection))
            finally:
                await connection.close()
        except* TimeoutError:
            self._break(SpeechError(f"no socket within {CONNECT_SECONDS:g} s"))
        except* SpeechError as found:
            self._break(cast("SpeechError", found.exceptions[0]))
        except* (OpenAIError, WebSocketException, OSError, ValueError, KeyError) as found:
            self._break(SpeechError(f"the socket broke: {found.exceptions[0]}"))
        finally:
            self._break(SpeechError("the socket is closed"))

    async def _write(self, connection: AsyncRealtimeConnection) -> None:
        while True:
            await connection.send_raw(orjson.dumps(await self._outgoing.get()).decode())

    async def _read(self, connection: AsyncRealtimeConnection) -> None:
        while True:
            event: Event = orjson.loads(await connection.recv_bytes())
            self.stirred = self._loop.time()
            match event["type"]:
                case "session.updated":
                    self.ready.set()
                case "input_audio_buffer.committed" if self._commits:
                    self._items[event["item_id"]] = self._commits.popleft()
                case "conversation.item.input_audio_transcription.completed":
                    self._worded(event["item_id"], event)
                case "conversation.item.input_audio_transcription.failed":
                    self._worded(event["item_id"], SpeechError(_message(event)))
                case "error":
                    raise SpeechError(_message(event))
                case _:
                    pass  # deltas too: that it stirred is all they tell before the words are whole

    def _worded(self, item_id: str, found: Event | SpeechError) -> None:
        words = self._items.pop(item_id, None)
        if words is None or words.done():
            return
        if isinstance(found, SpeechError):
            words.set_exception(found)
        else:
            words.set_result(found)

    def _break(self, error: SpeechError) -> None:
        if self.broken is not None:
            return
        self.broken = error
        for words in (*self._commits, *self._items.values()):
            if not words.done():
                words.set_exception(error)
        self._commits.clear()
        self._items.clear()
        self.ready.set()
        self._on_broken()


class SocketPool:
    """The sockets of one transcriber. A turn takes one, with a session as it needs it, and gives it
    back. After a failure none is opened for a while: ``take`` says so by giving none."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client
        self._idle: deque[TranscriptionSocket] = deque()
        self._taken: set[TranscriptionSocket] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._not_before = 0.0
        self._closed = False

    def take(self, session: Event) -> TranscriptionSocket | None:
        """A socket, which may still be on its way to being open."""
        while self._idle:
            socket = self._idle.pop()
            if socket.broken is None:
                socket.configure(session)
                self._taken.add(socket)
                return socket
        if asyncio.get_running_loop().time() < self._not_before:
            return None
        socket = TranscriptionSocket(self._client, session, self._lost)
        self._taken.add(socket)
        return socket

    def give(self, socket: TranscriptionSocket) -> None:
        """The turn needs it no more."""
        self._taken.discard(socket)
        if self._closed:
            self._end(socket)
        elif socket.broken is None:
            self._failures, self._not_before = 0, 0.0
            self._idle.append(socket)
            if len(self._idle) > _KEPT:
                self._end(self._idle.popleft())

    def drop(self, socket: TranscriptionSocket) -> None:
        """It does not do what it should: the next turn gets another one, after a while."""
        self._taken.discard(socket)
        if socket.broken is None:
            self._lost()
            self._end(socket)

    def _end(self, socket: TranscriptionSocket) -> None:
        ending = asyncio.create_task(socket.aclose())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _lost(self) -> None:
        self._failures += 1
        pause = min(_FIRST_PAUSE * 2 ** (self._failures - 1), _LONGEST_PAUSE)
        self._not_before = asyncio.get_running_loop().time() + pause

    async def aclose(self) -> None:
        """Close all of them."""
        self._closed = True
        sockets = [*self._idle, *self._taken]
        await asyncio.gather(*(socket.aclose() for socket in sockets), *self._ending)


def _message(event: Event) -> str:
    error: Event = event.get("error") or {}
    return str(error.get("message") or error.get("code") or "an error without a message")


def _seen(words: asyncio.Future[Event]) -> None:
    """Nobody has to wait for the words."""
    if not words.cancelled():
        words.exception()
