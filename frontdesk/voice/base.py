"""The interfaces of the speech models, which adapters implement and tests replace.

Samples are mono ``float32`` arrays in [-1, 1]: 16 kHz on the way in, 24 kHz on the way out.
All models are shared by the calls of a process; what belongs to one call is a stream.

A model may tell more of itself, for the REST endpoints: ``elsewhere`` (True when another server
does the work), ``languages`` (ISO-639-1 codes that it hears or speaks; default: all), ``among``
(set to those that callers may speak), ``takes_prompt`` (whether a transcriber does; default: yes),
``aside()`` (a transcriber for recordings, which calls need not wait for), ``has_voice(name)``,
``loudness(voice)`` (in LUFS, where it is known beforehand), and ``follows(style)`` (what it makes
of a style that it does not read; None if it reads it).
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
INPUT_RATE = 16_000
OUTPUT_RATE = 24_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """A speech model that was asked in vain: for how long, and what was wrong."""

    model: str
    error: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said. ``confidence`` in [0, 1] where the model gives one; ``logprobs`` (token,
    logprob, bytes) and ``usage`` (tokens) as OpenAI's API has them. ``model`` is who understood it,
    when that is not the transcriber's first choice, and ``failed`` who was asked before.
    ``language`` is what is spoken, as an ISO-639-1 code, where that is known."""

    text: str
    seconds: float
    language: str | None = None
    confidence: float | None = None
    logprobs: list[dict[str, Any]] | None = None
    usage: dict[str, Any] | None = None
    model: str | None = None
    failed: tuple[Attempt, ...] = ()


class TranscriptionStream(Protocol):
    """One stretch of speech on its way to text."""

    def push(self, samples: Samples) -> None:
        """Add 16 kHz samples. Never blocks."""
        ...

    async def transcript(self) -> Transcript:
        """Text of all that was pushed so far. May be called again after more was pushed; asking
        twice for the same audio costs nothing. Raises :class:`SpeechError`."""
        ...

    async def aclose(self) -> None:
        """Drop work under way."""
        ...


class SpeechToText(Protocol):
    """A transcriber."""

    @property
    def name(self) -> str:
        """Provider and model, as printed at start and written in traces."""
        ...

    def stream(
        self, *, language: str | None = None, prompt: str | None = None
    ) -> TranscriptionStream:
        """Begin a stretch of speech."""
        ...

    async def warm_up(self) -> None:
        """Load weights and run once, so that the first caller does not wait."""
        ...


@runtime_checkable
class TellsLogprobs(Protocol):
    """A transcriber that may know how sure it is of each token; ``logprobs``: it does."""

    logprobs: bool

    def stream(
        self, *, language: str | None = None, prompt: str | None = None, logprobs: bool = False
    ) -> TranscriptionStream:
        """Begin a stretch of speech, its transcript with ``logprobs`` if so asked."""
        ...


def logprobs_of(stt: SpeechToText) -> TellsLogprobs | None:
    """The transcriber, if it can be asked for logprobs."""
    found: object = stt
    return found if isinstance(found, TellsLogprobs) and found.logprobs else None


def begun(
    stt: SpeechToText, *, language: str | None, prompt: str | None, logprobs: bool
) -> TranscriptionStream:
    """A stretch of speech at ``stt``, with ``logprobs`` if so asked and it has them."""
    if logprobs and (sure := logprobs_of(stt)):
        return sure.stream(language=language, prompt=prompt, logprobs=True)
    return stt.stream(language=language, prompt=prompt)


def runs_elsewhere(model: object) -> bool:
    """Whether a model's work is done by another server, so that it costs this one nothing."""
    return bool(getattr(model, "elsewhere", False))


class TextToSpeech(Protocol):
    """A speaker."""

    @property
    def name(self) -> str:
        """Provider and model, as printed at start and written in traces."""
        ...

    def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        """Speak ``text`` as 24 kHz chunks, the first as early as the model can. Closing the
        iterator stops the work. Raises :class:`SpeechError`."""
        ...

    async def warm_up(self) -> None:
        """Load weights and run once, so that the first caller does not wait."""
        ...


class VoiceActivity(Protocol):
    """Speech probability of short windows; holds the state of one call.

    It may be able to tell between two windows: ``peek(samples)`` is the probability of the window
    that ends half a window behind the last one, ``samples`` begin ``context`` before it, and
    nothing is remembered."""

    window: int
    """Samples (16 kHz) in one window."""

    def __call__(self, window: Samples) -> float:
        """Probability in [0, 1] that this window holds speech."""
        ...

    def reset(self) -> None:
        """Forget the audio so far."""
        ...


class SharedActivity(VoiceActivity, Protocol):
    """Voice activity that is cheaper for many calls together."""

    def soon(self, window: Samples) -> asyncio.Future[float]:
        """As calling it, in a few milliseconds. No other window may be given until it is done or
        cancelled."""
        ...


class EndOfTurn(Protocol):
    """Judges whether a pause ends the caller's turn; shared by all calls."""

    @property
    def name(self) -> str: ...

    async def probability(self, speech: Samples) -> float:
        """Probability in [0, 1] that the speaker has finished, from the turn's audio so far."""
        ...

    async def warm_up(self) -> None: ...


class SpeechError(Exception):
    """A speech model failed; the message is fit for a log and a trace, not for the caller.
    ``retry_after``: seconds after which its server wants to be asked again, if it said so."""

    retry_after: float | None = None
