"""What a listener makes of the caller's audio: turns, and when one is likely over."""

import asyncio
from dataclasses import dataclass, field

from frontdesk.voice.audio import first_audible
from frontdesk.voice.base import INPUT_RATE, Samples, Transcript
from frontdesk.voice.turns import Ended, EndReason

_MS = INPUT_RATE // 1000
_LINGERING_MS = 200
"""Longest stretch by which voice activity may outlast the voice: on 32 ms windows it is 60 to
100 ms (measured with clean speech)."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One turn of the caller: audio from ``start_ms`` to ``end_ms`` of the call's input.

    ``audio`` has the prefix padding in front and the silence waited behind. ``transcript`` is
    under way, perhaps done; awaiting it raises :class:`SpeechError` when the model failed, and
    nothing needs to await it. ``waited_ms`` is the silence before the end; ``speculated`` says
    that transcription began before the end was sure, ``ready_for`` for how many seconds the words
    had been known by then. ``guess`` is the number of the :class:`TurnLikely` that came true: its
    transcript is this one.
    """

    start_ms: int
    end_ms: int
    audio: Samples
    transcript: asyncio.Task[Transcript]
    reason: EndReason
    waited_ms: int = 0
    eot_probability: float | None = None
    speculated: bool = False
    ready_for: float = 0.0
    guess: int | None = None
    original: Samples | None = None
    """The sound as it came, where ``audio`` was cleaned of noise or echo."""

    @property
    def recorded(self) -> Samples:
        """The sound as it came."""
        return self.audio if self.original is None else self.original


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak; prefix padding already taken off ``start_ms``, not
    ``spoken_ms``."""

    start_ms: int
    spoken_ms: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TurnLikely:
    """The caller has probably finished, though that is not sure yet.

    Ends in a ``SpeechStopped`` whose segment has this ``guess``, or in :class:`TurnWentOn`; no
    number is used twice in a call. ``end_ms`` is where the words end that ``transcript`` is of:
    under way, perhaps done, and cancelled when the caller goes on. ``probability`` is None where
    silence alone decides.
    """

    guess: int
    end_ms: int
    transcript: asyncio.Task[Transcript]
    probability: float | None


@dataclass(frozen=True, slots=True)
class TurnWentOn:
    """It was not the end after all: what was begun on this guess is of no use."""

    guess: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The caller's turn is over."""

    end_ms: int
    segment: Segment


ListenerEvent = SpeechStarted | TurnLikely | TurnWentOn | SpeechStopped


def waited_ms(audio: Samples, ended: Ended) -> int:
    """The silence before the end, as one hears it: voice activity lasts a little longer than the
    voice does, and the wait for an answer is counted from here."""
    voice = audio[: len(audio) - ended.waited_ms * _MS]
    return ended.waited_ms + (first_audible(voice[: -_LINGERING_MS * _MS - 1 : -1]) or 0) // _MS
