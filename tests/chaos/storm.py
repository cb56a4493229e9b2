"""Round after round, callers are brought to every phase of a turn, and their worker is killed."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tests.chaos.caller import PATIENCE, Caller
from tests.chaos.crew import Crew, Worker
from tests.chaos.phases import PHASES, Phase, Turn
from tests.chaos.world import World

AT_ONCE = 7
"""Calls on the worker that is killed."""
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
    _deck: list[Phase] = field(default_factory=list[Phase])
    _callers: list[Caller] = field(default_factory=list[Caller])

    async def rage(self, kills: int) -> None:
        """Kill so many workers, or one more."""
        self._chance = random.Random(self.seed)
        self._workers = [*await asyncio.gather(self.crew.start(), self.crew.start())]
        while self.kills < kills:
            await self._chance.choice((self._in_each_phase, self._anywhere, self._twice))()

    async def _in_each_phase(self) -> None:
        """All are where they should be when their worker dies."""
        victim, other = self._workers
        turns = await self._begin(victim)
        await asyncio.gather(*(turn.reach() for turn in turns))
        heir = self._kill(victim)
        await self._come_back(turns, other)
        await self._finish(turns, other, heir)

    async def _anywhere(self) -> None:
        """All are on their way, and who has come how far is left to chance."""
        victim, other = self._workers
        turns = await self._begin(victim, held=False)
        await asyncio.gather(*(turn.set_off() for turn in turns))
        await self._events(turns, self._chance.randrange(20 * len(turns)))
        heir = self._kill(victim)
        await self._come_back(turns, other)
        await self._finish(turns, other, heir)

    async def _twice(self) -> None:
        """The next one dies as well, in the middle of taking the calls over."""
        victim, other = self._workers
        turns = await self._begin(victim)
        await asyncio.gather(*(turn.reach() for turn in turns))
        last = await self.crew.start()
        self._kill(victim, heir=False)
        returns = [asyncio.create_task(self._one_back(turn, other, last)) for turn in turns]
        await asyncio.wait(returns, return_when=asyncio.FIRST_COMPLETED)
        heir = self._kill(other)
        await asyncio.gather(*returns)
        await self._come_back([turn for turn in turns if turn.caller.worker is other], last)
        await self._finish(turns, last, heir)

    async def _finish(self, turns: list[Turn], worker: Worker, heir: Worker) -> None:
        await asyncio.gather(*(turn.finish() for turn in turns))
        await asyncio.gather(*(self._check(turn, worker) for turn in turns))
        self._workers = [worker, await heir.up()]

    def _kill(self, victim: Worker, *, heir: bool = True) -> Worker:
        """Kill one; another takes its place, by its name perhaps."""
        victim.kill()
        self.kills += 1
        if not heir:
            return victim
        return self.crew.fork(name=victim.name if self._chance.random() < 0.5 else None)

    async def _begin(self, worker: Worker, *, held: bool = True) -> list[Turn]:
        """Some phases, each by a caller whom it suits; all of them are on ``worker``."""
        phases = self._deal()
        if not held:
            phases = [replace(phase, step="", name=phase.what) for phase in phases]
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

    def _deal(self) -> list[Phase]:
        """The next phases. All come before any comes again."""
        if len(self._deck) < AT_ONCE:
            self._deck += self._chance.sample(self.phases, len(self.phases))
        dealt, self._deck = self._deck[:AT_ONCE], self._deck[AT_ONCE:]
        return dealt

    async def _events(self, turns: list[Turn], count: int) -> None:
        """Wait for so many events, or for the last of them."""
        begin = sum(len(turn.caller.events) for turn in turns)

        def enough() -> bool:
            return sum(len(turn.caller.events) for turn in turns) - begin >= count

        def still() -> bool:
            return all(turn.answered for turn in turns)

        waits = [asyncio.create_task(t.caller.when(lambda: enough() or still())) for t in turns]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    async def _come_back(self, turns: list[Turn], *workers: Worker) -> None:
        await asyncio.gather(*(self._one_back(turn, *workers) for turn in turns))

    async def _one_back(self, turn: Turn, *workers: Worker) -> None:
        async with asyncio.timeout(PATIENCE):
            await turn.caller.lost.wait()
        await turn.caller.come_back(*workers)

    async def _check(self, turn: Turn, worker: Worker) -> None:
        caller = turn.caller
        for left in range(50, -1, -1):
            call = await worker.get(f"/api/calls/{caller.call_id}/conversation")
            try:
                caller.check(call["items"])
                turn.check(call["items"])
                break
            except AssertionError:
                if not left:
                    raise
                await asyncio.sleep(0.1)  # a store that is slow is not waited for: it catches up
        if self._chance.random() < 1 / LONGEST:
            await caller.close()
        else:
            self._callers.append(caller)
