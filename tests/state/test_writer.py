import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from frontdesk.settings import Settings
from frontdesk.state import (
    CallState,
    CallStore,
    Entry,
    Fenced,
    Held,
    Lease,
    LogWriter,
    StateError,
    Unavailable,
    connect,
    fold,
    writer,
)

Eventually = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]


def item(number: int) -> Entry:
    return {"kind": "item.added", "at": float(number), "item": {"id": f"item_{number}"}}


def never(error: StateError) -> None:
    raise AssertionError(error)


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Redis]:
    """An embedded Valkey for one test, which may maltreat it."""
    async with connect(Settings(data=tmp_path)) as redis:
        yield redis


@pytest.fixture
def impatient(own: Redis) -> Redis:
    """A client that gives up soon, to the same server: for the log alone, which asks again."""
    path = own.connection_pool.connection_kwargs["path"]
    return Redis(unix_socket_path=path, socket_timeout=0.1, retry=None)


async def test_entries_arrive_in_the_order_they_were_put(store: CallStore, call_id: str) -> None:
    lease = await store.open(call_id, "w1")
    async with LogWriter(store, lease, on_lost=never) as log:
        numbers = [log.put(item(number)) for number in range(1000)]
        await log.flush()
        loaded = await store.load(call_id)
    assert numbers == list(range(1, 1001))
    assert loaded == fold(map(item, range(1000)), CallState(call_id)) == log.state


