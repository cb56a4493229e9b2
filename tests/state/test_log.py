import asyncio
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from frontdesk.state import CallState, CallStore, Entry, Fenced, Held, LogLost, StateError, fold

SAME_SERVER = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def item(number: int) -> Entry:
    text = f"Line {number} of the talk, about as long as a caller's sentence is."
    content = {"id": f"item_{number}", "type": "message", "content": [{"text": text}]}
    return {"kind": "item.added", "at": float(number), "item": content}


ENDED: Entry = {"kind": "call.ended", "at": 9.0, "reason": "hangup"}


async def test_what_was_appended_is_loaded(store: CallStore, call_id: str) -> None:
    lease = await store.open(call_id, "w1")
    assert await store.append(lease, [item(1), item(2)]) == 2
    assert await store.append(lease, [item(3)]) == 3
    assert await store.load(call_id) == fold([item(1), item(2), item(3)], CallState(call_id))


async def test_a_call_that_was_never_opened_is_none(store: CallStore, call_id: str) -> None:
    assert await store.load(call_id) is None


async def test_a_held_call_is_refused_to_another_worker(store: CallStore, call_id: str) -> None:
    await store.open(call_id, "w1", ttl=30)
    with pytest.raises(Held, match="held by worker w1") as refusal:
        await store.open(call_id, "w2")
    assert 25 < refusal.value.seconds <= 30


async def test_a_lapsed_lease_is_taken_over_and_the_old_worker_is_fenced(
    store: CallStore, call_id: str
) -> None:
    old = await store.open(call_id, "w1", ttl=0)
    await store.append(old, [item(1)])
    new = await store.open(call_id, "w2")
    assert (new.epoch, new.seq) == (old.epoch + 1, 1)
    with pytest.raises(Fenced, match="w2 has it"):
        await store.append(old, [item(2)])
    with pytest.raises(Fenced):
        await store.renew(old)
    with pytest.raises(Fenced):
        await store.snapshot(old, CallState(call_id, seq=1))
    assert await store.append(new, [item(2)]) == 2
    state = await store.load(call_id)
    assert state is not None and len(state.items) == 2


async def test_by_force_a_held_call_is_taken_at_once_and_the_old_worker_is_fenced(
    store: CallStore, call_id: str
) -> None:
    old = await store.open(call_id, "w1", ttl=60)
    await store.append(old, [item(1)])
    new = await store.open(call_id, "w2", ttl=60, force=True)
    assert (new.epoch, new.seq) == (old.epoch + 1, 1)
    with pytest.raises(Fenced, match="w2 has it"):
        await store.append(old, [item(2)])
    with pytest.raises(Held, match="held by worker w2"):
        await store.open(call_id, "w1")
    assert await store.append(new, [item(2)]) == 2


@SAME_SERVER
@given(workers=st.integers(2, 12))
async def test_of_many_that_claim_by_force_only_the_last_may_write(
    store: CallStore, workers: int
) -> None:
    call_id = f"force_{uuid.uuid4().hex}"
    claims = (store.open(call_id, f"w{n}", ttl=60, force=True) for n in range(workers))
    leases = sorted(await asyncio.gather(*claims), key=lambda lease: lease.epoch)
    assert [lease.epoch for lease in leases] == list(range(1, workers + 1))
    for lease in leases[:-1]:
        with pytest.raises(Fenced):
            await store.append(lease, [item(1)])
    assert await store.append(leases[-1], [item(1)]) == 1


async def test_a_released_call_is_free_at_once_and_its_old_lease_is_void(
    store: CallStore, call_id: str
) -> None:
    lease = await store.open(call_id, "w1", ttl=60)
    await store.release(lease)
    await store.open(call_id, "w2")
    await store.release(lease)  # of no effect now
    with pytest.raises(Held):
        await store.open(call_id, "w1")
    with pytest.raises(Fenced):
        await store.append(lease, [item(1)])


async def test_a_new_lease_of_the_same_worker_voids_its_old_one(
    store: CallStore, call_id: str
) -> None:
    first = await store.open(call_id, "w1")
    second = await store.open(call_id, "w1")
    await store.append(second, [item(1)])
    with pytest.raises(Fenced):
        await store.append(first, [item(1)])


