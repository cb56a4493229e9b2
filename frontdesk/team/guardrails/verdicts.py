"""What slow guardrails found in words that were put to them before it was sure that they count."""

import asyncio

from frontdesk.team.guardrails.guard import Guard, Outcome, Told
from frontdesk.team.guardrails.passage import Passage


class Verdicts:
    """Remembers each, so that nobody is asked the same again by whoever says the words in
    earnest."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, ...], asyncio.Task[Outcome]] = {}
        self._late: list[Outcome] = []
        self._listener: Told | None = None

    async def of(self, guard: Guard, passage: Passage, late: Told | None) -> Outcome:
        """What ``guard`` finds in ``passage``, as :meth:`Guard.check` tells it."""
        if guard.quick:
            return await guard.check(passage, late)
        key = (guard.name, passage.stage, passage.text, passage.before, passage.agent)
        if (asked := self._asked.get(key)) is None:
            asked = asyncio.create_task(guard.check(passage, late and self._come_late))
            self._asked[key] = asked
        return await asyncio.shield(asked)

    def listen(self, late: Told) -> None:
        """The words are said in earnest: ``late`` is told what comes late, or already did."""
        self._listener = late
        for outcome in self._late:
            late(outcome)

    def _come_late(self, outcome: Outcome) -> None:
        if self._listener is None:
            self._late.append(outcome)
        else:
            self._listener(outcome)

    def stop(self) -> list[asyncio.Task[Outcome]]:
        """Nobody waits for any of them any more. Returns what may need a moment to end."""
        for asked in self._asked.values():
            asked.cancel()
        self._listener = None  # it knows of this: they are parted, or both stay until a collection
        return [*self._asked.values()]
