import asyncio
import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import shipping

FRIDAY = date(2026, 11, 20)


class SlowClock(asyncio.SelectorEventLoop):
    """A loop whose time is virtual: it jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = 0.0
        self._select = self._selector.select
        self._selector.select = self._jump  # type: ignore[method-assign]

    def time(self) -> float:
        return super().time() + self._ahead

    def _jump(self, timeout):
        if timeout:
            self._ahead += timeout
        return self._select(0)


def run(coroutine):
    """The coroutine's result and the virtual seconds it took."""
    with asyncio.Runner(loop_factory=SlowClock) as runner:
        loop = runner.get_loop()
        start = loop.time()
        return runner.run(coroutine), loop.time() - start


def test_the_carriers_are_asked_at_the_same_time():
    started = time.monotonic()
    estimate, took = run(shipping.estimate_delivery("Berlin", "express"))
    slowest = max(carrier.answers_after for carrier in shipping.CARRIERS)
    assert len(estimate["quotes"]) == len(shipping.CARRIERS)
    assert slowest <= took < slowest + 0.5
    assert time.monotonic() - started < slowest


def test_the_fastest_offer_wins_and_the_cheaper_of_equals():
    estimate, _ = run(shipping.estimate_delivery("Madrid", "express"))
    best = min(estimate["quotes"], key=lambda quote: (quote["working_days"], quote["cents"]))
    assert estimate["carrier"] == best["carrier"]


def test_express_to_berlin_takes_one_working_day():
    estimate, _ = run(shipping.estimate_delivery("berlin", "express"))
    assert (estimate["destination"], estimate["time"]) == ("Berlin", "one working day")


@pytest.mark.parametrize("town", sorted(set(shipping.TOWNS) - {shipping.WAREHOUSE}))
def test_express_is_never_slower_than_standard(town: str):
    (express, _), (standard, _) = (
        run(shipping.estimate_delivery(town, service)) for service in ("express", "standard")
    )

    def days(estimate):
        return min(quote["working_days"] for quote in estimate["quotes"])

    assert days(express) <= days(standard)
    assert standard["price"] == "4 euros and 90 cents"


def test_a_town_is_found_in_what_was_said_around_it():
    assert shipping.find_town("Berlin, Germany") == "Berlin"
    assert shipping.find_town(" the centre of PARIS") == "Paris"
    assert shipping.find_town("Romerswil") is None


def test_an_unknown_town_is_an_answer_not_an_error():
    estimate, took = run(shipping.estimate_delivery("Tokyo"))
    assert not estimate["possible"]
    assert estimate["destination"] == "Tokyo"
    assert took < 0.1


def test_a_carrier_that_does_not_answer_is_left_out(monkeypatch):
    fetch = shipping.fetch_quote

    async def flaky(carrier, distance, service):
        match carrier.name:
            case "Northline":
                raise ConnectionError
            case "Pigeon Post":
                await asyncio.sleep(3600)
        return await fetch(carrier, distance, service)

    monkeypatch.setattr(shipping, "fetch_quote", flaky)
    estimate, took = run(shipping.estimate_delivery("Vienna", "standard"))
    assert [quote["carrier"] for quote in estimate["quotes"]] == ["Wagon and Sons"]
    assert took < shipping.SLOWEST_ANSWER + 0.5


def test_no_carrier_at_all_is_an_error(monkeypatch):
    async def down(carrier, distance, service):
        raise ConnectionError

    monkeypatch.setattr(shipping, "fetch_quote", down)
    with pytest.raises(RuntimeError, match="no carrier has answered"):
        run(shipping.estimate_delivery("Vienna"))


def test_weekends_are_no_working_days():
    assert shipping.add_working_days(FRIDAY, 1) == date(2026, 11, 23)
    assert shipping.add_working_days(FRIDAY, 6) == date(2026, 11, 30)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 30))
def test_parcels_arrive_on_weekdays(start: date, days: int):
    arrival = shipping.add_working_days(start, days)
    assert arrival.weekday() < 5
    assert days <= (arrival - start).days <= days * 7 // 5 + 4


@given(st.sampled_from(list(shipping.TOWNS)), st.sampled_from(list(shipping.TOWNS)))
def test_roads_are_as_long_one_way_as_the_other(one: str, other: str):
    there, back = shipping.kilometres(one, other), shipping.kilometres(other, one)
    assert there == pytest.approx(back)
    assert (there == 0) == (one == other)


def test_the_distance_from_leipzig_to_berlin_is_about_right():
    assert shipping.kilometres("Leipzig", "Berlin") == pytest.approx(190, rel=0.1)
