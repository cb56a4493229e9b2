"""A server's wish to be left alone for a while: 429, or 503, with ``Retry-After``."""

import asyncio

from frontdesk.mcp.faults import Fault, ToolCallError, seconds_of

LAST_SECONDS = 1.0
"""What has to be left of a call's budget after waiting, or a quarter of it if that is less."""


class Pace:
    """When a server may be asked again."""

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def pause(self) -> float:
        """Seconds until it may be asked again; 0: now."""
        return max(0.0, self._until - asyncio.get_running_loop().time())

    async def keep(self, server: str, deadline: float) -> None:
        """Wait until it may be asked. Raises `ToolCallError` if there would be no time left then
        to ask, by a ``deadline`` of the loop's clock."""
        left = deadline - asyncio.get_running_loop().time()
        if (pause := self.pause) > left - min(LAST_SECONDS, left / 4):
            raise ToolCallError(
                f"The {server} service is too busy right now (429); "
                f"try again in {pause:.0f} seconds.",
                status=429,
                fault="rate_limited",
            )
        await asyncio.sleep(pause)

    def note(self, faults: list[Fault]) -> bool:
        """Whether the last of ``faults`` is such a wish, which is kept from now on."""
        wish = faults[-1].retry_after if faults and faults[-1].is_busy else None
        seconds = None if wish is None else seconds_of(wish)
        if seconds is None:
            return False
        self._until = max(self._until, asyncio.get_running_loop().time() + seconds)
        return True
