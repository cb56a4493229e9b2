"""Text to speech by Hibari (Apache-2.0, English): 24 kHz, about 90 times real time on one core."""

import asyncio
import importlib.util
import logging
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from frontdesk.desk.schema import TextToSpeechChoice
from frontdesk.voice.base import OUTPUT_RATE, Samples, SpeechError
from frontdesk.voice.registry import ModelMissing
from frontdesk.voice.resample import Resampler
from frontdesk.voice.tempo import quicker

logger = logging.getLogger(__name__)

_DEFAULT = "heart"
"""The voice inside the wheel."""
_SEED = 1
"""Of the noise in the voice: the same text always sounds the same."""
_FASTEST = 1.5
"""The model speaks no faster than this, whatever it is told (measured); the rest is done to the
sound."""
_PITCH = {"low": 5 / 6, "high": 7 / 6}
"""Each voice can be had three semitones lower or higher, as ``heart-low`` and ``heart-high``: the
one in the wheel makes three speakers that nobody takes for one. Its resonances move along."""


class HibariSpeech:
    """One thread speaks for all calls; a voice's model is loaded when it is first used.

    Voices that are not on this machine are never downloaded: the default speaks instead, and the
    log says so once. Style is not something this model can follow. ``VOICE-low`` and ``VOICE-high``
    are voices of their own.
    """

    def __init__(self, voice: str | None = None) -> None:
        if importlib.util.find_spec("hibari") is None:
            raise ModelMissing(
                "voice.tts: hibari-tts is not installed (pip install 'frontdesk[embedded]'); "
                "or set voice.tts.provider to openai or openai-compatible"
            )
        self._voice = voice
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="text-to-speech")
        self._engines: dict[str, Any] = {}
        self._unknown: set[str] = set()

    @property
    def name(self) -> str:
        return f"embedded: Hibari, voice {self.voice}"

    @property
    def voice(self) -> str:
        """The voice that speaks when none is named."""
        return self._known(self._voice)

    def has_voice(self, voice: str) -> bool:
        """Whether the voice is on this machine."""
        voice, _ = _pitched(voice)
        return voice == _DEFAULT or voice in self._engines or _on_disk(voice)

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        loop = asyncio.get_running_loop()
        base, pitch = _pitched(self._known(voice or self._voice))
        pace = speed / pitch  # what is played slower has to be spoken faster
        tune = Resampler(round(pitch * OUTPUT_RATE), OUTPUT_RATE) if pitch != 1 else None
        try:
            chunks = await loop.run_in_executor(self._thread, self._start, text, base, pace)
            following = self._thread, _following, chunks, max(1.0, pace / _FASTEST)
            while (chunk := await loop.run_in_executor(*following)) is not None:
                yield tune(chunk) if tune else chunk
            if tune:
                yield tune.flush()
        except Exception as error:
            raise SpeechError(f"{self.name}: {error}") from error

    async def warm_up(self) -> None:
        async for _ in self.synthesize("Ready when you are."):
            pass

    def _start(self, text: str, voice: str, speed: float) -> Iterator[Samples]:
        """Runs on the thread, which loads each engine once."""
        if voice not in self._engines:
            import hibari  # pyright: ignore[reportMissingTypeStubs]

            library: Any = hibari
            self._engines[voice] = library.Hibari(voice=voice, threads=1)
        return self._engines[voice].stream(text, min(speed, _FASTEST), seed=_SEED)

    def _known(self, voice: str | None) -> str:
        if voice is None:
            return _DEFAULT
        if voice not in self._unknown:
            if self.has_voice(voice):
                return voice
            self._unknown.add(voice)
            logger.warning("voice %s is not on this machine; %s speaks instead", voice, _DEFAULT)
        return _DEFAULT


def _pitched(voice: str) -> tuple[str, float]:
    """A voice's name without its pitch, and that."""
    base, _, pitch = voice.rpartition("-")
    return (base, _PITCH[pitch]) if base and pitch in _PITCH else (voice, 1.0)


def _following(chunks: Iterator[Samples], quicken: float) -> Samples | None:
    chunk = next(chunks, None)
    return chunk if chunk is None else quicker(chunk, quicken)


def _on_disk(voice: str) -> bool:
    import hibari.voices  # pyright: ignore[reportMissingTypeStubs]

    library: Any = hibari.voices
    try:
        library.voice_path(voice, download_missing=False)
    except (ValueError, OSError):
        return False
    return True


def create(choice: TextToSpeechChoice) -> HibariSpeech:
    """Entry point of ``frontdesk.tts``."""
    return HibariSpeech(choice.voice)
