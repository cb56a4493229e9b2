"""What the client is told, and what is on record."""

import asyncio
from collections.abc import Callable

import pytest

from frontdesk.call.connections import Connection, Connections
from frontdesk.call.told import Told


class Book:
    """A record whose store answers when told to."""

    def __init__(self) -> None:
        self.on_record = self.resumable = True
        self.written = asyncio.Event()
        self.waits = 0
        self.hurried = 0

    def record(self) -> None:
        self.on_record = False
        self.written.clear()

    def acknowledge(self) -> None:
        self.on_record = True
        self.written.set()

    def hurry(self) -> None:
        self.hurried += 1

    def when_recorded(self, seconds: float, do: Callable[[bool], None]) -> None:
        self.waits += 1
        self.waiting = asyncio.create_task(self.wait(seconds, do))

    async def wait(self, seconds: float, do: Callable[[bool], None]) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.written.wait()
        except TimeoutError:
            do(False)
        else:
            do(True)


@pytest.fixture
def book():
    return Book()


@pytest.fixture
def sent():
    return []


@pytest.fixture
def told(book, sent):
    connection = Connection(sent.append, lambda code, reason: None, greeted=True)
    return Told(book, Connections(connection))


async def turns_of_the_loop(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_frame_with_nothing_to_record_goes_out_at_once(told, sent):
    told.put(b"1")
    assert sent == []
    told.release()
    assert sent == [b"1"]


async def test_a_frame_waits_until_its_event_is_on_record(told, book, sent):
    told.put(b"1")
    book.record()
    told.release()
    await turns_of_the_loop()
    assert sent == []
    book.acknowledge()
    await turns_of_the_loop()
    assert sent == [b"1"]


async def test_the_record_is_hurried_only_when_somebody_waits(told, book):
    for frame, hurry in ((b"1", False), (b"2", True)):
        told.put(frame)
        book.record()
        told.release(hurry=hurry)
        assert book.hurried == int(hurry)
    book.acknowledge()
    await told.aclose()


async def test_later_frames_do_not_overtake(told, book, sent):
    told.put(b"1")
    book.record()
    told.release()
    told.put(b"2")
    told.release()
    assert sent == []
    book.acknowledge()
    await told.aclose()
    assert sent == [b"1", b"2"]


async def test_a_store_that_does_not_answer_is_waited_for_once(told, book, sent):
    told.put(b"1")
    book.record()
    told.release()
    await told.aclose()
    for frame in (b"2", b"3"):
        told.put(frame)
        book.record()
        told.release()
    assert sent == [b"1", b"2", b"3"]
    assert book.waits == 1
    book.acknowledge()
    told.put(b"4")
    told.release()
    told.put(b"5")
    book.record()
    told.release()
    assert sent == [b"1", b"2", b"3", b"4"]
    book.acknowledge()
    await told.aclose()
    assert sent[-1] == b"5"
