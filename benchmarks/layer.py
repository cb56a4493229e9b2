"""What the layer costs: Frontdesk with models that answer at once, beside the least it could cost.

    python benchmarks/layer.py [--quick] [--json FILE]

One worker on one core, the callers and the store on another. Callers stream 20 ms frames of PCM16
in real time and hold a turn every 5 s: speech, transcript, one call of a function, an answer in two
sentences. In the same run and with the same callers: a bare socket, the same with the SDK's runner
behind it, the runner by itself, then Frontdesk, turns ended by the client or found by voice
activity, and responses cancelled. Takes eight minutes; ``--quick`` tries everything in a few
seconds and proves nothing.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop
from load import MANUAL, VAD, Load, Measured, Turn, cancelled, committed, spoken
from report import Results, report
from server import Server, running, serving
from speech import question

HERE = Path(__file__).parent
SERVER_CORE, CALLERS_CORE = 0, 1


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    alone: int = 73
    floor_loads: tuple[int, ...] = (50, 200)
    loads: tuple[int, ...] = (50, 100, 150, 200, 250)
    vad_loads: tuple[int, ...] = (50, 100, 150, 200)
    cancels: int = 40
    crowd: int = 50
    turns: int = 4
    vad_turns: int = 15
    every: float = 5.0
    models: str = "embedded"


QUICK = Plan(
    alone=4,
    floor_loads=(2,),
    loads=(2,),
    vad_loads=(2,),
    cancels=3,
    crowd=2,
    turns=2,
    vad_turns=2,
    every=2.0,
    models="instant",
)


class Bench:
    """Runs a plan against one server after the other."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.results = Results()

    def run(self) -> Results:
        plan, results = self.plan, self.results
        results.floor = self._floor()
        results.runner = self._floor("--runner")
        results.runner_ms = _bare_runner(plan.alone // 3)
        with self._frontdesk() as server:
            results.in_use = server.in_use
            alone = self._load(server, 1, committed, MANUAL, turns=plan.alone, every=0.5)
            results.manual = [alone, *self._loads(server, plan.loads)]
        with self._frontdesk() as server:
            for calls, turns, every in ((1, plan.cancels, 0.5), (plan.crowd, plan.turns, 2.5)):
                load = self._load(server, calls, cancelled, MANUAL, turns=turns, every=every)
                results.cancelled.append(load)
        speech = spoken(question())
        with self._frontdesk() as server:
            alone = self._load(server, 1, speech, VAD, turns=plan.vad_turns, every=2.5)
            results.vad = [alone, *self._loads(server, plan.vad_loads, speech, VAD)]
        return results

    def _floor(self, *options: str) -> list[Measured]:
        command = [sys.executable, str(HERE / "floor.py"), *options]
        with running(command, cpu=SERVER_CORE) as server:
            alone = self._load(server, 1, committed, MANUAL, turns=self.plan.alone // 3, every=0.5)
            return [alone, *self._loads(server, self.plan.floor_loads)]

    def _frontdesk(self) -> AbstractContextManager[Server]:
        cores = {"cpu": SERVER_CORE, "store_cpu": CALLERS_CORE}
        return serving(self.plan.models, HERE / "desk", **cores)

    def _loads(
        self,
        server: Server,
        loads: tuple[int, ...],
        turn: Turn = committed,
        setup: bytes = MANUAL,
    ) -> Iterator[Measured]:
        for calls in loads:
            turns, every = self.plan.turns, self.plan.every
            yield (measured := self._load(server, calls, turn, setup, turns=turns, every=every))
            if measured.is_too_much:
                return

    def _load(
        self, server: Server, calls: int, turn: Turn, setup: bytes, *, turns: int, every: float
    ) -> Measured:
        return uvloop.run(Load(server, calls, turn, setup, turns, every).run())


def _bare_runner(turns: int) -> list[float]:
    told = subprocess.run(
        ["taskset", "-c", str(SERVER_CORE), sys.executable, HERE / "bare_runner.py", str(turns)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(told.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few calls, a few turns")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    os.sched_setaffinity(0, {CALLERS_CORE} & os.sched_getaffinity(0) or os.sched_getaffinity(0))
    results = Bench(QUICK if options.quick else Plan()).run()
    print(report(results))
    if options.json:
        options.json.write_text(json.dumps(asdict(results), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
