"""What the caller has just stopped, until a response takes it, or gives it up."""

from collections.abc import Callable

from frontdesk.call.clock import Clock
from frontdesk.call.events import CallEvent, RestDue
from frontdesk.call.resuming import Rest

PATIENCE = 8.0
"""Seconds that an answer which was stopped waits to go on. What takes longer was meant."""


class Stopped:
    """Owned by the call; every method runs in its writer."""

    def __init__(self, clock: Clock, post: Callable[[CallEvent], None]) -> None:
        self._clock = clock
        self._post = post
        self._rest: Rest | None = None
        self._count = 0
        self.spoken_at = 0.0
        """When the caller last began to speak, on the wire (unix seconds)."""

    @property
    def rest(self) -> Rest | None:
        """What nobody has taken yet."""
        return self._rest

    def now(self) -> Rest:
        """What the caller stops now."""
        if self._rest is None:
            self._count = number = self._count + 1
            self._rest = Rest(number)
            self._clock.later(PATIENCE, lambda: self._post(RestDue(number)))
        return self._rest

    def by(self, item_id: str) -> None:
        """The speech that stopped it will be this item."""
        if self._rest is not None and self._rest.since is None:
            self._rest.since = item_id

    def take(self, *, wanted: bool) -> Rest | None:
        """For the response that may go on with it; given up unless ``wanted``."""
        rest, self._rest = self._rest, None
        if rest is not None and not wanted:
            rest.drop()
            return None
        return rest

    def due(self, number: int) -> None:
        """Nobody went on with it in time: the caller has much to say."""
        if self._rest is not None and self._rest.number == number:
            self.take(wanted=False)
