"""The register of workers."""

from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from frontdesk.state import workers
from frontdesk.state.workers import KEY, WorkerRecord, Workers


def record(name: str = "one:8080", **fields: Any) -> WorkerRecord:
    known = WorkerRecord(name, f"http://{name}", "0.1.0", 1_700_000_000.5, 3, False)
    return WorkerRecord(**{**{f: getattr(known, f) for f in known.__slots__}, **fields})


@pytest.fixture(autouse=True)
async def empty(redis: Redis) -> None:
    await redis.delete(KEY)


async def test_workers_are_listed_by_name_as_they_showed_themselves_last(redis: Redis) -> None:
    register = Workers(redis)
    await register.show(record("two:8080"))
    await register.show(record("one:8080"))
    await register.show(record("two:8080", calls=0, draining=True))
    found = await register.all()
    assert [(each.name, each.calls, each.draining) for each in found] == [
        ("one:8080", 3, False),
        ("two:8080", 0, True),
    ]
    assert found[0].address == "http://one:8080"
    assert 0 <= found[0].seen < workers.GONE


async def test_a_worker_that_leaves_is_listed_no_more(redis: Redis) -> None:
    register = Workers(redis)
    await register.show(record())
    await register.leave("one:8080")
    assert await register.all() == []


async def test_a_worker_without_a_sign_of_life_is_struck_off(redis: Redis) -> None:
    register = Workers(redis)
    await register.show(record("dead:8080"))
    await register.show(record("alive:8080"))
    at, _, shown = (await redis.hget(KEY, "dead:8080")).partition(b" ")  # type: ignore[misc,union-attr]
    late = int(at) - int(workers.GONE) - 1
    await redis.hset(KEY, "dead:8080", b"%d %s" % (late, shown))  # type: ignore[misc]
    assert [each.name for each in await register.all()] == ["alive:8080"]
    assert await redis.hkeys(KEY) == [b"alive:8080"]  # type: ignore[misc]


async def test_the_register_vanishes_with_its_workers(redis: Redis) -> None:
    await Workers(redis).show(record())
    assert 0 < await redis.ttl(KEY) <= 3600


async def test_what_a_newer_version_shows_besides_is_passed_over(redis: Redis) -> None:
    register = Workers(redis)
    await register.show(record())
    at, _, shown = (await redis.hget(KEY, "one:8080")).partition(b" ")  # type: ignore[misc,union-attr]
    newer = {**orjson.loads(shown), "mood": "fine"}
    await redis.hset(KEY, "one:8080", at + b" " + orjson.dumps(newer))  # type: ignore[misc]
    (found,) = await register.all()
    assert found.name == "one:8080"
