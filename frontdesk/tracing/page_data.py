"""The pages' view of the trace store: the same records as the JSON API answers."""

import asyncio
from typing import Any

from frontdesk.tracing.calls import Tracing


class StoredPages:
    """Reads in a thread: live calls share the event loop."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    async def calls(
        self,
        *,
        limit: int,
        before: float | None = None,
        agent: str | None = None,
        errors: bool = False,
        q: str | None = None,
    ) -> dict[str, Any]:
        """A page of the list of calls."""
        calls = await asyncio.to_thread(
            self._tracing.store.calls,
            limit=limit,
            before=before,
            agent=agent,
            errors=errors,
            text=q,
            live=self._tracing.open_calls,
        )
        return {"calls": calls}

    async def call(self, call_id: str) -> dict[str, Any] | None:
        """One call, or None."""
        return await asyncio.to_thread(
            self._tracing.store.call, call_id, self._tracing.open_calls
        )

    async def trace(self, trace_id: str) -> dict[str, Any] | None:
        """One trace, or None."""
        return await asyncio.to_thread(self._tracing.store.trace, trace_id)
