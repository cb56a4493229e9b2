"""Writing a call's log beside the call, so that the audio path never waits for Redis."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Self

import orjson
from redis.exceptions import RedisError

from frontdesk.state.entries import CallState, Entry, check
from frontdesk.state.errors import LogLost, StateError, Unavailable
from frontdesk.state.events import Batch, Line, pack
from frontdesk.state.fold import apply
from frontdesk.state.log import CallStore, Lease

logger = logging.getLogger(__name__)

PATIENCE = 30.0
LINGER = 0.01
"""Seconds that an entry may wait for others to be written with it. An append costs 0.13 ms of CPU
here and as much in the store, and a turn has some ten entries that come one by one."""
EVENT_LINGER = 0.25
"""Seconds that an event may wait for an entry to be written with: only those who follow the call
from outside wait for it, and a text answer has a delta for each token."""
EVENTS_WAITING = 128 * 1024
"""Bytes of events that may wait; more than the stream keeps."""
BATCH = 512
BACKLOG_BYTES = 16 * 1024 * 1024
ROOM = 42 * 1024
"""Bytes that the log of a call may take in the store, snapshot and entries, before a snapshot is
due. Servers take up to a quarter more for it; with the events that clients were told, it stays
under 64 KiB."""
SHORTEST_TAIL = 7 * 1024
"""Bytes of entries, some five turns, that are let gather even where that is more than ``ROOM``: an
hour's snapshot costs 6 ms of CPU."""
FIRST_DELAY, LAST_DELAY = 0.05, 2.0


