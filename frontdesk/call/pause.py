"""Pauses in the talk: moments at which a call can move to another worker unnoticed."""

from collections.abc import Callable

from frontdesk.call.answers import Answers
from frontdesk.call.background import Background
from frontdesk.call.ears import Ears
from frontdesk.call.events import CallEvent
from frontdesk.call.hearing import Hearing
from frontdesk.call.inbox import Inbox
from frontdesk.call.questions import Questions
from frontdesk.protocol.core import RealtimeProtocol

PAUSE = 0.5
"""Seconds of silence that make one. People leave 0.2 s between turns, and the sound that a client
was sent reaches its loudspeaker later than our clock assumes."""


class Pause:
    """What a call is in the middle of, if anything. Owned by the call."""

    def __init__(
        self,
        *,
        inbox: Inbox[CallEvent],
        protocol: RealtimeProtocol,
        ears: Ears,
        hearing: Hearing,
        answers: Answers,
        questions: Questions,
        background: Background,
    ) -> None:
        self._in_the_way: dict[str, Callable[[], bool]] = {
            "an answer was made or played": lambda: answers.under_way,
            "somebody spoke": lambda: not ears.at_rest or background.quiet_for() < PAUSE,
            "speech was put into words": lambda: hearing.under_way,
            "a tool's question waited for the caller": lambda: questions.held.under_way,
            "background work ran that cannot be begun anew": lambda: background.delegations.tied,
            "something was under way": lambda: not (inbox.idle and protocol.at_rest),
        }

    def prevented_by(self) -> str | None:
        """Why this is no pause; None when it is one."""
        found = (why for why, in_the_way in self._in_the_way.items() if in_the_way())
        return next(found, None)
