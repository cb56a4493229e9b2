"""Words that stand for something, for a while."""

import asyncio
from typing import Any

from redis.asyncio import Redis

from frontdesk.state.tokens import Tokens, looks_issued


async def test_a_token_can_be_read_as_often_as_one_likes(redis: Redis) -> None:
    token = await Tokens(redis).issue("ek_", {"type": "realtime"}, 60)
    for _ in range(3):  # by any worker
        assert await Tokens(redis).read(token) == {"type": "realtime"}


async def test_the_store_does_not_hold_the_token_itself(redis: Redis) -> None:
    token = await Tokens(redis).issue("ek_", {}, 60)
    keys: list[Any] = [key async for key in redis.scan_iter("frontdesk:token:*")]
    assert keys
    assert all(token.encode() not in key for key in keys)
    assert await Tokens(redis).read(keys[0].decode().rsplit(":", 1)[1]) is None


async def test_the_store_does_not_tell_what_a_token_stands_for(redis: Redis) -> None:
    token = await Tokens(redis).issue("ek_", {"caller": {"token": "canary"}}, 60)
    stored = [await redis.get(key) async for key in redis.scan_iter("frontdesk:token:*")]
    assert stored
    assert not [value for value in stored if b"canary" in (value or b"")]
    assert await Tokens(redis).read(token) == {"caller": {"token": "canary"}}


async def test_a_token_expires(redis: Redis) -> None:
    tokens = Tokens(redis)
    token = await tokens.issue("ek_", {}, 1)
    async with asyncio.timeout(30):
        while await tokens.read(token) is not None:  # noqa: ASYNC110 (the store's clock)
            await asyncio.sleep(0.05)


async def test_a_revoked_token_stands_for_nothing(redis: Redis) -> None:
    tokens = Tokens(redis)
    kept, gone = await tokens.issue("s_", {}, 60), await tokens.issue("s_", {}, 60)
    await tokens.revoke(gone)
    assert await tokens.read(gone) is None
    assert await tokens.read(kept) == {}


async def test_tokens_are_told_from_other_words_by_their_form(redis: Redis) -> None:
    token = await Tokens(redis).issue("ek_", {}, 60)
    assert looks_issued("ek_", token)
    for other in ("ek_test", token[3:], token + "0", token[:-1] + "g", "ek_", ""):
        assert not looks_issued("ek_", other)
