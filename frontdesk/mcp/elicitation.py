"""What a server asks in the middle of a call (MCP elicitation), on its way to whoever answers.

In both eras it comes as a callback of the client: a request of the server while a call runs (2025),
or an ``input_required`` result that the client answers by calling again (2026-07-28). Over HTTP the
callback runs in the context of the call that it belongs to; over stdio there is one stream for all
calls, so it is known whose it is only while there is one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from mcp.types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult

NO_PAGES = (
    "The service wanted the caller to open a web page, which cannot be done on a call, "
    "so that was declined."
)


@dataclass(frozen=True, slots=True)
class Elicitation:
    """A question of a server: words for the caller, and the JSON schema of the answer."""

    message: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Elicited:
    """What came of it, in MCP's words. ``content`` goes with ``accept``."""

    action: Literal["accept", "decline", "cancel"]
    content: dict[str, Any] | None = None


Answer = Callable[[Elicitation], Awaitable[Elicited]]


class Asker:
    """One call that may be asked something. ``notes`` are for the model, with the result."""

    def __init__(self, answer: Answer | None) -> None:
        self._answer = answer
        self._waiting = 0
        self._left = 0.0
        self._limit: asyncio.Timeout | None = None
        self.notes: list[str] = []

    def bound(self, limit: asyncio.Timeout) -> None:
        """The call's time limit, which stands still while the caller is asked."""
        self._limit = limit

    def over(self) -> None:
        """The call has ended; its server may not know yet."""
        self._limit = None

    async def ask(self, params: ElicitRequestParams) -> ElicitResult:
        """What the server is told."""
        if not isinstance(params, ElicitRequestFormParams):
            self.notes.append(NO_PAGES)
            return ElicitResult(action="decline")
        if self._answer is None:
            return ElicitResult(action="decline")
        self._stop_the_clock()
        try:
            elicited = await self._answer(Elicitation(params.message, params.requested_schema))
        finally:
            self._let_it_run()
        return ElicitResult(action=elicited.action, content=elicited.content)

    def _stop_the_clock(self) -> None:
        self._waiting += 1
        if self._waiting == 1 and self._limit and (when := self._limit.when()) is not None:
            self._left = max(0.0, when - asyncio.get_running_loop().time())
            self._limit.reschedule(None)

    def _let_it_run(self) -> None:
        self._waiting -= 1
        if not self._waiting and self._limit and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + self._left)


_asker: ContextVar[Asker | None] = ContextVar("frontdesk_mcp_asker", default=None)


def bound(limit: asyncio.Timeout) -> None:
    """This is the time limit of the call under way, if that may be asked something."""
    if asker := _asker.get():
        asker.bound(limit)


class Askers:
    """The calls of one connection that may be asked something."""

    def __init__(self) -> None:
        self._under_way: list[Asker] = []

    @contextmanager
    def asking(self, answer: Answer | None) -> Generator[Asker]:
        """What the server asks about the call made inside goes to ``answer``; None declines."""
        asker = Asker(answer)
        token = _asker.set(asker)
        self._under_way.append(asker)
        try:
            yield asker
        finally:
            self._under_way.remove(asker)
            asker.over()
            _asker.reset(token)

    async def elicit(self, context: object, params: ElicitRequestParams) -> ElicitResult:
        """The client's callback."""
        asker = _asker.get()
        if asker is None and len(self._under_way) == 1:
            [asker] = self._under_way
        if asker is None:
            return ElicitResult(action="cancel")
        return await asker.ask(params)
