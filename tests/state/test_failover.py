"""The store is another one all of a sudden: what a call's writer makes of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from frontdesk.settings import Settings
from frontdesk.state import (
    CallState,
    CallStore,
    Entry,
    Fenced,
    LogLost,
    LogWriter,
    StateError,
    connect,
    fold,
)
from tests import stores
from tests.proxy import Proxy


def item(number: int) -> Entry:
    return {"kind": "item.added", "at": float(number), "item": {"id": f"item_{number}"}}


def never(error: StateError) -> None:
    pytest.fail(f"the call was given up: {error}")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[stores.Pair]:
    pair = stores.Pair(tmp_path / "pair")
    yield pair
    pair.stop()


@pytest.fixture
async def primary(pair: stores.Pair) -> AsyncIterator[Redis]:
    """Whichever server the Sentinel says it is."""
    async with connect(Settings(redis_url=pair.url)) as redis:
        yield redis


async def forget(redis: Redis, call_id: str, epoch: int, owner: str) -> None:
    """What a replica that did not hear of the last claim would say."""
    await redis.hset(f"frontdesk:{{{call_id}}}:meta", mapping={"epoch": epoch, "owner": owner})


async def test_a_store_that_forgot_a_claim_is_reminded_of_it_and_fences_the_older_one(
    store: CallStore, redis: Redis, call_id: str
) -> None:
    old = await store.open(call_id, "w1", ttl=60)
    await store.append(old, [item(1)])
    new = await store.open(call_id, "w2", ttl=60, force=True)
    await store.append(new, [item(2)])
    await forget(redis, call_id, old.epoch, "w1")
    for write in (store.append(new, [item(3)]), store.renew(new)):
        with pytest.raises(LogLost):
            await write
    state = fold([item(1), item(2)], CallState(call_id))
    await store.snapshot(new, state)
    with pytest.raises(Fenced, match="w2 has it"):
        await store.append(old, [item(9)])
    await store.append(new, [item(3)])
    assert await store.load(call_id) == fold([item(1), item(2), item(3)], CallState(call_id))


async def test_what_a_fenced_worker_wrote_into_a_store_that_forgot_gives_way(
    store: CallStore, redis: Redis, call_id: str
) -> None:
    old = await store.open(call_id, "w1", ttl=60)
    await store.append(old, [item(1)])
    new = await store.open(call_id, "w2", ttl=60, force=True)
    async with LogWriter(store, new, await store.load(call_id), on_lost=never) as log:
        await forget(redis, call_id, old.epoch, "w1")
        await store.append(old, [item(number) for number in range(50, 60)])
        log.put(item(2))
        await log.flush()
        with pytest.raises(Fenced):
            await store.append(old, [item(60)])
        log.put(item(3))
        await log.flush()
    assert await store.load(call_id) == fold([item(1), item(2), item(3)], CallState(call_id))


async def test_of_two_that_claimed_at_two_masters_one_goes_on(
    store: CallStore, redis: Redis, call_id: str
) -> None:
    first = await store.open(call_id, "w1", ttl=60)
    await store.append(first, [item(1)])
    there = await store.open(call_id, "w2", ttl=60, force=True)
    # The other master knew of the first claim only, and gave the second out once more.
    await forget(redis, call_id, there.epoch, "w3")
    with pytest.raises(Fenced, match="w3 has it"):
        await store.append(there, [item(2)])
    with pytest.raises(Fenced):
        await store.snapshot(there, fold([item(1), item(2)], CallState(call_id)))


async def test_a_call_goes_on_at_the_replica_that_was_promoted(
    pair: stores.Pair, primary: Redis, call_id: str
) -> None:
    store = CallStore(primary)
    lease = await store.open(call_id, "w1")
    async with LogWriter(store, lease, on_lost=never) as log:
        log.put(item(1))
        await log.flush()
        pair.primary.kill()
        log.put(item(2))
        await log.flush()
        assert pair.failed_over()
    assert await store.load(call_id) == fold([item(1), item(2)], CallState(call_id))


async def test_what_a_lagging_replica_lost_is_filled_up_from_memory(
    pair: stores.Pair, primary: Redis, call_id: str
) -> None:
    store = CallStore(primary)
    lease = await store.open(call_id, "w1")
    async with LogWriter(store, lease, on_lost=never) as log:
        log.put(item(1))
        await log.flush()
        pair.replica.pause()
        for number in range(2, 9):
            log.put(item(number))
        await log.flush()  # acknowledged by the primary alone
        pair.primary.kill()
        pair.replica.go_on()
        log.put(item(9))
        await log.flush()
    entries = [item(number) for number in range(1, 10)]
    assert await store.load(call_id) == fold(entries, CallState(call_id))


async def test_a_primary_that_hangs_is_left_for_its_replica(
    pair: stores.Pair, call_id: str
) -> None:
    url = f"{pair.url}?socket_timeout=0.5"
    async with connect(Settings(redis_url=url)) as redis:
        store = CallStore(redis)
        lease = await store.open(call_id, "w1")
        async with LogWriter(store, lease, on_lost=never) as log:
            log.put(item(1))
            await log.flush()
            pair.primary.pause()
            log.put(item(2))
            await log.flush()
        assert await store.load(call_id) == fold([item(1), item(2)], CallState(call_id))


async def test_a_plain_connection_to_a_primary_that_was_demoted_asks_again_where_it_is(
    pair: stores.Pair, call_id: str
) -> None:
    """A name that points to whoever is the primary: here, a proxy."""
    async with (
        Proxy(pair.primary.port) as name,
        connect(Settings(redis_url=f"redis://127.0.0.1:{name.port}")) as redis,
    ):
        store = CallStore(redis)
        lease = await store.open(call_id, "w1")
        async with LogWriter(store, lease, on_lost=never) as log:
            log.put(item(1))
            await log.flush()
            pair.sentinel.kill()  # it would undo this
            pair.replica.ask("REPLICAOF", "NO", "ONE")
            pair.primary.ask("REPLICAOF", "127.0.0.1", str(pair.replica.port))
            name.target = pair.replica.port
            log.put(item(2))
            await log.flush()
        assert await store.load(call_id) == fold([item(1), item(2)], CallState(call_id))


async def test_nothing_is_promised_by_a_primary_that_lost_its_replicas(
    pair: stores.Pair, primary: Redis, call_id: str
) -> None:
    """As docs/deployment.md says: with min-replicas-to-write a primary that is cut off refuses."""
    store = CallStore(primary)
    lease = await store.open(call_id, "w1")
    pair.primary.ask("CONFIG", "SET", "min-replicas-to-write", "2")
    with pytest.raises(RedisError, match=r"NOREPLICAS|Not enough good replicas"):
        await store.append(lease, [item(1)])
    async with LogWriter(store, lease, on_lost=never) as log:
        log.put(item(1))
        flushed = asyncio.create_task(log.flush())
        await asyncio.sleep(0)
        pair.primary.ask("CONFIG", "SET", "min-replicas-to-write", "1")
        await flushed
