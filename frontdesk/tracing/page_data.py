"""The pages' view of the trace store: the same records as the JSON API answers."""

from collections.abc import Callable
from typing import Any, TypeVar

from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.filters import CallFilters
from frontdesk.tracing.pages import Unreadable
from frontdesk.tracing.stores import StoreError

Found = TypeVar("Found")


class StoredPages:
    """Blocking reads: the pages call them in threads, since live calls share the event loop."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._store = tracing.store

    def calls(
        self, filters: CallFilters, *, limit: int, before: float | None = None
    ) -> dict[str, Any]:
        """A page of the list of calls. Raises :class:`Unreadable`, as do the others."""
        asked = filters.for_store() | {"live": self._tracing.open_calls}
        return {
            "calls": _readable(lambda: self._store.calls(limit=limit, before=before, **asked)),
            **_readable(self._store.choices),
        }

    def call(self, call_id: str) -> dict[str, Any] | None:
        """One call, or None."""
        return _readable(lambda: self._store.call(call_id, self._tracing.open_calls))

    def trace(self, trace_id: str) -> dict[str, Any] | None:
        """One trace, or None."""
        return _readable(lambda: self._store.trace(trace_id))


def _readable(read: Callable[[], Found]) -> Found:
    try:
        return read()
    except StoreError as error:
        raise Unreadable(str(error)) from error
