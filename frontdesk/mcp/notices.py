"""The stream of change notices that a client of a 2026-07-28 server keeps open."""

import asyncio
import logging
from collections.abc import Callable

from mcp import Client
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.exceptions import MCPError
from mcp.types import CONNECTION_CLOSED

from frontdesk.mcp.faults import Fault, watch_faults

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 30.0
"""Seconds before a stream that ended is opened again; one that lived longer begins anew."""


async def until_lost(client: Client, server: str, on_change: Callable[[], None]) -> bool:
    """Call ``on_change`` whenever the list of tools may have changed, until nobody is there any
    more (True), or where it turns out that the server sends no notices (False).

    That a stream ends says little: a server may close it at any time, and a proxy may let none live
    long. So it is opened again.
    """
    loop = asyncio.get_running_loop()
    pause, again = FIRST_PAUSE, False
    while True:
        began = loop.time()
        with watch_faults() as faults:
            try:
                async with client.listen(tools_list_changed=True) as notices:
                    if again:
                        on_change()  # perhaps, meanwhile
                    async for _ in notices:
                        on_change()
            except SubscriptionLost:
                logger.debug("MCP server %s: the stream of change notices broke off", server)
            except MCPError as error:
                if _is_gone(error, faults):
                    return True
                if not any(fault.status >= 500 for fault in faults):
                    logger.info("MCP server %s sends no change notices: %s", server, error)
                    return False
        again = True
        lived_long = loop.time() - began > LONGEST_PAUSE
        pause = FIRST_PAUSE if lived_long else min(2 * pause, LONGEST_PAUSE)
        await asyncio.sleep(pause)


def _is_gone(error: MCPError, faults: list[Fault]) -> bool:
    unreachable = any(fault.kind == "unreachable" for fault in faults)
    return unreachable or error.code == CONNECTION_CLOSED
