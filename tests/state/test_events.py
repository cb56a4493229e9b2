"""What clients were told: numbers, the stream, and what can be told again."""

import json
import secrets
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from frontdesk.state import CallStore, LogWriter, events
from frontdesk.state.events import START, Event, EventStream, Line, Number, pack, stream_of
from frontdesk.state.events import event_id as event_id_of

DELTA = "response.output_text.delta"


def frame(number: Number, kind: str = "response.done", **fields: Any) -> bytes:
    return json.dumps(
        {"type": kind, "event_id": event_id_of(*number), **fields}, separators=(",", ":")
    ).encode()


def delta(number: Number, words: str, item: str = "i") -> bytes:
    return frame(number, DELTA, response_id="r", item_id=item, content_index=0, delta=words)


def line(n: int, epoch: int = 1) -> Line:
    return Line(n, "response.done", frame((epoch, n)))


def lost(error: Exception) -> None:
    raise AssertionError(error)


def numbers(told: Sequence[Event] | None) -> list[Number] | None:
    return None if told is None else [event.number for event in told]


def test_a_number_is_read_from_an_events_id_and_from_nothing_else() -> None:
    assert events.number_of(event_id_of(3, 27)) == (3, 27)
    assert events.number_of(f"{event_id_of(3, 27)}_{'0' * 24}") == (3, 27)
    for other in (
        "",
        "event_1",
        "event_1_2_3",
        "event_5f2c",
        "event_-1_2",
        "item_1_2",
        "event_1_2\n",
    ):
        assert events.number_of(other) is None


