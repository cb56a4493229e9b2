"""Text to speech by Hibari (Apache-2.0, English): 24 kHz, about 130 times real time on one core.

Its words become phonemes and spectra by the package; the sound of them is made here, so that the
first of it is there when the network is done: 6 ms of CPU for two words, 9 for six, 18 for a dozen.
"""

import asyncio
import importlib.util
import logging
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from frontdesk.desk.voice import TextToSpeechChoice
from frontdesk.voice.base import OUTPUT_RATE, Samples, SpeechError
from frontdesk.voice.embedded.vocoder import Spectra, stretches
from frontdesk.voice.registry import ModelMissing
from frontdesk.voice.resample import Resampler
from frontdesk.voice.style import STEP, manner
from frontdesk.voice.tempo import quicker

logger = logging.getLogger(__name__)

_DEFAULT = "heart"
"""The voice inside the wheel."""
_LOUDNESS = -26.0
"""LUFS of that voice, at any pitch (measured over a minute of it)."""
_FASTEST = 1.5
"""The model speaks no faster than this, whatever it is told (measured); the rest is done to the
sound."""
_PITCH = {"low": 5 / 6, "high": 7 / 6}
"""Each voice can be had three semitones lower or higher, as ``heart-low`` and ``heart-high``: the
one in the wheel makes three speakers that nobody takes for one. Its resonances move along."""
_WARM = "Good morning, dear Frobnik, I am ready for you whenever you are ready for me."
"""A name no dictionary has, so that the network for such words is loaded too."""


class HibariSpeech:
    """One thread speaks for all calls; a voice's model is loaded when it is first used.

    Voices that are not on this machine are never downloaded: the default speaks instead, and the
    log says so once. A style becomes rate, pitch and pauses (:mod:`frontdesk.voice.style`), and
    whispering. ``VOICE-low`` and ``VOICE-high`` are voices of their own.
    """

    languages = ("en",)

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

    def loudness(self, voice: str | None) -> float | None:
        """How loud a voice is, LUFS; None for those that are not in the wheel."""
        base, _ = _pitched(self._known(voice or self._voice))
        return _LOUDNESS if base == _DEFAULT else None

    def follows(self, style: str) -> str:
        """What becomes of a style, for traces."""
        return str(manner(style))

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        loop = asyncio.get_running_loop()
        base, pitch = _pitched(self._known(voice or self._voice))
        asked = manner(style)
        pitch = STEP * round(pitch * asked.pitch / STEP)
        pace = speed * asked.rate / pitch  # what is played slower has to be spoken faster
        tune = Resampler(round(pitch * OUTPUT_RATE), OUTPUT_RATE) if pitch != 1 else None
        chunks = self._chunks(text, base, pace, whispered=asked.whispered)
        try:
            while (
                chunk := await loop.run_in_executor(self._thread, next, chunks, None)
            ) is not None:
                yield tune(chunk) if tune else chunk
            if tune:
                yield tune.flush()
        except Exception as error:
            raise SpeechError(f"{self.name}: {error}") from error

    async def warm_up(self) -> None:
        async for _ in self.synthesize(_WARM):
            pass

    def _chunks(self, text: str, voice: str, pace: float, *, whispered: bool) -> Iterator[Samples]:
        """Runs on the thread, which loads each engine once."""
        if voice not in self._engines:
            import hibari  # pyright: ignore[reportMissingTypeStubs]

            library: Any = hibari
            self._engines[voice] = library.Hibari(voice=voice, threads=1)
        engine, quicken = self._engines[voice], max(1.0, pace / _FASTEST)
        for phonemes in engine.phonemize(text):
            spectra = _spectra(engine, phonemes, min(pace, _FASTEST))
            if spectra is None:
                continue
            sound = stretches(spectra, whispered=whispered)
            yield from sound if quicken == 1 else (quicker(np.concatenate([*sound]), quicken),)

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


def _spectra(engine: Any, phonemes: str, pace: float) -> Spectra | None:
    """What the network makes of one sentence; None where there is nothing to be said."""
    ids: list[int] = engine.ids(phonemes)
    if len(ids) < 3:  # a blank at each end
        return None
    given = {"ids": np.asarray([ids], np.int64), "speed": np.asarray([pace], np.float32)}
    return Spectra(*(part[0] for part in engine.sess.run(None, given)))


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
