"""What the caller said, until there are words and a turn that answers it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from frontdesk.voice.base import Transcript

if TYPE_CHECKING:
    from frontdesk.call.turn import Turn


@dataclass(frozen=True, slots=True)
class Wording:
    """An attempt to get words of speech, from its begin to its end (unix seconds)."""

    began: float
    ended: float
    transcript: Transcript | None
    error: str | None


@dataclass(slots=True)
class CallerSpeech:
    """When the caller spoke, and what was heard. Unix seconds; ``ended`` is the last sample of
    speech, ``decided`` when the turn was held to be over; ``ready_for`` is how long (s) its words
    had been known by then."""

    started: float
    ended: float
    decided: float
    probability: float | None
    offset_ms: int
    audio_uri: str | None
    item_id: str
    ready_for: float = 0.0
    _turn: "Turn | None" = None
    _tried: float | None = None
    _untold: list[Wording] = field(default_factory=list[Wording])

    def heard(self, transcript: Transcript | None, error: str | None, at: float) -> None:
        """The words are known at this time, or that there are none; again, if a try failed."""
        began = self.ended if self._tried is None else self._tried
        if self._tried is None and transcript is not None and self.ready_for:
            at = self.decided - self.ready_for
        self._tried = max(began, at)
        self._untold.append(Wording(began, self._tried, transcript, error))
        self._tell()

    def answered_by(self, turn: "Turn") -> None:
        """The turn whose trace this speech belongs to."""
        self._turn = turn
        turn.caller_spoke(self)
        self._tell()

    def _tell(self) -> None:
        if self._turn is None:
            return
        for wording in self._untold:
            self._turn.transcribed(self, wording)
        self._untold.clear()
