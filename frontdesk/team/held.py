"""Tool calls that wait, alive, for an answer of the caller to a question of their own.

An MCP server may ask something in the middle of a call. The call goes on in a task of its own
while the run that made it ends, the question is put and answered in later turns, and a run that
begins with the same call takes it up again. Such a call lives as long as its process.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from frontdesk.mcp.elicitation import Elicitation, Elicited

END_SECONDS = 0.5
"""How long a call that is cancelled may take to tell its server."""


class HeldCall:
    """One call. ``failed`` is where its run notes the ids of calls that failed."""

    def __init__(self, work: Callable[[], Awaitable[Any]], failed: set[str]) -> None:
        self._questions: asyncio.Queue[tuple[Elicitation, asyncio.Future[Elicited]]] = (
            asyncio.Queue()
        )
        self._asked: asyncio.Future[Elicited] | None = None
        self._one_at_a_time = asyncio.Lock()
        self.failed = failed
        self.task = asyncio.ensure_future(work())

    async def ask(self, elicitation: Elicitation) -> Elicited:
        """Put a question, on behalf of the server, and wait for what comes of it."""
        async with self._one_at_a_time:
            answer: asyncio.Future[Elicited] = asyncio.get_running_loop().create_future()
            self._questions.put_nowait((elicitation, answer))
            return await answer

    async def go_on(self) -> Elicitation | None:
        """Until the call asks something, or is over (None). Cancelled, it takes the call along."""
        question = asyncio.ensure_future(self._questions.get())
        try:
            await asyncio.wait({self.task, question}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.task.cancel()
            await asyncio.wait({self.task}, timeout=END_SECONDS)
            raise
        finally:
            question.cancel()
        if question.done() and not question.cancelled():
            elicitation, self._asked = question.result()
            return elicitation
        return None

    def answer(self, elicited: Elicited) -> None:
        """What came of the question that was asked last."""
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(elicited)


class HeldCalls:
    """All of one call, by tool call id."""

    def __init__(self) -> None:
        self._calls: dict[str, HeldCall] = {}

    @property
    def under_way(self) -> bool:
        """Whether a call waits."""
        return bool(self._calls)

    def get(self, call_id: str) -> HeldCall | None:
        return self._calls.get(call_id)

    def hold(self, call_id: str, call: HeldCall) -> None:
        """Keep a call that waits for an answer."""
        self._calls[call_id] = call

    def let_go(self, call_id: str) -> None:
        """The call is over."""
        self._calls.pop(call_id, None)

    def answer(self, call_id: str, elicited: Elicited) -> None:
        """Tell a call what came of its question; nothing happens if it is gone."""
        if call := self._calls.get(call_id):
            call.answer(elicited)

    def stop(self) -> None:
        """Cancel them all at once."""
        for call in self._calls.values():
            call.task.cancel()

    async def aclose(self) -> None:
        """Nobody will answer any more: the calls are cancelled, at their servers too."""
        calls, self._calls = [*self._calls.values()], {}
        for call in calls:
            call.task.cancel()
            call.answer(Elicited("cancel"))
        for call in calls:
            with suppress(asyncio.CancelledError, Exception):
                await call.task
