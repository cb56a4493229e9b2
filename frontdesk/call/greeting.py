"""The first words to a client: ``session.created``, and what it missed if it comes back."""

from functools import partial
from typing import Any

from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock
from frontdesk.call.comeback import Missed
from frontdesk.call.connections import Connection
from frontdesk.call.numbers import Ids
from frontdesk.call.resume_token import issue
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
        clock: Clock,
        *,
        seconds: float,
    ) -> None:
        """``seconds``: how long a call is kept for a caller whose connection broke."""
        self._protocol = protocol
        self._book = book
        self._told = told
        self._ids = ids
        self._clock = clock
        self._seconds = seconds

    def greet(self, connection: Connection) -> None:
        """Tell the session, then what was missed; from here on it is told all that follows.

        A caller gets a resume token. Who asked for what it missed is told what it gets:
        ``events``, all of them in order, or ``items``, those of the whole conversation, when some
        events are no longer kept. The items wait until it listens (:meth:`Connection.hold`)."""
        missed = self._missed(connection.missed)
        comeback = connection.missed.comeback
        extra: dict[str, Any] = {}
        if connection.caller:
            token = issue(self._book, connection.shown)
            connection.chain = token.chain
            extra = {"token": str(token), "seconds": self._seconds}
        if comeback.asked:
            extra["replay"] = "items" if missed is None else "events"
        told = {"resume": extra} if extra else {}
        self._told.then(connection.greet)
        if not comeback.asked:
            self._put(self._protocol.greet(**told), connection)
            return
        with self._ids.apart(None if missed is None else comeback.after):
            self._put(self._protocol.greet(**told), connection)
            if missed is None:
                self._told.then(partial(connection.hold, self._clock))
                self._put(self._protocol.retell(), connection)
        for event in missed or ():
            if not event.frame.startswith(OURS) and (connection.shows_tools or not event.tools):
                self._told.put(event.frame, connection)

    def _put(self, commands: list[Command], connection: Connection) -> None:
        for command in commands:
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
