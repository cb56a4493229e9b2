"""Puts each tool on record before it runs, so that none runs twice, whoever dies."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from frontdesk.call.events import ToolBegins
from frontdesk.call.resuming import Hold
from frontdesk.team.events import ToolCall

SECONDS = 6.0
"""How long a tool waits for its record: longer than a store needs to be restarted."""
NOT_DONE = (
    "Error: this was not done, as nothing can be put on record at the moment; nothing was changed. "
    "It can be tried again in a minute."
)


class Journal:
    """Used by the tools of one response, or of one piece of background work. It
    changes nothing itself: the writer is told, and waited for."""

    def __init__(
        self,
        hold: Hold,
        post: Callable[[ToolBegins], None],
        recorded: Callable[[], Awaitable[bool]],
        done: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """``hold`` says for what, and when. ``recorded`` waits until all that was posted is on
        record, and tells whether it is. ``done``: what came of calls that are not to be made
        again, by tool and arguments."""
        self._hold = hold
        self._post = post
        self._recorded = recorded
        self._done = {(tool, _plain(given)): came for (tool, given), came in (done or {}).items()}

    async def begin(self, call: ToolCall) -> str | None:
        """None once the tool may run; else what the model is told in place of a result."""
        if not call.again and (came := self._done.get((call.tool, _plain(call.arguments)))):
            return came
        await self._hold.free()
        noted = asyncio.Event()
        self._post(ToolBegins(call, self._hold.within, noted))
        await noted.wait()
        # What may run twice need not wait: the worst that can come of it is that it does.
        return None if call.again or await self._recorded() else NOT_DONE


def _plain(arguments: str) -> str:
    """Arguments so that neither order nor spaces matter."""
    try:
        return json.dumps(json.loads(arguments or "{}"), sort_keys=True)
    except ValueError:
        return arguments
