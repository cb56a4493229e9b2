"""The opening, the answers to ``session.update``, ids of events, errors: rules 1, 2, 10 and 11."""

from collections.abc import Iterator

from frontdesk.conformance.rules.base import Rules
from frontdesk.conformance.verdicts import Event, Ledger, inner


class Order(Rules):
    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._opened = False
        self._event_ids: set[str] = set()
        self._sent_ids: set[str] = set()
        self._failed_ids: set[str] = set()
        self._updates: list[str] = []

    def sent(self, event: Event) -> None:
        event_id = event.get("event_id")
        if isinstance(event_id, str):
            self._sent_ids.add(event_id)
            if event.get("type") == "session.update":
                self._updates.append(event_id)

    def seen(self, event: Event) -> None:
        kind = event["type"]
        if not self._opened:
            self._opened = True
            told = event.get("error")
            refused = kind == "error" and isinstance(told, dict)
            self.must("1", kind == "session.created" or refused, "session.created first", event)
        elif kind == "session.created":
            self.must("1", False, "session.created only once", event)
        self._event_id(event)
        if kind == "session.updated":
            asked = bool(self._updates)
            if self.must("2", asked, "session.updated only as an answer", event):
                self._updates.pop(0)
        elif kind == "error":
            self._error(event)

    def _event_id(self, event: Event) -> None:
        event_id = event.get("event_id")
        if event_id is None and event["type"] == "input_audio_buffer.dtmf_event_received":
            return
        expected = "an event_id that no event of this session had before"
        new = isinstance(event_id, str) and event_id not in self._event_ids
        self.must("10", new, expected, event)
        self._event_ids.add(str(event_id))

    def _error(self, event: Event) -> None:
        event_id = inner(event, "error").get("event_id")
        if event_id is None:
            return
        known = event_id in self._sent_ids
        self.must("11", known, "error.event_id names an event that the client sent", event)
        once = event_id not in self._failed_ids
        self.must("11", once, "one error for each event that fails", event)
        self._failed_ids.add(event_id)
        if event_id in self._updates:
            first = self._updates[0] == event_id
            self.must("2", first, "session updates are answered in order", event)
            self._updates.remove(event_id)

    def promises(self) -> Iterator[tuple[str, str]]:
        for event_id in self._updates:
            yield "2", f"session.updated or an error for the session.update {event_id}"
