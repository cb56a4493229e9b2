"""A worker that is told to stop: which of its calls move when, and how long it takes."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from agents.testing import assistant_message

from frontdesk.call import drain as draining
from frontdesk.call.drain import Drain, Drained


class Desk:
    """The calls of a worker."""

    def __init__(self):
        self.calls = {}
        self.errands = False
        self.begun = 0

    def add(self, phone, *, comes_back):
        phone.connection.comes_back = comes_back
        self.calls[phone.call.state.call_id] = phone.call
        phone.running.add_done_callback(lambda _: self.calls.pop(phone.call.state.call_id))
        return phone

    def drain(self):
        def begin():
            self.begun += 1

        return Drain(self.calls, errands=lambda: self.errands, on_begin=begin)

    @asynccontextmanager
    async def draining(self, seconds=30.0):
        """Within the block it drains; what it did can be read from what is yielded after it."""
        drain = self.drain()
        running = asyncio.create_task(drain.run(seconds))
        await asyncio.sleep(0)
        drain.running = running
        yield drain
        self.done = await asyncio.wait_for(running, 30)


@pytest.fixture
def desk():
    return Desk()


async def test_a_call_whose_client_comes_back_moves_at_once_when_it_is_at_a_pause(desk, phone):
    desk.add(phone, comes_back=True)
    async with desk.draining() as drain:
        assert drain.begun and desk.begun == 1
    assert phone.closed == (1012, "this worker is restarted; connect again to go on")
    assert str(desk.done).endswith("Calls: 1 moved at a pause.")


async def test_a_call_in_the_middle_of_something_is_waited_for(desk, house, phone):
    desk.add(phone, comes_back=True)
    house.script([assistant_message("Good morning.")])
    house.stage.speech_may_come.clear()
    await phone.write("hello")
    await phone.send("response.create")
    await house.stage.speech_wanted.wait()
    async with desk.draining():
        await asyncio.sleep(3 * draining.LOOK)
        assert phone.closed is None
        house.stage.speech_may_come.set()
        await phone.until("response.done")
        await asyncio.sleep(2 * draining.LOOK)
        assert phone.closed is None, "it is not heard yet"
        await phone.clock.advance(5)
    assert phone.closed[0] == 1012
    assert desk.done.moved == 1
    assert (await phone.house.store.load(phone.call.state.call_id)).items[-1].heard is None


async def test_a_call_whose_client_may_not_come_back_may_end_by_itself(desk, phone):
    desk.add(phone, comes_back=False)
    async with desk.draining():
        await asyncio.sleep(2 * draining.LOOK)
        assert phone.closed is None
        phone.call.leave(phone.connection, "the client left")
    assert phone.closed[0] == 1000
    assert str(desk.done).endswith("Calls: 1 ended by themselves.")


async def test_a_caller_who_may_not_come_back_is_told_to_call_again(
    desk, house, phone, monkeypatch
):
    monkeypatch.setattr(draining, "LEAVE", 29.8)
    desk.add(phone, comes_back=False)
    house.script([assistant_message("Good morning.")])
    await phone.ask("hello")
    async with desk.draining(30):
        await asyncio.sleep(4 * draining.LOOK)
        assert len(phone.done) == 1, "the answer is still played"
        await phone.clock.advance(5)
        [leave] = (await phone.until("response.done"))[-1]["response"]["output"]
        assert "call again" in leave["content"][0]["transcript"]
        await phone.clock.advance(10)
    [error] = phone.of("error")
    assert error["error"]["code"] == "worker_draining"
    assert phone.closed == (1013, draining.LEAVING)
    assert str(desk.done).endswith("Calls: 1 told to call again.")


async def test_at_the_limit_calls_go_as_they_are(desk, house):
    stays, speaks = await house.place(), await house.place()
    desk.add(stays, comes_back=False)
    desk.add(speaks, comes_back=True)
    await speaks.begin_to_speak()
    await speaks.until("input_audio_buffer.speech_started")
    async with desk.draining(2 * draining.LOOK):
        pass
    assert stays.closed == speaks.closed
    assert stays.closed[0] == 1012
    assert desk.done.cut == Counter(["the client may not come back", "somebody spoke"])


async def test_who_is_in_a_hurry_waits_for_nothing(desk, phone):
    desk.add(phone, comes_back=False)
    async with desk.draining() as drain:
        drain.hurry()
    assert phone.closed[0] == 1012
    assert desk.done.cut.total() == 1


async def test_a_worker_with_nobody_on_the_phone_is_drained_at_once(desk):
    async with desk.draining() as drain:
        await asyncio.sleep(0)
        assert drain.running.done()
    assert str(desk.done).endswith("Calls: none.")


async def test_requests_and_work_without_a_call_are_waited_for(desk):
    desk.errands = True
    drain = desk.drain()
    with drain.connection():
        running = asyncio.create_task(drain.run(30))
        await asyncio.sleep(2 * draining.LOOK)
        assert not running.done()
        desk.errands = False
        await asyncio.sleep(2 * draining.LOOK)
        assert not running.done()
    await asyncio.wait_for(running, 30)


async def test_a_call_that_cannot_be_put_on_record_holds_up_nothing(desk, phone, monkeypatch):
    monkeypatch.setattr(draining, "END_LIMIT", 0.1)
    monkeypatch.setattr(phone.call, "move", lambda reason: None)
    desk.add(phone, comes_back=True)
    async with desk.draining(0):
        pass
    assert desk.done.left == 1


def test_the_line_of_a_drain_tells_all_that_it_did():
    cut = Counter({"somebody spoke": 1, "an answer was made or played": 2})
    assert str(Drained(12.34, moved=5, cut=cut, ended=1, left=1)) == (
        "Drained in 12.3 s. Calls: 5 moved at a pause, 3 closed in the middle (an answer was made "
        "or played: 2, somebody spoke: 1), 1 ended by themselves, 1 not put on record in time."
    )
