"""What the client is told: only what is on record, as long as the record keeps up.

A client that saw an item, its words or its end must find them after a crash. So the frames of an
event wait until the entries of that event are acknowledged by the store: 0.1 to 0.3 ms (measured,
docs/state.md) where somebody waits for them, else a moment longer, so that fewer and larger writes
do. A store that does not answer in time is not waited for again until it has caught up: the
caller's ear comes first, and :class:`~frontdesk.state.writer.LogWriter` keeps the entries.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from frontdesk.call.book import CallBook
from frontdesk.call.connections import Connections, To
from frontdesk.call.recent import Recent
from frontdesk.protocol.commands import Send
from frontdesk.state.events import SOUND, Event

PATIENCE = 0.1
"""Seconds that a frame may wait for the record. Five frames of audio: no player runs dry."""
OPENING = 2.0
"""Seconds that the first ones may, of a call that nothing is on record of: nobody could go on with
it, whatever its client shows."""


class Told:
    """Frames on their way to the clients, in order. Used by the call's writer only."""

    def __init__(self, book: CallBook, connections: Connections) -> None:
        self._book = book
        self._connections = connections
        self.recent = Recent()
        self._steps: deque[Callable[[], None]] = deque()
        self._waiting = self._behind = self._muted = self._fresh = False
        self._to_notify: list[asyncio.Event] = []

    def put(self, frame: bytes, to: To = None) -> None:
        """Add a frame of the event at hand, which is not told again."""
        self.then(partial(self._connections.send, frame, to))

    def tell(self, event: Send, *, tools: bool = False) -> None:
        """Add an event for all (or for those who see the team's ``tools``), also for those who
        ask later what they missed."""
        if not self._muted:
            _, epoch, n = event.event_id.split("_")  # as Ids makes it
            number = int(epoch), int(n)
            self.recent.add(Event(number, event.frame, tools), event.type)
            if event.type != SOUND:
                self._book.tell(number[1], event.type, event.frame, tools=tools)
        self.put(event.frame, "tools" if tools else None)

    def then(self, do: Callable[[], None]) -> None:
        """Have ``do`` called between the frames before it and those behind it."""
        if not self._muted:
            self._steps.append(do)
            self._fresh = True

    def mute(self) -> None:
        """The call is another worker's: nothing more is sent, not even what waits."""
        self._muted = True
        self._steps.clear()
        self._notify_if_sent()

    def release(self, *, hurry: bool = True) -> None:
        """The event is dealt with, and all its entries are put: send its frames once those are
        on record. ``hurry``: somebody waits for them, not only for those of events before it."""
        if hurry and self._fresh:
            self._book.hurry()
        self._fresh = False
        if self._waiting or not self._steps:
            return
        if self._book.on_record:
            self._behind = False
        elif not self._behind:
            self._wait()
            return
        self._send_some(len(self._steps))

    def notify(self, sent: asyncio.Event) -> None:
        """Set ``sent`` once every frame that was put so far is sent."""
        self._to_notify.append(sent)
        self._notify_if_sent()

    def _notify_if_sent(self) -> None:
        if not self._steps:
            for sent in self._to_notify:
                sent.set()
            self._to_notify.clear()

    def _wait(self) -> None:
        self._waiting = True
        patience = PATIENCE if self._book.resumable else OPENING
        self._book.when_recorded(patience, partial(self._recorded, len(self._steps)))

    def _recorded(self, covered: int, in_time: bool) -> None:
        self._waiting, self._behind = False, not in_time
        self._send_some(covered)
        self.release()

    def _send_some(self, count: int) -> None:
        for _ in range(min(count, len(self._steps))):  # muted meanwhile, there are none
            self._steps.popleft()()
        self._notify_if_sent()

    async def aclose(self) -> None:
        """Send what is left."""
        self.release()
        sent = asyncio.Event()
        self.notify(sent)
        await sent.wait()
