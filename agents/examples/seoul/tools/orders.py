"""Orders, cancelled for as long as the desk runs."""

from typing import Annotated, TypedDict

from pydantic import Field


class Cancelled(TypedDict):
    """An order that will not be sent, and what is paid back, in won."""

    order_number: str
    refund: int


async def cancel_order(
    order_number: Annotated[str, Field(pattern=r"^\d{5}$", description="다섯 자리 주문 번호")],
) -> Cancelled:
    """주문을 취소합니다."""
    return {"order_number": order_number, "refund": 35_000}
