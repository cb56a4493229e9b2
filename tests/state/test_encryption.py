"""What is kept of a call with keys set: unreadable in the store, readable by who has the keys."""

from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from frontdesk.encryption import Cipher, new_key
from frontdesk.settings import Settings
from frontdesk.state import (
    CallState,
    CallStore,
    Codec,
    Entry,
    LogWriter,
    Unreadable,
    connect,
    fold,
)
from frontdesk.state.approvals import ApprovalStore
from frontdesk.state.versions import VersionStore

SECRET = "quatrefoil-seventeen"
"""What the caller says, and nobody else may read."""


@pytest.fixture
def redis(valkey: Redis) -> Redis:
    return valkey


def item(number: int, text: str = SECRET) -> Entry:
    content = [{"type": "output_audio", "transcript": f"{text}, and then some more words"}]
    item = {"id": f"item_{number}", "type": "message", "role": "assistant", "content": content}
    return {"kind": "item.added", "at": float(number), "item": item}


def question(now: float) -> dict[str, Any]:
    return {"id": "q1", "call": "c1", "arguments": SECRET, "deadline": now + 60}


def codec(*keys: str) -> Codec:
    return Codec(Cipher([*keys]))


async def dumped(redis: Redis) -> bytes:
    """Every key and value there is, as the server would save them."""
    found = bytearray()
    async for key in redis.scan_iter("*"):
        found += key + (await redis.dump(key) or b"")
    return bytes(found)


async def test_a_log_is_carried_on_through_every_change_of_keys(
    store: CallStore, redis: Redis, call_id: str
) -> None:
    old, new = new_key(), new_key()
    stores = [store, CallStore(redis, codec(old)), CallStore(redis, codec(new, old))]
    lease = await store.open(call_id, "w1")
    for number, each in enumerate(stores):
        await each.append(lease, [item(number)])
    expected = fold([item(number) for number in range(3)], CallState(call_id))
    assert await stores[2].load(call_id) == expected
    await stores[2].snapshot(lease, expected)
    await stores[2].append(lease, [item(3)])
    newest = CallStore(redis, codec(new))  # after a snapshot, the old key is not needed
    assert await newest.load(call_id) == fold([item(3)], expected)


async def test_a_call_whose_key_is_gone_is_told_of_by_name_and_loses_nothing(
    redis: Redis, call_id: str
) -> None:
    key = new_key()
    store = CallStore(redis, codec(key))
    lease = await store.open(call_id, "w1")
    await store.append(lease, [item(1)])
    for other in (CallStore(redis), CallStore(redis, codec(new_key()))):
        with pytest.raises(Unreadable, match=f"call {call_id} cannot be read: it is encrypted"):
            await other.load(call_id)
    assert await store.load(call_id) == fold([item(1)], CallState(call_id))


async def test_no_word_of_a_call_is_in_the_servers_files_or_its_memory(tmp_path: Path) -> None:
    def never(error: Exception) -> None:
        raise AssertionError(error)

    async def everything(codec: Codec) -> bytes:
        """Of a server of its own: its append-only file, a snapshot of its memory, its values."""
        folder = tmp_path / ("sealed" if codec.cipher else "clear")
        async with connect(Settings(data=folder)) as redis:
            store = CallStore(redis, codec)
            lease = await store.open("c1", "w1")
            async with LogWriter(store, lease, on_lost=never) as log:
                for number in range(100):
                    log.put(item(number, f"{SECRET} {number}"))
                await log.flush()
                await store.snapshot(lease, log.state)
                log.put(item(1000))
            (seconds, _) = await redis.time()
            approvals = ApprovalStore(redis, codec)
            await approvals.put(question(seconds))
            await approvals.decide("q1", {"decision": "denied", "reason": SECRET})
            await VersionStore(redis, codec).keep("shop", "v1", {"prompt": SECRET}, 1.0)
            values = await dumped(redis)
            await redis.config_set("rdbcompression", "no")
            await redis.save()
            state = await store.load("c1")
            assert state is not None and len(state.items) == 101
        files = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
        assert b"REDIS" in files or b"VALKEY" in files  # the snapshot, and the file of commands
        return values + files

    assert SECRET.encode() in await everything(Codec())  # else this test proves nothing
    hidden = await everything(codec(new_key()))
    for word in (SECRET, "transcript", "assistant", "item_", "some more words"):
        assert word.encode() not in hidden


async def test_approvals_that_no_key_opens_are_passed_over(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    (seconds, _) = await redis.time()
    await ApprovalStore(redis, codec(new_key())).put(question(seconds))
    approvals = ApprovalStore(redis)
    await approvals.put({**question(seconds), "id": "q2"})
    assert [each["id"] for each in await approvals.open()] == ["q2"]
    assert "what waits for approval cannot be read" in caplog.text
    await approvals.drop("q1")
    await approvals.drop("q2")


async def test_versions_of_a_team_are_kept_by_the_newest_key_from_the_next_load_on(
    redis: Redis,
) -> None:
    old, new = new_key(), new_key()
    await VersionStore(redis).keep("shop", "clear", {"prompt": SECRET}, 1.0)
    await VersionStore(redis, codec(old)).keep("shop", "v1", {"prompt": SECRET}, 2.0)
    await VersionStore(redis, codec(new, old)).keep("shop", "v2", {"prompt": "x"}, 3.0)
    versions = VersionStore(redis, codec(new))
    for version in ("clear", "v1"):
        assert await versions.made_of("shop", version) == {"prompt": SECRET}
    assert SECRET.encode() not in await dumped(redis)
    await redis.delete("frontdesk:team:{shop}:versions", "frontdesk:team:{shop}:files")


async def test_a_version_whose_key_is_gone_is_told_of_by_name(redis: Redis) -> None:
    await VersionStore(redis, codec(new_key())).keep("shop", "sealed", {"prompt": SECRET}, 1.0)
    with pytest.raises(Unreadable, match="version sealed of team shop cannot be read"):
        await VersionStore(redis).made_of("shop", "sealed")
    await redis.delete("frontdesk:team:{shop}:versions", "frontdesk:team:{shop}:files")
