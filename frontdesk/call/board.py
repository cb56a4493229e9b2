"""The questions of this worker's calls that wait for a screen, and the decisions that come back.

They are shown in the store, where any worker decides them; the worker that has the call looks for
the decision, twice a second, and at once when it was made here.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError

from frontdesk.call.questions import Question
from frontdesk.state.approvals import ApprovalStore, Decision

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5

Decide = Callable[[str, str, Decision], None]
"""Takes a call's id, a question's id, and the decision."""


class ScreenBoard:
    """One for a worker. ``decide`` hands a decision to the call, if it is here."""

    def __init__(self, store: ApprovalStore, decide: Decide) -> None:
        self._store = store
        self._decide = decide
        self._shown: dict[str, Question] = {}
        self._unwritten: set[str] = set()
        self._settled: set[str] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def show(self, call_id: str, question: Question) -> None:
        """Let people at screens decide this."""
        shown = {key: value for key, value in question.items() if key not in _PRIVATE}
        self._shown[question["id"]] = {**shown, "call": call_id}
        self._unwritten.add(question["id"])
        self.look()

    def close(self, question: Question) -> None:
        """It is decided."""
        self._shown.pop(question["id"], None)
        self._unwritten.discard(question["id"])
        self._settled.add(question["id"])
        self.look()

    def look(self) -> None:
        """There may be a decision."""
        self._wake.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch(), name="approvals")

    async def _watch(self) -> None:
        while self._shown or self._settled:
            self._wake.clear()
            try:
                await self._exchange()
            except RedisError as error:
                logger.warning("approvals cannot be shown or read now: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()

    async def _exchange(self) -> None:
        for question_id in [*self._unwritten]:
            await self._store.put(self._shown[question_id])
            self._unwritten.discard(question_id)
        for question_id in [*self._settled]:
            await self._store.drop(question_id)
            self._settled.discard(question_id)
        for question_id, decision in (await self._store.decisions([*self._shown])).items():
            if question := self._shown.pop(question_id, None):
                self._decide(question["call"], question_id, decision)

    def forget(self, call_id: str) -> None:
        """The call has left this worker; whoever carries it on shows its questions again."""
        for question_id in [q for q, shown in self._shown.items() if shown["call"] == call_id]:
            del self._shown[question_id]
            self._unwritten.discard(question_id)

    async def aclose(self) -> None:
        """Stop looking. What is open stays in the store."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


_PRIVATE: tuple[Any, ...] = ("answers", "decided", "resumed", "given", "after", "schema")
