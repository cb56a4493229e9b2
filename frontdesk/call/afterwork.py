"""Background work that goes on while nobody is on its call."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from redis.exceptions import RedisError

from frontdesk.call.delegation import Status
from frontdesk.call.errand import Errand
from frontdesk.call.events import Finished, Reported, ToolBegins
from frontdesk.state.entries import Entry
from frontdesk.state.errors import StateError
from frontdesk.team.events import JobDone

logger = logging.getLogger(__name__)

Record = Callable[[str, str, Entry], Awaitable[None]]


class Afterwork:
    """Kept by the worker. Work ends by itself or at its deadline, and is recorded in the log of its
    call; who takes up the call again meanwhile takes up its work, too."""

    def __init__(self, record: Record) -> None:
        """``record`` writes an entry about a piece of work (by its id) into the log of the call
        with this id."""
        self._record = record
        self._errands: dict[str, dict[str, Errand]] = {}
        self._deadlines: dict[str, asyncio.TimerHandle] = {}
        self._endings: set[asyncio.Task[None]] = set()

    def keep(self, call_id: str, errands: dict[str, Errand], now: float) -> None:
        """The call is over, these go on. ``now``: by the call's clock."""
        for key, errand in errands.items():
            self._errands.setdefault(call_id, {})[key] = errand
            errand.tell = partial(self._heard, call_id, errand)
            left = max(0.0, (errand.delegation.deadline or now) - now)
            loop = asyncio.get_running_loop()
            self._deadlines[key] = loop.call_later(left, self._expire, call_id, errand)
            if errand.done is not None:
                self._end(call_id, errand, *_outcome(errand.done))

    def take(self, call_id: str) -> dict[str, Errand]:
        """The work of a call that is taken up again."""
        errands = self._errands.pop(call_id, {})
        for key in errands:
            self._deadlines.pop(key).cancel()
        return errands

    async def stop(self, call_id: str) -> None:
        """Cut off the work of a call; nothing of it is recorded."""
        errands = self.take(call_id).values()
        await asyncio.gather(*(errand.stop() for errand in errands if not errand.delegation.over))

    def drop(self, call_id: str) -> None:
        """The call goes on elsewhere, where its work is begun anew or told as lost."""
        for errand in self.take(call_id).values():
            errand.cancel()
            errand.delegation.status = "lost"
            errand.close()

    def cancel(self, call_id: str, key: str) -> bool:
        """Cancel a piece of work; False when it does not run here."""
        errand = self._errands.get(call_id, {}).get(key)
        if errand is None or errand.delegation.over:
            return False
        errand.cancel()
        self._end(call_id, errand, "cancelled", None)
        return True

    @property
    def under_way(self) -> bool:
        """Whether any goes on."""
        return bool(self._errands)

    def ids(self, call_id: str) -> frozenset[str]:
        """The work of this call that is kept here."""
        return frozenset(self._errands.get(call_id, {}))

    def _heard(self, call_id: str, errand: Errand, event: Reported | Finished | ToolBegins) -> None:
        if isinstance(event, ToolBegins):
            self._later(self._note(call_id, errand, event))
        elif isinstance(event, Reported):
            errand.delegation.progress = event.words
        elif not errand.delegation.over:
            self._end(call_id, errand, *_outcome(event.done))

    def _expire(self, call_id: str, errand: Errand) -> None:
        if not errand.delegation.over:
            errand.cancel()
            late = f"Error: {errand.delegation.called} took too long and was stopped."
            self._end(call_id, errand, "expired", late)

    def _end(self, call_id: str, errand: Errand, status: Status, output: str | None) -> None:
        known = errand.delegation
        known.status, known.output, known.ended = status, output, time.time()
        self._later(self._close(call_id, errand))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    async def _note(self, call_id: str, errand: Errand, event: ToolBegins) -> None:
        """A tool that cannot be put on record does not run: the work waits until it is stopped."""
        entry = {"kind": "tool.started", "at": time.time(), "tool": event.entry()}
        try:
            await self._record(call_id, errand.delegation.id, entry)
        except (StateError, RedisError) as error:
            logger.error("call %s: %s stops, as it is not on record: %s", call_id, event, error)
        else:
            event.noted.set()

    async def _close(self, call_id: str, errand: Errand) -> None:
        known = errand.delegation
        try:
            entry = {"kind": "delegation", "at": time.time(), "delegation": known.entry()}
            await self._record(call_id, known.id, entry)
        except (StateError, RedisError) as error:
            logger.error("call %s: %s ended and is not on record: %s", call_id, known.id, error)
        if self._errands.get(call_id, {}).pop(known.id, None):
            self._deadlines.pop(known.id).cancel()
            errand.close()
            if not self._errands[call_id]:
                del self._errands[call_id]

    async def aclose(self) -> None:
        """The worker stops: all of it is cut off, and told as lost when its call goes on."""
        running = [errand for errands in self._errands.values() for errand in errands.values()]
        for timer in self._deadlines.values():
            timer.cancel()
        await asyncio.gather(*(errand.stop() for errand in running if not errand.delegation.over))
        await asyncio.gather(*self._endings, return_exceptions=True)


def _outcome(done: JobDone) -> tuple[Status, str]:
    return "failed" if done.failed else "done", done.output
