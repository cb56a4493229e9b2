"""What an answer waits for at the moment."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Doing:
    """Written by those who do it. ``tools`` are those that run, by call id."""

    hearing: bool = False
    tools: dict[str, str] = field(default_factory=dict[str, str])
    speech: str | None = None
    """The speech model that was asked and has said nothing yet."""

    @property
    def stage(self) -> tuple[str, str | None]:
        """The stage furthest down the chain, which the caller waits for, and who works there."""
        if self.speech is not None:
            return "text_to_speech", self.speech
        if self.tools:
            return "tools", next(iter(self.tools.values()))
        return ("speech_to_text" if self.hearing else "model"), None
