"""What became of one tool call on its way, for the trace."""

from dataclasses import dataclass, field

MOST_WORDS = 20


@dataclass(slots=True)
class CallRecord:
    """``attempts``: requests that were made. ``waited``: seconds before the last one: for the
    connection, for a place among the calls, or for a busy server. ``fault``: what kind of thing
    went wrong. ``progress``: the first words that the server sent meanwhile. ``host``, ``port`` and
    ``protocol``: who was asked, and in which version of MCP."""

    attempts: int = 0
    waited: float = 0.0
    fault: str | None = None
    progress: list[str] = field(default_factory=list[str])
    host: str | None = None
    port: int | None = None
    protocol: str | None = None
    began: float = 0.0
    """By the loop's clock."""

    def asked(self, now: float) -> None:
        """A request is made."""
        self.attempts += 1
        self.waited = now - self.began

    def heard(self, words: str) -> None:
        """The server told of its progress."""
        if len(self.progress) < MOST_WORDS:
            self.progress.append(words)
