"""Sums paid back and orders cancelled, kept for as long as the desk runs."""

from typing import Annotated, TypedDict

from pydantic import Field

from frontdesk.team.failures import ToolError

OrderNumber = Annotated[
    str,
    Field(
        pattern=r"^\d{5}$",
        description="The order number: five digits.",
        examples=["48271", "50812"],
    ),
]

_paid: dict[str, int] = {}


class Payment(TypedDict):
    """A sum on its way, in euros."""

    order_number: str
    amount: int


class Cancelled(TypedDict):
    order_number: str


async def pay_back(
    order_number: OrderNumber,
    amount: Annotated[int, Field(ge=1, le=500, description="Amount in euros.", examples=[20])],
) -> Payment:
    """Pay a sum of money back for an order."""
    if order_number in _paid:
        raise ToolError(f"{_paid[order_number]} euros were paid back for that order already.")
    _paid[order_number] = amount
    return {"order_number": order_number, "amount": amount}


async def cancel_order(order_number: OrderNumber) -> Cancelled:
    """Cancel an order that has not been sent."""
    return {"order_number": order_number}