async def test_renewing_keeps_the_call(store: CallStore, call_id: str) -> None:
    lease = await store.open(call_id, "w1", ttl=0)
    lease.ttl = 30
    await store.renew(lease)
    with pytest.raises(Held):
        await store.open(call_id, "w2")


@SAME_SERVER
@given(workers=st.integers(2, 30), calls=st.integers(1, 3))
async def test_of_many_claimers_exactly_one_wins(
    store: CallStore, workers: int, calls: int
) -> None:
    for _ in range(calls):
        call_id = f"race_{uuid.uuid4().hex}"
        claims = (store.open(call_id, f"w{number}", ttl=30) for number in range(workers))
        outcomes = await asyncio.gather(*claims, return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, Held)]
        assert len(refused) == workers - 1, outcomes


@SAME_SERVER
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=25))
async def test_however_leases_change_hands_the_log_holds_each_accepted_entry_once_in_order(
    store: CallStore, steps: list[tuple[int, bool]]
) -> None:
    call_id = f"hands_{uuid.uuid4().hex}"
    leases = {0: await store.open(call_id, "w0", ttl=0)}
    holder, accepted = 0, []
    for number, (worker, claims) in enumerate(steps):
        if claims or worker not in leases:
            leases[worker] = await store.open(call_id, f"w{worker}", ttl=0)
            holder = worker
        try:
            await store.append(leases[worker], [item(number)])
        except Fenced:
            assert worker != holder
        else:
            assert worker == holder
            accepted.append(item(number))
    assert await store.load(call_id) == fold(accepted, CallState(call_id))


async def test_an_append_that_is_repeated_after_a_lost_reply_is_done_once(
    store: CallStore, call_id: str
) -> None:
    lease = await store.open(call_id, "w1")
    await store.append(lease, [item(1), item(2)])
    lease.seq = 0  # as if the reply had been lost
    assert await store.append(lease, [item(1), item(2), item(3)]) == 3
    assert await store.load(call_id) == fold([item(1), item(2), item(3)], CallState(call_id))


async def test_a_snapshot_takes_the_place_of_the_entries_behind_it(
    store: CallStore, redis: Redis, call_id: str
) -> None:
    lease = await store.open(call_id, "w1")
    entries = [item(number) for number in range(10)]
    await store.append(lease, entries)
    await store.snapshot(lease, fold(entries[:7], CallState(call_id)))
    assert await redis.llen(f"frontdesk:{{{call_id}}}:log") == 3
    assert await store.load(call_id) == fold(entries, CallState(call_id))
    await store.append(lease, [ENDED])
    assert await store.load(call_id) == fold([*entries, ENDED], CallState(call_id))


async def test_an_older_snapshot_does_not_replace_a_newer_one(
    store: CallStore, call_id: str
) -> None:
    lease = await store.open(call_id, "w1")
    entries = [item(number) for number in range(10)]
    await store.append(lease, entries)
    await store.snapshot(lease, fold(entries[:7], CallState(call_id)))
    await store.snapshot(lease, fold(entries[:3], CallState(call_id)))
    assert await store.load(call_id) == fold(entries, CallState(call_id))


async def test_a_store_that_lost_the_call_says_so_and_a_snapshot_mends_it(
    store: CallStore, redis: Redis, call_id: str
) -> None:
    lease = await store.open(call_id, "w1")
    await store.append(lease, [item(1), item(2)])
    await redis.delete(*[key async for key in redis.scan_iter(f"frontdesk:{{{call_id}}}:*")])
    with pytest.raises(LogLost):
        await store.append(lease, [item(3)])
    await store.snapshot(lease, fold([item(1), item(2)], CallState(call_id)))
    await store.append(lease, [item(3)])
    assert await store.load(call_id) == fold([item(1), item(2), item(3)], CallState(call_id))


