"""A caller who says nothing is asked whether they are there, and after some times in vain the call
says goodbye and ends.

When a silence is too long is the protocol's to find: it counts from the end of playback, and not
while anybody speaks, an answer is made or a tool of the client runs. While the caller waits for
something else (see ``waits``), the count begins anew.
"""

from collections.abc import Callable

from frontdesk.call.events import CallEvent, Gone
from frontdesk.call.telling import Occasion
from frontdesk.call.tongue import Tongue
from frontdesk.desk.idle import Idle

REASON = "the caller stayed silent"


class Silences:
    """Owned by the call; every method runs in its writer."""

    def __init__(
        self,
        rules: Idle | None,
        tongue: Tongue,
        *,
        post: Callable[[CallEvent], None],
        waits: Callable[[], bool],
    ) -> None:
        """``rules`` None: the caller is asked each time, and the call never ended. What the rules
        have no words of their own for, or not in the caller's ``tongue``, is a line there.
        ``waits``: whether the caller has reason to be silent."""
        self.times = 0
        """Silences that were too long, since the caller last said or wrote anything."""
        self._rules = rules
        self._tongue = tongue
        self._post = post
        self.caller_waits = waits
        self._item_id: str | None = None
        self._untold = 0
        self._goodbye: str | None = None

    def timed_out(self, item_id: str) -> None:
        """A silence was too long, and became this item."""
        self.times += 1
        self._item_id = item_id
        self._untold = self.times

    def caller_is_there(self) -> None:
        """The caller said or wrote something."""
        self.times = 0
        self._untold, self._goodbye = 0, None

    def line(self, item_id: str | None) -> str | None:
        """What is said to a silence; None if this item is something else."""
        if item_id is None or item_id != self._item_id:
            return None
        own = self._rules.say if self._rules and self._tongue.is_default else None
        return own or self._tongue.lines.silence

    def untold(self) -> int:
        """How many silences in a row the response is about that begins now; given out once."""
        times, self._untold = self._untold, 0
        return times

    def goodbye(self, response_id: str, times: int) -> Occasion | None:
        """What a response after so many silences says, if it is the last one."""
        if self._rules is None or times <= self._rules.times:
            return None
        self._goodbye = response_id
        return Occasion(line=self._tongue.goodbye or self._rules.goodbye, ours=True)

    def cancelled(self, response_id: str) -> None:
        """Somebody spoke over a response, or stopped it: then the call does not end with it. It
        takes words to begin the count anew."""
        if response_id == self._goodbye:
            self._goodbye = None

    def response_over(self, response_id: str, *, speaking: bool) -> None:
        """A response was heard out, cut or failed. After the goodbye the call ends, unless the
        caller is just ``speaking``."""
        if response_id == self._goodbye and not speaking:
            self._goodbye = None
            self._post(Gone(REASON))
