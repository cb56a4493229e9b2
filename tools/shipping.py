"""Delivery estimates: three carriers are asked at once, and the best offer is told."""

import asyncio
import math
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, TypedDict

from pydantic import Field

Service = Literal["standard", "express"]

# Latitude and longitude of the towns that carriers quote for, in degrees.
TOWNS = {
    "Amsterdam": (52.37, 4.90),
    "Athens": (37.98, 23.73),
    "Barcelona": (41.39, 2.17),
    "Berlin": (52.52, 13.40),
    "Brussels": (50.85, 4.35),
    "Budapest": (47.50, 19.04),
    "Cologne": (50.94, 6.96),
    "Copenhagen": (55.68, 12.57),
    "Dresden": (51.05, 13.74),
    "Dublin": (53.35, -6.26),
    "Frankfurt": (50.11, 8.68),
    "Geneva": (46.20, 6.14),
    "Hamburg": (53.55, 9.99),
    "Helsinki": (60.17, 24.94),
    "Leipzig": (51.34, 12.37),
    "Lisbon": (38.72, -9.14),
    "London": (51.51, -0.13),
    "Madrid": (40.42, -3.70),
    "Milan": (45.46, 9.19),
    "Munich": (48.14, 11.58),
    "Oslo": (59.91, 10.75),
    "Paris": (48.86, 2.35),
    "Prague": (50.08, 14.44),
    "Rome": (41.90, 12.50),
    "Stockholm": (59.33, 18.07),
    "Stuttgart": (48.78, 9.18),
    "Vienna": (48.21, 16.37),
    "Warsaw": (52.23, 21.01),
    "Zurich": (47.37, 8.54),
}
WAREHOUSE = "Leipzig"
STANDARD_CENTS = 490
"""What customers pay for standard delivery, whatever the carrier takes."""
DETOUR = 1.3
"""Roads are about this much longer than the straight line."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """How a carrier works: kilometres a day, days in depots, price, and how fast it answers."""

    name: str
    express_km: int
    standard_km: int
    depot_days: int
    base_cents: int
    cents_per_100_km: int
    answers_after: float


CARRIERS = (
    Carrier("Northline", 1200, 550, 1, 990, 110, answers_after=1.9),
    Carrier("Pigeon Post", 900, 400, 1, 790, 90, answers_after=2.2),
    Carrier("Wagon and Sons", 700, 350, 2, 690, 60, answers_after=2.5),
)
SLOWEST_ANSWER = 6.0
"""Seconds after which a carrier's quote is no longer waited for."""


class Quote(TypedDict):
    carrier: str
    working_days: int
    cents: int


class Estimate(TypedDict):
    """What `estimate_delivery` finds. Without ``possible`` only ``destination`` is of use."""

    possible: bool
    destination: str
    service: str
    carrier: str
    time: str
    arrives: str
    arrives_on: str
    price: str
    quotes: list[Quote]


async def estimate_delivery(
    destination: Annotated[
        str,
        Field(
            description="The town the parcel goes to.",
            examples=list(TOWNS),
        ),
    ],
    service: Annotated[Service, Field(description="Express is faster and dearer.")] = "standard",
) -> Estimate:
    """Estimate how long a delivery to a town takes and what it costs, by asking the carriers."""
    town = find_town(destination)
    if town is None:
        return _impossible(destination, service)
    distance = kilometres(WAREHOUSE, town)
    answers = await asyncio.gather(
        *(_ask(carrier, distance, service) for carrier in CARRIERS), return_exceptions=True
    )
    quotes = [answer for answer in answers if not isinstance(answer, BaseException)]
    if not quotes:
        raise RuntimeError("no carrier has answered")
    best = min(quotes, key=lambda quote: (quote["working_days"], quote["cents"]))
    arrival = add_working_days(datetime.now().astimezone().date(), best["working_days"])
    return Estimate(
        possible=True,
        destination=town,
        service=service,
        carrier=best["carrier"],
        time=_days(best["working_days"]),
        arrives=f"{arrival:%A}",
        arrives_on=arrival.isoformat(),
        price=_euros(best["cents"] if service == "express" else STANDARD_CENTS),
        quotes=quotes,
    )


async def _ask(carrier: Carrier, distance: float, service: Service) -> Quote:
    async with asyncio.timeout(SLOWEST_ANSWER):
        return await fetch_quote(carrier, distance, service)


async def fetch_quote(carrier: Carrier, distance: float, service: Service) -> Quote:
    """One carrier's offer.

    This stands in for the carrier's HTTP API: the wait is as long as such an API takes, and the
    offer is worked out here from the distance. A real desk makes its request in this place.
    """
    await asyncio.sleep(carrier.answers_after)
    express = service == "express"
    speed = carrier.express_km if express else carrier.standard_km
    depots = 0 if express else carrier.depot_days
    cents = carrier.base_cents + round(carrier.cents_per_100_km * distance / 100)
    return Quote(
        carrier=carrier.name,
        working_days=depots + math.ceil(distance / speed),
        cents=10 * round(cents * (1.4 if express else 0.5) / 10),
    )


def find_town(destination: str) -> str | None:
    """The town named in ``destination``, which may say more: "Berlin, Germany"."""
    words = re.findall(r"\w+", destination.lower())
    return next((town for town in TOWNS if town.lower() in words), None)


def kilometres(start: str, end: str) -> float:
    """Road distance between two of the ``TOWNS``: great circle (haversine) times ``DETOUR``."""
    (lat1, lon1), (lat2, lon2) = (map(math.radians, TOWNS[town]) for town in (start, end))
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(half)) * DETOUR


def add_working_days(start: date, days: int) -> date:
    """The day that is ``days`` working days (Monday to Friday) after ``start``."""
    day = start
    while days:
        day += timedelta(1)
        days -= day.weekday() < 5
    return day


def _impossible(destination: str, service: str) -> Estimate:
    return Estimate(
        possible=False,
        destination=destination,
        service=service,
        carrier="",
        time="",
        arrives="",
        arrives_on="",
        price="",
        quotes=[],
    )


def _days(days: int) -> str:
    numbers = (
        "less than a",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
    )
    number = numbers[days] if days < len(numbers) else str(days)
    return f"{number} working day{'' if days <= 1 else 's'}"


def _euros(cents: int) -> str:
    euros, rest = divmod(cents, 100)
    return f"{euros} euros and {rest} cents" if rest else f"{euros} euros"
