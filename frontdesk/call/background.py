"""A call's background work and the telling of it, as the call sees both."""

from collections.abc import Callable
from typing import Any

from frontdesk.call.answers import Answers
from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock
from frontdesk.call.delegations import Delegations
from frontdesk.call.errand import Errand
from frontdesk.call.events import (
    CallEvent,
    CancelWanted,
    Delegated,
    Due,
    Finished,
    GapSought,
    Reported,
)
from frontdesk.call.jobs import ResponseJobs
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.telling import Occasion, Telling
from frontdesk.protocol import engine
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.tracing.calls import Tracing

BackgroundEvent = Delegated | Reported | Finished | Due | CancelWanted | GapSought


class Background:
    """Owned by the call; every method runs in its writer."""

    def __init__(
        self,
        *,
        live_team: LiveTeam,
        protocol: RealtimeProtocol,
        book: CallBook,
        answers: Answers,
        tracing: Tracing,
        silent_for: Callable[[], float],
        clock: Clock,
        feed: Callable[[engine.EngineEvent], None],
        post: Callable[[CallEvent], None],
    ) -> None:
        self._post = post
        self._telling = Telling(
            book=book, protocol=protocol, silent_for=silent_for, clock=clock, feed=feed, post=post
        )
        self.delegations = Delegations(
            live_team=live_team,
            book=book,
            answers=answers,
            telling=self._telling,
            tracing=tracing,
            clock=clock,
            post=post,
        )
        self.kept: dict[str, Errand] = {}
        """Work that goes on after the call."""

    def act_on(self, event: BackgroundEvent) -> None:
        match event:
            case Delegated():
                self.delegations.begin(event)
            case Reported():
                self.delegations.reported(event)
            case Finished():
                self.delegations.finished(event)
            case Due():
                self.delegations.due(event)
            case CancelWanted():
                self.delegations.cancel(event)
            case GapSought():
                self._telling.seek_gap()

    def jobs(self, response_id: str) -> ResponseJobs:
        """What a response's tools may ask of the work."""
        return ResponseJobs(response_id, self.delegations, self._post)

    def occasion(self, response_id: str) -> Occasion:
        """What an unasked response is to tell."""
        return self._telling.begin(response_id)

    def remembered(self, item: dict[str, Any]) -> None:
        """A tool's call or output is in the history."""
        self.delegations.remembered(item)

    def response_over(self, response_id: str, heard: bool, failed: bool) -> None:
        """A response was heard, at least in part, or was not."""
        self.delegations.response_over(response_id)
        self._telling.over(response_id, heard=heard, failed=failed)

    def leave(self, *, hung_up: bool, keep: bool) -> None:
        """The call ends here."""
        self.kept = self.delegations.leave(hung_up=hung_up, keep=keep)

    async def aclose(self) -> None:
        """Nothing is told any more; wait a moment for what was cancelled."""
        self._telling.stop()
        await self.delegations.aclose()
