"""The tool of a desk that is there to be interrupted."""

import asyncio

from frontdesk.team.context import CallContext

_callers: set[str] = set()


async def look_up(call: CallContext, what: str) -> str:
    """Look something up: the first time for longer than anybody waits."""
    if call.call_id not in _callers:
        _callers.add(call.call_id)
        await asyncio.Event().wait()
    return f"{what} is found"
