"""The last words of a call that can't go on: it says so aloud, then it ends.

Nothing of it waits for the store, as it is the store that is gone.
"""

from collections.abc import Callable

from frontdesk.call.clock import Clock, Timer
from frontdesk.call.events import CallEvent, Failing
from frontdesk.call.telling import Occasion
from frontdesk.call.tongue import Tongue
from frontdesk.protocol import engine

LIMIT = 15.0
"""Seconds from the failure to the end of the call, whatever the line and the speech model do."""


class Farewell:
    """Owned by the call; every method runs in its writer. ``end`` is told once when the call is to
    end."""

    def __init__(
        self,
        tongue: Tongue,
        clock: Clock,
        *,
        feed: Callable[[engine.EngineEvent], None],
        post: Callable[[CallEvent], None],
        end: Callable[[Failing], None],
    ) -> None:
        self._tongue = tongue
        self._clock = clock
        self._feed = feed
        self._post = post
        self._tell_end = end
        self._failing: Failing | None = None
        self._response_id: str | None = None
        self._timer: Timer | None = None

    def begin(self, failing: Failing, *, heard: bool) -> None:
        """Break off what is being said, and take leave. ``heard``: somebody is there to hear it."""
        if self._failing is not None:
            return
        self._failing = failing
        self._timer = self._clock.later(LIMIT, self._give_up)
        if heard:
            self._feed(engine.AgentTakesLeave())
        if self._response_id is None:  # a session that only transcribes, or no caller
            self._end()

    def occasion(self, response_id: str) -> Occasion | None:
        """The last words, if this response is to say them."""
        if self._failing is None or self._response_id is not None:
            return None
        self._response_id = response_id
        return Occasion(line=self._tongue.lines.farewell, ours=True)

    def response_over(self, response_id: str) -> None:
        """A response was heard out, cut or failed."""
        if response_id == self._response_id:
            self._end()

    def _give_up(self) -> None:
        if self._response_id is not None:
            late = {"code": "speech_error", "message": "The reply could not be spoken in time."}
            self._post(engine.ResponseEnded(self._response_id, "failed", error=late))
        self._end()

    def _end(self) -> None:
        if self._timer is not None and self._failing is not None:
            self._timer.cancel()
            self._timer = None
            self._tell_end(self._failing)
