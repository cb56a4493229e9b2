"""What a caller hears while tools run: that it takes a while, then how far they are."""

import asyncio
from collections.abc import Callable

from frontdesk.call.clock import Clock

QUICK = 0.25
"""Seconds a tool may run before its waiting line is thought of: most answer sooner."""

SILENCE = 0.7
"""Seconds without a sound from either side after which the waiting line of a running tool is
spoken. People leave gaps of about 0.2 s and ask whether anyone is there after a second or two."""

NEWS_SILENCE = 1.5
"""The same for what a tool tells of its progress: by then the caller knows that it takes long."""


class Waiting:
    """The tools that run in one response. ``say`` speaks a line of the desk's own, ``tell`` the
    words of a tool; ``silent_for`` gives the seconds since anybody was heard."""

    def __init__(
        self,
        silent_for: Callable[[], float],
        *,
        clock: Clock,
        say: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        self._silent_for = silent_for
        self._clock = clock
        self._say = say
        self._tell = tell
        self._lines: dict[str, str] = {}
        self._said: set[str] = set()
        self._telling: set[str] = set()
        self._news: dict[str, str] = {}
        self._news_came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begun(self, call_id: str, line: str, *, tells: bool) -> None:
        """A tool runs whose waiting line is ``line``; ``tells``: its progress is spoken."""
        self._lines[call_id] = line
        if tells:
            self._telling.add(call_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._wait_aloud())

    def progress(self, call_id: str, words: str) -> None:
        """How far a tool is; newer words replace those that were not said yet."""
        if call_id in self._telling:
            self._news[call_id] = words
            self._news_came.set()

    def over(self, call_id: str) -> None:
        """A tool has ended."""
        self._lines.pop(call_id, None)
        self._news.pop(call_id, None)
        self._telling.discard(call_id)
        if not self._lines:
            self.stop()

    def stop(self) -> None:
        """Nothing more is said."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _wait_aloud(self) -> None:
        """Say once that it takes a while, when it has been silent for a moment, and from then on
        what tools tell of their progress, the newest at each gap."""
        await self._clock.sleep(QUICK)
        await self._until_silent(SILENCE)
        unsaid = (line for line in self._lines.values() if line not in self._said)
        if line := next(unsaid, None):
            self._said.add(line)
            self._say(line)
        while self._telling:
            await self._news_came.wait()
            await self._until_silent(NEWS_SILENCE)
            self._news_came.clear()
            for call_id in list(self._news):
                self._tell(self._news.pop(call_id))

    async def _until_silent(self, seconds: float) -> None:
        while (silent := self._silent_for()) < seconds:
            await self._clock.sleep(seconds - silent)  # a play head has no event to wait for
