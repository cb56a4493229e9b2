"""The functions that load runs call."""

import asyncio
import os
from pathlib import Path


async def find_order(order_number: str) -> dict[str, str]:
    """Find an order by its number."""
    return {"order_number": order_number, "status": "on its way"}


async def wait() -> str:
    """Waits for a file. Until then its worker can be killed."""
    folder = Path(os.environ["FRONTDESK_DATA"])
    (folder / "waits").touch()
    while not (folder / "go").exists():  # noqa: ASYNC110 (made by another process)
        await asyncio.sleep(0.002)
    return "waited"
