"""Limits, pauses and the circuit breaker of one server's calls."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.mcp import listing
from frontdesk.mcp.circuit import LIMIT, Circuit
from frontdesk.mcp.connections import McpConnections
from frontdesk.mcp.faults import ToolCallError, seconds_of
from frontdesk.mcp.record import CallRecord
from frontdesk.mcp.slots import Slots
from tests.leaps import leap

Until = Callable[[Callable[[], object]], Any]


@given(st.lists(st.integers(1, 3), min_size=1, max_size=20), st.data())
async def test_no_call_goes_over_its_own_limit_and_all_get_their_turn(
    limits: list[int], data: st.DataObject
) -> None:
    slots, inside, done = Slots(), 0, 0

    async def call(limit: int) -> None:
        nonlocal inside, done
        async with slots.taken(limit):
            inside += 1
            assert inside <= max(limits)
            try:
                await asyncio.sleep(0)
            finally:
                inside -= 1
        done += 1

    calls = [asyncio.create_task(call(limit)) for limit in limits]
    await asyncio.sleep(0)
    given_up = data.draw(st.sets(st.sampled_from(range(len(calls)))))
    for number in given_up:
        calls[number].cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert done >= len(calls) - len(given_up)
    async with asyncio.timeout(40), slots.taken(1):  # nothing was left taken
        assert inside == 0


async def test_a_call_beyond_the_limit_waits_and_is_not_made_without_time(
    connections: McpConnections, host: Any
) -> None:
    connection = connections.get("orders")
    first = asyncio.create_task(connection.call("wait", {}, seconds=30, concurrency=1))
    await host.running.wait()
    record = CallRecord()
    with pytest.raises(ToolCallError, match="too much to do; this request was not made"):
        await connection.call(
            "find_order", {"order_id": "1"}, seconds=0.05, concurrency=1, record=record
        )
    assert (record.fault, record.attempts, host.log) == ("overloaded", 0, [])
    waiting = asyncio.create_task(
        connection.call("find_order", {"order_id": "2"}, seconds=30, concurrency=1)
    )
    await asyncio.sleep(0)
    host.release.set()
    assert not (await first).is_error
    assert not (await waiting).is_error


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("99999999", 3600.0), ("soon", None), ("-1", None), ("", None)],
)
def test_a_wish_to_be_asked_later_is_read(header: str, seconds: float | None) -> None:
    assert seconds_of(header) == seconds


def test_a_wish_may_be_a_date() -> None:
    assert seconds_of("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert seconds_of("Wed, 21 Oct 2099 07:28:00 GMT") == 3600.0


async def test_a_busy_server_is_asked_again_when_it_wants_to_within_the_budget(
    connections: McpConnections, host: Any
) -> None:
    host.refuse_next(2, 429, "0")
    record = CallRecord()
    result = await connections.get("orders").call(
        "find_order", {"order_id": "1"}, seconds=30, record=record
    )
    assert not result.is_error
    assert (record.attempts, record.fault, host.log) == (3, None, ["1"])


async def test_a_busy_server_is_left_alone_until_then(
    connections: McpConnections, host: Any
) -> None:
    host.refuse_next(1, 503, "60")
    for attempts, left in ((1, "60"), (0, r"[3-6]\d")):  # less by what has passed meanwhile
        record = CallRecord()
        busy = rf"too busy right now .*; try again in {left} seconds"
        with pytest.raises(ToolCallError, match=busy):
            await connections.get("orders").call(
                "find_order", {"order_id": "1"}, seconds=30, record=record
            )
        assert (record.attempts, record.fault) == (attempts, "rate_limited")
    assert host.log == []


def test_a_server_that_fails_in_a_row_is_not_asked_until_it_has_answered_something() -> None:
    circuit = Circuit("orders")
    for tool in ("find", "list", "find"):
        with circuit.passing(tool):
            circuit.failed(tool)
    with pytest.raises(ToolCallError, match="orders service failed 3 times"), circuit.passing("x"):
        pass
    circuit.answered()
    with circuit.passing("x"):
        circuit.succeeded("x")


def test_a_tool_that_fails_in_a_row_is_tried_by_one_call_at_a_time() -> None:
    circuit = Circuit("orders")
    for _ in range(LIMIT):
        with circuit.passing("slow"):
            circuit.failed("slow")
    circuit.answered()
    with circuit.passing("slow"):
        with pytest.raises(ToolCallError, match="tool slow failed"), circuit.passing("slow"):
            pass
        with circuit.passing("quick"):
            circuit.succeeded("quick")
        circuit.succeeded("slow")
    with circuit.passing("slow"), circuit.passing("slow"):
        pass


async def test_after_time_outs_in_a_row_calls_fail_at_once_until_the_server_answers(
    connections: McpConnections, host: Any, wait_until: Until
) -> None:
    connection = connections.get("orders")
    host.deaf.clear()
    for asked in range(LIMIT):
        call = asyncio.create_task(connection.call("find_order", {"order_id": "1"}, seconds=600))
        await wait_until(lambda asked=asked: host.unanswered > asked)
        leap(600)
        with pytest.raises(ToolCallError, match="did not answer within"):
            await call
    record = CallRecord()
    with pytest.raises(ToolCallError, match="was not asked this time"):
        await connection.call("find_order", {"order_id": "1"}, seconds=600, record=record)
    assert (record.fault, record.attempts) == ("circuit_open", 0)
    assert connection.state == "ready"  # other calls on it may be well
    host.deaf.set()
    await wait_until(lambda: not connection._calls.circuit.is_open)  # pyright: ignore
    assert await connection.call("find_order", {"order_id": "2"}, seconds=30)


async def test_a_list_that_cannot_be_fetched_anew_ends_no_call(
    connections: McpConnections, host: Any, wait_until: Until
) -> None:
    connection = connections.get("orders")
    before = connection.tools
    waiting = asyncio.create_task(connection.call("wait", {}, seconds=30))
    await host.running.wait()
    host.status = 500
    connection.listing.due.set()
    await wait_until(lambda: host.refused >= 3)
    assert connection.tools is before
    host.status = None
    await wait_until(lambda: connection.tools is not before)
    host.release.set()
    assert not (await waiting).is_error


async def test_a_list_is_fetched_anew_when_it_is_older_than_the_server_allows(
    host: Any, wait_until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    if host.legacy:
        pytest.skip("no ttlMs before 2026-07-28")
    monkeypatch.setattr(listing, "SHORTEST_TTL", 0.0)
    host.fiddle = lambda body: body.replace(b'"ttlMs":0', b'"ttlMs":600000')
    opened = McpConnections({"orders": host.config})
    await opened.start(settle=30)
    kept = opened.get("orders").listing
    seen = kept.use()
    assert not kept.due.is_set()
    kept._fresh_until = 0.0  # pyright: ignore[reportPrivateUsage]
    assert kept.use() is seen  # at once, whatever is fetched
    await wait_until(lambda: kept.now is not seen)
    await opened.aclose()
