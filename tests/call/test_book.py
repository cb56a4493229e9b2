"""Whether what a client is to be told is on record: the store counts, not our own haste."""

import asyncio

import pytest

from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock
from frontdesk.settings import Settings
from frontdesk.state import CallState, LogWriter, connect, connection
from frontdesk.state.log import CallStore
from tests.leaps import leap


@pytest.fixture
async def log(valkey_url, monkeypatch):
    monkeypatch.setattr(connection, "TIMEOUT", 600.0)  # whose time is not what is over
    async with connect(Settings(redis_url=valkey_url)) as redis:
        store = CallStore(redis)
        lease = await store.open("sess_held_up", "w1")

        def lost(error):
            raise AssertionError(error)

        async with LogWriter(store, lease, await store.load("sess_held_up"), on_lost=lost) as log:
            yield log


async def test_an_answer_that_lies_unread_while_the_process_is_held_up_is_no_slow_store(log):
    book = CallBook(CallState("sess_held_up"), log, None, Clock())
    book.record("session", session={})
    waiting = asyncio.create_task(book.recorded_within(30))
    await asyncio.sleep(0)
    leap(40)
    assert await waiting


async def test_a_store_that_does_not_answer_is_waited_for_so_long_and_no_longer(log, monkeypatch):
    monkeypatch.setattr(log, "when_settled", lambda do: None)
    book = CallBook(CallState("sess_held_up"), log, None, Clock())
    assert not await book.recorded_within(0.05)
