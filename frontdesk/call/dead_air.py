"""No unexplained silence: who waits too long is told so, and the trace says what held it up."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from frontdesk.call.clock import Clock, Timer
from frontdesk.call.turn import Turn


class DeadAir:
    """Watches one response while it is made, as a context. After ``budget`` seconds without a sound
    from either side ``line`` is said, then after twice as many, and so on; None watches nothing.

    While the speech model itself is stuck nothing is said, as that would only queue up behind it.
    """

    def __init__(
        self,
        silent_for: Callable[[], float],
        budget: float | None,
        line: str,
        *,
        turn: Turn,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._silent_for = silent_for
        self._budget = budget
        self._line = line
        self._turn = turn
        self._clock = clock
        self._say = say
        self._begun = 0.0
        self._timer: Timer | None = None

    def __enter__(self) -> Self:
        self._begun = self._clock.now()
        self._wait(self._budget)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self, seconds: float | None) -> None:
        if seconds is not None:
            self._timer = self._clock.later(seconds, self._look)

    def _look(self) -> None:
        """The budget may be used up, unless somebody was heard meanwhile."""
        if self._budget is None:
            return
        now = self._clock.now()
        # What was typed breaks no silence: then it began when the answer was asked for.
        silent = min(self._silent_for(), now - self._begun)
        if silent < self._budget:
            self._wait(self._budget - silent)
            return
        stuck = self._turn.doing.speech is not None
        self._turn.dead_air(now - silent, None if stuck else self._line)
        if not stuck:
            self._say(self._line)
        self._budget *= 2
        self._wait(self._budget - silent)
