"""However workers claim a call, and whatever the store's clock does meanwhile: one of them has it,
and the log holds what that one wrote."""

import asyncio
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from frontdesk.state import CallState, CallStore, Entry, Fenced, Held, Lease, StateError, fold

HOUR = 3600.0
WORKERS = ("w0", "w1", "w2")

who = st.sampled_from(WORKERS)
which = st.integers(0, 40)
"""One of the leases that were ever given."""
ttls = st.sampled_from([0.0, HOUR])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), who, st.booleans(), ttls),
        st.tuples(st.just("race"), st.lists(st.tuples(who, st.booleans()), min_size=2, max_size=8)),
        st.tuples(st.just("append"), which, st.integers(1, 3)),
        st.tuples(st.just("repeat"), which, st.integers(1, 3)),
        st.tuples(st.just("renew"), which, st.just(HOUR)),
        st.tuples(st.just("release"), which),
        st.tuples(st.just("snapshot"), which),
        st.tuples(st.just("clock"), st.sampled_from([-3 * HOUR, -HOUR / 2, HOUR / 2, 3 * HOUR])),
    ),
    min_size=3,
    max_size=30,
)


def line(number: int) -> Entry:
    return {"kind": "item.added", "at": float(number), "item": {"id": f"item_{number}"}}


@dataclass
class Model:
    """What must be so, beside the real store. Time is the store's, in seconds; leases run for
    hours and clocks jump by hours, so that how long the test takes is nothing."""

    store: CallStore
    redis: Redis
    call_id: str = field(default_factory=lambda: f"claims_{uuid.uuid4().hex}")
    leases: list[Lease] = field(default_factory=list[Lease])
    holder: Lease | None = None
    ends: float = 0.0
    now: float = 0.0
    log: list[Entry] = field(default_factory=list[Entry])

    def pick(self, number: int) -> Lease | None:
        return self.leases[number % len(self.leases)] if self.leases else None

    def runs(self, against: str) -> bool:
        """Whether a lease of another worker stands in the way."""
        return self.holder is not None and self.holder.worker != against and self.ends > self.now

    def has(self, lease: Lease) -> bool:
        return self.holder is not None and lease.epoch == self.holder.epoch

    def given(self, lease: Lease) -> None:
        assert all(lease.epoch > other.epoch for other in self.leases)
        assert lease.seq == len(self.log)
        self.leases.append(lease)
        self.holder, self.ends = lease, self.now + lease.ttl

    async def claim(self, worker: str, force: bool, ttl: float) -> None:
        try:
            lease = await self.store.open(self.call_id, worker, ttl, force=force)
        except Held as held:
            event("held")
            assert self.runs(against=worker) and not force
            assert self.holder is not None and held.owner == self.holder.worker
        else:
            assert force or not self.runs(against=worker)
            self.given(lease)

    async def race(self, claims: list[tuple[str, bool]]) -> None:
        """All at once. Who is refused saw another's lease; who came last has the call."""
        free = not self.runs(against="")
        won = await asyncio.gather(
            *(self.store.open(self.call_id, worker, HOUR, force=force) for worker, force in claims),
            return_exceptions=True,
        )
        given = sorted((w for w in won if isinstance(w, Lease)), key=lambda lease: lease.epoch)
        assert len({lease.epoch for lease in given}) == len(given)
        for claim, outcome in zip(claims, won, strict=True):
            assert isinstance(outcome, Lease) or (isinstance(outcome, Held) and not claim[1])
        if free:
            assert given
        if not any(force for _, force in claims):
            event("race without force")
            assert len({lease.worker for lease in given}) <= 1
        for lease in given:
            self.given(lease)

    async def append(self, lease: Lease, count: int) -> None:
        entries = [line(len(self.log) + number) for number in range(count)]
        try:
            await self.store.append(lease, entries)
        except Fenced:
            assert not self.has(lease)
        else:
            assert self.has(lease)
            self.log += entries
            self.ends = self.now + lease.ttl

    async def repeat(self, lease: Lease, count: int) -> None:
        """The answer to an append is lost, and it is sent again with more behind it."""
        before = replace(lease)
        await self.append(lease, count)
        if not self.has(lease):
            return
        entries = [*self.log[before.seq :], line(len(self.log))]
        await self.store.append(before, entries)
        self.log.append(entries[-1])
        lease.seq = before.seq

    async def renew(self, lease: Lease, ttl: float) -> None:
        lease.ttl = ttl
        try:
            await self.store.renew(lease)
        except Fenced:
            assert not self.has(lease)
        else:
            assert self.has(lease)
            self.ends = self.now + ttl

    async def release(self, lease: Lease) -> None:
        await self.store.release(lease)
        if self.has(lease):
            self.holder = None

    async def snapshot(self, lease: Lease) -> None:
        state = fold(self.log, CallState(self.call_id))
        try:
            await self.store.snapshot(lease, state)
        except Fenced:
            assert not self.has(lease)
        else:
            assert self.has(lease)
            self.ends = self.now + lease.ttl

    async def clock(self, seconds: float) -> None:
        """The store's clock jumps: as if every lease ran so much shorter, or longer."""
        self.now += seconds
        if self.leases and self.holder is not None:
            meta = f"frontdesk:{{{self.call_id}}}:meta"
            await self.redis.hincrby(meta, "until", -round(seconds * 1e6))

    async def check(self) -> None:
        """Of all leases that were ever given, one is good: the last one, if it was not given
        back."""
        good: list[int] = []
        for lease in self.leases:
            try:
                await self.store.renew(lease)
            except Fenced:
                continue
            good.append(lease.epoch)
        assert good == ([self.holder.epoch] if self.holder else [])
        if self.leases:
            state = await self.store.load(self.call_id)
            assert state == fold(self.log, CallState(self.call_id))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps)
