"""Speech that comes with its words, from a realtime model: let out as it comes, or once its words
have passed the guardrails."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass

import numpy as np

from frontdesk.call.playback import Origin
from frontdesk.voice.audio import pcm16_to_samples
from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.cutting import closing
from frontdesk.voice.speaker import Spoken

Check = Callable[[AsyncIterator[str]], AsyncGenerator[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Sounding:
    """A stretch of sound of the item ``source`` upstream."""

    audio: bytes
    source: str


async def voiced(
    pieces: AsyncIterator[str | Sounding], check: Check | None
) -> AsyncGenerator[tuple[Spoken, Origin | None]]:
    """The sound in ``pieces`` with the words that came before it, and where it is from.

    With ``check``, which gives the words on that may be said, sound waits until all words that came
    before it have passed, and at least some have: a realtime model writes a word before it says it.
    Raises what ``check`` raises."""
    sorted_out = _unchecked(pieces) if check is None else _checked(pieces, check)
    words, at_ms = "", 0.0
    sounded: dict[str, float] = {}
    async with closing(sorted_out):
        async for piece in sorted_out:
            if isinstance(piece, str):
                words += piece
                continue
            audio = pcm16_to_samples(piece.audio)
            end_ms = at_ms + 1000 * len(audio) / OUTPUT_RATE
            origin = piece.source, sounded.get(piece.source, 0.0)
            yield Spoken(words, audio, at_ms, end_ms, bool(words), False), origin
            sounded[piece.source] = origin[1] + end_ms - at_ms
            words, at_ms = "", end_ms
    yield Spoken(words, np.zeros(0, np.float32), at_ms, at_ms, bool(words), True), None


async def _unchecked(pieces: AsyncIterator[str | Sounding]) -> AsyncGenerator[str | Sounding]:
    async for piece in pieces:
        yield piece


async def _checked(
    pieces: AsyncIterator[str | Sounding], check: Check
) -> AsyncGenerator[str | Sounding]:
    gate = _Gate()
    tasks = [asyncio.create_task(gate.sort(pieces)), asyncio.create_task(gate.pass_on(check))]
    try:
        while (piece := await gate.out.get()) is not None:
            yield piece
        for task in tasks:
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Gate:
    """Holds sound until the words before it have passed."""

    def __init__(self) -> None:
        self.out: asyncio.Queue[str | Sounding | None] = asyncio.Queue()
        self._words: asyncio.Queue[str | None] = asyncio.Queue()
        self._held: deque[tuple[int, Sounding]] = deque()
        self._written = self._passed = 0

    async def sort(self, pieces: AsyncIterator[str | Sounding]) -> None:
        """Words to those who check them, sound to wait for that."""
        try:
            async for piece in pieces:
                if isinstance(piece, str):
                    self._written += len(piece)
                    self._words.put_nowait(piece)
                else:
                    self._held.append((self._written, piece))
                    self._let_out()
        finally:
            self._words.put_nowait(None)

    async def pass_on(self, check: Check) -> None:
        """Words that may be said, and the sound that waits for them."""
        try:
            async with closing(check(self._come())) as checked:
                async for words in checked:
                    self._passed += len(words)
                    self.out.put_nowait(words)
                    self._let_out()
            self._passed = max(self._written, 1)  # there is no word left that may be held back
            self._let_out()
        finally:
            self.out.put_nowait(None)

    async def _come(self) -> AsyncGenerator[str]:
        while (words := await self._words.get()) is not None:
            yield words

    def _let_out(self) -> None:
        while self._passed and self._held and self._held[0][0] <= self._passed:
            self.out.put_nowait(self._held.popleft()[1])
