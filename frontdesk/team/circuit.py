"""Whether a model is worth asking just now."""

import time
from collections.abc import Callable


class Circuit:
    """Leaves a model alone for a while after it failed; shared by all calls that use the model.

    When the while is over, one caller tries it; the others go on without it until that one has
    its answer.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0
        self._cooldown = 0.0
        self.reason = ""
        """Why the model last failed; empty while it works."""

    @property
    def left(self) -> float:
        """Seconds that the model is still left alone."""
        return max(0.0, self._until - self._clock())

    def admits(self) -> bool:
        """Whether to ask the model. After a failure, the first to hear yes tries it for all."""
        if self.left:
            return False
        if self.reason:
            self._until = self._clock() + self._cooldown
        return True

    def failed(self, reason: str, cooldown: float) -> None:
        """Leave the model alone for ``cooldown`` seconds."""
        self.reason, self._cooldown = reason, cooldown
        self._until = self._clock() + cooldown

    def answered(self) -> None:
        """The model works."""
        self.reason, self._until = "", 0.0

    def given_up(self) -> None:
        """Whoever tried it was called off, and knows nothing: the next one tries."""
        self._until = min(self._until, self._clock())
