"""The first words to a client: ``session.created``, and what it missed if it comes back."""

from collections.abc import Callable
from typing import Any

from frontdesk.call.book import CallBook
from frontdesk.call.comeback import Missed, issue
from frontdesk.call.connections import Connection
from frontdesk.call.numbers import Ids
from frontdesk.call.told import Told
from frontdesk.protocol.commands import Command, Send
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.state.events import Event

OURS = b'{"type":"frontdesk.'
"""How events begin that are for observers alone."""


class Greeting:
    """Owned by the call; used by its writer."""

    def __init__(
        self,
        protocol: RealtimeProtocol,
        book: CallBook,
        told: Told,
        ids: Ids,
        *,
        seconds: float,
        now: Callable[[], float],
    ) -> None:
        """``seconds``: how long a call is kept for a caller whose connection broke."""
        self._protocol = protocol
        self._book = book
        self._told = told
        self._ids = ids
        self._seconds = seconds
        self._now = now

    def greet(self, connection: Connection) -> list[Command]:
        """Tell the session, then what was missed; from here on it is told all that follows.
        Returns what the protocol wants done besides.

        A caller gets a resume token; the hash of it is on record before this is sent. Who asked
        for what it missed is told what it gets: ``events``, all of them in order, or ``items``,
        those of the whole conversation, when some events are no longer kept."""
        missed = self._missed(connection.missed)
        extra: dict[str, Any] = {}
        if connection.caller:
            token, connection.token = issue(self._book, connection.shown)
            extra = {"token": token, "seconds": self._seconds}
        if connection.missed.comeback.asked:
            extra["replay"] = "items" if missed is None else "events"
        self._told.greet(connection)
        created, *others = self._protocol.open(self._now(), **({"resume": extra} if extra else {}))
        self._put(created, connection)
        if missed is None:
            for command in self._protocol.retell():
                self._put(command, connection)
        for event in missed or ():
            if not event.frame.startswith(OURS) and (connection.shows_tools or not event.tools):
                self._told.put(event.frame, connection)
        return others

    def _put(self, command: Command, connection: Connection) -> None:
        if isinstance(command, Send):
            self._told.put(command.frame, connection)

    def remembers(self, missed: Missed) -> bool:
        """Whether it is known here what a client missed, without the store."""
        return self._missed(missed) is not None

    def _missed(self, missed: Missed) -> list[Event] | None:
        if not missed.comeback.asked:
            return []
        after = missed.comeback.after
        if after is None or after > (self._ids.epoch, self._ids.last):
            return None  # there never was such an event
        earlier: list[Event] = []
        if missed.tail is not None:
            found = missed.tail.after(after)
            if found is None:
                return None
            earlier = found
            after = found[-1].number if found else after
        elif after < (self._ids.epoch, 0):
            return None
        here = self._told.recent.after(after[1] if after[0] == self._ids.epoch else 0)
        return None if here is None else [*earlier, *here]
