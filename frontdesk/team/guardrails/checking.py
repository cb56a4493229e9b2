"""Several guardrails over one passage."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from frontdesk.team.guardrails.guard import Guard, Outcome, Told
from frontdesk.team.guardrails.passage import OpenFrom, Passage
from frontdesk.team.guardrails.verdicts import Verdicts


@dataclass(frozen=True, slots=True)
class Checked:
    """``text`` may go on, unless ``blocked`` says who stopped it."""

    text: str
    blocked: Guard | None = None


_noting: set[asyncio.Task[Outcome]] = set()
"""Checks that nobody waits for: the loop itself would forget them."""


def _nobody(outcome: Outcome) -> None:
    pass


async def check(
    guards: Sequence[Guard],
    passage: Passage,
    told: Told = _nobody,
    late: Told | None = None,
    verdicts: Verdicts | None = None,
    *,
    ahead: bool = False,
) -> Checked:
    """Put ``passage`` to all guards. ``told`` hears of each outcome, and ``late`` of those that
    came when the words had gone on. ``verdicts`` has those that were found ``ahead``, of words
    that may never be said.

    What is found at once comes first, so that no model is asked about words that are stopped.
    Those that replace take turns, as each is given what the one before left. Nobody waits for
    those that only note.
    """
    slow: list[Guard] = []
    for guard in sorted(guards, key=lambda guard: not guard.quick):
        if not guard.quick and guard.mode == "audit":
            if not ahead:
                _note(guard, passage, told)
            continue
        if not (guard.quick or guard.mode == "replace"):
            slow.append(guard)
            continue
        outcome = await _outcome(guard, passage, late, verdicts)
        told(outcome)
        if outcome.blocks:
            return Checked(passage.text, guard)
        if outcome.instead is not None:
            passage = replace(passage, text=outcome.instead)
    return await _side_by_side(slow, passage, told, late, verdicts)


def _outcome(
    guard: Guard, passage: Passage, late: Told | None, verdicts: Verdicts | None
) -> Coroutine[Any, Any, Outcome]:
    return guard.check(passage, late) if verdicts is None else verdicts.of(guard, passage, late)


def _note(guard: Guard, passage: Passage, told: Told) -> None:
    task = asyncio.create_task(guard.check(passage))
    _noting.add(task)
    task.add_done_callback(_noting.discard)
    task.add_done_callback(lambda task: None if task.cancelled() else told(task.result()))


async def _side_by_side(
    guards: Sequence[Guard],
    passage: Passage,
    told: Told,
    late: Told | None,
    verdicts: Verdicts | None,
) -> Checked:
    running = {
        asyncio.create_task(_outcome(guard, passage, late, verdicts)): guard for guard in guards
    }
    try:
        for task in asyncio.as_completed(running):
            outcome: Outcome = await task
            told(outcome)
            if outcome.blocks:
                blocking = next(guard for guard in guards if guard.name == outcome.guardrail)
                return Checked(passage.text, blocking)
    finally:
        for task in running:
            task.cancel()
    return Checked(passage.text)


def open_from(guards: Sequence[Guard]) -> OpenFrom:
    """From where the end of a text may be the first half of what any of the guards looks for."""

    def open_from(text: str) -> int:
        return min((guard.open_from(text) for guard in guards), default=len(text))

    return open_from