@given(
    st.lists(
        st.tuples(st.sampled_from([DELTA, "response.done"]), st.text(max_size=5), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 13),
)
def test_a_packed_text_reads_the_same_from_every_event_on(
    told: list[tuple[str, str, bool]], after: int
) -> None:
    lines = [
        Line(
            n, kind, delta((1, n), words, "a" if same else "b") if kind == DELTA else frame((1, n))
        )
        for n, (kind, words, same) in enumerate(told, 1)
    ]
    text: dict[str, str] = {}
    others = 0
    last = (1, after)
    for event in events.unpack(pack(lines).packed, (1, after)):
        assert event.number > last
        last = event.number
        content = json.loads(event.frame)
        assert events.number_of(content["event_id"]) == event.number
        if content["type"] == DELTA:
            text[content["item_id"]] = text.get(content["item_id"], "") + content["delta"]
        else:
            others += 1
    expected: dict[str, str] = {}
    missed = told[after:]
    for kind, words, same in missed:
        if kind == DELTA:
            name = "a" if same else "b"
            expected[name] = expected.get(name, "") + words
    assert text == expected
    assert others == sum(kind != DELTA for kind, *_ in missed)


def test_what_shows_the_teams_tools_is_marked() -> None:
    told = list(events.unpack(pack([Line(1, "x", frame((1, 1)), tools=True)]).packed, START))
    assert told == [Event((1, 1), frame((1, 1)), tools=True)]


async def test_events_are_told_again_from_any_worker_and_over_take_overs(
    redis: Redis, store: CallStore, call_id: str
) -> None:
    for epoch in (1, 2):
        lease = await store.open(call_id, f"w{epoch}", force=True)
        await store.append(lease, [], pack([line(1, epoch), line(2, epoch)]))
        await store.append(lease, [], pack([line(3, epoch)]))
    tail = await EventStream(redis).tail(call_id)
    everything = [(epoch, n) for epoch in (1, 2) for n in (1, 2, 3)]
    assert numbers(tail.after(START)) == everything
    assert numbers(tail.after((1, 1))) == everything[1:]
    assert numbers(tail.after((1, 900))) == everything[3:]  # told, and lost with its worker
    assert numbers((await EventStream(redis).tail(call_id, (1, 3))).after((1, 3))) == everything[3:]


async def test_an_append_that_is_repeated_tells_nothing_twice(
    redis: Redis, store: CallStore, call_id: str
) -> None:
    lease = await store.open(call_id, "w1")
    entry = {"kind": "call.ended", "at": 1.0, "reason": "x"}
    for _ in range(2):
        await store.append(lease, [entry], pack([line(1)]))
        lease.seq = 0
    assert numbers((await EventStream(redis).tail(call_id)).after(START)) == [(1, 1)]


async def test_the_stream_is_bounded_and_tells_what_is_gone(
    redis: Redis, store: CallStore, call_id: str
) -> None:
    big = secrets.token_urlsafe(round(0.28 * events.EVENT_BYTES))  # does not shrink: three fit in
    for epoch in (1, 2, 3):  # over take-overs, too
        lease = await store.open(call_id, "w", force=True)
        for n in (1, 2):
            await store.append(lease, [], pack([Line(n, "x", frame((epoch, n), big=big))]))
    tail = await EventStream(redis).tail(call_id)
    assert tail.gone == (2, 2)
    assert tail.after((2, 1)) is None
    assert numbers(tail.after((2, 2))) == [(3, 1), (3, 2)]
    used: Any = await redis.memory_usage(stream_of(call_id))
    assert used < 3 * events.EVENT_BYTES


async def test_one_event_beyond_all_bounds_is_not_kept(
    redis: Redis, store: CallStore, call_id: str
) -> None:
    lease = await store.open(call_id, "w")
    await store.append(
        lease, [], pack([Line(1, "x", frame((1, 1), big=secrets.token_urlsafe(50_000)))])
    )
    await store.append(lease, [], pack([line(2)]))
    tail = await EventStream(redis).tail(call_id)
    assert tail.after(START) is None
    assert numbers(tail.after((1, 1))) == [(1, 2)]


async def test_a_fenced_worker_tells_nobody_anything(
    redis: Redis, store: CallStore, call_id: str
) -> None:
    old = await store.open(call_id, "w1")
    await store.open(call_id, "w2", force=True)
    with pytest.raises(Exception, match="w2 has it"):
        await store.append(old, [], pack([line(1)]))
    assert (await EventStream(redis).tail(call_id)).entries == []


async def test_an_event_is_there_as_soon_as_its_entry(
    redis: Redis, store: CallStore, call_id: str
) -> None:
    lease = await store.open(call_id, "w")
    async with LogWriter(store, lease, on_lost=lost) as log:
        log.put({"kind": "call.ended", "at": 1.0, "reason": "x"})
        log.tell(1, "response.done", frame((1, 1)))
        await log.flush()
        assert numbers((await EventStream(redis).tail(call_id)).after(START)) == [(1, 1)]


async def test_events_without_entries_are_written_soon_and_together(
    redis: Redis, store: CallStore, call_id: str, eventually: Any
) -> None:
    lease = await store.open(call_id, "w")
    async with LogWriter(store, lease, on_lost=lost) as log:
        for n in range(1, 21):
            log.tell(n, DELTA, delta((1, n), f"{n} "))
        await eventually(lambda: redis.xlen(stream_of(call_id)))
        (told,) = (await EventStream(redis).tail(call_id)).after(START) or ()
        assert json.loads(told.frame)["delta"].split() == [str(n) for n in range(1, 21)]
        assert told.number == (1, 20)
        log.tell(21, "response.done", frame((1, 21)))  # nor is the last one lost
    assert numbers((await EventStream(redis).tail(call_id)).after((1, 20))) == [(1, 21)]


async def test_what_the_store_lost_is_known_to_be_gone(
    redis: Redis, store: CallStore, call_id: str
) -> None:
    lease = await store.open(call_id, "w")
    async with LogWriter(store, lease, on_lost=lost) as log:
        log.put({"kind": "call.ended", "at": 1.0, "reason": "x"})
        log.tell(1, "response.done", frame((1, 1)))
        await log.flush()
        await redis.flushall()
        log.put({"kind": "call.ended", "at": 1.0, "reason": "y"})
        log.tell(2, "response.done", frame((1, 2)))
        await log.flush()
    tail = await EventStream(redis).tail(call_id)
    assert tail.after(START) is None
    assert numbers(tail.after((1, 1))) == [(1, 2)]
