"""How long a caller may stay silent after the agent has spoken."""


class IdleTimer:
    """Counts from the end of playback: the client plays audio slower than it is sent."""

    def __init__(self) -> None:
        self.deadline: float | None = None
        self.timeout_ms = 0
        """What was counted last."""
        self._playback_ends = 0.0

    def played(self, milliseconds: float, now: float) -> None:
        """Audio was sent; it is played after what was sent before."""
        self._playback_ends = max(self._playback_ends, now) + milliseconds / 1000

    def hush(self, now: float) -> None:
        """Playback was cut off."""
        self._playback_ends = now

    def start(self, timeout_ms: int, now: float) -> None:
        self.timeout_ms = timeout_ms
        self.deadline = max(self._playback_ends, now) + timeout_ms / 1000

    def again(self, now: float) -> None:
        """Count from now on, if it counts."""
        if self.deadline is not None:
            self.start(self.timeout_ms, now)

    def stop(self) -> None:
        self.deadline = None
