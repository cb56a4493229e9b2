"""The one thread that writes to ClickHouse: rarely, and much at once.

What comes in can be read from :class:`Waiting` within :data:`TICK`; it is written a second later.
When ClickHouse is away it waits, within bounds, is tried again, and is dropped and counted.
"""

import logging
import time
from collections import deque
from collections.abc import Callable

from frontdesk.tracing.clickhouse.waiting import Batch, Waiting
from frontdesk.tracing.thread import WritingThread

logger = logging.getLogger(__name__)

TICK = 0.2
LINGER = 1.0
"""Seconds between the first row that waits and its batch."""
BATCH = 10_000
RETRY = 2.0
CAPACITY = 50_000
"""Rows that may wait."""
ROOM = 64 * 2**20
"""Bytes of audio that may wait for the disk."""

Work = Callable[[], None]
"""Puts something into :class:`Waiting`, in the thread that writes."""


class Shipping(WritingThread):
    """``write`` puts a batch into ClickHouse, or raises ``OSError`` when that may do later. Of a
    batch that raises anything else, what can be written is. ``arrived`` runs when something came
    in."""

    def __init__(
        self,
        waiting: Waiting,
        where: str,
        write: Callable[[Batch], None],
        arrived: Callable[[], None],
        capacity: int = CAPACITY,
    ) -> None:
        super().__init__()
        self._waiting = waiting
        self._where = where
        self._write = write
        self._arrived = arrived
        self._capacity = capacity
        self._queue: deque[tuple[Work, int]] = deque()
        self._room = ROOM
        self._due = float("inf")

    def submit(self, work: Work, size: int = 0) -> bool:
        """Queue it, and return at once. ``size``: bytes it holds on to. False when there is no
        room."""
        with self._lock:
            full = len(self._queue) + len(self._waiting) >= self._capacity or size > self._room
            if self._closed or full:
                self.dropped += 1
                if full:
                    self._report("traces are written too slowly: some are lost")
                return False
            self._room -= size
            self._queue.append((work, size))
            self._idle.clear()
        if not self._wake.is_set():
            self._wake.set()
        return True

    def _run(self) -> None:
        while True:
            self._wake.wait(None if self._due == float("inf") else self._due - time.monotonic())
            self._hurry.wait(TICK)
            self._wake.clear()
            closing, hurried = self._closed, self._hurry.is_set()
            if self._take():
                self._arrived()
            if hurried or len(self._waiting) >= BATCH or time.monotonic() >= self._due:
                self._ship()
            with self._lock:
                if not self._queue and not len(self._waiting):
                    self._idle.set()
                    self._hurry.clear()
            if closing:
                break
        self.dropped += len(self._waiting) + len(self._queue)

    def _take(self) -> bool:
        """What is queued, into what waits. True if there was any."""
        found = bool(self._queue)
        while self._queue:
            work, size = self._queue.popleft()
            try:
                work()
            except Exception as error:
                self._report("a trace or its audio could not be kept: %s", error)
                self.dropped += 1
            with self._lock:
                self._room += size
        if len(self._waiting) and self._due == float("inf"):
            self._due = time.monotonic() + LINGER
        return found

    def _ship(self) -> None:
        self._due = float("inf")
        try:
            while len(batch := self._waiting.batch(BATCH)):
                self._sift(batch)
                self._waiting.done(batch)
                if self._trouble:
                    logger.warning("traces are written again; lost meanwhile: %d", self.dropped)
                    self._trouble = False
        except OSError as error:  # away, locked, full: it may pass
            self._report("traces cannot be written to %s now: %s", self._where, error)
            self._due = time.monotonic() + RETRY
            self._hurry.clear()

    def _sift(self, batch: Batch) -> None:
        """Write it, but for what ClickHouse cannot take."""
        try:
            self._write(batch)
        except OSError:
            raise
        except Exception as error:  # something in it, and it would be so the next time
            self._report("a trace could not be written: %s", error)
            parts = batch.halves()
            if not parts:
                self.dropped += 1
            for part in parts:
                self._sift(part)
