"""How long traces and sound are kept, by age and by size: the oldest calls go first, whole.

A pass runs in a thread of its own and takes many small steps. Rows are removed by the store's
writer, a part of them in each of its transactions, so nobody waits long for the disk.
"""

import asyncio
import fcntl
import logging
import math
import os
import shutil
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from frontdesk.tracing.audio import AudioStore, mixes
from frontdesk.tracing.sound_files import sound_bytes, sound_files
from frontdesk.tracing.stores import Kept, Store, StoreError

logger = logging.getLogger(__name__)

FIRST, EVERY = 60.0, 900.0
"""Seconds until the first pass, and between two."""
FRESH = 60.0
"""Seconds for which a size is good: hundreds of thousands of files take a second to look at."""
DAY = 86_400.0
YOUNG = 3_600.0
"""Seconds for which a call is never removed: it may be live in another process."""
CALLS = 1_000
"""Calls removed in one step."""
TURNS = 50
"""Turns removed in one transaction of SQLite. With 200 spans each, that is 35 ms (measured)."""
LOCK = "retention.lock"


@dataclass(slots=True)
class Removed:
    """How much is gone since the process began."""

    calls: int = 0
    turns: int = 0
    pieces: int = 0


class Retention:
    """Removes calls of more than ``days`` ago, and the oldest while there are more than
    ``gigabytes`` (GiB) of rows and sound; 0 is without bound. ``live`` are never removed. Of
    several processes with one data folder, one does it."""

    def __init__(
        self,
        store: Store,
        audio: AudioStore,
        *,
        days: float,
        gigabytes: float,
        live: Callable[[], frozenset[str]],
    ) -> None:
        self.days, self.gigabytes = days, gigabytes
        self.removed = Removed()
        self._sound = 0
        self._measured = -math.inf
        self._store = store
        self._audio = audio
        self._live = live
        self._over = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self._said = False

    def start(self) -> None:
        """Begin to look, now and then. In the event loop."""
        if self.days or self.gigabytes:
            self._task = asyncio.create_task(self._watch())

    async def aclose(self) -> None:
        """Take no further step."""
        self._over.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        await asyncio.sleep(FIRST)
        while True:
            await asyncio.to_thread(self._look)
            await asyncio.sleep(EVERY)

    def _look(self) -> None:
        try:
            with self._alone() as alone:
                if alone:
                    self.run(time.time())
        except (StoreError, OSError) as error:
            logger.warning("what is too old in the traces is not removed now: %s", error)

    @contextmanager
    def _alone(self) -> Generator[bool]:
        """Whether no other process is at it, or was just now."""
        self._audio.root.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._audio.root.parent / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            # What is written in it is when the last pass began.
            last = os.read(lock, 32)
            due = not last or abs(time.time() - float(last)) > EVERY / 2
            if due:
                os.pwrite(lock, f"{time.time():032.6f}".encode(), 0)
            yield due
        finally:
            os.close(lock)

    def run(self, now: float) -> None:
        """One pass. Blocks. Raises :class:`StoreError` and :class:`OSError`; what is not done
        then, the next one does."""
        before = self.removed.turns
        if self.days:
            self._by_age(min(now - self.days * DAY, now - YOUNG))
        self._measure()
        if self.gigabytes:
            self._by_size(now - YOUNG, int(self.gigabytes * 2**30))
        if self.removed.turns > before:
            while not self._over.is_set() and self._store.tidy():
                pass

    def _by_age(self, until: float) -> None:
        while self._remove(until):
            pass
        # Sound without a turn, mixes, and what a crash left half written.
        live = set(self._store.kept([*self._live()]).pieces)
        files = (path for path, found in sound_files(self._audio.root) if found.st_mtime < until)
        stale = [path for path in files if path.stem not in live]
        for path in stale:
            path.unlink(missing_ok=True)
        for at in range(0, len(stale), CALLS):
            self._store.prune(Kept(pieces=[path.stem for path in stale[at : at + CALLS]]))

    def _by_size(self, until: float, limit: int) -> None:
        used = self._store.used()
        taken = used.bytes + self._sound
        if taken <= limit:
            self._said = False
            return
        # As many as are too many if all are of one size. The next pass looks again: not every
        # store tells at once how much it has become smaller.
        many = math.ceil(used.calls * (taken - limit) / taken)
        gone = self.removed.calls + many
        while (left := gone - self.removed.calls) > 0:
            if not self._remove(until, min(left, CALLS)):
                if not self._over.is_set():
                    self._say_full()
                return

    def _say_full(self) -> None:
        if not self._said:
            logger.warning(
                "traces take more than FRONTDESK_TRACES_GB=%g, and no call is over for an hour",
                self.gigabytes,
            )
        self._said = True

    def _remove(self, until: float, calls: int = CALLS) -> bool:
        """Remove some of the oldest ``calls``, or a part of one. False when there is nothing to
        remove, or the process ends."""
        if self._over.is_set():
            return False
        kept = self._store.expired(until, self._live(), calls, TURNS)
        if not any((kept.calls, kept.traces, kept.pieces)):
            return False
        # Files first: their keys are known as long as the rows are there.
        for key in kept.pieces:
            self._unlink(self._audio.locate(key))
        for call_id in kept.calls:
            folder = mixes(self._audio.root, call_id)
            for path in folder.glob("*"):
                self._unlink(path)
            shutil.rmtree(folder, ignore_errors=True)
        self._store.prune(kept)
        self.removed.calls += len(kept.calls)
        self.removed.turns += len(kept.traces)
        self.removed.pieces += len(kept.pieces)
        return True

    def _unlink(self, path: Path) -> None:
        with suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            self._sound -= size

    def sound(self) -> int:
        """Bytes of files of sound, as of a minute ago at most. Blocks."""
        if time.monotonic() - self._measured > FRESH:
            self._measure()
        return self._sound

    def _measure(self) -> None:
        self._sound = sound_bytes(self._audio.root)
        self._measured = time.monotonic()
