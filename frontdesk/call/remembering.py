"""One call's part in remembering its caller: what they are asked, and what comes of it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError

from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock
from frontdesk.call.events import CallEvent, ConsentGiven
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.shelf import Remembered, Shelf, rules_of
from frontdesk.call.tongue import Tongue
from frontdesk.desk.memory import MemoryLines
from frontdesk.state.callers import Consent
from frontdesk.team.events import ConsentNeeded
from frontdesk.team.failures import ToolError

logger = logging.getLogger(__name__)

TYPED_BY_AGENTS = "mcp"
"""Calls over this transport come from other agents, who cannot agree for somebody."""


class Remembering:
    """Owned by the call. Its writer calls all but :meth:`recall` and :meth:`forget`."""

    def __init__(self, book: CallBook, clock: Clock, team: LiveTeam, shelf: Shelf | None) -> None:
        """``shelf`` None: nobody is remembered."""
        self._book = book
        self._clock = clock
        self._rules = rules_of(team)
        self._shelf = shelf
        self._writes: set[asyncio.Task[int]] = set()
        self._post: Callable[[CallEvent], None] = lambda event: None
        self._tongue: Tongue | None = None

    def connect(self, post: Callable[[CallEvent], None], tongue: Tongue) -> None:
        """Where the tools' wishes go, to be carried out by the call's writer, and the language in
        which the caller is asked."""
        self._post = post
        self._tongue = tongue

    def begin(self, found: Remembered) -> None:
        """The call begins, or goes on, with what the store has of the caller. What its agents were
        told once stays as it was, so that a model's prompt cache keeps it."""
        state = self._book.state
        if found.consent is not None and found.consent != state.consent:
            self._book.record("consent", given=found.consent, how="store")
        if found.consent and found.notes and not state.memory and not state.items:
            self._book.record("memory", text=found.notes, calls=found.calls)

    @property
    def active(self) -> bool:
        """Whether the caller can be remembered at all."""
        known = self._book.state.user is not None
        return known and self._rules is not None and self._shelf is not None

    @property
    def memories(self) -> "Remembering | None":
        """For the team's tools."""
        return self if self.active else None

    def to_ask(self) -> ConsentNeeded | None:
        """What the caller is to be asked now: once, after they said something."""
        state, rules = self._book.state, self._rules
        if not self.active or rules is None or rules.consent != "ask" or state.consent is not None:
            return None
        asked = any(question["kind"] == "consent" for question in state.questions)
        spoke = any(stored.item.get("role") == "user" for stored in state.items)
        if asked or not spoke or state.transport == TYPED_BY_AGENTS:
            return None
        return ConsentNeeded(self._lines.ask)

    def line(self, decision: str) -> str | None:
        """What is said to the caller's answer."""
        if self._rules is None:
            return None
        return self._lines.yes if decision == "approved" else self._lines.no

    @property
    def _lines(self) -> MemoryLines:
        return self._tongue.memory_lines if self._tongue else MemoryLines()

    def said(self, event: ConsentGiven) -> None:
        """The caller wants to be remembered, or no more."""
        given, how = event.given, event.how
        self._book.record("consent", given=given, how=how)
        if not given and self._book.state.memory:
            self._book.record("memory", text="", calls=0)
        state = self._book.state
        task = asyncio.create_task(
            self._write(Consent(given, self._clock.now(), how, state.call_id))
        )
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        if event.done is not None:
            task.add_done_callback(event.tell)

    async def _write(self, said: Consent) -> int:
        state, rules, shelf = self._book.state, self._rules, self._shelf
        if rules is None or shelf is None or state.user is None:
            return 0
        forgotten = await shelf.say(state.user, state.team, said, rules)
        if said.given:
            await shelf.begin(state.user, state.call_id, state.team, rules, state.opened_at)
        return forgotten

    async def recall(self, back: int) -> dict[str, Any]:
        """The team's :class:`~frontdesk.team.events.Memories`: an earlier call."""
        state = self._book.state
        if self._shelf is None or state.user is None or not state.consent:
            return {"found": False, "earlier_calls": 0}
        try:
            return await self._shelf.recall(state.user, state.team, state.call_id, back)
        except RedisError as error:
            raise ToolError("Earlier calls cannot be looked up at the moment.") from error

    async def forget(self) -> int:
        """The same: the caller is to be forgotten."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._post(ConsentGiven(given=False, how="tool", done=done))
        try:
            return await done
        except RedisError as error:
            raise ToolError("That cannot be done at the moment: try again in a minute.") from error

    async def aclose(self) -> None:
        """Wait until what was said is on record."""
        for result in await asyncio.gather(*self._writes, return_exceptions=True):
            if isinstance(result, BaseException):
                logger.error("what a caller said of being remembered is lost: %s", result)