async def test_one_worker_has_the_call_and_the_log_is_what_it_wrote(
    store: CallStore, redis: Redis, steps: list[tuple[Any, ...]]
) -> None:
    model = Model(store, redis)
    for kind, *args in steps:
        if kind in ("append", "repeat", "renew", "release", "snapshot"):
            lease = model.pick(args[0])
            if lease is None:
                continue
            args[0] = lease
        await getattr(model, kind)(*args)
    await model.check()


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(claims=st.lists(st.booleans(), min_size=2, max_size=30))
async def test_of_workers_that_claim_at_once_by_force_or_not_one_can_write(
    store: CallStore, claims: list[bool]
) -> None:
    call_id = f"race_{uuid.uuid4().hex}"

    async def claim_and_write(number: int, force: bool) -> None:
        lease = await store.open(call_id, f"w{number}", HOUR, force=force)
        for count in range(3):
            await store.append(lease, [{**line(number), "item": {"id": f"w{number}_{count}"}}])

    racers = (claim_and_write(number, force) for number, force in enumerate(claims))
    outcomes = await asyncio.gather(*racers, return_exceptions=True)
    assert all(outcome is None or isinstance(outcome, StateError) for outcome in outcomes)
    state = await store.load(call_id)
    assert state is not None
    written = [stored.item["id"] for stored in state.items]
    # Who was overtaken wrote its first entries only, and nobody wrote in between of another's.
    owners = [item_id.split("_")[0] for item_id in written]
    assert owners == sorted(owners, key=owners.index)
    for owner in {*owners}:
        counts = [item_id.split("_")[1] for item_id in written if item_id.split("_")[0] == owner]
        assert counts == ["0", "1", "2"][: len(counts)]
    finished = sum(outcome is None for outcome in outcomes)
    assert finished >= 1
    assert finished == owners.count(owners[-1]) // 3 + sum(
        owners.count(owner) == 3 for owner in {*owners[:-1]} - {owners[-1]}
    )
