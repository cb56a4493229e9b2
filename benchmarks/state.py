"""What a call's state costs: appends, loads, memory, and encryption as a ratio of all of it.

    python benchmarks/state.py [--quick] [--kills 20] [--url redis://…] [--json FILE]

The log of a call of 600 items, an hour of talk that is read from prose (``talk.py``), is written a
turn at a time, as live calls write it, then loaded; in the clear and with encryption keys, in the
embedded Valkey or the store that ``--url`` names. CPU is this process's own, so it holds on a busy
machine too; times of the wall do not. Then workers are killed (``takeover.py``), each for a server
that has to start. Takes two minutes; ``--quick`` tries everything but that in seconds and proves
nothing.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson
import takeover
import talk
from pydantic import SecretStr
from redis.asyncio import Redis

from frontdesk.encryption import Cipher, new_key
from frontdesk.settings import Settings
from frontdesk.state import CallStore, Codec, Entry, LogWriter, StateError, connect

SIZES = (40, 200, 600)
"""Items of the calls that memory is measured of."""
PARTS = ("meta", "log", "snap", "events")


@dataclass(frozen=True)
class Plan:
    """How often things are done."""

    appends: int = 3_000
    calls: int = 5
    loads: int = 40
    packs: int = 30


QUICK = Plan(appends=60, calls=1, loads=2, packs=1)


@dataclass
class Measured:
    """One way to keep calls. Times are seconds, memory is bytes, by items of a call."""

    append: list[float] = field(default_factory=list[float])
    append_cpu: float = 0.0
    """CPU of one append of a line."""
    turn_cpu: float = 0.0
    """CPU to keep a turn, mean of an hour: its lines, its events, its share of snapshots."""
    load: list[float] = field(default_factory=list[float])
    load_cpu: float = 0.0
    line_cpu: float = 0.0
    """CPU to encode one line."""
    line_bytes: float = 0.0
    most: dict[int, int] = field(default_factory=dict[int, int])
    """The most that a live call took on its way to so many items."""
    over: dict[int, int] = field(default_factory=dict[int, int])
    """What it takes when it is over, but for what goes within the hour."""


@dataclass
class Results:
    """Everything measured in one run."""

    store: str
    clear: Measured
    encrypted: Measured


class Bench:
    """Keeps calls one way."""

    def __init__(self, redis: Redis, codec: Codec, plan: Plan) -> None:
        self._store = CallStore(redis, codec, retention=600.0)
        self._redis = redis
        self._codec = codec
        self._plan = plan
        self._measured = Measured()

    async def run(self) -> Measured:
        self._encode()
        await self._append()
        turns = talk.ITEMS_A_TURN
        for items in SIZES:
            await self._hold(items // turns)
        return self._measured

    def _encode(self) -> None:
        lines = [orjson.dumps(entry) for entry in talk.entries(SIZES[-1])]
        begun = time.process_time()
        for _ in range(self._plan.packs):
            stored = self._codec.encode_all(lines)
        used = time.process_time() - begun
        self._measured.line_cpu = used / self._plan.packs / len(lines)
        self._measured.line_bytes = sum(map(len, stored)) / len(lines)

    async def _append(self) -> None:
        """One line at a time, acknowledged: what a client waits for."""
        entries = talk.entries(SIZES[-1])
        lease = await self._store.open(_new_id(), "bench")
        begun = time.process_time()
        for number in range(self._plan.appends):
            at = time.perf_counter()
            await self._store.append(lease, [entries[number % len(entries)]])
            self._measured.append.append(time.perf_counter() - at)
        self._measured.append_cpu = (time.process_time() - begun) / self._plan.appends
        await self._drop(lease.call_id)

    async def _hold(self, turns: int) -> None:
        """Whole calls, as the writer of a live call keeps them."""
        items, longest = turns * talk.ITEMS_A_TURN, turns * talk.ITEMS_A_TURN == SIZES[-1]
        used = 0.0
        for number in range(self._plan.calls if longest else 1):
            call_id = _new_id()
            begun = time.process_time()
            async with LogWriter(
                self._store, await self._store.open(call_id, "bench"), on_lost=_lost
            ) as log:
                await self._talk(log, call_id, turns, watched=number == 0)
                used += 0 if number == 0 and self._plan.calls > 1 else time.process_time() - begun
                if longest and number == 0:
                    await self._load(call_id, items)
                log.put({"kind": "call.ended", "at": 1.0, "reason": "the client left"})
            self._measured.over[items] = await self._memory(call_id, PARTS[:3])
            await self._drop(call_id)
        if longest:
            self._measured.turn_cpu = used / max(1, self._plan.calls - 1) / turns

    async def _talk(self, log: LogWriter, call_id: str, turns: int, *, watched: bool) -> None:
        most, told = 0, 0
        for turn in talk.turns(turns):
            for entry in turn:
                log.put(entry)
                for frame in _frames(entry, told):
                    told += 1
                    log.tell(told, "conversation.item.done", frame)
            await log.flush()
            if watched:
                most = max(most, await self._memory(call_id, PARTS))
        if watched:
            self._measured.most[turns * talk.ITEMS_A_TURN] = most

    async def _load(self, call_id: str, items: int) -> None:
        begun = time.process_time()
        for _ in range(self._plan.loads):
            at = time.perf_counter()
            state = await self._store.load(call_id)
            self._measured.load.append(time.perf_counter() - at)
            assert state is not None and len(state.items) == items
        self._measured.load_cpu = (time.process_time() - begun) / self._plan.loads

    async def _memory(self, call_id: str, parts: Sequence[str]) -> int:
        return sum([await self._usage(f"frontdesk:{{{call_id}}}:{part}") for part in parts])

    async def _usage(self, key: str) -> int:
        return int(await self._redis.memory_usage(key, samples=0) or 0)

    async def _drop(self, call_id: str) -> None:
        await self._redis.delete(*(f"frontdesk:{{{call_id}}}:{part}" for part in PARTS))
        await self._redis.zrem("frontdesk:calls", call_id)


def _frames(entry: Entry, told: int) -> list[bytes]:
    """What clients are told of an entry, about as much as the protocol says."""
    if "item" not in entry:
        return []
    event = {"event_id": f"event_1_{told + 1}", "previous_item_id": None, "item": entry["item"]}
    return [orjson.dumps({"type": "conversation.item.done", **event})]


def _new_id() -> str:
    return f"bench_{secrets.token_hex(12)}"


def _lost(error: StateError) -> None:
    raise error


def report(results: Results) -> str:
    """All of it, for people."""
    clear, sealed = results.clear, results.encrypted
    lines = [
        f"{f'Calls in {results.store}':<38}in the clear     encrypted     ratio",
        _row("append, acknowledged, ms p50", *_each(results, lambda m: 1e3 * _p(m.append, 0.5))),
        _row("                          p99", *_each(results, lambda m: 1e3 * _p(m.append, 0.99))),
        _row("                          CPU", 1e3 * clear.append_cpu, 1e3 * sealed.append_cpu),
        _row("a line encoded, CPU µs", 1e6 * clear.line_cpu, 1e6 * sealed.line_cpu),
        _row("a line stored, bytes", clear.line_bytes, sealed.line_bytes),
        _row("a turn kept, CPU ms", 1e3 * clear.turn_cpu, 1e3 * sealed.turn_cpu),
        _row("an hour loaded, ms p50", *_each(results, lambda m: 1e3 * _p(m.load, 0.5))),
        _row("                    CPU", 1e3 * clear.load_cpu, 1e3 * sealed.load_cpu),
    ]
    for items in SIZES:
        lines.append(_row(f"{items} items, live, KiB", *_kib(results, "most", items)))
        lines.append(_row(f"{items} items, over, KiB", *_kib(results, "over", items)))
    return "\n".join([*lines, "", *goals(results)])


def goals(results: Results) -> list[str]:
    """Each goal with what came of it."""
    clear, sealed = results.clear, results.encrypted
    most = max(_kib(results, "most", SIZES[-1]))
    return [
        _goal("append under 1 ms p50", 1e3 * _p(clear.append, 0.5), 1),
        _goal("append under 1 ms p50, encrypted", 1e3 * _p(sealed.append, 0.5), 1),
        _goal("an hour's call under 64 KiB, encrypted or not", most, 64),
        _goal("encoding, share of an append", clear.line_cpu / clear.append_cpu, 0.1),
        _goal("encoding and encrypting", sealed.line_cpu / sealed.append_cpu, 0.2),
        _goal("a turn's CPU with encryption at most twice", sealed.turn_cpu / clear.turn_cpu, 2),
    ]


def _each(results: Results, figure: Callable[[Measured], float]) -> tuple[float, float]:
    return figure(results.clear), figure(results.encrypted)


def _kib(results: Results, name: str, items: int) -> tuple[float, float]:
    return _each(results, lambda measured: getattr(measured, name)[items] / 1024)


def _p(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[round(100 * share) - 1]


def _row(name: str, clear: float, sealed: float) -> str:
    return f"  {name:<36}{clear:12.3f}{sealed:14.3f}{sealed / (clear or float('nan')):10.2f}"


def _goal(name: str, value: float, limit: float) -> str:
    return f"{'PASS' if value <= limit else 'MISS'}  {name}: {value:.3f}"


@asynccontextmanager
async def _redis(url: str | None) -> AsyncIterator[Redis]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data=Path(folder), redis_url=SecretStr(url) if url else None, worker="bench"
        )
        async with connect(settings) as redis:
            yield redis


async def measure(url: str | None, plan: Plan) -> Results:
    """Both ways to keep calls, in one store."""
    async with _redis(url) as redis:
        clear = await Bench(redis, Codec(), plan).run()
        encrypted = await Bench(redis, Codec(Cipher([new_key(), new_key()])), plan).run()
    return Results("a given store" if url else "embedded Valkey", clear, encrypted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="everything, a few times")
    parser.add_argument("--kills", type=int, help="how many take-overs; default: 20, quick: none")
    parser.add_argument("--url", help="of a Redis or Valkey; default: an embedded one")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    results = asyncio.run(measure(options.url, QUICK if options.quick else Plan()))
    print(report(results))
    kills = (0 if options.quick else 20) if options.kills is None else options.kills
    taken = asyncio.run(takeover.measure(kills)) if kills else []
    if taken:
        print(f"\n{takeover.report(taken)}")
    if options.json:
        figures = {**asdict(results), "take_over": [one.at for one in taken]}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
