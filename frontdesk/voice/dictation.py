"""The transcript of one turn, begun before the end of the turn is sure."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from frontdesk.voice.base import INPUT_RATE, Transcript, TranscriptionStream
from frontdesk.voice.buffer import AudioBuffer

logger = logging.getLogger(__name__)

T = TypeVar("T")

_AT_ONCE = INPUT_RATE // 5
"""Speech that is handed to the model together while it goes on."""


class Tasks:
    """The tasks of one call, so that they can be stopped together."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run ``work`` beside the call. Its error, if nobody awaits it, goes to the log."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def stop(self) -> None:
        """Cancel all and wait until they are gone."""
        running = [*self._running]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.debug("speech model failed: %s", error)


class Dictation:
    """Audio of one turn on its way to text, from sample ``begin`` of ``buffer``."""

    def __init__(
        self, stream: TranscriptionStream, buffer: AudioBuffer, begin: int, tasks: Tasks
    ) -> None:
        self._stream = stream
        self._buffer = buffer
        self._fed = begin
        self._tasks = tasks
        self._guess: asyncio.Task[Transcript] | None = None
        self._known: float | None = None

    @property
    def guessed(self) -> asyncio.Task[Transcript] | None:
        """The guess that stands, under way or done."""
        return self._guess

    def follow(self, until: int) -> None:
        """Somebody speaks, by now up to ``until``: a model that can listens ahead."""
        if until - self._fed >= _AT_ONCE:
            self._feed(until)

    def guess(self, until: int) -> asyncio.Task[Transcript]:
        """Transcribe up to ``until``, in case that was all."""
        self.drop_guess()
        self._feed(until)
        guess = self._guess = self._tasks.start(self._stream.transcript())
        guess.add_done_callback(self._note)
        return guess

    def _note(self, guess: asyncio.Task[Transcript]) -> None:
        self._known = guess.get_loop().time()

    def drop_guess(self) -> None:
        """It was not all."""
        if self._guess is not None:
            self._guess.cancel()
            self._guess = None

    def finish(self, until: int, *, trust: bool) -> tuple[asyncio.Task[Transcript], bool]:
        """The transcript at the turn's end, and whether it is the guess. With ``trust``, nothing
        was said since the guess, so that it stands unless it failed."""
        guess = self._guess
        if guess is not None and trust and not _failed(guess):
            return self._tasks.start(self._closing(guess)), True
        self.drop_guess()
        self._feed(until)
        return self._tasks.start(self._closing(self._tasks.start(self._stream.transcript()))), False

    @property
    def ready_for(self) -> float:
        """Seconds for which the transcript has been known, where it is a guess that came true."""
        if self._guess is None or self._known is None or _failed(self._guess):
            return 0.0
        return self._guess.get_loop().time() - self._known if self._guess.done() else 0.0

    async def aclose(self) -> None:
        """Nobody wants the text."""
        self.drop_guess()
        await self._stream.aclose()

    def _feed(self, until: int) -> None:
        self._stream.push(self._buffer.slice(self._fed, until))
        self._fed = max(self._fed, until)

    async def _closing(self, transcript: asyncio.Task[Transcript]) -> Transcript:
        try:
            return await transcript
        finally:
            await self._stream.aclose()


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
