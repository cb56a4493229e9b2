"""How our own clients come back to their call: the ``openai`` package connects again by itself, and
is told with what."""

from typing import Any

from openai.types.websocket_reconnection import ReconnectingEvent, ReconnectingOverrides

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 2.0
PATIENCE = 60.0
"""Seconds that we try to come back for: a server may be restarted meanwhile."""


class Ticket:
    """The resume token of a call, and the last event that was seen."""

    def __init__(self) -> None:
        self.times = 0
        """How often the connection broke and came back."""
        self._token: str | None = None
        self._seen = ""

    def saw(self, event: Any) -> None:
        """Take note of an event; both are in ``session.created`` already."""
        given: dict[str, Any] = getattr(event, "resume", None) or {}
        self._token = given.get("token", self._token)
        self._seen = event.event_id
        self.times += "replay" in given

    def options(self, patience: float = PATIENCE) -> dict[str, Any]:
        """For ``realtime.connect``: tries to come back for so many seconds."""
        return {
            "on_reconnecting": self._reconnecting,
            "initial_delay": FIRST_PAUSE,
            "max_delay": LONGEST_PAUSE,
            "max_retries": 3 + max(0, round(patience / LONGEST_PAUSE)),
        }

    def _reconnecting(self, event: ReconnectingEvent) -> ReconnectingOverrides:
        if self._token is None:
            return {"abort": True}
        back = {"resume": self._token, "after": self._seen}
        return {"extra_query": {**event.extra_query, **back}}
