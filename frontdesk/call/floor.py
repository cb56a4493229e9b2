"""Who answers: the floor goes from one agent to another, on record."""

from typing import Any, cast

from frontdesk.call.answers import Answers
from frontdesk.call.book import CallBook
from frontdesk.call.events import FloorTaken, Remembered, SummaryMade
from frontdesk.desk.handoffs import Last


class Floor:
    """Owned by the call; every method runs in its writer."""

    def __init__(self, book: CallBook, answers: Answers) -> None:
        self._book = book
        self._answers = answers

    def taken(self, event: FloorTaken) -> list[tuple[dict[str, Any], str | None]]:
        """A handoff and the call that did it are one, and are logged in one breath: of a cancelled
        response, neither was. Returns the items remembered, each with the id of the item before."""
        if not self._answers.being_made(event.response_id):
            return []
        shown = [
            self._answers.remember(Remembered(event.response_id, item)) for item in event.items
        ]
        call = cast("dict[str, Any]", event.items[0]) if event.items else {}
        history = event.history
        self._book.record(
            "agent.changed",
            agent=event.agent,
            previous=event.previous,
            history=history.model_dump() if isinstance(history, Last) else history,
            since=event.since,
            handed=call.get("call_id"),
        )
        return shown

    def summary_made(self, event: SummaryMade) -> None:
        """The agent that took over was told this of the time before."""
        if self._answers.being_made(event.response_id):
            self._book.record("summary", text=event.text)
