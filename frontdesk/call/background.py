"""A call's background work and the telling of it, as the call sees both."""

import asyncio
from collections.abc import Callable
from typing import Any

from frontdesk.call.answers import Answers
from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock
from frontdesk.call.connections import Connections
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
    WorkEvent,
)
from frontdesk.call.jobs import ResponseJobs
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.telling import Occasion, Telling
from frontdesk.call.tongue import Tongue
from frontdesk.protocol import engine
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.tracing.calls import Tracing


class Background:
    """Owned by the call; every method but :meth:`cancel` runs in its writer."""

    def __init__(
        self,
        *,
        live_team: LiveTeam,
        protocol: RealtimeProtocol,
        book: CallBook,
        answers: Answers,
        tracing: Tracing,
        connections: Connections,
        tongue: Tongue,
        silent_for: Callable[[], float],
        clock: Clock,
        feed: Callable[[engine.EngineEvent], None],
        post: Callable[[CallEvent], None],
    ) -> None:
        self._protocol = protocol
        self._connections = connections
        self._silent_for = silent_for
        self._clock = clock
        self._post = post
        self._written_at = float("-inf")
        self._telling = Telling(
            book=book,
            protocol=protocol,
            quiet_for=self.quiet_for,
            clock=clock,
            feed=feed,
            post=post,
        )
        self.delegations = Delegations(
            live_team=live_team,
            book=book,
            answers=answers,
            telling=self._telling,
            tongue=tongue,
            tracing=tracing,
            clock=clock,
            post=post,
        )
        self.kept: dict[str, Errand] = {}
        """Work that goes on after the call."""

    def act_on(self, event: WorkEvent) -> None:
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
            case _:
                raise TypeError(f"unknown: {event!r}")

    def caller_wrote(self) -> None:
        """The caller added a message, which counts as if they had spoken."""
        self._written_at = self._clock.now()

    def quiet_for(self) -> float:
        """Seconds since either side was last heard, or wrote. Where the client says whose turn it
        is, sound that it sends counts as speech."""
        now = self._clock.now()
        silent = min(self._silent_for(), now - self._written_at)
        if self._protocol.session["audio"]["input"].get("turn_detection") is None:
            silent = min(silent, now - self._connections.spoke_at)
        return silent

    async def cancel(self, which: str) -> dict[str, Any]:
        """Cancel a piece by its id, from outside of the call; tells what was cancelled."""
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._post(CancelWanted(which, by_caller=False, answer=answer))
        return await answer

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
