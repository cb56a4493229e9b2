"""What a call takes in the store, and for how long."""

import secrets
from typing import Any

import pytest
from redis.asyncio import Redis

from benchmarks import talk
from frontdesk.encryption import Cipher, new_key
from frontdesk.protocol.images import LARGEST
from frontdesk.state import CallState, CallStore, Codec, Entry, LogWriter, StateError, fold

CLEAR, SEALED = Codec(), Codec(Cipher([new_key()]))


def never(error: StateError) -> None:
    raise AssertionError(error)


async def bytes_of(redis: Redis, call_id: str) -> int:
    """All that the server holds of a call."""
    keys = [key async for key in redis.scan_iter(f"*{{{call_id}}}*")]
    usage: list[Any] = [await redis.memory_usage(key, samples=0) or 0 for key in keys]
    return sum(usage)


@pytest.mark.parametrize("codec", [CLEAR, SEALED], ids=["clear", "encrypted"])
async def test_an_hour_of_talk_never_takes_64_kib(redis: Redis, call_id: str, codec: Codec) -> None:
    store = CallStore(redis, codec)
    most, said = 0, list[Entry]()
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        for turn in talk.turns(150):
            for entry in turn:
                log.put(entry)
            await log.flush()
            said += turn
            most = max(most, await bytes_of(redis, call_id))
    print("MOST", most)
    assert most < 56 * 1024  # with 8 KiB for the events that clients were told: 64
    state = await store.load(call_id)
    assert state == fold(said, CallState(call_id))
    assert len(state.items) == 600


async def test_a_call_that_is_over_takes_half_of_what_it_took(redis: Redis, call_id: str) -> None:
    store = CallStore(redis)
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        for entry in talk.entries(40):
            log.put(entry)
        await log.flush()
        while_live = await bytes_of(redis, call_id)
        log.put({"kind": "call.ended", "at": 1.0, "reason": "the client left"})
    assert await bytes_of(redis, call_id) < while_live / 2
    state = await store.load(call_id)
    assert state is not None and state.ended and len(state.items) == 40


@pytest.mark.parametrize("codec", [CLEAR, SEALED], ids=["clear", "encrypted"])
async def test_what_a_tool_or_a_client_gave_is_kept_whole_however_large(
    store: CallStore, redis: Redis, call_id: str, codec: Codec
) -> None:
    store = CallStore(redis, codec)
    output = "".join(secrets.token_urlsafe(60) for _ in range(20_000))
    item = {"id": "item_1", "type": "function_call_output", "call_id": "c", "output": output}
    huge = {"kind": "item.added", "at": 1.0, "item": item, "hidden": True}
    said = [huge, *talk.entries(100)]
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        for entry in said:
            log.put(entry)
            await log.flush()
    assert await store.load(call_id) == fold(said, CallState(call_id))
    assert await bytes_of(redis, call_id) < 1.3 * len(output)


async def test_the_largest_image_that_is_taken_does_not_end_the_call(
    valkey: Redis, call_id: str
) -> None:
    store = CallStore(valkey)
    image = "data:image/png;base64," + "iVBORw0K" * (LARGEST // 6)
    content = [{"type": "input_image", "image_url": image}]
    item = {"id": "item_1", "type": "message", "role": "user", "content": content}
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        log.put({"kind": "item.added", "at": 1.0, "item": item})
        log.put(talk.entries(4)[2])
        await log.flush()
    state = await store.load(call_id)
    assert state is not None and state.items[-1].item == item


async def test_what_is_huge_is_not_written_anew_for_each_turn(
    store: CallStore, redis: Redis, call_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots: list[int] = []
    snapshot = store.snapshot

    async def counted(*args: Any) -> None:
        await snapshot(*args)
        snapshots.append(1)

    monkeypatch.setattr(store, "snapshot", counted)
    item = {"id": "item_1", "type": "message", "content": [{"image_url": secrets.token_hex(10**6)}]}
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        log.put({"kind": "item.added", "at": 1.0, "item": item})
        for turn in talk.turns(100):
            for entry in turn:
                log.put(entry)
            await log.flush()
    assert len(snapshots) == 1
