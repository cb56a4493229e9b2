"""One guardrail at work: it always comes to an outcome, and in time."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

from frontdesk.desk.guardrails import Guardrail, Otherwise
from frontdesk.patience import comes_within
from frontdesk.team.guardrails.passage import Check, OpenFrom, Passage, Stage, Violation

logger = logging.getLogger(__name__)

Mode = Literal["block", "replace", "audit"]
Problem = Literal["timeout", "error"]

AUDIT_SECONDS = 30.0
"""Longest that a check may run which nobody waits for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check came to. ``seconds`` it took; ``problem`` is why there is no verdict.

    ``blocks``: the words must not go on; ``instead``: how they go on. ``shown`` is what a trace
    may show of the words.
    """

    guardrail: str
    mode: Mode
    stage: Stage
    seconds: float
    reason: str = ""
    triggered: bool = False
    problem: Problem | None = None
    blocks: bool = False
    instead: str | None = None
    shown: str = ""


Told = Callable[[Outcome], None]


class Guard:
    """A guardrail of a team. ``line`` is what is said when it blocks."""

    def __init__(
        self, name: str, rule: Guardrail, line: str, check: Check, open_from: OpenFrom
    ) -> None:
        self.name = name
        self.mode: Mode = rule.mode
        self.line = line
        self.open_from = open_from
        self.seconds = rule.seconds if rule.mode != "audit" else AUDIT_SECONDS
        self._rule = rule
        self._check = check
        self.quick = rule.call is None and rule.prompt is None
        """Whether it answers at once, without waiting for anything."""

    async def check(self, passage: Passage, late: Told | None = None) -> Outcome:
        """Check ``passage``; never raises, and takes no longer than it may, in time that this
        process had. ``late`` is told the outcome of a check that was not waited for to its end,
        when the words went on."""
        began = perf_counter()
        try:
            found = self._check(passage)
            if inspect.isawaitable(found):
                found = await self._in_time(found, passage, late, began)
        except TimeoutError:
            return self._without(passage, began, "timeout", self._rule.on_timeout)
        except Exception as error:
            logger.warning("guardrail %s failed: %s", self.name, type(error).__name__)
            reason = f"{type(error).__name__}: {error}"
            return self._without(passage, began, "error", self._rule.on_error, reason)
        return self._outcome(passage, found, began)

    async def _in_time(
        self,
        found: Awaitable[Violation | None],
        passage: Passage,
        late: Told | None,
        began: float,
    ) -> Violation | None:
        task = asyncio.ensure_future(found)
        try:
            if await comes_within(self.seconds, task):
                return task.result()
        except asyncio.CancelledError:
            task.cancel()
            raise
        if late is None or self._rule.on_timeout == "block":
            task.cancel()
        else:
            task.add_done_callback(lambda task: self._tell_late(task, passage, late, began))
            asyncio.get_running_loop().call_later(AUDIT_SECONDS, task.cancel)
        raise TimeoutError

    def _tell_late(
        self,
        task: "asyncio.Future[Violation | None]",
        passage: Passage,
        late: Told,
        began: float,
    ) -> None:
        if not task.cancelled() and task.exception() is None:
            late(self._outcome(passage, task.result(), began))

    def _outcome(self, passage: Passage, found: Violation | None, began: float) -> Outcome:
        seconds = perf_counter() - began
        if found is None:
            return Outcome(self.name, self.mode, passage.stage, seconds)
        private = self._rule.pii is not None
        return Outcome(
            self.name,
            self.mode,
            passage.stage,
            seconds,
            found.reason,
            triggered=True,
            blocks=self.mode == "block",
            instead=self._instead(found) if self.mode == "replace" else None,
            shown=found.replacement or "" if private else passage.text,
        )

    def _instead(self, found: Violation) -> str:
        if found.replacement is not None:
            return found.replacement
        return self._rule.replacement or ""

    def _without(
        self,
        passage: Passage,
        began: float,
        problem: Problem,
        otherwise: Otherwise,
        reason: str = "",
    ) -> Outcome:
        """There is no verdict: the words go on or not, as the team says."""
        seconds = perf_counter() - began
        reason = reason or f"no verdict within {self.seconds:g} s"
        blocks = otherwise == "block" and self.mode != "audit"
        return Outcome(
            self.name,
            self.mode,
            passage.stage,
            seconds,
            reason,
            problem=problem,
            blocks=blocks,
        )
