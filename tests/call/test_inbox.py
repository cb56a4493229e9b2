import asyncio

from frontdesk.call.inbox import Inbox


async def test_entries_come_out_in_the_order_they_went_in():
    inbox: Inbox[int] = Inbox()
    for number in range(5):
        inbox.post(number)
    assert [await inbox.take() for _ in range(5)] == [0, 1, 2, 3, 4]


async def test_a_flooding_client_waits_until_the_call_has_caught_up():
    inbox: Inbox[int] = Inbox(limit=4)
    for number in range(4):
        assert not inbox.full
        inbox.post(number)
    assert inbox.full
    waiting = asyncio.create_task(inbox.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    assert await inbox.take() == 0
    assert await inbox.take() == 1
    await waiting
    assert not inbox.full


async def test_a_client_with_large_frames_waits_by_their_size():
    inbox: Inbox[int] = Inbox(room=1000)
    inbox.post(0, size=600)
    assert not inbox.full
    inbox.post(1, size=600)
    assert inbox.full
    assert await inbox.take() == 0
    assert inbox.full
    assert await inbox.take() == 1
    assert not inbox.full


async def test_our_own_events_never_wait():
    inbox: Inbox[int] = Inbox(limit=2)
    for number in range(100):
        inbox.post(number)
    assert len(inbox) == 100


async def test_it_is_idle_only_while_the_taker_waits_and_nothing_is_there():
    inbox: Inbox[str] = Inbox()
    assert not inbox.idle
    taking = asyncio.create_task(inbox.take())
    await asyncio.sleep(0)
    assert inbox.idle
    inbox.post_ahead("now")
    assert not inbox.idle
    assert await taking == "now"
    assert not inbox.idle


async def test_taking_waits_for_the_next_entry():
    inbox: Inbox[str] = Inbox()
    taking = asyncio.create_task(inbox.take())
    await asyncio.sleep(0)
    assert not taking.done()
    inbox.post("now")
    assert await taking == "now"