class Counting(CallStore):
    """A store that counts the entries of each append."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self.appended: list[int] = []

    async def append(self, lease: Lease, entries: Sequence[Entry | bytes], *told: Any) -> int:
        self.appended.append(len(entries))
        return await super().append(lease, entries, *told)


async def test_entries_that_come_one_after_the_other_are_written_together(
    redis: Redis, call_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LINGER", 30.0)
    store = Counting(redis)
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        for number in range(3):
            log.put(item(number))
            await asyncio.sleep(0)
        assert store.appended == []
        log.hurry()
        await log.flush()
        log.hurry()  # for nothing
        log.put(item(3))
    assert store.appended == [3, 1]


async def test_what_nobody_waits_for_is_written_soon_all_the_same(
    redis: Redis, call_id: str
) -> None:
    store = Counting(redis)
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        for number in range(3):
            log.put(item(number))
            await log.flush()
    assert store.appended == [1, 1, 1]


async def test_leaving_writes_what_waits_and_gives_the_call_back(
    store: CallStore, call_id: str
) -> None:
    async with LogWriter(store, await store.open(call_id, "w1", ttl=60), on_lost=never) as log:
        log.put(item(1))
    lease = await store.open(call_id, "w2")
    assert lease.seq == 1


async def test_what_is_changed_after_it_was_put_is_written_as_it_was_put(
    store: CallStore, call_id: str
) -> None:
    entry = item(1)
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        log.put(entry)
        entry["item"]["id"] = "changed"
        await log.flush()
    assert log.state.items[0].item["id"] == "item_1"


async def test_entries_that_wait_are_written_together(
    store: CallStore, call_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    append = store.append

    async def counted(lease, entries, *told):  # type: ignore[no-untyped-def]
        sizes.append(len(entries))
        return await append(lease, entries, *told)

    monkeypatch.setattr(store, "append", counted)
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        for number in range(600):
            log.put(item(number))
        await log.flush()
    assert sizes == [512, 88]


async def test_another_worker_continues_the_call_with_the_state_it_loads(
    store: CallStore, call_id: str
) -> None:
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        log.put(item(1))
    lease = await store.open(call_id, "w2")
    async with LogWriter(store, lease, await store.load(call_id), on_lost=never) as log:
        assert log.put(item(2)) == 2
    state = await store.load(call_id)
    assert state == fold([item(1), item(2)], CallState(call_id))


async def test_a_writer_refuses_a_state_that_is_not_the_logs(
    store: CallStore, call_id: str
) -> None:
    lease = await store.open(call_id, "w1")
    await store.append(lease, [item(1)])
    with pytest.raises(ValueError, match="state is at entry 0, the log at 1"):
        LogWriter(store, lease, on_lost=never)


async def test_a_bad_entry_is_refused_and_the_writer_goes_on(
    store: CallStore, call_id: str
) -> None:
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        with pytest.raises(ValueError, match="lacks item_id"):
            log.put({"kind": "item.deleted", "at": 1.0})
        with pytest.raises(ValueError, match="'session' is not JSON"):
            log.put({"kind": "session", "at": 1.0, "session": {"x": object()}})
        log.put(item(1))
        await log.flush()
    assert log.state.seq == 1


async def test_an_idle_call_is_kept(
    store: CallStore, redis: Redis, call_id: str, eventually: Eventually
) -> None:
    meta = f"frontdesk:{{{call_id}}}:meta"
    lease = await store.open(call_id, "w1", ttl=0.6)
    until = await redis.hget(meta, "until")

    async def prolonged() -> bool:
        return await redis.hget(meta, "until") != until

    async with LogWriter(store, lease, on_lost=never):
        await eventually(prolonged)
        with pytest.raises(Held):
            await store.open(call_id, "w2")


async def test_a_writer_whose_call_was_taken_says_so_and_writes_no_more(
    store: CallStore, call_id: str
) -> None:
    lost: asyncio.Queue[StateError] = asyncio.Queue()
    lease = await store.open(call_id, "w1", ttl=60)
    async with LogWriter(store, lease, on_lost=lost.put_nowait) as log:
        log.put(item(1))
        await log.flush()
        await store.release(lease)
        await store.open(call_id, "w2")
        log.put(item(2))
        with pytest.raises(Fenced, match="w2 has it"):
            await log.flush()
        log.put(item(3))
        with pytest.raises(Fenced):
            await log.flush()
    assert isinstance(lost.get_nowait(), Fenced) and lost.empty()
    state = await store.load(call_id)
    assert state is not None and state.seq == 1
    with pytest.raises(Held):  # leaving did not give away what is another's
        await store.open(call_id, "w3")


async def test_a_long_call_is_kept_short_by_snapshots(
    store: CallStore, redis: Redis, call_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ROOM", 2_000)
    monkeypatch.setattr(writer, "SHORTEST_TAIL", 1_000)
    changes = [item(1), *({**item(1), "kind": "item.changed"} for _ in range(999))]
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        for entry in changes:
            log.put(entry)
            await log.flush()
    assert await redis.llen(f"frontdesk:{{{call_id}}}:log") < 100
    assert await store.load(call_id) == fold(changes, CallState(call_id))


async def test_the_log_of_a_call_that_is_carried_on_is_short_from_the_first_write_on(
    store: CallStore, redis: Redis, call_id: str
) -> None:
    lease = await store.open(call_id, "w1")
    await store.append(lease, [item(number) for number in range(50)])
    lease = await store.open(call_id, "w1")
    async with LogWriter(store, lease, await store.load(call_id), on_lost=never) as log:
        log.put(item(50))
        await log.flush()
        log.put(item(51))
    assert await redis.llen(f"frontdesk:{{{call_id}}}:log") == 1
    state = await store.load(call_id)
    assert state is not None and len(state.items) == 52


async def test_entries_of_a_newer_version_are_never_hidden_by_a_snapshot(
    store: CallStore, redis: Redis, call_id: str
) -> None:
    lease = await store.open(call_id, "newer")
    await store.append(lease, [{"kind": "whisper", "at": 1.0}])
    async with LogWriter(store, lease, await store.load(call_id), on_lost=never) as log:
        for number in range(200):
            log.put(item(number))
            await log.flush()
    assert await redis.lindex(f"frontdesk:{{{call_id}}}:log", 0) == b'{"kind":"whisper","at":1.0}'


async def test_what_was_put_while_the_server_was_killed_arrives_when_it_is_back(
    own: Redis, call_id: str
) -> None:
    store = CallStore(own)
    entries = [item(number) for number in range(20)]
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        for entry in entries[:10]:
            log.put(entry)
        await log.flush()
        os.kill((await own.info())["process_id"], signal.SIGKILL)
        for entry in entries[10:]:
            log.put(entry)
        await log.flush()
    assert await store.load(call_id) == fold(entries, CallState(call_id))


async def test_a_server_that_hangs_holds_up_the_log_and_not_the_call(
    own: Redis, impatient: Redis, call_id: str
) -> None:
    async with impatient:
        lease = await CallStore(own).open(call_id, "w1")
        pid = (await own.info())["process_id"]
        async with LogWriter(CallStore(impatient), lease, on_lost=never) as log:
            os.kill(pid, signal.SIGSTOP)
            log.put(item(1))
            flushed = asyncio.create_task(log.flush())
            done, _ = await asyncio.wait([flushed], timeout=0.3)
            log.put(item(2))
            os.kill(pid, signal.SIGCONT)
            await log.flush()
            await flushed
        assert not done
        # Time-outs hide whether a write was done: it must still be there once.
        loaded = await CallStore(own).load(call_id)
        assert loaded == fold([item(1), item(2)], CallState(call_id))


async def test_a_server_that_stays_away_ends_the_patience(
    own: Redis, impatient: Redis, call_id: str
) -> None:
    lost: asyncio.Queue[StateError] = asyncio.Queue()
    async with impatient:
        store = CallStore(impatient)
        pid = (await own.info())["process_id"]
        lease = await CallStore(own).open(call_id, "w1")
        async with LogWriter(store, lease, on_lost=lost.put_nowait, patience=0.3) as log:
            os.kill(pid, signal.SIGSTOP)
            try:
                log.put(item(1))
                with pytest.raises(Unavailable, match=r"no write for 0\.3 s"):
                    await log.flush()
            finally:
                os.kill(pid, signal.SIGCONT)
        assert isinstance(lost.get_nowait(), Unavailable)


async def test_a_backlog_that_grows_too_large_ends_the_call_before_the_memory_does(
    own: Redis, impatient: Redis, call_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BACKLOG_BYTES", 10_000)
    lost: asyncio.Queue[StateError] = asyncio.Queue()
    async with impatient:
        store = CallStore(impatient)
        pid = (await own.info())["process_id"]
        lease = await CallStore(own).open(call_id, "w1")
        async with LogWriter(store, lease, on_lost=lost.put_nowait) as log:
            os.kill(pid, signal.SIGSTOP)
            try:
                for number in range(1000):
                    log.put(item(number))
                assert isinstance(await lost.get(), Unavailable)
            finally:
                os.kill(pid, signal.SIGCONT)


async def test_a_server_out_of_memory_is_waited_for(
    own: Redis, call_id: str, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    store = CallStore(own)

    async def waits() -> bool:
        return "waits to be written: OOM" in caplog.text or "used memory" in caplog.text

    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        await own.config_set("maxmemory", 1)
        log.put(item(1))
        await eventually(waits)
        await own.config_set("maxmemory", 0)
        await log.flush()
    assert await store.load(call_id) == fold([item(1)], CallState(call_id))


async def test_a_server_that_comes_back_empty_is_filled_from_memory(
    store: CallStore, redis: Redis, call_id: str
) -> None:
    entries = [item(number) for number in range(5)]
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        for entry in entries[:4]:
            log.put(entry)
        await log.flush()
        await redis.flushall()
        log.put(entries[4])
        await log.flush()
        assert await store.load(call_id) == fold(entries, CallState(call_id))
        assert [call.call_id for call in await store.list_calls()] == [call_id]
        with pytest.raises(Held):
            await store.open(call_id, "w2")


async def test_a_writer_that_is_cancelled_leaves_nobody_waiting(
    own: Redis, impatient: Redis, call_id: str
) -> None:
    async with impatient:
        store = CallStore(impatient)
        pid = (await own.info())["process_id"]
        lease = await CallStore(own).open(call_id, "w1")
        os.kill(pid, signal.SIGSTOP)
        try:
            async with LogWriter(store, lease, on_lost=never, patience=0.2) as log:
                log.put(item(1))
                flushed = asyncio.create_task(log.flush())
                await asyncio.sleep(0)
                assert log._task is not None
                log._task.cancel()
                with pytest.raises(StateError, match="cancelled"):
                    await flushed
                log._task = None
        finally:
            os.kill(pid, signal.SIGCONT)
