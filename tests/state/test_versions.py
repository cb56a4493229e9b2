"""What is kept of the versions of teams."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from frontdesk.state.versions import MOST, Pin, VersionStore


@pytest.fixture
async def versions(redis: Redis) -> AsyncIterator[VersionStore]:
    yield VersionStore(redis)
    await redis.flushall()


async def test_a_version_is_kept_as_it_first_was(versions: VersionStore) -> None:
    await versions.keep("shop", "a", {"files": {"x": "1"}}, 10.0)
    await versions.keep("shop", "b", {"files": {"x": "2"}}, 20.0)
    await versions.keep("shop", "a", {"files": {"x": "3"}}, 30.0)
    assert await versions.known("shop") == {"a": 10.0, "b": 20.0}
    assert await versions.made_of("shop", "a") == {"files": {"x": "1"}}
    assert await versions.made_of("shop", "c") is None
    assert await versions.known("other") == {}


async def test_the_oldest_go_but_for_the_chosen_one(versions: VersionStore) -> None:
    await versions.pin("shop", Pin("v1", 5.0))
    for number in range(MOST + 5):
        await versions.keep("shop", f"v{number}", {}, float(number))
    known = await versions.known("shop")
    assert len(known) == MOST + 1
    assert "v1" in known and "v0" not in known and "v2" not in known
    assert await versions.made_of("shop", "v1") is not None
    assert await versions.made_of("shop", "v2") is None


async def test_a_choice_stands_until_another_is_made(versions: VersionStore) -> None:
    assert await versions.pins() == {}
    await versions.pin("shop", Pin("a", 1.5))
    await versions.pin("shop", Pin("b", 2.5))
    assert await versions.pins() == {"shop": Pin("b", 2.5)}
    await versions.pin("shop", None)
    assert await versions.pins() == {}
