"""Scenarios by area, and the run of all of them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from frontdesk.conformance.rules import AREAS, TEXTS
from frontdesk.conformance.rules.types import NAMES
from frontdesk.conformance.session import Session, opened
from frontdesk.conformance.stream import Stream
from frontdesk.conformance.target import Target
from frontdesk.conformance.verdicts import Check, Event, Failed, Ledger, Skipped, inner

TOGETHER = 4
"""Scenarios that run at the same time, each on a socket of its own."""

SCENARIO_LIMIT = 5
"""How many times the limit of one event a whole scenario may take."""


class Bench:
    """What a scenario works with: the server, and sessions with it."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.ledger = Ledger()
        self.streams: list[Stream] = []
        self.notes: dict[str, str] = {}
        """What a scenario found out about a field, by the field's dotted name."""

    @asynccontextmanager
    async def session(self, *, detect: bool = False, **config: Any) -> AsyncGenerator[Session]:
        """A session after ``session.created``, which ``config`` was sent to.

        Without ``detect``, no turns are detected.
        """
        async with self.connection() as session:
            session.config = (await session.expect("session.created"))["session"]
            if not detect:
                audio = dict(config.get("audio") or {})
                audio["input"] = {"turn_detection": None, **audio.get("input", {})}
                config["audio"] = audio
            if config:
                await session.configure(**config)
            yield session

    @asynccontextmanager
    async def connection(self, **how: Any) -> AsyncGenerator[Session]:
        """A socket, of which nothing was read. What is owed at the end is waited for."""
        async with opened(self.target, self.ledger, **how) as session:
            self.streams.append(session.stream)
            try:
                yield session
            except Failed as failed:
                if failed.overdue:
                    session.stream.end()
                raise
            await session.close()


@dataclass(frozen=True, slots=True)
class Scenario:
    area: str
    name: str
    rule: str
    run: Callable[[Bench], Awaitable[None]]
    covers: tuple[str, ...] = ()


@dataclass(slots=True)
class Area:
    """Scenarios about one part of the protocol."""

    name: str
    about: str
    scenarios: list[Scenario] = field(default_factory=list[Scenario])

    def scenario(
        self, *covers: str
    ) -> Callable[[Callable[[Bench], Awaitable[None]]], Callable[[Bench], Awaitable[None]]]:
        """Register a function whose name is a sentence and whose docstring is the rule.

        ``covers`` are the dotted fields whose effect it verifies.
        """

        def register(run: Callable[[Bench], Awaitable[None]]) -> Callable[[Bench], Awaitable[None]]:
            name = run.__name__.replace("_", " ")
            self.add(name, " ".join((run.__doc__ or "").split()), run, covers)
            return run

        return register

    def add(
        self,
        name: str,
        rule: str,
        run: Callable[[Bench], Awaitable[None]],
        covers: tuple[str, ...] = (),
    ) -> None:
        self.scenarios.append(Scenario(self.name, name, rule, run, covers))


@dataclass(slots=True)
class Report:
    """All that a run found."""

    checks: list[Check]
    notes: dict[str, str]
    sent: dict[str, str]
    """Types of the client events that were sent, with the code of the error that each had: empty
    for those that were carried out."""
    seen: set[str]
    """Types of the server events that came."""

    @property
    def passed(self) -> bool:
        return not any(check.status == "failed" for check in self.checks)

    def areas(self) -> list[str]:
        return list(dict.fromkeys(check.area for check in self.checks))


async def run(
    target: Target,
    areas: Iterable[Area],
    on_check: Callable[[Check], None] = lambda check: None,
) -> Report:
    """Run every scenario of ``areas``; the rules' verdicts come last."""
    scenarios = [scenario for area in areas for scenario in area.scenarios]
    places = asyncio.Semaphore(TOGETHER)
    benches = [Bench(target) for _ in scenarios]

    async def one(scenario: Scenario, bench: Bench) -> Check:
        async with places:
            check = await _attempt(scenario, bench)
        on_check(check)
        return check

    checks = await asyncio.gather(*map(one, scenarios, benches))
    ledger = Ledger()
    notes: dict[str, str] = {}
    streams: list[Stream] = []
    for bench in benches:
        ledger.add(bench.ledger)
        notes |= bench.notes
        streams += bench.streams
    of_rules = list(_rules(ledger))
    for check in of_rules:
        on_check(check)
    return Report(
        [*checks, *of_rules],
        notes,
        _sent(streams),
        {event["type"] for stream in streams for way, event in stream.frames if way == "seen"},
    )


def _sent(streams: Iterable[Stream]) -> dict[str, str]:
    outcomes: dict[str, str] = {}
    for stream in streams:
        errors = [inner(event, "error") for way, event in stream.frames if way == "seen"]
        codes = {error.get("event_id"): str(error.get("code")) for error in errors if error}
        for way, event in stream.frames:
            if way == "sent":
                code = codes.get(event.get("event_id"), "")
                kind = str(event.get("type"))
                outcomes[kind] = code and outcomes.get(kind, code)
    return outcomes


async def _attempt(scenario: Scenario, bench: Bench) -> Check:
    bench.ledger.scenario = f"{scenario.area}: {scenario.name}"
    check = Check(scenario.area, scenario.name, scenario.rule, "passed", covers=scenario.covers)
    began = time.perf_counter()
    limit = SCENARIO_LIMIT * bench.target.timeout
    try:
        async with asyncio.timeout(limit):
            await scenario.run(bench)
    except TimeoutError:
        _fail(check, f"the end of the scenario within {limit:g} s", None, bench)
    except Skipped as skipped:
        check.status, check.reason = "skipped", str(skipped)
    except Failed as failed:
        _fail(check, failed.expected, failed.seen, bench)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        # The server's event is not of the shape that the scenario reads.
        last: Sequence[tuple[str, Event]] = bench.streams[-1].frames if bench.streams else []
        seen = next((event for way, event in reversed(last) if way == "seen"), None)
        _fail(check, f"fields as the API has them: {type(error).__name__} {error}", seen, bench)
    check.seconds = time.perf_counter() - began
    return check


def _fail(check: Check, expected: str, seen: Event | str | None, bench: Bench) -> None:
    check.status, check.reason, check.seen = "failed", expected, seen
    check.before = bench.ledger.before()
    if isinstance(seen, dict) and "event_id" in seen:
        check.event = str(seen["type"])
    else:
        frames = bench.streams[-1].frames if bench.streams else []
        last = (str(event["type"]) for way, event in reversed(frames) if way == "seen")
        check.event = next(last, "(no event)")


def _rules(ledger: Ledger) -> Iterable[Check]:
    """A check for each rule that was judged; those of which nothing was seen are skipped."""
    known = dict(TEXTS)
    for name in sorted({name for area, name in ledger.judged if area == "types"} & NAMES):
        known["types", name] = f"{name} is as the openai package types it"
    for area in AREAS:
        for (its_area, name), rule in known.items():
            if its_area != area:
                continue
            if broken := ledger.broken.get((area, name)):
                broken.rule = rule
                yield broken
            elif ledger.judged[area, name] or name == "unknown events":
                yield Check(area, name, rule, "passed")
            else:
                yield Check(area, name, rule, "skipped", "nothing of the kind was seen")
