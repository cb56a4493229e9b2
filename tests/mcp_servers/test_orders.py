from datetime import date, timedelta
from pathlib import Path

import pytest

from mcp_servers.orders import order_book
from mcp_servers.orders.order_book import ORDERS, OrderBook
from mcp_servers.orders.spoken import spoken_amount, spoken_day, spoken_list, spoken_quantity


async def test_an_order_is_found_by_its_number(orders):
    order = await orders.call("find_order", order_number="48271")
    assert order["found"]
    assert order["status"] == "on its way"
    assert order["contents"] == "a Juniper desk lamp"
    assert order["carrier"] == "Northline"
    assert order["total"] == "89 euros"
    arrives, placed = (
        date.fromisoformat(order["arrives_on"]),
        date.fromisoformat(order["placed_on"]),
    )
    assert arrives >= order_book.today() >= placed
    assert order["arrives"] == spoken_day(arrives, order_book.today())


async def test_an_unknown_order_is_an_answer_not_an_error(orders):
    order = await orders.call("find_order", order_number="99999")
    assert order["found"] is False


@pytest.mark.parametrize("number", ["4827", "482711", "4827a", "", "48271'; DROP TABLE orders;--"])
async def test_what_is_no_order_number_is_refused(orders, number: str):
    async with orders.client() as client:
        result = await client.call_tool("find_order", {"order_number": number})
    assert result.is_error
    assert (await orders.call("find_order", order_number="48271"))["found"]


async def test_orders_are_found_by_e_mail_newest_first_whatever_the_case(orders):
    found = await orders.call("orders_of", email="Anna.Berg@Example.com")
    assert [order["order_number"] for order in found["orders"]] == ["48302", "48271", "47118"]
    assert found["count"] == 3
    assert (await orders.call("orders_of", email="nobody@example.com"))["found"] is False


async def test_no_order_tells_whose_it_is(orders):
    order = await orders.call("find_order", order_number="48271")
    assert "anna" not in str(order).lower()


async def test_a_delivered_order_can_be_returned_and_a_second_time_changes_nothing(orders):
    before = await orders.call("refund_status", order_number="49516")
    assert before["accepted"] is False
    first = await orders.call("start_return", order_number="49516", reason="damaged")
    assert first["accepted"]
    assert first["return_number"] == "R49516"
    assert first["refund"] == "178 euros"
    assert await orders.call("start_return", order_number="49516", reason="wrong item") == first
    after = await orders.call("refund_status", order_number="49516")
    assert after["state"] == "waiting for the parcel"


@pytest.mark.parametrize(
    ("number", "because"),
    [
        ("48271", "it is not delivered yet"),
        ("50366", "it was cancelled"),
        ("36605", "it was delivered more than 30 days ago"),
    ],
)
async def test_what_can_t_be_returned_says_why(orders, number: str, because: str):
    answer = await orders.call("start_return", order_number=number)
    assert (answer["accepted"], answer["refused_because"]) == (False, because)
    assert (await orders.call("refund_status", order_number=number))["accepted"] is False


@pytest.mark.parametrize(("number", "state"), [("45033", "being checked"), ("43128", "refunded")])
async def test_returns_in_progress_are_followed(orders, number: str, state: str):
    assert (await orders.call("refund_status", order_number=number))["state"] == state


async def test_a_reason_that_is_none_of_the_known_is_refused(orders):
    async with orders.client() as client:
        result = await client.call_tool(
            "start_return", {"order_number": "47118", "reason": "because"}
        )
    assert result.is_error


async def test_only_the_tool_that_writes_says_so(orders):
    async with orders.client() as client:
        tools = (await client.list_tools()).tools
    writing = {tool.name for tool in tools if not tool.annotations.read_only_hint}
    assert writing == {"start_return"}


async def test_returns_outlive_the_server(start_server, tmp_path: Path):
    first = start_server("orders", tmp_path)
    await first.call("start_return", order_number="47118", reason="damaged")
    first.process.kill()
    first.process.wait()
    second = start_server("orders", tmp_path)
    assert (await second.call("refund_status", order_number="47118"))["accepted"]


def test_dates_stay_relative_to_today_while_returns_are_kept(tmp_path: Path, monkeypatch):
    monday = date(2026, 11, 23)
    monkeypatch.setattr(order_book, "today", lambda: monday)
    book = OrderBook(tmp_path / "orders.sqlite3")
    book.open_return("47118", "damaged")
    assert book.find("48271").arrives_on == monday + timedelta(2)
    week_later = monday + timedelta(7)
    monkeypatch.setattr(order_book, "today", lambda: week_later)
    assert book.find("48271").arrives_on == week_later + timedelta(2)
    assert book.find_return("47118").opened_on == week_later


@pytest.mark.parametrize("offset", range(7))
def test_nothing_is_delivered_on_a_sunday(tmp_path: Path, monkeypatch, offset: int):
    day = date(2026, 11, 16) + timedelta(offset)
    monkeypatch.setattr(order_book, "today", lambda: day)
    book = OrderBook(tmp_path / "orders.sqlite3")
    for number, *_ in ORDERS:
        order = book.find(number)
        assert order.arrives_on.weekday() != 6
        if order.status in ("on its way", "being packed", "out for delivery"):
            assert order.arrives_on >= day


def test_a_book_whose_making_was_cut_short_is_made_anew(tmp_path: Path, monkeypatch):
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(order_book, "RETURNS", property(cut))
    with pytest.raises(TypeError):
        OrderBook(tmp_path / "orders.sqlite3")
    monkeypatch.undo()
    assert OrderBook(tmp_path / "orders.sqlite3").find("48271")


def test_days_amounts_and_lists_are_said_as_people_say_them():
    monday = date(2026, 11, 23)
    assert spoken_day(monday, monday) == "today"
    assert spoken_day(monday + timedelta(1), monday) == "tomorrow"
    assert spoken_day(monday - timedelta(1), monday) == "yesterday"
    assert spoken_day(monday + timedelta(3), monday) == "on Thursday"
    assert spoken_day(date(2026, 12, 31), monday) == "on Thursday, the thirty-first of December"
    assert spoken_amount(8900) == "89 euros"
    assert spoken_amount(150) == "1 euro and 50 cents"
    assert spoken_quantity(1, "Olive pendant lamp") == "an Olive pendant lamp"
    assert spoken_quantity(2, "Fern shade") == "two Fern shades"
    assert spoken_list(["a"]) == "a"
    assert spoken_list(["a", "b", "c"]) == "a, b and c"
