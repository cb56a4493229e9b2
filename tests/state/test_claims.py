"""Who loses a call hears of it, and who asks learns whether a worker has it."""

import asyncio
import logging
from contextlib import asynccontextmanager

import pytest

from frontdesk.state import claims as claiming
from frontdesk.state.claims import Claims
from frontdesk.state.errors import Fenced
from frontdesk.state.log import CLAIMS
from frontdesk.state.writer import LogWriter
from tests.leaps import leap


@asynccontextmanager
async def listening(redis, worker, *, has=()):
    heard = asyncio.Queue()
    claims = Claims(
        redis, worker, claimed=lambda *news: heard.put_nowait(news), has=lambda id: id in has
    )
    await claims.start()
    try:
        yield claims, heard
    finally:
        await claims.aclose()


async def test_a_claim_is_heard_by_every_worker(redis, store, call_id):
    async with listening(redis, "w1") as (_, one), listening(redis, "w2") as (_, two):
        await store.open(call_id, "w1", ttl=60)
        lease = await store.open(call_id, "w2", force=True)
        news = (call_id, lease.epoch, "w2")
        assert await one.get() == news
        assert await two.get() == news


async def test_a_new_call_is_no_news(redis, store, call_id):
    async with listening(redis, "w1") as (_, heard):
        await store.open(f"{call_id}_new", "w1")
        await store.open(call_id, "w1")
        await store.open(call_id, "w2", force=True)
        assert (await heard.get())[0] == call_id


async def test_who_has_a_call_says_so_when_asked(redis, call_id):
    async with listening(redis, "w1", has=[call_id]), listening(redis, "w2") as (asking, _):
        assert await asking.alive(call_id)
        assert not await asking.alive("sess_nobody_has_this")


async def test_an_answer_that_lies_unread_while_the_process_is_held_up_is_heard(
    redis, call_id, monkeypatch
):
    async with listening(redis, "w1", has=[call_id]), listening(redis, "w2") as (asking, _):
        monkeypatch.setattr(claiming, "ANSWER", 30.0)
        told = asking._tell

        async def and_is_held_up(notice):
            await told(notice)
            asyncio.get_running_loop().call_soon(leap, 40)

        asking._tell = and_is_held_up
        assert await asking.alive(call_id)


async def test_a_worker_is_taken_for_alive_where_no_answer_could_be_heard(redis, call_id):
    claims = Claims(redis, "deaf", claimed=lambda *news: None, has=lambda id: False)
    assert await claims.alive(call_id)


async def test_news_are_heard_again_after_the_connection_broke(redis, store, call_id, eventually):
    async with listening(redis, "w1") as (_, heard):
        everywhere = {"target_nodes": "all"} if hasattr(redis, "get_nodes") else {}
        await redis.client_kill_filter(_type="pubsub", **everywhere)
        await store.open(call_id, "w1")

        async def hears_again():
            await store.open(call_id, "w2", force=True)
            return not heard.empty()

        await eventually(hears_again)
        assert (await heard.get())[0] == call_id


async def test_what_is_no_notice_is_passed_over(redis, store, call_id, caplog):
    async with listening(redis, "w1") as (_, heard):
        for nonsense in (b"{", b"[1]", b'{"what": "claimed", "call_id": "x"}', b'{"what": 1}'):
            await redis.publish(CLAIMS, nonsense)
        await store.open(call_id, "w1")
        await store.open(call_id, "w2", force=True)
        assert (await heard.get())[0] == call_id
    assert caplog.text.count("not understood") == 4


async def test_a_writer_that_is_fenced_by_word_of_mouth_writes_no_more(store, call_id, caplog):
    caplog.set_level(logging.CRITICAL)
    lost = []
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=lost.append) as log:
        log.put({"kind": "call.ended", "at": 1.0, "reason": "never written"})
        log.fence(Fenced("somebody has it"))
        log.fence(Fenced("and again"))
        with pytest.raises(Fenced, match="somebody"):
            await log.flush()
    assert [str(error) for error in lost] == ["somebody has it"]
    state = await store.load(call_id)
    assert state is not None and state.seq == 0
