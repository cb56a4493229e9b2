"""The end of a worker: it takes no new calls, and those that it has go on at another."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from frontdesk.call.pause import Pause

LOOK = 0.1
"""Seconds between two looks for calls at a pause. A look costs 5 µs a call (measured)."""
AT_ONCE = 16
"""Calls that are moved in one look at most: each is taken up by another worker at once."""
END_LIMIT = 5.0
"""Seconds that calls get to be put on record in, once they must end."""

LEAVE = 12.0
"""Seconds before the end of the wait from which callers who may not come back are told to call
again, at a pause. The line takes some four."""

WHY = "this worker is restarted; connect again to go on"
"""To clients. At most 123 bytes, as a close reason."""
LEAVING = "This worker is restarted, and the call with it. Call again, please."


class Movable(Protocol):
    """What a drain knows of a call."""

    @property
    def pause(self) -> Pause: ...

    @property
    def comes_back(self) -> bool: ...

    def move(self, reason: str) -> None: ...

    def fail(self, message: str, code: str) -> None: ...


@dataclass(slots=True)
class Drained:
    """What a drain did. ``moved``: calls that were at a pause; ``cut``: those that were not, by
    what they were in the middle of; ``told``: those whose callers were told to call again;
    ``ended``: those that ended by themselves; ``left``: those that could not be put on record in
    time."""

    seconds: float = 0.0
    moved: int = 0
    told: int = 0
    cut: Counter[str] = field(default_factory=Counter[str])
    ended: int = 0
    left: int = 0

    def __str__(self) -> str:
        reasons = ", ".join(f"{why}: {count}" for why, count in self.cut.most_common())
        parts = {
            "moved at a pause": self.moved,
            "told to call again": self.told,
            f"closed in the middle ({reasons})": self.cut.total(),
            "ended by themselves": self.ended,
            "not put on record in time": self.left,
        }
        told = [f"{count} {what}" for what, count in parts.items() if count]
        return f"Drained in {self.seconds:.1f} s. Calls: {', '.join(told) or 'none'}."


class Drain:
    """Of one worker."""

    def __init__(
        self,
        calls: Mapping[str, Movable],
        *,
        errands: Callable[[], bool],
        on_begin: Callable[[], None],
    ) -> None:
        """``calls``: those it has; ``errands``: whether work goes on that is of no live call."""
        self._calls = calls
        self._errands = errands
        self._on_begin = on_begin
        self._connections = 0
        self.begun = False
        """Whether new calls are refused."""
        self._hurried = asyncio.Event()

    @property
    def hurried(self) -> bool:
        """Whether calls are not waited for."""
        return self._hurried.is_set()

    @property
    def waits(self) -> bool:
        """Whether there is something to wait for."""
        return bool(self._calls or self._connections or self._errands())

    @contextmanager
    def connection(self) -> Generator[None]:
        """A request or a socket that is waited for, as long as the block lasts."""
        self._connections += 1
        try:
            yield
        finally:
            self._connections -= 1

    def begin(self) -> None:
        """Refuse new calls from now on."""
        if not self.begun:
            self.begun = True
            self._on_begin()

    def hurry(self) -> None:
        """Wait for no pause any more."""
        self.begin()
        self._hurried.set()

    async def run(self, seconds: float) -> Drained:
        """Move each call at a pause, within ``seconds``; then those that are left as they are.
        Calls whose clients are not known to come back may end by themselves until shortly before
        that. Ends at most :data:`END_LIMIT` seconds later."""
        self.begin()
        done, began = Drained(), time.monotonic()
        seen, let_go = set[str](), set[str]()
        while self.waits and not self.hurried and (past := time.monotonic() - began) < seconds:
            seen.update(self._calls)
            leave = seconds > LEAVE > seconds - past
            for call_id in [*self._at_pause(let_go, leave=leave)][:AT_ONCE]:
                self._let_go(self._calls[call_id], done)
                let_go.add(call_id)
            await self._a_moment()
        seen.update(self._calls)
        for call_id, call in self._calls.items():
            if call_id not in let_go:
                done.cut[call.pause.prevented_by() or "the client may not come back"] += 1
            call.move(WHY)
        done.ended = len(seen) - len(let_go) - done.cut.total()
        await self._until_on_record()
        done.left = len(self._calls)
        done.seconds = time.monotonic() - began
        return done

    def _at_pause(self, let_go: set[str], *, leave: bool) -> Generator[str]:
        """Calls that can go now; with ``leave``, also those that may not come back."""
        for call_id, call in self._calls.items():
            may_go = call_id not in let_go and (leave or call.comes_back)
            if may_go and call.pause.prevented_by() is None:
                yield call_id

    def _let_go(self, call: Movable, done: Drained) -> None:
        if call.comes_back:
            done.moved += 1
            call.move(WHY)
        else:
            done.told += 1
            call.fail(LEAVING, "worker_draining")

    async def _a_moment(self) -> None:
        """Until the next look, or until it is hurried."""
        try:
            async with asyncio.timeout(LOOK):
                await self._hurried.wait()
        except TimeoutError:
            pass

    async def _until_on_record(self) -> None:
        deadline = time.monotonic() + END_LIMIT
        while (self._calls or self._connections) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LOOK / 10)
