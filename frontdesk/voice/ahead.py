"""What is asked of another server before it is needed, so that its answer is there in time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Generic, TypeVar

from frontdesk.voice.cutting import closing

T = TypeVar("T")
A = TypeVar("A")

_AT_ONCE = 2
"""What is taken now, and what comes next: more would be paid for and not heard if the caller cuts
in."""


class Eager(Generic[T]):
    """The items of an iterator, taken from it as they come, whether or not somebody waits for
    them. Raises what it raises, behind the items before. Has to be closed."""

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._items: asyncio.Queue[tuple[T] | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._take(items))

    def __aiter__(self) -> "Eager[T]":
        return self

    async def __anext__(self) -> T:
        if (item := await self._items.get()) is None:
            await self._task
            raise StopAsyncIteration
        return item[0]

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _take(self, items: AsyncIterator[T]) -> None:
        try:
            async with closing(items):
                async for item in items:
                    self._items.put_nowait((item,))
        finally:
            self._items.put_nowait(None)


async def begun_ahead(
    wanted: AsyncIterator[A], begin: Callable[[A], T], close: Callable[[T], AsyncIterator[object]]
) -> AsyncGenerator[T]:
    """What ``begin`` makes of what is wanted, one of them begun before it is asked for. Those that
    nobody took are closed: ``close`` tells what there is to be closed of one."""
    room = asyncio.Semaphore(_AT_ONCE)
    begun: list[T] = []

    async def made() -> AsyncGenerator[T]:
        async with closing(wanted):
            async for item in wanted:
                await room.acquire()
                begun.append(begin(item))
                yield begun[-1]

    ready = Eager(made())
    try:
        async for item in ready:
            yield item
            begun.remove(item)
            room.release()
    finally:
        await ready.aclose()
        for item in begun:
            async with closing(close(item)):
                pass
