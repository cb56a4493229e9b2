"""The figures as tables, and whether they are what they should be."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from load import Measured


@dataclass
class Results:
    """Everything measured in one run. The first load of each list is one caller alone."""

    floor: list[Measured] = field(default_factory=list[Measured])
    runner: list[Measured] = field(default_factory=list[Measured])
    """The floor with the SDK's runner behind it."""
    runner_ms: list[float] = field(default_factory=list[float])
    manual: list[Measured] = field(default_factory=list[Measured])
    vad: list[Measured] = field(default_factory=list[Measured])
    cancelled: list[Measured] = field(default_factory=list[Measured])
    in_use: dict[str, str] = field(default_factory=dict[str, str])


EARLY, LATE = (4, 20), (54, 73)
"""Turns of a call that are compared: the first three are warm-up."""


def report(results: Results) -> str:
    """All of it, for people."""
    alone, runner = results.manual[0], _median(results.runner_ms)
    activity = results.in_use.get("voice activity", "?")
    lines = [
        "One call, ms                              p50 / p95 / p99",
        f"  bare socket                             {_times(results.floor[0], *EARLY)}",
        f"  SDK's runner behind a bare socket       {_times(results.runner[0], *EARLY)}",
        f"  SDK's runner alone, to the first word   {runner:.2f}",
        f"  Frontdesk, turns 4 to 20                {_times(alone, *EARLY)}",
        f"  Frontdesk, turns 54 to 73               {_times(alone, *LATE)}",
        f"  {f'by {activity}':<40}{_times(results.vad[0], *EARLY)}",
        "",
        *_table("bare socket", results.floor[1:]),
        "",
        *_table("SDK's runner behind a bare socket", results.runner[1:]),
        "",
        *_table("Frontdesk, committed by the client", results.manual[1:]),
        "",
        *_table("Frontdesk, turns found by voice activity", results.vad[1:]),
        "",
        "response.cancel to response.done, ms      p50 / p95 / p99",
        *(f"  {load.calls:>4} calls  {_times(load)}" for load in results.cancelled),
        "",
        *goals(results),
    ]
    lost = [why for load in _all(results) for why in load.lost]
    return "\n".join([*lines, *(f"LOST {why}" for why in lost[:5])])


def goals(results: Results) -> Iterator[str]:
    """Each goal with what came of it."""
    alone, runner = results.manual[0], _median(results.runner_ms)
    p50, p99 = (alone.milliseconds(share, *EARLY) for share in (0.5, 0.99))
    yield _goal("one call, p50 under 8 ms", p50, 8)
    yield _goal("beyond the SDK's runner, under 3 ms", p50 - runner, 3)
    yield _goal("one call, p99 at most 3 times p50", p99 / p50, 3)
    late = alone.milliseconds(0.5, *LATE)
    yield _goal("turns 54 to 73 at most 1.3 times turns 4 to 20", late / p50, 1.3)
    yield _capacity("200 calls at p95 under 50 ms", results.manual, 200)
    yield _capacity("150 calls with voice activity at p95 under 50 ms", results.vad, 150)
    few, many = (load.milliseconds(0.95) for load in results.cancelled)
    yield _goal("cancel to done p95 alone, under 2 ms", few, 2)
    yield _goal("cancel to done p95 at 50 calls, under 5 ms", many, 5)
    late_audio = sum(load.late_audio for load in _all(results))
    yield _goal("audio after response.done, none", late_audio, 0)
    for name, loads, times, kib in (
        ("", results.manual, 2.2, 300),
        (" with voice activity", results.vad, 4.5, 300),
    ):
        load, floor = loads[1], results.floor[1]
        share = load.cpu_s_a_call_minute / (floor.cpu_s_a_call_minute or float("nan"))
        yield _goal(f"CPU{name}, times the floor, at most {times}", share, times)
        yield _goal(f"KiB a call{name}, at most {kib}", _kib_a_call(loads), kib)


def _kib_a_call(loads: list[Measured]) -> float:
    """What each further call takes: the first calls bring code and buffers that all share."""
    least, most = loads[1 if len(loads) > 2 else 0], max(loads, key=_held)
    return (most.resident_kib - least.resident_kib) / ((most.calls - least.calls) or float("nan"))


def _held(load: Measured) -> int:
    return 0 if load.is_too_much else load.calls


def _goal(name: str, value: float, limit: float) -> str:
    return f"{'PASS' if value <= limit else 'MISS'}  {name}: {value:.2f}"


def _capacity(name: str, loads: list[Measured], calls: int) -> str:
    held = [load.calls for load in loads if load.milliseconds(0.95, 2) < 50 and not load.lost]
    most = max(held, default=0)
    return f"{'PASS' if most >= calls else 'MISS'}  {name}: {most} held"


def _table(name: str, loads: list[Measured]) -> Iterator[str]:
    yield (
        f"{name:<42}p50 / p95 / p99 ms         CPU  + Valkey   CPU-s a call-minute   "
        "resident MiB   (callers' CPU)"
    )
    for load in loads:
        yield (
            f"  {load.calls:>4} calls{_times(load, 2):>49}       {load.cpu:4.0%}"
            f"   {load.helpers_cpu:6.0%}   {load.cpu_s_a_call_minute:19.2f}"
            f"   {load.resident_kib / 1024:12.0f}   ({load.callers_cpu:.0%})"
        )


def _times(load: Measured, first: int = 1, last: int = 10**6) -> str:
    shares = (0.5, 0.95, 0.99)
    return " / ".join(f"{load.milliseconds(share, first, last):.2f}" for share in shares)


def _all(results: Results) -> list[Measured]:
    return [*results.floor, *results.runner, *results.manual, *results.vad, *results.cancelled]


def _median(values: list[float]) -> float:
    later = sorted(values[min(3, len(values) - 1) :])
    return later[len(later) // 2]
