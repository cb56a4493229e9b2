"""Round after round, callers are brought to every phase of a turn, and their worker is killed."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.chaos.caller import PATIENCE, Caller
from tests.chaos.crew import Crew, Worker
from tests.chaos.phases import PHASES, Phase, Turn
from tests.chaos.world import World

LONGEST = 12
"""Turns of a call, before its caller hangs up and begins another."""


@dataclass
class Storm:
    """``seed`` decides all that is left to chance."""

    crew: Crew
    world: World
    new_caller: Callable[..., Caller]
    seed: int
    phases: Sequence[Phase] = PHASES[1:]
    kills: int = 0
    turns: int = 0
    _callers: list[Caller] = field(default_factory=list[Caller])

    async def rage(self, kills: int) -> None:
        """Kill so many workers."""
        self._chance = random.Random(self.seed)
        self._workers = [*await asyncio.gather(self.crew.start(), self.crew.start())]
        while self.kills < kills:
            await self._round()

    async def _round(self) -> None:
        victim, other = self._workers
        turns = await self._begin(victim)
        await asyncio.gather(*(turn.reach() for turn in turns))
        heir = self._kill(victim)
        await self._come_back(turns, other, heir)
        await asyncio.gather(*(turn.finish() for turn in turns))
        await asyncio.gather(*(self._check(turn, other) for turn in turns))
        self._workers = [other, await heir.up()]

    def _kill(self, victim: Worker) -> Worker:
        """Kill one; another takes its place, by its name perhaps."""
        victim.kill()
        self.kills += 1
        return self.crew.fork(name=victim.name if self._chance.random() < 0.5 else None)

    async def _begin(self, worker: Worker) -> list[Turn]:
        """Each phase once, each by a caller whom it suits; all of them are on ``worker``."""
        phases = self._chance.sample(self.phases, len(self.phases))
        old = self._chance.sample(self._callers, len(self._callers))
        self._callers = []
        begun: list[Turn] = []
        for phase in phases:
            caller = next((one for one in old if phase.suits(one)), None)
            if caller is None:
                spoken = phase.spoken if phase.spoken is not None else self._chance.random() < 0.5
                caller = await self.new_caller(spoken=spoken).dial(worker)
            else:
                old.remove(caller)
            self.turns += 1
            begun.append(Turn(f"t{self.turns}", phase, caller, self.world))
        for caller in old:
            await caller.close()
        return begun

    async def _come_back(self, turns: list[Turn], *workers: Worker) -> None:
        async def one(caller: Caller) -> None:
            async with asyncio.timeout(PATIENCE):
                await caller.lost.wait()
            await caller.come_back(*workers)

        await asyncio.gather(*(one(turn.caller) for turn in turns))

    async def _check(self, turn: Turn, worker: Worker) -> None:
        caller = turn.caller
        call = await worker.get(f"/api/calls/{caller.call_id}/conversation")
        caller.check(call["items"])
        turn.check(call["items"])
        if self._chance.random() < 1 / LONGEST:
            await caller.close()
        else:
            self._callers.append(caller)
