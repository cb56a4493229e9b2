"""Spare parts: all suppliers are asked at once, and the best offer of all is told."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from pydantic import Field

from frontdesk.team.context import CallContext

Part = Literal["shade", "switch", "cable", "socket", "bulb holder", "transformer"]


@dataclass(frozen=True, slots=True)
class Supplier:
    """What a supplier has, in cents, how many days it takes to send, and how fast it answers."""

    name: str
    cents: dict[Part, int]
    days: int
    answers_after: float


SUPPLIERS = (
    Supplier("Lumen and Daughters", {"shade": 2490, "switch": 390, "cable": 690}, 3, 1.5),
    Supplier("Old Light", {"shade": 1990, "socket": 540, "bulb holder": 460}, 6, 2.5),
    Supplier("Copper Works", {"cable": 550, "switch": 450, "transformer": 2790}, 2, 5.0),
)


MINUTES: dict[Part, int] = {"shade": 10, "switch": 25, "cable": 30, "socket": 35}
"""Work on a part; on others half an hour."""
CENTS_A_MINUTE = 80


class Repair(TypedDict):
    part: str
    minutes: int
    price: str


class Offer(TypedDict):
    """What `find_part` finds. Without ``found`` only ``part`` is of use."""

    found: bool
    part: str
    supplier: str
    price: str
    days: int


async def find_part(
    call: CallContext,
    part: Annotated[Part, Field(description="The part that is wanted.")],
) -> Offer:
    """Ask all suppliers for a spare part and find the cheapest offer. Takes some seconds."""
    answers = [asyncio.create_task(_ask(supplier, part)) for supplier in SUPPLIERS]
    offers: list[tuple[int, Supplier]] = []
    for number, answer in enumerate(asyncio.as_completed(answers), 1):
        supplier, cents = await answer
        if cents is not None:
            offers.append((cents, supplier))
        if number < len(answers):
            call.report(f"{number} of {len(answers)} suppliers have answered.")
    if not offers:
        return Offer(found=False, part=part, supplier="", price="", days=0)
    cents, best = min(offers, key=lambda offer: offer[0])
    return Offer(found=True, part=part, supplier=best.name, price=_euros(cents), days=best.days)


async def repair_cost(
    part: Annotated[Part, Field(description="The part that is broken.")],
) -> Repair:
    """Reckon what the repair of a part costs, work and the cheapest part together."""
    cents = min(supplier.cents[part] for supplier in SUPPLIERS if part in supplier.cents)
    minutes = MINUTES.get(part, 30)
    return Repair(part=part, minutes=minutes, price=_euros(cents + minutes * CENTS_A_MINUTE))


def _euros(cents: int) -> str:
    return f"{cents // 100} euros {cents % 100:02}"


async def _ask(supplier: Supplier, part: Part) -> tuple[Supplier, int | None]:
    """The supplier's price in cents, None when it has no such part."""
    await asyncio.sleep(supplier.answers_after)
    return supplier, supplier.cents.get(part)
