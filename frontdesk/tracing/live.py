"""What happens now, for pages that watch: events fan out to subscribers in bounded queues."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager, suppress
from typing import Any

QUEUE = 512
"""Events that wait for a slow subscriber; the oldest are lost first."""

Event = tuple[str, dict[str, Any]]


class Subscription:
    """One watcher's queue. Iterate it in the event loop that made it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: deque[Event] = deque(maxlen=QUEUE)
        self._ready = asyncio.Event()
        self._closed = False

    def push(self, events: list[Event]) -> None:
        """Add events, from any thread."""
        with suppress(RuntimeError):  # its loop has ended: nobody listens
            self._loop.call_soon_threadsafe(self._extend, events)

    def close(self) -> None:
        """End the iteration, from any thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._close)

    def _extend(self, events: list[Event]) -> None:
        self._events.extend(events)
        self._ready.set()

    def _close(self) -> None:
        self._closed = True
        self._ready.set()

    async def events(self, idle: float) -> AsyncIterator[Event | None]:
        """Events as they come; None after ``idle`` seconds without one. Ends when closed."""
        while not self._closed:
            try:
                async with asyncio.timeout(idle):
                    await self._ready.wait()
            except TimeoutError:
                yield None
                continue
            self._ready.clear()
            while self._events:
                yield self._events.popleft()


class LiveFeed:
    """The subscribers of a process."""

    def __init__(self) -> None:
        self._subscriptions: tuple[Subscription, ...] = ()

    def __bool__(self) -> bool:
        """Whether anyone listens: events need not be made otherwise."""
        return bool(self._subscriptions)

    @contextmanager
    def subscribe(self) -> Generator[Subscription]:
        subscription = Subscription()
        self._subscriptions += (subscription,)
        try:
            yield subscription
        finally:
            self._subscriptions = tuple(s for s in self._subscriptions if s is not subscription)

    def publish(self, events: list[Event]) -> None:
        """Hand events to all subscribers, from any thread; never blocks."""
        for subscription in self._subscriptions:
            subscription.push(events)

    def close(self) -> None:
        """End all subscriptions, so that a server can shut down."""
        for subscription in self._subscriptions:
            subscription.close()
