"""Whoever waits for the store lives through its start, and hears soon when it does not come."""

import asyncio
import time

import pytest
from redis.exceptions import ConnectionError, ResponseError

from frontdesk.state.errors import Unavailable
from frontdesk.state.patience import answered


async def test_a_store_that_is_started_again_is_asked_again() -> None:
    tries: list[float] = []

    async def ask() -> str:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise ConnectionError("no such file")
        return "here"

    assert await answered(ask) == "here"
    assert len(tries) == 3


async def test_one_that_stays_away_or_hangs_is_given_up() -> None:
    async def away() -> str:
        raise ConnectionError("no such file")

    async def hang() -> str:
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(Unavailable, match=r"away for 0\.1 s: no such file"):
        await answered(away, 0.1)
    with pytest.raises(Unavailable, match=r"within 0\.1 s"):
        await answered(hang, 0.1)


async def test_what_it_refuses_is_not_asked_again() -> None:
    async def refuse() -> str:
        raise ResponseError("OOM command not allowed")

    with pytest.raises(ResponseError, match="OOM"):
        await answered(refuse)
