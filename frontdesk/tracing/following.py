"""What happens in a store that another process writes, for whoever looks at it now and then."""

import time
from typing import Any

from frontdesk.tracing.live import Event
from frontdesk.tracing.stores import Store

NEWEST = 50
"""Calls that are looked at: older ones are not under way."""
SETTLED = 30.0
"""Seconds after its last sign of life in which spans may still join a turn."""


class Following:
    """Each :meth:`look` gives the events since the one before, as ``GET /api/live`` sends them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._began = time.time()
        self._calls: dict[str, tuple[Any, ...]] = {}
        self._spans: dict[tuple[str, str], bool] = {}

    def look(self) -> list[Event]:
        """Blocks; raises :class:`frontdesk.tracing.stores.StoreError`."""
        events: list[tuple[float, Event]] = []
        for call in reversed(self._store.calls(limit=NEWEST)):
            ended = call["started"] + call["seconds"]
            if call["live"] or ended >= self._recent():
                events += self._call(call, ended)
        return [event for _, event in sorted(events, key=lambda each: each[0])]

    def _recent(self) -> float:
        return max(self._began, time.time() - SETTLED)

    def _call(self, call: dict[str, Any], ended: float) -> list[tuple[float, Event]]:
        identity = call["call_id"]
        mark = (call["live"], call["turns"], call["errors"], call["handoffs"])
        turns = self._turns(identity)
        if self._calls.get(identity) == mark:
            return turns
        self._calls[identity] = mark
        if call["live"]:
            return [(call["started"], ("call", call)), *turns]
        return [*turns, (max([ended, *(at for at, _ in turns)]), ("call", call))]

    def _turns(self, call_id: str) -> list[tuple[float, Event]]:
        found = self._store.call(call_id)
        traces: list[dict[str, Any]] = [*found["turns"], *found["delegations"]] if found else []
        recent = self._recent()
        return [
            event
            for turn in traces
            if turn["seconds"] is None or turn["started"] + turn["seconds"] >= recent
            for event in self._trace(call_id, turn["trace_id"])
        ]

    def _trace(self, call_id: str, trace_id: str) -> list[tuple[float, Event]]:
        trace = self._store.trace(trace_id)
        spans: list[dict[str, Any]] = trace["spans"] if trace else []
        events: list[tuple[float, Event]] = []
        parents = {span["parent_id"] for span in spans}
        for span in spans:
            key, over = (trace_id, span["span_id"]), span["end"] is not None
            at = span["end"] if over else span["start"]
            if at < self._began or self._spans.get(key) == over:
                continue
            data = {"call_id": call_id, "trace_id": trace_id, **span}
            if over and key not in self._spans and span["span_id"] in parents:
                begun = {**data, "end": None, "status": "open", "error": None}
                events.append((span["start"], ("span", begun)))  # before what is under it
            self._spans[key] = over
            events.append((at, ("span", data)))
        return events
