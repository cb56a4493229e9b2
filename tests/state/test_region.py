"""A call that is pinned to a region is nobody else's."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from frontdesk.region import is_elsewhere, new_call_id, region_of
from frontdesk.settings import Settings
from frontdesk.state import CallState, CallStore, Entry, Held, InOtherRegion, fold
from frontdesk.state.approvals import ApprovalStore

ITEM: Entry = {"kind": "item.added", "at": 1.0, "item": {"id": "item_1", "type": "message"}}


@pytest.fixture
def redis(valkey: Redis) -> Redis:
    return valkey


def test_an_id_names_the_region_that_its_call_is_kept_in() -> None:
    for region in ("eu", "eu-west-1", "1", "a" * 32):
        assert region_of(new_call_id(region)) == region
    assert region_of(new_call_id(None)) is None
    for other in ("sess_eu", "sess_EU_" + "0" * 24, "conv_eu_" + "0" * 24, "c1"):
        assert region_of(other) is None
    assert is_elsewhere(new_call_id("eu"), "us") and is_elsewhere(new_call_id("eu"), None)
    assert not is_elsewhere(new_call_id("eu"), "eu") and not is_elsewhere(new_call_id(None), "eu")


@pytest.mark.parametrize("region", ["", "EU", "eu_west", "-eu", "eu-", "a" * 33, "e u", "eu\n"])
def test_a_region_that_no_key_could_hold_is_refused(region: str) -> None:
    with pytest.raises(ValueError, match="region"):
        Settings(region=region)


@pytest.mark.parametrize("other", ["us", None])
async def test_a_call_is_neither_read_nor_claimed_nor_listed_in_another_region(
    redis: Redis, other: str | None
) -> None:
    here, there = CallStore(redis, region="eu"), CallStore(redis, region=other)
    call_id = new_call_id("eu")
    lease = await here.open(call_id, "w1", ttl=0)  # lapsed at once: anybody might have it
    await here.append(lease, [ITEM])
    refused = f"Call {call_id} is kept in region eu, and this server is in (no region|region us)"
    for attempt in (there.open(call_id, "w2"), there.open(call_id, "w2", force=True)):
        with pytest.raises(InOtherRegion, match=refused):
            await attempt
    with pytest.raises(InOtherRegion, match=refused):
        await there.load(call_id)
    assert call_id not in [call.call_id for call in await there.list_calls()]
    assert call_id in [call.call_id for call in await here.list_calls()]
    assert (await here.open(call_id, "w3")).epoch == lease.epoch + 1  # nothing was claimed


async def test_of_claimers_in_two_regions_only_those_where_the_call_is_can_win(
    redis: Redis,
) -> None:
    stores = [CallStore(redis, region=region) for region in ("eu", "us", None)]
    for _ in range(5):
        call_id = new_call_id("eu")
        await stores[0].open(call_id, "first", ttl=0)
        claims = (stores[n % 3].open(call_id, f"w{n}", ttl=30) for n in range(12))
        outcomes = await asyncio.gather(*claims, return_exceptions=True)
        elsewhere = [outcomes[n] for n in range(12) if n % 3]
        assert all(isinstance(outcome, InOtherRegion) for outcome in elsewhere)
        here = [outcomes[n] for n in range(0, 12, 3)]
        assert sum(isinstance(outcome, Held) for outcome in here) == len(here) - 1


async def test_a_store_that_lost_a_call_gets_it_back_where_it_was(redis: Redis) -> None:
    here, there = CallStore(redis, region="eu"), CallStore(redis, region="us")
    lease = await here.open("an-id-without-a-region", "w1")
    await here.append(lease, [ITEM])
    for key in ("meta", "log", "snap"):
        await redis.delete(f"frontdesk:{{an-id-without-a-region}}:{key}")
    await here.snapshot(lease, fold([ITEM], CallState(lease.call_id)))
    with pytest.raises(InOtherRegion):
        await there.open(lease.call_id, "w2", force=True)
    await redis.delete(*(f"frontdesk:{{{lease.call_id}}}:{key}" for key in ("meta", "snap")))


async def test_a_call_that_is_pinned_nowhere_is_anybodys(redis: Redis) -> None:
    call_id = new_call_id(None)
    await CallStore(redis).open(call_id, "w1", ttl=0)
    await CallStore(redis, region="eu").open(call_id, "w2", ttl=0)
    await CallStore(redis, region="us").open(call_id, "w3", ttl=0)


async def test_what_waits_for_approval_is_shown_in_its_region_alone(valkey: Redis) -> None:
    (now, _) = await valkey.time()
    here, there = ApprovalStore(valkey, region="eu"), ApprovalStore(valkey, region="us")
    await here.put({"id": "q-eu", "deadline": now + 60})
    assert await there.open() == [] == await ApprovalStore(valkey).open()
    assert await there.decide("q-eu", {"decision": "approved"}) is None
    assert [question["id"] for question in await here.open()] == ["q-eu"]
    await here.drop("q-eu")


def test_a_settings_region_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FRONTDESK_REGION", "eu-west")
    assert Settings(data=tmp_path).region == "eu-west"
