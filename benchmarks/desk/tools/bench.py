"""The function that each turn of a load run calls."""


async def find_order(order_number: str) -> dict[str, str]:
    """Find an order by its number."""
    return {"order_number": order_number, "status": "on its way"}
