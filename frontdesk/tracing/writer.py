"""The one thread that writes: it drains a queue into SQLite in batches.

Trouble with the disk is never the caller's: what cannot be written waits, within bounds, and is
then dropped and counted.
"""

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from frontdesk.tracing import schema
from frontdesk.tracing.cells import Cells
from frontdesk.tracing.thread import WritingThread

logger = logging.getLogger(__name__)

BATCH = 512
LINGER = 0.05
"""Seconds between a job that people wait for and its transaction: one commit for many spans."""
CALM = 0.25
"""Seconds that others may wait for such a one: each transaction takes as much CPU as ten spans."""
RETRY = 1.0
CAPACITY = 20_000
ROOM = 64 * 2**20
"""Bytes of audio that may wait to be written."""


class Job(Protocol):
    """Something to be stored."""

    size: int
    """Bytes it holds on to while it waits."""
    soon: bool
    """Whether people wait for it: what begins a turn, whose page is linked to at once, or ends
    it, with which its call may be over."""

    def prepare(self) -> bool:
        """Work that needs no database; False when there is nothing to write."""
        ...

    def write(self, database: sqlite3.Connection) -> None:
        """Write within the transaction under way. May be called again after a failure."""
        ...


Batch = Callable[[sqlite3.Connection, list[Job]], None]


class Writer(WritingThread):
    """Writes jobs in the order in which they came.

    ``summarize`` runs at the end of each transaction, inside it; ``committed`` after it.
    """

    def __init__(
        self,
        path: Path,
        summarize: Batch,
        committed: Callable[[], None],
        capacity: int = CAPACITY,
        cells: Cells | None = None,
    ) -> None:
        super().__init__()
        self._path = path
        self._cells = cells
        self._summarize = summarize
        self._committed = committed
        self._capacity = capacity
        self._queue: deque[Job] = deque()
        self._pending: list[Job] = []
        self._waiting = 0
        self._soon = threading.Event()
        self._database: sqlite3.Connection | None = None

    def start(self) -> None:
        """A file that an earlier version wrote is brought up first: it may be read before anything
        is written."""
        try:
            if self._path.exists():
                self._database = schema.connect(self._path, self._cells)
        except (sqlite3.Error, OSError) as error:
            self._report("traces cannot be written to %s now: %s", self._path, error)
        super().start()

    def submit(self, job: Job) -> bool:
        """Queue a job; returns at once. False when it was dropped, the queue being full."""
        with self._lock:
            full = len(self._queue) + len(self._pending) >= self._capacity
            if self._closed or full or (job.size and self._waiting + job.size > ROOM):
                self.dropped += 1
                if not self._closed:
                    self._report("traces are written too slowly: some are lost")
                return False
            self._waiting += job.size
            self._queue.append(job)
            if self._idle.is_set():
                self._idle.clear()
        if not self._wake.is_set():
            self._wake.set()
        if job.soon:
            self._soon.set()
        return True

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all that was queued is written. False when time ran out."""
        self._soon.set()
        return super().flush(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, within ``timeout`` seconds, and end the thread."""
        self._soon.set()
        super().close(timeout)

    def _run(self) -> None:
        while not (self._closed and not self._queue):
            self._wake.wait()
            self._soon.wait(CALM - LINGER)
            self._hurry.wait(LINGER)
            self._soon.clear()
            self._wake.clear()
            while self._step():
                pass
            if self._pending and not self._closed:
                self._hurry.clear()
                self._hurry.wait(RETRY)
                self._wake.set()
            elif self._closed and self._pending:
                break
        self._give_up([*self._pending, *self._queue])
        if self._database is not None:
            self._database.close()

    def _step(self) -> bool:
        """Write one batch. False when nothing is left or the database is in trouble."""
        if not self._pending:
            self._pending = self._take()
        if not self._pending:
            return False
        try:
            self._write(self._pending)
        except (sqlite3.OperationalError, OSError) as error:  # locked, full, read-only: may pass
            self._report("traces cannot be written to %s now: %s", self._path, error)
            self._discard()
            return False
        except Exception as error:
            self._report("a trace could not be written: %s", error)
            self._one_by_one()
        else:
            if self._trouble:
                logger.warning("traces are written again; lost meanwhile: %d", self.dropped)
            self._trouble = False
        with self._lock:
            self._pending = []
            if not self._queue:
                self._idle.set()
                self._hurry.clear()
        self._committed()
        return True

    def _take(self) -> list[Job]:
        batch: list[Job] = []
        while self._queue and len(batch) < BATCH:
            job = self._queue.popleft()
            with self._lock:
                self._waiting -= job.size
            try:
                if job.prepare():
                    batch.append(job)
            except Exception as error:
                self._report("a trace or its audio could not be kept: %s", error)
                self.dropped += 1
        if not batch:
            with self._lock:
                if not self._queue:
                    self._idle.set()
        return batch

    def _write(self, batch: list[Job]) -> None:
        if self._database is None:
            self._database = schema.connect(self._path, self._cells)
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            for job in batch:
                job.write(database)
            self._summarize(database, batch)
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise

    def _one_by_one(self) -> None:
        """A batch holds something that cannot be stored: keep the rest of it."""
        for job in self._pending:
            try:
                self._write([job])
            except Exception:
                self._give_up([job])

    def _discard(self) -> None:
        """Begin anew with the file next time: it may have been moved or replaced."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _give_up(self, jobs: list[Job]) -> None:
        self.dropped += len(jobs)