async def test_a_store_that_lost_the_tail_says_so_and_a_snapshot_mends_it(
    store: CallStore, redis: Redis, call_id: str
) -> None:
    lease = await store.open(call_id, "w1")
    await store.append(lease, [item(1), item(2)])
    await redis.ltrim(f"frontdesk:{{{call_id}}}:log", 0, 0)  # as a replica that lagged has it
    await redis.hset(f"frontdesk:{{{call_id}}}:meta", "seq", 1)
    with pytest.raises(LogLost, match="after 1"):
        await store.append(lease, [item(3)])
    await store.snapshot(lease, fold([item(1), item(2)], CallState(call_id)))
    await store.append(lease, [item(3)])
    assert await store.load(call_id) == fold([item(1), item(2), item(3)], CallState(call_id))


async def test_a_damaged_call_is_an_error_that_names_it(
    store: CallStore, redis: Redis, call_id: str
) -> None:
    lease = await store.open(call_id, "w1")
    await store.append(lease, [item(1), item(2)])
    await redis.ltrim(f"frontdesk:{{{call_id}}}:log", 0, 0)
    with pytest.raises(StateError, match=f"{call_id} is incomplete: 1 of 2"):
        await store.load(call_id)
    await redis.lset(f"frontdesk:{{{call_id}}}:log", 0, "not json")
    with pytest.raises(StateError, match=f"{call_id} cannot be read"):
        await store.load(call_id)


async def test_all_keys_of_a_call_expire_after_its_retention(redis: Redis, call_id: str) -> None:
    store = CallStore(redis, retention=600)
    lease = await store.open(call_id, "w1")
    await store.append(lease, [item(1), item(2)])
    await store.snapshot(lease, fold([item(1)], CallState(call_id)))
    keys = [key async for key in redis.scan_iter(f"frontdesk:{{{call_id}}}:*")]
    assert len(keys) == 3
    for key in keys:
        assert 590 < await redis.ttl(key) <= 600


async def test_calls_are_listed_newest_first_page_by_page(store: CallStore, redis: Redis) -> None:
    await redis.flushall()
    leases = [await store.open(f"listed_{number}", "w1") for number in range(5)]
    await store.append(leases[3], [item(1), ENDED])
    await store.release(leases[3])
    first = await store.list_calls(limit=2)
    rest = await store.list_calls(before=first[-1].opened_at)
    assert [c.call_id for c in [*first, *rest]] == [f"listed_{n}" for n in (4, 3, 2, 1, 0)]
    assert (first[0].owner, first[0].entries, first[0].ended) == ("w1", 0, False)
    assert (first[1].owner, first[1].entries, first[1].ended) == (None, 2, True)


async def test_calls_past_their_retention_leave_the_list_without_shortening_a_page(
    store: CallStore, redis: Redis
) -> None:
    await redis.flushall()
    for number in range(6):
        await store.open(f"listed_{number}", "w1")
    for number in (1, 3, 5):
        await redis.delete(f"frontdesk:{{listed_{number}}}:meta")
    assert [call.call_id for call in await store.list_calls(limit=3)] == [
        "listed_4",
        "listed_2",
        "listed_0",
    ]
    assert await redis.zcard("frontdesk:calls") == 3


@pytest.mark.parametrize("bad", ["", "a}b", "a b", "x" * 129, "ß"])
async def test_a_call_id_that_would_break_the_keys_is_refused(store: CallStore, bad: str) -> None:
    with pytest.raises(ValueError, match="call id"):
        await store.load(bad)


async def test_a_call_of_forty_items_takes_less_than_64_kib(
    store: CallStore, redis: Redis, call_id: str
) -> None:
    lease = await store.open(call_id, "w1")
    entries = [item(number) for number in range(40)]
    await store.append(lease, entries)
    await store.snapshot(lease, fold(entries, CallState(call_id)))
    await store.append(lease, [item(number) for number in range(40, 104)])
    keys = [key async for key in redis.scan_iter(f"frontdesk:{{{call_id}}}:*")]
    assert keys
    usage: list[Any] = [await redis.memory_usage(key, samples=0) for key in keys]
    assert sum(usage) < 64 * 1024
