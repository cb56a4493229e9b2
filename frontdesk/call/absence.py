"""While no caller is on a call, but may come back: it is kept, and nothing is said."""

from collections.abc import Callable

from frontdesk.call.clock import Clock, Timer
from frontdesk.call.events import CallEvent, Expired, Happening, Played, Sound, Words
from frontdesk.protocol import engine

SAID = (
    engine.ResponseText
    | engine.ResponseFunctionCall
    | engine.ResponseMcpCall
    | engine.ResponseUsage
    | engine.ResponseEnded
)


class Absence:
    """Used by the call's writer. Speech that was made waits for the caller, and the rest of its
    response behind it; a text answer does not, as it can be read later. What the caller seems to
    have heard meanwhile counts only when they are back, and may have it again."""

    def __init__(self, clock: Clock, post: Callable[[CallEvent], None], seconds: float) -> None:
        """``seconds``: how long a call is kept; 0 for not at all."""
        self.seconds = seconds
        self.since: float | None = None
        """When the caller was there last, by the call's clock; None while one is."""
        self._clock = clock
        self._post = post
        self._held: list[Happening] = []
        self._speaking: set[str] = set()
        self._timer: Timer | None = None
        self._times = 0

    @property
    def away(self) -> bool:
        return self.since is not None

    def begin(self, reason: str) -> bool:
        """The last caller's connection broke. False when the call is not to be kept."""
        if self.seconds <= 0:
            return False
        self.since = self._clock.now()
        self._times += 1
        over = Expired(reason, self._times)
        self._timer = self._clock.later(self.seconds, lambda: self._post(over))
        return True

    def expired(self, event: Expired) -> bool:
        """Whether the caller did not come back in time."""
        return self.away and event.absence == self._times

    def holds(self, event: Happening) -> bool:
        """Whether the event has to wait for the caller."""
        if not self.away:
            return False
        if isinstance(event, Words | Sound):
            self._speaking.add(event.response_id)
        elif not isinstance(event, Played) and not (
            isinstance(event, SAID) and event.response_id in self._speaking
        ):
            return False
        self._held.append(event)
        return True

    def end(self) -> list[Happening]:
        """The caller is back, or the call is over; what was held, in order."""
        if self._timer is not None:
            self._timer.cancel()
        held, self._held, self._timer, self.since = self._held, [], None, None
        self._speaking.clear()
        return held
