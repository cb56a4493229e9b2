"""Workers that sleep, stores that sleep or die: nothing is said or done by two, nothing is lost."""

import asyncio
import signal

import pytest

from tests.chaos.phases import PHASES, Turn

HELD = [phase for phase in PHASES if phase.step and not phase.name.startswith("background")]


async def begun(crew, world, caller, phases=HELD):
    """Two workers, and a turn in each of these phases at the first."""
    workers = await asyncio.gather(crew.start(), crew.start())
    turns: list[Turn] = []
    for number, phase in enumerate(phases, 1):
        one = await caller(spoken=bool(phase.spoken)).dial(workers[0])
        turns.append(Turn(f"t{number}", phase, one, world))
    await asyncio.gather(*(turn.reach() for turn in turns))
    return *workers, turns


async def conversations(worker, turns):
    return [await worker.get(f"/api/calls/{turn.caller.call_id}/conversation") for turn in turns]


@pytest.mark.timeout(120)
async def test_a_worker_that_slept_while_its_calls_were_taken_wakes_up_and_is_silent(
    crew, world, caller
):
    sleeper, other, turns = await begun(crew, world, caller)
    sleeper.signal(signal.SIGSTOP)
    ghosts = [await turn.caller.go_elsewhere(other) for turn in turns]
    done = world.by_process(sleeper.pid)
    await see_through(world, turns, other)
    before = await conversations(other, turns)
    sleeper.signal(signal.SIGCONT)
    heard = await asyncio.gather(*(ghost.until_closed() for ghost in ghosts))
    assert {turn.phase.name: said for turn, said in zip(turns, heard, strict=True)} == {
        turn.phase.name: ([], 4001) for turn in turns
    }
    assert world.by_process(sleeper.pid) == done
    assert await conversations(other, turns) == before
    async with asyncio.timeout(40):  # a call closes its connection first, and ends then
        while (await sleeper.get("/healthz"))["calls"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def caught_up(worker, turn):
    """Wait until all that was told while the store was away is on record."""
    async with asyncio.timeout(40):
        while True:
            call = await worker.get(f"/api/calls/{turn.caller.call_id}/conversation")
            if len(call["items"]) == len(turn.caller.items):
                return
            await asyncio.sleep(0.05)


async def see_through(world, turns, worker):
    """Let the turns come to their ends, and hold them to what was told."""
    await asyncio.gather(*(turn.finish() for turn in turns))
    for turn, call in zip(turns, await conversations(worker, turns), strict=True):
        turn.caller.check(call["items"])
        turn.check(call["items"])


@pytest.mark.timeout(120)
@pytest.mark.parametrize("store", ["valkey", "redis"], indirect=True)
async def test_a_store_that_is_killed_in_a_call_takes_nothing_with_it(crew, world, caller, store):
    worker, _, turns = await begun(crew, world, caller, HELD)
    store.kill()
    store.start()
    await see_through(world, turns, worker)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("store", ["valkey", "redis"], indirect=True)
async def test_a_store_that_sleeps_for_a_second_under_ten_calls_loses_none(
    crew, world, caller, store
):
    crew.constants = {}  # nobody waits for this store longer than players can
    worker = await crew.start()
    plain = next(phase for phase in PHASES if phase.name == "no trouble")
    callers = [await caller(spoken=number % 2 == 0).dial(worker) for number in range(10)]
    for first in (0, 10):
        turns = [
            Turn(f"t{first + number}", plain, one, world) for number, one in enumerate(callers)
        ]
        store.pause()
        await asyncio.gather(*(turn.reach() for turn in turns))
        await asyncio.sleep(1)  # that long it sleeps
        store.go_on()
        await asyncio.gather(*(turn.finish() for turn in turns))
        await asyncio.gather(*(caught_up(worker, turn) for turn in turns))
        await see_through(world, turns, worker)
