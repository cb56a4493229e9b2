"""One whole response, and what can be asked of it."""

import base64
from collections.abc import Sequence
from typing import Any

from frontdesk.conformance.verdicts import Event, Failed, inner, several


class Reply:
    """``events`` are those of the session while it was made, others' included."""

    def __init__(self, response_id: str, events: list[Event]) -> None:
        self.id = response_id
        self.events = events
        self.created: dict[str, Any] = self._first("response.created")["response"]
        self.done: dict[str, Any] = events[-1]["response"]

    def _first(self, type: str) -> Event:
        return next(event for event in self.events if event["type"] == type)

    @property
    def done_event(self) -> Event:
        """Its ``response.done``."""
        return self.events[-1]

    @property
    def own(self) -> list[Event]:
        """The events that name this response, and those of the conversation's items."""
        return [
            event
            for event in self.events
            if event.get("response_id") == self.id
            or inner(event, "response").get("id") == self.id
            or event["type"] in ("conversation.item.added", "conversation.item.done")
        ]

    def of(self, type: str) -> list[Event]:
        """Its events of one type."""
        return [event for event in self.own if event["type"] == type]

    @property
    def output(self) -> list[dict[str, Any]]:
        return several(self.done, "output")

    def item(self, type: str) -> dict[str, Any]:
        """The first item of a type in its output. Raises :class:`Failed`."""
        for item in self.output:
            if item.get("type") == type:
                return item
        raise Failed(f"an item of type {type} in response.done.output", self.events[-1])

    def joined(self, type: str) -> str:
        return "".join(event["delta"] for event in self.of(type))

    @property
    def audio(self) -> bytes:
        return b"".join(
            base64.b64decode(event["delta"]) for event in self.of("response.output_audio.delta")
        )

    def must_be(self, status: str, reason: str | None = None) -> None:
        """Raises :class:`Failed` unless it ended so."""
        details: dict[str, Any] = self.done.get("status_details") or {}
        if self.done.get("status") != status:
            raise Failed(f"response.status {status}", self.events[-1])
        if reason is not None and details.get("reason") != reason:
            raise Failed(f"status_details.reason {reason}", self.events[-1])

    def in_order(self, types: Sequence[str]) -> None:
        """Raises :class:`Failed` unless its events begin with these, one after the other."""
        in_order(self.own, types)


def in_order(events: Sequence[Event], types: Sequence[str]) -> None:
    """The first events of ``types`` come in this order. Raises :class:`Failed`."""
    at = -1
    for index, type in enumerate(types):
        before = f" after {types[index - 1]}" if index else ""
        places = [i for i, event in enumerate(events) if event["type"] == type]
        if not places:
            raise Failed(f"{type}{before}", events[at + 1] if at + 1 < len(events) else None)
        if places[0] < at:
            raise Failed(f"{type}{before}, not before it", events[places[0]])
        at = places[0]


def must(holds: bool, expected: str, seen: Event | str | None) -> None:
    """Raises :class:`Failed` with what was expected and seen."""
    if not holds:
        raise Failed(expected, seen)
