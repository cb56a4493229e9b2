import logging
import socket

import pytest
from redis.asyncio import Redis

from frontdesk.settings import Settings
from frontdesk.state import StateError, connect


async def refusal(url: str) -> str:
    with pytest.raises(StateError) as error:
        async with connect(Settings(redis_url=url)):
            pass
    return str(error.value)


async def test_an_unreachable_redis_is_named_with_the_mend_and_without_its_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = taken.getsockname()[1]
        message = await refusal(f"redis://me:s3cret@127.0.0.1:{port}/0?password=s3cret")
    assert f"redis://127.0.0.1:{port}/0" in message
    assert "unset that to use the embedded Valkey" in message
    assert "s3cret" not in message


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("redis://me:s3cret@host:port", "bad port or host"),
        ("redis://me:s3cret/word@host:6379", "bad port or host"),
        ("me:s3cret@host:6379", "begins with none of redis://"),
        ("http://me:s3cret@host", "begins with none of redis://"),
    ],
)
async def test_a_bad_url_is_explained_without_its_password(url: str, complaint: str) -> None:
    message = await refusal(url)
    assert complaint in message
    assert "redis://user:password@host:6379/0" in message
    assert "s3cret" not in message


async def test_a_wrong_password_is_said_to_be_the_trouble(valkey: Redis, valkey_url: str) -> None:
    await valkey.config_set("requirepass", "right")
    try:
        message = await refusal(f"{valkey_url}?password=wr0ng")
        assert "does not accept these credentials" in message
        assert "wr0ng" not in message
        assert "does not accept these credentials" in await refusal(valkey_url)
    finally:
        await valkey.config_set("requirepass", "")


async def test_a_replica_is_refused(valkey: Redis, valkey_url: str) -> None:
    await valkey.replicaof("127.0.0.1", "1")
    try:
        assert "is a replica" in await refusal(valkey_url)
    finally:
        await valkey.replicaof("NO", "ONE")


async def test_a_redis_that_may_throw_calls_away_is_warned_of(
    valkey: Redis, valkey_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await valkey.config_set("maxmemory", 10**9)
    await valkey.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with caplog.at_level(logging.WARNING):
            async with connect(Settings(redis_url=valkey_url)):
                pass
    finally:
        await valkey.config_set("maxmemory-policy", "noeviction")
        await valkey.config_set("maxmemory", 0)
    assert "noeviction (it is allkeys-lru)" in caplog.text
