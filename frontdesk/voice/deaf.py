"""A transcriber for calls whose words come from elsewhere: it listens to nothing."""

from frontdesk.voice.base import Samples, SpeechError, Transcript


class Deaf:
    """In the place of the transcriber called ``name``, while a turn is spoken."""

    def __init__(self, name: str) -> None:
        self.name = name

    def stream(self, *, language: str | None = None, prompt: str | None = None) -> "Deaf":
        """A stretch of speech, of which nothing will come."""
        return self

    def push(self, samples: Samples) -> None:
        """Let it pass."""

    async def transcript(self) -> Transcript:
        """Always raises :class:`SpeechError`."""
        raise SpeechError("its words come from elsewhere")

    async def warm_up(self) -> None:
        """There is nothing to load."""

    async def aclose(self) -> None:
        """There is nothing to stop."""