class LogWriter:
    """The one writer of one call's log. Use as ``async with``: leaving it flushes and gives the
    lease back.

    ``state`` is the call as it stood when the lease was taken (``CallStore.load`` after ``open``);
    leave it out for a new call. ``on_lost`` is called once, in the event loop, when the call can
    no longer be written: with :class:`Fenced` when another worker has it, with
    :class:`Unavailable` when the store did not answer for ``patience`` seconds, or failed while
    more than 16 MiB wait. The call must then end or fall silent; what is put later is dropped.

    While the store is away, entries wait in memory and are written in order when it is back. A
    store that comes back with less than it had acknowledged is filled up from memory.
    """

    def __init__(
        self,
        store: CallStore,
        lease: Lease,
        state: CallState | None = None,
        *,
        on_lost: Callable[[StateError], None],
        patience: float = PATIENCE,
    ) -> None:
        self._store = store
        self._lease = lease
        self.state = state or CallState(lease.call_id)
        """The call as far as the store has acknowledged it."""
        if self.state.seq != lease.seq:
            raise ValueError(
                f"call {lease.call_id}: the state is at entry {self.state.seq}, the log at "
                f"{lease.seq}: load the call after it was opened"
            )
        self._on_lost = on_lost
        self._patience = patience
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        if state is not None:  # how long its log is nobody knows: the first write makes it short
            lease.tail_bytes = ROOM
        self._wake = asyncio.Event()
        self._lingering: asyncio.TimerHandle | None = None
        self._events: deque[Line] = deque()
        self._events_bytes = 0
        self._events_due: asyncio.TimerHandle | None = None
        self._batch: Batch | None = None
        self._told = self._missing = ""
        self._closing = False
        self._due: deque[tuple[int, Callable[[], None]]] = deque()
        self._lost: StateError | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name=f"log of {self._lease.call_id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what waits, for ``patience`` seconds at most, then give the call back."""
        self._closing = True
        self._wake.set()
        if self._task:
            await self._task
        if self._lost is None:
            try:
                await self._store.release(self._lease)
            except RedisError as error:
                logger.warning("Call %s: lease not given back: %s", self._lease.call_id, error)

    @property
    def epoch(self) -> int:
        """Of the lease: whoever claims the call later has a higher one."""
        return self._lease.epoch

    @property
    def lost(self) -> StateError | None:
        """Why the call can no longer be written, if it cannot."""
        return self._lost

    def fence(self, error: StateError) -> None:
        """It became known by other means that another worker has the call: write no more."""
        if self._lost is None and not self._closing:
            self._lose(error)
            self._settle()
            self._wake.set()

    @property
    def settled(self) -> bool:
        """Whether nothing waits to be written. True when the call is lost, too."""
        return not self._waiting or self._lost is not None

    def put(self, entry: Entry) -> int:
        """Take one entry for writing within ``LINGER`` s, and give its number in the log.

        Raises ``ValueError`` for an entry that could not be read back.
        """
        check(entry)
        try:
            line = orjson.dumps(entry)  # now: the caller may change the item later
        except TypeError as error:
            raise ValueError(f"log entry {entry['kind']!r} is not JSON: {error}") from error
        if self._lost is None:
            self._waiting.append(line)
            self._waiting_bytes += len(line)
            if self._lingering is None:
                loop = asyncio.get_running_loop()
                self._lingering = loop.call_later(LINGER, self._wake.set)
        return self.state.seq + len(self._waiting)

    def tell(self, n: int, kind: str, frame: bytes, *, tools: bool = False) -> None:
        """Take what clients are told, the ``n``th event of this lease, for the stream of events.
        It is written with the entries that were put before it, and never before them."""
        if self._lost is not None:
            return
        self._events.append(Line(n, kind, frame, tools))
        self._events_bytes += len(frame)
        while self._events_bytes > EVENTS_WAITING:
            self._missing = self._id(self._drop_event())
        if self._events_due is None and self._lingering is None:
            loop = asyncio.get_running_loop()
            self._events_due = loop.call_later(EVENT_LINGER, self._wake.set)

    def hurry(self) -> None:
        """Write at once what waits: somebody waits for it."""
        if self._lingering is not None:
            self._wake.set()

    def when_settled(self, do: Callable[[], None]) -> None:
        """Have ``do`` called where all that was put so far is found acknowledged, or the call lost.
        It hurries nothing."""
        if self.settled:
            do()
        else:
            self._due.append((self.state.seq + len(self._waiting), do))

    async def flush(self) -> None:
        """Wait until all that was put so far is acknowledged. Raises what ``on_lost`` is given."""
        if not self.settled:
            done = asyncio.Event()
            self.when_settled(done.set)
            self.hurry()
            await done.wait()
        if self._lost is not None:
            raise self._lost

    async def _run(self) -> None:
        try:
            while self._lost is None and await self._something_to_do():
                something = self._waiting or self._events
                await self._persist(self._append if something else self._renew)
                if self._snapshot_due():
                    await self._persist(self._snapshot)
            await self._put_away()
        except StateError as error:
            self._lose(error)
        except Exception as error:
            logger.exception("Call %s: the log's writer failed", self._lease.call_id)
            self._lose(StateError(f"the log's writer failed: {error!r}"))
        finally:
            if self._waiting and self._lost is None:
                self._lost = StateError("the log's writer was cancelled")
                logger.error(
                    "Call %s: the server ended before the last %d entries could be written",
                    self._lease.call_id,
                    len(self._waiting),
                )
            self._settle()

    def _lose(self, error: StateError) -> None:
        if self._lost is not None:
            return
        self._lost = error
        logger.error("Call %s can no longer be written: %s", self._lease.call_id, error)
        self._on_lost(error)

    async def _something_to_do(self) -> bool:
        """Wait for entries, or until the lease wants renewing. False when all is done."""
        _heed_cancellation()
        left_over = self._waiting and self._lingering is None  # by a full batch
        if not left_over and not self._closing:
            try:
                async with asyncio.timeout(self._lease.ttl / 3):
                    await self._wake.wait()
            except TimeoutError:
                return True
        self._wake.clear()
        return bool(self._waiting or self._events) or not self._closing

    async def _persist(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do ``step`` until it succeeds. Raises :class:`Fenced` or :class:`Unavailable`."""
        clock = asyncio.get_running_loop().time
        delay, give_up = FIRST_DELAY, clock() + self._patience
        mend = False
        while True:
            _heed_cancellation()
            try:
                if mend:
                    await self._snapshot()
                return await step()
            except LogLost as error:
                mend = True
                self._missing = self._told or self._missing
                logger.warning("%s; it is written again from memory", error)
            except RedisError as error:
                if self._waiting_bytes > BACKLOG_BYTES:
                    message = f"{self._waiting_bytes} bytes wait to be written: {error}"
                    raise Unavailable(message) from error
                if clock() + delay > give_up:
                    raise Unavailable(f"no write for {self._patience:g} s: {error}") from error
                if delay == FIRST_DELAY:
                    logger.warning("Call %s waits to be written: %s", self._lease.call_id, error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, LAST_DELAY)

    async def _append(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
            self._wake.clear()
        if self._events_due is not None:
            self._events_due.cancel()
            self._events_due = None
        batch = [self._waiting[index] for index in range(min(BATCH, len(self._waiting)))]
        if self._batch is None and self._events and len(batch) == len(self._waiting):
            self._batch = pack(self._events)
        told = self._batch
        await self._store.append(self._lease, batch, told, self._missing)
        if told is not None:
            self._batch, self._missing, self._told = None, "", self._id(told.last)
            while self._events and self._events[0].n <= told.last:
                self._drop_event()
        for line in batch:
            self._waiting.popleft()
            self._waiting_bytes -= len(line)
            apply(self.state, orjson.loads(line))
        self._settle()

    def _drop_event(self) -> int:
        n, _, frame, _ = self._events.popleft()
        self._events_bytes -= len(frame)
        return n

    def _id(self, n: int) -> str:
        """Of an event, as the stream has it."""
        return f"{self._lease.epoch}-{n}"

    async def _renew(self) -> None:
        await self._store.renew(self._lease)

    def _snapshot_due(self) -> bool:
        # What is far larger than calls are (images, a tool's huge output) is written anew only when
        # an eighth of it has been added. Never over entries that a newer version wrote: they must
        # stay for it to read.
        base, tail = self._lease.base_bytes, self._lease.tail_bytes
        return tail >= max(SHORTEST_TAIL, ROOM - base, base // 8) and not self.state.unknown

    async def _snapshot(self) -> None:
        await self._store.snapshot(self._lease, self.state)

    async def _put_away(self) -> None:
        """A call that is over is kept for days: as a snapshot it takes a quarter of the room."""
        if self.state.ended is None or self.state.unknown or not self._lease.tail_bytes:
            return
        try:
            await self._snapshot()
        except RedisError as error:
            logger.warning("Call %s is not put away: %s", self._lease.call_id, error)

    def _settle(self) -> None:
        while self._due and (self._lost or self._due[0][0] <= self.state.seq):
            _, do = self._due.popleft()
            do()


def _heed_cancellation() -> None:
    # Before Python 3.12, asyncio.wait_for (in redis-py) can swallow a cancellation; a task that
    # went on regardless would keep the event loop from ending.
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError
