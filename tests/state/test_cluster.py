"""A cluster, its slots on their way from node to node, its nodes in trouble."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import CrossSlotTransactionError, ResponseError

from frontdesk.settings import Settings
from frontdesk.state import CallState, CallStore, Entry, LogWriter, StateError, connect, fold
from tests import stores

Eventually = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]


def item(number: int) -> Entry:
    return {"kind": "item.added", "at": float(number), "item": {"id": f"item_{number}"}}


def never(error: StateError) -> None:
    pytest.fail(f"the call was given up: {error}")


@pytest.fixture
async def cluster(cluster_url: str) -> AsyncIterator[Redis]:
    async with connect(Settings(redis_url=cluster_url)) as redis:
        yield redis


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Cluster]:
    """One to harm."""
    cluster = stores.Cluster(tmp_path_factory.mktemp("harmed"))
    yield cluster
    cluster.stop()


async def test_a_transaction_is_all_or_nothing_and_in_one_slot(cluster: Redis) -> None:
    tag = uuid.uuid4().hex
    async with cluster.pipeline(transaction=True) as pipe:
        pipe.set(f"{{{tag}}}:a", 1).zadd(f"{{{tag}}}:b", {"x": 2.5}).get(f"{{{tag}}}:a")
        pipe.zrange(f"{{{tag}}}:b", 0, -1, withscores=True)
        assert await pipe.execute() == [True, 1, b"1", [(b"x", 2.5)]]
    async with cluster.pipeline() as pipe:
        pipe.set(f"{{{tag}}}:a", 2).execute_command("SET", f"{{{tag}}}:a")
        with pytest.raises(ResponseError, match="wrong number of arguments"):
            await pipe.execute()
    assert await cluster.get(f"{{{tag}}}:a") == b"1"
    async with cluster.pipeline() as pipe:
        pipe.set("one", 1).set("two", 2)
        with pytest.raises(CrossSlotTransactionError):
            await pipe.execute()
    assert await cluster.pipeline().execute() == []


async def test_a_script_runs_in_a_pipeline_whatever_the_node_knows(cluster: Redis) -> None:
    script = cluster.register_script(f"return {{KEYS[1], '{uuid.uuid4().hex}'}}")
    pipe = cluster.pipeline(transaction=False)
    keys = [f"key-{number}" for number in range(6)]
    for key in keys:
        await script(keys=[key], client=cast(Any, pipe))
    assert [reply[0].decode() for reply in await pipe.execute()] == keys


async def test_a_call_is_followed_while_its_slot_moves_to_another_node(
    cluster: Redis, call_id: str
) -> None:
    keys = [f"frontdesk:{{{call_id}}}:{part}" for part in ("meta", "log", "snap", "events")]
    slot = key_slot(keys[0].encode())
    nodes = cast(Any, cluster).get_primaries()
    source = cast(Any, cluster).get_node_from_key(keys[0])
    target = next(node for node in nodes if node != source)

    async def at(node: Any, *words: object) -> Any:
        return await cast(Any, cluster).execute_command(*words, target_nodes=node)

    ids = {node.name: (await at(node, "CLUSTER MYID")).decode() for node in (source, target)}
    store = CallStore(cluster)
    entries = [item(number) for number in range(1, 6)]
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        log.tell(1, "response.done", b'{"event_id":"event_1_1"}')
        log.put(entries[0])
        log.tell(1, "error", b'{"type":"error","event_id":"event_1_1"}')
        await log.flush()
        await store.snapshot(log._lease, log.state)
        log.put(entries[1])
        await log.flush()
        await at(target, "CLUSTER SETSLOT", slot, "IMPORTING", ids[source.name])
        await at(source, "CLUSTER SETSLOT", slot, "MIGRATING", ids[target.name])
        await asyncio.gather(*(cluster.get(key) for key in ("a", "b", "c") for _ in range(4)))
        log.put(entries[2])  # the keys are where they were
        await log.flush()
        log.put(entries[3])
        await at(source, "MIGRATE", target.host, target.port, "", 0, 5000, "KEYS", keys[0])
        flushed = asyncio.create_task(log.flush())  # TRYAGAIN: some are here, some are there
        await asyncio.sleep(0)
        await at(source, "MIGRATE", target.host, target.port, "", 0, 5000, "KEYS", *keys[1:])
        await flushed  # ASK: they are there, and the slot is not
        assert await store.load(call_id) == fold(entries[:4], CallState(call_id))
        transaction = cluster.pipeline(transaction=True).hget(keys[0], "seq").llen(keys[1])
        assert await transaction.execute() == [b"4", 3]
        for node in (target, source):
            await at(node, "CLUSTER SETSLOT", slot, "NODE", ids[target.name])
        log.put(entries[4])  # MOVED
        await log.flush()
        transaction = cluster.pipeline(transaction=True).hget(keys[0], "seq").llen(keys[1])
        assert await transaction.execute() == [b"5", 4]
    assert await store.load(call_id) == fold(entries, CallState(call_id))


async def test_a_node_that_is_down_is_waited_for_while_calls_elsewhere_go_on(
    own: stores.Cluster, eventually: Eventually
) -> None:
    for node in own.nodes:
        node.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
        node.ask("CONFIG", "SET", "appendonly", "yes")
    async with connect(Settings(redis_url=own.url)) as cluster:
        store = CallStore(cluster)
        down = own.nodes[2]
        name = f"127.0.0.1:{down.port}"

        def on_it(call_id: str) -> bool:
            node = cast(Any, cluster).get_node_from_key(f"frontdesk:{{{call_id}}}:meta")
            return node.name == name

        ids = [f"sess_{uuid.uuid4().hex}" for _ in range(40)]
        there = next(call_id for call_id in ids if on_it(call_id))
        elsewhere = next(call_id for call_id in ids if not on_it(call_id))
        async with (
            LogWriter(store, await store.open(there, "w1"), on_lost=never) as waiting,
            LogWriter(store, await store.open(elsewhere, "w1"), on_lost=never) as going,
        ):
            for log in (waiting, going):
                log.put(item(1))
                await log.flush()
            down._command += ["--appendonly", "yes"]
            down.kill()
            waiting.put(item(2))
            for number in range(2, 6):
                going.put(item(number))
                await going.flush()
            assert not waiting.settled
            down.start()  # knows no script any more
            await waiting.flush()
        assert await store.load(there) == fold([item(1), item(2)], CallState(there))


async def test_a_cluster_that_is_down_as_a_whole_is_waited_for(
    own: stores.Cluster, call_id: str, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    async with connect(Settings(redis_url=own.url)) as cluster:
        store = CallStore(cluster)
        async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
            log.put(item(1))
            await log.flush()
            for node in own.nodes:
                node.kill()
            log.put(item(2))

            async def waits() -> bool:
                return "waits to be written" in caplog.text

            await eventually(waits)
            for node in own.nodes:
                node.start()  # and came back empty
            await log.flush()
        assert await store.load(call_id) == fold([item(1), item(2)], CallState(call_id))


async def test_news_and_streams_reach_who_waits_for_them(redis: Redis, call_id: str) -> None:
    """What observers and workers use, wherever the store is: pub/sub, and reading that blocks."""
    stream = f"frontdesk:{{{call_id}}}:events"
    async with cast(Any, redis).pubsub() as channel:
        await channel.subscribe("frontdesk:claims")
        waiting = asyncio.create_task(cast(Any, redis).xread({stream: "0-0"}, block=4000))
        while (await channel.get_message(timeout=30))["type"] != "subscribe":
            pass
        await cast(Any, redis).publish("frontdesk:claims", "news")
        await cast(Any, redis).xadd(stream, {"e": "1"}, id="7-1", maxlen=100)
        message = await channel.get_message(ignore_subscribe_messages=True, timeout=30)
        assert message["data"] == b"news"
        [[_, [(number, fields)]]] = await waiting
        assert (number, fields) == (b"7-1", {b"e": b"1"})
