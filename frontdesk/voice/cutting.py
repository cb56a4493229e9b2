"""A reply that is still being written, clause by clause."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from frontdesk.voice.clauses import ClauseSplitter

T = TypeVar("T")

_AHEAD = 64
"""Clauses written but not yet spoken before the writer has to wait."""
_PAUSE_S = 0.15
"""Time without a new word after which a clause that looks complete is spoken: models write 10
words a second or more, unless they wait for a tool."""
_WORD = re.compile(r"\s*\S+")
_LONGEST = 400
"""Characters of clauses that are held together at most."""
_DOUBTS = 6
"""Pauses, one after the other, through which a doubtful clause is held."""


async def cut(
    text_deltas: AsyncIterator[str], splitter: ClauseSplitter | None = None
) -> AsyncGenerator[str]:
    """Clauses of what is written. Writing does not wait for whoever takes them.

    Close the iterator to stop. Raises what ``text_deltas`` raises, after the words before it."""
    clauses: asyncio.Queue[str | None] = asyncio.Queue(_AHEAD)
    reader = asyncio.create_task(_read(text_deltas, clauses, splitter or ClauseSplitter()))
    try:
        while (clause := await clauses.get()) is not None:
            yield clause
        await reader
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _read(
    text_deltas: AsyncIterator[str], clauses: asyncio.Queue[str | None], splitter: ClauseSplitter
) -> None:
    failure = None
    pauses = _Pauses(clauses, splitter)
    async with closing(text_deltas):
        try:
            async for delta in text_deltas:
                pauses.stop()
                for clause in splitter.push(delta):
                    await clauses.put(clause)
                pauses.wait()
        except Exception as error:
            failure = error
        finally:
            pauses.stop()
    for clause in (*splitter.flush(), None):
        await clauses.put(clause)
    if failure is not None:
        raise failure


class Cutter:
    """The same for a writer that hands over what it writes: no task stands between. As many
    clauses as there are wait."""

    def __init__(self) -> None:
        self._clauses: asyncio.Queue[str | None] = asyncio.Queue()
        self._splitter = ClauseSplitter()
        self._pauses = _Pauses(self._clauses, self._splitter)

    def push(self, delta: str) -> None:
        """It goes on."""
        self._pauses.stop()
        for clause in self._splitter.push(delta):
            self._clauses.put_nowait(clause)
        self._pauses.wait()

    def end(self) -> None:
        """There is no more."""
        self._pauses.stop()
        for clause in (*self._splitter.flush(), None):
            self._clauses.put_nowait(clause)

    async def clauses(self) -> AsyncGenerator[str]:
        """What is complete, to the end."""
        while (clause := await self._clauses.get()) is not None:
            yield clause


class _Pauses:
    """Gives out what a splitter holds when the writer pauses."""

    def __init__(self, clauses: asyncio.Queue[str | None], splitter: ClauseSplitter) -> None:
        self._clauses = clauses
        self._splitter = splitter
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def wait(self) -> None:
        """The writer may pause from now on."""
        self._timer = self._loop.call_later(_PAUSE_S, self._paused)

    def stop(self) -> None:
        """It writes."""
        if self._timer is not None:
            self._timer.cancel()

    def _paused(self) -> None:
        if not self._clauses.full():
            for clause in self._splitter.pause():
                self._clauses.put_nowait(clause)
        if self._splitter.holds:
            self.wait()


class DoubtfulSplitter(ClauseSplitter):
    """Clauses that nothing lies across which is looked for: ``open_from`` says from where the end
    of a text may be the first half of it. Such a clause waits for the next word, or if the writer
    pauses about a second, and is joined with the one behind it if that goes on.

    ``cut_at`` are the times (of the loop, in seconds) since which the clauses given out, and not
    yet taken from it, were complete."""

    def __init__(self, open_from: Callable[[str], int]) -> None:
        super().__init__()
        self._open_from = open_from
        self._held: list[tuple[str, float]] = []
        self._pauses = 0
        self._loop = asyncio.get_running_loop()
        self.cut_at: list[float] = []

    @property
    def holds(self) -> bool:
        return bool(self._held)

    def push(self, delta: str) -> list[str]:
        self._pauses = 0
        self._hold(super().push(delta))
        return self._release()

    def pause(self) -> list[str]:
        self._hold(super().pause())
        self._pauses += 1
        return self._release(all_of_it=self._pauses >= _DOUBTS)

    def flush(self) -> list[str]:
        self._hold(super().flush())
        return self._release(all_of_it=True)

    def _hold(self, clauses: list[str]) -> None:
        now = self._loop.time()
        self._held += [(clause, now) for clause in clauses]

    def _release(self, *, all_of_it: bool = False) -> list[str]:
        """What is in no doubt, or all."""
        released: list[str] = []
        joined, since, sure = "", 0.0, 0
        for index, (clause, at) in enumerate(self._held):
            since = since if joined else at
            joined += clause
            last = all_of_it and index + 1 == len(self._held)
            if last or len(joined) > _LONGEST or self._ends(joined, index):
                released.append(joined)
                self.cut_at.append(since)
                joined, sure = "", index + 1
        del self._held[:sure]
        return released

    def _ends(self, text: str, index: int) -> bool:
        """Whether nothing begins in ``text`` that may go on in what comes after the clause at
        ``index``: its next word tells."""
        if self._open_from(text) == len(text):
            return True
        behind = "".join(clause for clause, _ in self._held[index + 1 :]) + self.rest
        word = _WORD.match(behind)
        return word is not None and self._open_from(text + word[0]) >= len(text)


@asynccontextmanager
async def closing(items: AsyncIterator[T]) -> AsyncGenerator[AsyncIterator[T]]:
    """Close an iterator that can be closed, as generators can."""
    try:
        yield items
    finally:
        close: Callable[[], Awaitable[None]] | None = getattr(items, "aclose", None)
        if close is not None:
            await close()
