"""What things of a call are called on the wire."""

from collections.abc import Generator
from contextlib import contextmanager

from frontdesk.protocol.ids import new_id
from frontdesk.state.events import Number, event_id


class Ids:
    """The ids of one call under one lease. Events are numbered, so that a client can name the last
    one it saw (:mod:`frontdesk.state.events`); a conversation is called as its call is, also after
    a take-over."""

    def __init__(self, call_id: str, epoch: int) -> None:
        self.epoch = epoch
        self.last = 0
        """The number of the newest event."""
        self._apart: str | None = None
        self._conversation = f"conv_{call_id.removeprefix('sess_')}"

    def __call__(self, prefix: str) -> str:
        if prefix == "event" and self._apart is not None:
            return new_id(self._apart)
        if prefix == "event":
            self.last += 1
            return event_id(self.epoch, self.last)
        return self._conversation if prefix == "conv" else new_id(prefix)

    @contextmanager
    def apart(self, after: Number | None) -> Generator[None]:
        """Events made in here are for a client that is behind. Whoever names one of them as the
        last that it saw is where it was, ``after`` that event, or nowhere."""
        self._apart = "event" if after is None else event_id(*after)
        yield
        self._apart = None
