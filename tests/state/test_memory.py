"""What a call takes in the store, and for how long."""

import secrets
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from benchmarks import talk
from frontdesk.encryption import Cipher, new_key
from frontdesk.protocol.images import LARGEST
from frontdesk.region import new_call_id
from frontdesk.state import CallState, CallStore, Codec, Entry, LogWriter, StateError, fold
from frontdesk.state.approvals import ApprovalStore
from frontdesk.state.tokens import Tokens

CLEAR, SEALED = Codec(), Codec(Cipher([new_key()]))


def never(error: StateError) -> None:
    raise AssertionError(error)


async def bytes_of(redis: Redis, call_id: str) -> int:
    """All that the server holds of a call."""
    keys = [f"frontdesk:{{{call_id}}}:{part}" for part in ("meta", "log", "snap", "events")]
    usage: list[Any] = [await redis.memory_usage(key, samples=0) or 0 for key in keys]
    return sum(usage)


def tell(log: LogWriter, turn: int) -> None:
    """What clients are told of a turn, and a little more: it is capped."""
    for n in range(12):
        item = {"id": f"item_{secrets.token_hex(12)}", "status": "in_progress", "type": "message"}
        event = {"type": "response.output_item.added", "event_id": f"event_1_{12 * turn + n + 1}"}
        words = f"{turn} words that were spoken {n} times by {secrets.token_urlsafe(40)}"
        frame = {**event, "item": {**item, "content": [{"type": "text", "text": words}]}}
        log.tell(12 * turn + n + 1, "response.output_item.added", orjson.dumps(frame))


@pytest.mark.parametrize("codec", [CLEAR, SEALED], ids=["clear", "encrypted"])
async def test_an_hour_of_talk_never_takes_64_kib(redis: Redis, call_id: str, codec: Codec) -> None:
    store = CallStore(redis, codec)
    most, said = 0, list[Entry]()
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        for number, turn in enumerate(talk.turns(150)):
            for entry in turn:
                log.put(entry)
            tell(log, number)
            await log.flush()
            said += turn
            most = max(most, await bytes_of(redis, call_id))
    assert most < 64 * 1024
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


async def test_every_key_that_a_call_may_have_goes_by_itself_and_is_in_its_slot(
    valkey: Redis,
) -> None:
    await valkey.flushall()
    store, call_id = CallStore(valkey, SEALED, region="eu", retention=86_400.0), new_call_id("eu")
    approvals = ApprovalStore(valkey, SEALED, region="eu")
    (now, _) = await valkey.time()
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        for entry in talk.entries(8):
            log.put(entry)
        tell(log, 0)
        await log.flush()
        await store.snapshot(log._lease, log.state)
        log.put(talk.entries(12)[-1])
        await log.flush()
        await approvals.put({"id": "q1", "call": call_id, "deadline": now + 30})
        await approvals.decide("q1", {"decision": "approved"})
        await Tokens(valkey).issue("ek_", {"call": call_id}, 60)
        lives = {key.decode(): await valkey.ttl(key) for key in await valkey.keys("*")}
    own = {f"frontdesk:{{{call_id}}}:{part}" for part in ("meta", "log", "snap", "events")}
    assert own <= set(lives)
    slots = [await valkey.execute_command("CLUSTER KEYSLOT", key) for key in own]
    assert len(set(slots)) == 1
    # Ids and times alone, of a bounded number; what is past is taken out of them.
    indexes = {"frontdesk:calls:eu", "frontdesk:{approvals:eu}:open"}
    assert {key for key, seconds in lives.items() if seconds < 0} == indexes
    assert all(0 < lives[key] <= 86_400 for key in own)
    others = set(lives) - own - indexes
    assert all(0 < lives[key] <= 120 for key in others) and len(others) == 3


async def test_what_clients_were_told_goes_soon_after_the_call(valkey: Redis, call_id: str) -> None:
    store = CallStore(valkey)
    events, meta = (f"frontdesk:{{{call_id}}}:{part}" for part in ("events", "meta"))
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=never) as log:
        log.put(talk.entries(4)[0])
        tell(log, 0)
        await log.flush()
        assert await valkey.ttl(events) == await valkey.ttl(meta) > 86_400
        log.put({"kind": "call.ended", "at": 1.0, "reason": "the client left"})
    assert 3500 < await valkey.ttl(events) <= 3600
    assert await valkey.ttl(meta) > 86_400
    async with LogWriter(
        store, await store.open(call_id, "w1"), await store.load(call_id), on_lost=never
    ) as log:
        log.put(talk.entries(4)[0])  # taken up again
        await log.flush()
        assert await valkey.ttl(events) > 86_400
