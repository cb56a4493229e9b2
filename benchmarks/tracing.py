"""What tracing costs: a span, a turn, a call; how quickly spans come in; and the pages over a
million of them.

    python benchmarks/tracing.py [--quick] [--only PART] [--spans 1000000] [--json FILE]

The layer is measured twice in the same minutes, round by round: one server traces, the other has
``OTEL_SDK_DISABLED=true``; then one call is held with the embedded models. CPU is that of whole
processes, so ratios hold on a busy machine too; times of the wall, of Chromium's first paint above
all, do not. Takes ten minutes; ``--quick`` tries everything in half a minute and proves nothing.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import trace_pages
import uvloop
from dead_backends import DEAD
from load import MANUAL, VAD, Load, committed, spoken
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from server import Server, serving
from spans import SHORT, made, traced
from speech import question

from frontdesk.api.otlp import _keep  # pyright: ignore[reportPrivateUsage]
from frontdesk.settings import Settings
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.otlp import PROTOBUF

HERE = Path(__file__).parent
EXAMPLE = HERE.parent
PARTS = ("span", "turn", "embedded", "ingest", "dead", "pages")
BATCH = 512
"""Spans of a body, as exporters send them."""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    turns: int = 1_000
    rounds: int = 3
    calls: int = 10
    turns_a_round: int = 6
    every: float = 5.0
    embedded_turns: int = 10
    received: int = 50_000
    requests: int = 15
    paints: int = 5


QUICK = Plan(turns=20, rounds=1, calls=2, turns_a_round=2, every=1.0, embedded_turns=0,
             received=1_024, requests=2, paints=0)  # fmt: skip


@dataclass
class Results:
    """Seconds of CPU, where nothing else is said."""

    span_loop: float = 0.0
    span_writer: float = 0.0
    traced: list[float] = field(default_factory=list[float])
    """CPU of a call-minute with instant models, round by round."""
    silent: list[float] = field(default_factory=list[float])
    """The same of a server that does not trace."""
    every: float = 0.0
    """Seconds from turn to turn in these."""
    embedded: float | None = None
    """CPU of a call-minute with embedded models, traced."""
    received: float = 0.0
    """For a span that comes by OTLP."""
    stored: float = 0.0
    """For a span that is written, its making not counted."""
    dead: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    spans: int = 0
    pages: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    paints_ms: list[float] = field(default_factory=list[float])

    @property
    def tracing(self) -> float:
        """CPU of tracing a call-minute: the median difference of a round."""
        return statistics.median(on - off for on, off in zip(self.traced, self.silent, strict=True))


class Bench:
    def __init__(self, plan: Plan, spans: int) -> None:
        self.plan = plan
        self.results = Results(every=plan.every, spans=spans)

    def run(self, parts: Sequence[str]) -> Results:
        for part in parts:
            getattr(self, f"_{part}")()
        return self.results

    def _span(self) -> None:
        """A span as a call writes it, begun and ended."""
        with _tracing() as tracing:
            self._turns(tracing)  # warm
            begun, own = time.process_time(), time.thread_time()
            self._turns(tracing)
            own, all_of_it = time.thread_time() - own, time.process_time() - begun
        count = self.plan.turns * SHORT
        self.results.span_loop, self.results.span_writer = own / count, (all_of_it - own) / count

    def _turns(self, tracing: Tracing) -> None:
        for index in range(self.plan.turns):
            traced(tracing, index)
            if index % 50 == 49:
                tracing.store.flush(30)
        tracing.store.flush(30)

    def _turn(self) -> None:
        with ExitStack() as stack:
            on = stack.enter_context(_serving("instant", HERE / "desk", traced=True))
            off = stack.enter_context(_serving("instant", HERE / "desk", traced=False))
            for server in (on, off):  # the first calls bring code and buffers
                self._load(server)
            for _ in range(self.plan.rounds):
                self.results.traced.append(self._load(on))
                self.results.silent.append(self._load(off))

    def _load(self, server: Server) -> float:
        plan = self.plan
        load = Load(server, plan.calls, committed, MANUAL, plan.turns_a_round, plan.every)
        measured = uvloop.run(load.run())
        if measured.lost:
            raise RuntimeError(f"calls were lost: {measured.lost[:3]}")
        return measured.cpu_s_a_call_minute

    def _embedded(self) -> None:
        if not self.plan.embedded_turns:
            return
        with _serving("embedded", EXAMPLE, traced=True) as server:
            turns, every = self.plan.embedded_turns, self.plan.every
            load = Load(server, 1, spoken(question()), VAD, turns, every)
            self.results.embedded = uvloop.run(load.run()).cpu_s_a_call_minute

    def _ingest(self) -> None:
        spans = [span for turn in made(self.plan.received) for span in turn]
        bodies = [
            encode_spans(spans[at : at + BATCH]).SerializeToString()
            for at in range(0, len(spans), BATCH)
        ]
        with _tracing() as tracing:
            begun = time.process_time()
            for body in bodies:
                _keep(tracing, body, PROTOBUF)
                tracing.store.flush(30)
            self.results.received = (time.process_time() - begun) / len(spans)
        with _tracing() as tracing:
            begun = time.process_time()
            for at in range(0, len(spans), BATCH):
                for span in spans[at : at + BATCH]:
                    tracing.store.add(span)
                tracing.store.flush(30)
            self.results.stored = (time.process_time() - begun) / len(spans)

    def _dead(self) -> None:
        for name, backend in DEAD.items():
            with backend() as url:
                self.results.dead[name] = self._beside(url)

    def _beside(self, url: str) -> dict[str, float]:
        """What it costs to export there, beside a process that exports nothing."""
        with _tracing() as tracing:
            quiet = self._used(tracing)
        with _environ(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{url}/v1/traces"):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            with _tracing() as tracing:
                used = self._used(tracing)
                grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
                at = time.perf_counter()
            closing = time.perf_counter() - at
            lost = float(tracing.lost["otlp"])
        count = self.plan.turns * SHORT
        return {"cpu": (used - quiet) / count, "grown_kib": float(grown), "close_s": closing,
                "lost": lost, "sent": float(count)}  # fmt: skip

    def _used(self, tracing: Tracing) -> float:
        begun = time.process_time()
        self._turns(tracing)
        return time.process_time() - begun

    def _pages(self) -> None:
        with _tracing() as tracing:
            _, long = trace_pages.fill(tracing, self.results.spans)
            app = trace_pages.application(tracing)
            for name, path in trace_pages.addresses(long).items():
                seconds = trace_pages.seconds(app, path, self.plan.requests)
                self.results.pages[name] = asyncio.run(seconds)
            if self.plan.paints:
                self.results.paints_ms = trace_pages.painted(app, long, self.plan.paints)


@contextmanager
def _environ(**values: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _serving(models: str, desk: Path, *, traced: bool) -> Iterator[Server]:
    with ExitStack() as stack:
        with _environ(OTEL_SDK_DISABLED="false" if traced else "true"):
            serving_it: AbstractContextManager[Server] = serving(models, desk)
            server = stack.enter_context(serving_it)
        yield server


@contextmanager
def _tracing() -> Iterator[Tracing]:
    with tempfile.TemporaryDirectory() as folder:
        tracing = Tracing(Settings(data=Path(folder)))
        tracing.start()
        try:
            yield tracing
        finally:
            asyncio.run(tracing.aclose())


def report(results: Results) -> str:
    """All of it, for people."""
    parts = (_costs(results), _coming_in(results), _backends(results), _looked_at(results))
    return "\n".join([line for part in parts for line in (*part, "")] + [*goals(results)])


def _costs(r: Results) -> Iterator[str]:
    yield "CPU of tracing"
    if r.span_loop:
        yield f"  a span, in the call's thread            {1e6 * r.span_loop:8.1f} µs"
        yield f"  a span, in the writer's thread          {1e6 * r.span_writer:8.1f} µs"
    if r.traced:
        on, off = statistics.median(r.traced), statistics.median(r.silent)
        yield f"  a turn with a tool, instant models      {1e3 * r.tracing * r.every / 60:8.2f} ms"
        yield f"  a call-minute, a turn each {r.every:.0f} s         {1e3 * r.tracing:8.1f} ms"
        yield (
            f"  share of the layer, instant models      {r.tracing / on:8.1%}   "
            f"({on:.3f} against {off:.3f} CPU-s a call-minute)"
        )
    if r.traced and r.embedded:
        yield (
            f"  share of the call, embedded models      {r.tracing / r.embedded:8.1%}   "
            f"(of {r.embedded:.3f} CPU-s a call-minute)"
        )


def _coming_in(r: Results) -> Iterator[str]:
    if r.received:
        yield "Spans coming in                              a CPU-second"
        yield f"  by OTLP, protobuf, read and written     {1 / r.received:8,.0f}"
        yield f"  written, their making not counted       {1 / r.stored:8,.0f}"


def _backends(r: Results) -> Iterator[str]:
    if r.dead:
        yield "A backend that                 CPU a span, µs   memory, KiB   end, s   counted"
    for name, dead in r.dead.items():
        yield (
            f"  {name:<28}{1e6 * dead['cpu']:17.2f}{dead['grown_kib']:14.0f}"
            f"{dead['close_s']:9.2f}{dead['lost']:10.0f} of {dead['sent']:.0f}"
        )


def _looked_at(r: Results) -> Iterator[str]:
    if r.pages:
        yield f"Pages over {r.spans:,} spans                   CPU, ms   time, ms"
    for name, page in r.pages.items():
        yield f"  {name:<40}{1e3 * page['cpu']:8.1f}{1e3 * page['wall']:11.1f}"
    if r.paints_ms:
        paint = statistics.median(r.paints_ms)
        yield f"  turn of 200 spans, painted in Chromium          {paint:11.1f}"


def goals(r: Results) -> Iterator[str]:
    """Each goal with what came of it."""
    if r.traced and r.embedded:
        yield _goal("tracing, % of a call's CPU, under 2", 100 * r.tracing / r.embedded, 2)
    if r.pages:
        lists = [1e3 * page["cpu"] for name, page in r.pages.items() if name.startswith("list")]
        yield _goal("list of 50, each filter, ms of CPU, under 50", max(lists), 50)
    if r.paints_ms:
        yield _goal("turn of 200 spans painted, ms, under 300", statistics.median(r.paints_ms), 300)
    if r.dead:
        dead = r.dead.values()
        yield _goal("a dead backend, µs a span, under 5", max(1e6 * d["cpu"] for d in dead), 5)
        missed = sum(d["sent"] - d["lost"] for d in dead)
        yield _goal("spans neither sent nor counted, none", missed, 0)
        longest = max(d["close_s"] for d in dead)
        yield _goal("the end waits for a dead backend, s, at most 5", longest, 5)


def _goal(name: str, value: float, limit: float) -> str:
    return f"{'PASS' if value <= limit else 'MISS'}  {name}: {value:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few turns, a small store")
    parser.add_argument("--spans", type=int, default=1_000_000, help="spans of the made store")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    quick = options.quick
    spans = 5_000 if quick else options.spans
    results = Bench(QUICK if quick else Plan(), spans).run(options.only or PARTS)
    print(report(results))
    if options.json:
        options.json.write_text(json.dumps(asdict(results), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
