"""Speech to text by Moonshine tiny (MIT, English), out of the ``moonshine-voice`` wheel."""

import asyncio
import importlib.util
import logging
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from frontdesk.desk.schema import SpeechToTextChoice
from frontdesk.voice.base import INPUT_RATE, Samples, SpeechError, Transcript
from frontdesk.voice.registry import ModelMissing

logger = logging.getLogger(__name__)

_MODEL = "tiny-en"
_OPTIONS = {"vad_threshold": "0.0", "return_audio_data": "false"}
"""Its own voice detection makes words of the noise before the first one (measured: 15 of 20
sentences wrong with it, 5 without); our turns are cut already."""
_SHORTEST = INPUT_RATE // 10
_PART = 24 * INPUT_RATE
"""Longer speech is transcribed in parts: the model was made for less than half a minute, and
parts that are done need not be done again."""
_CUT = INPUT_RATE // 10


class MoonshineTranscriber:
    """One model, on a thread of its own, for all calls of the process."""

    name = "embedded: Moonshine tiny (English)"
    languages = ("en",)
    takes_prompt = False

    def __init__(self, *, patient: bool = False) -> None:
        if importlib.util.find_spec("moonshine_voice") is None:
            raise ModelMissing(
                "voice.stt: moonshine-voice is not installed (pip install 'frontdesk[embedded]'), "
                "or has no wheel for this platform; then set voice.stt.provider to openai or "
                "openai-compatible"
            )
        begin = _yield_to_others if patient else None
        self._thread = ThreadPoolExecutor(1, "speech-to-text", initializer=begin)
        self._model: Any = None
        self._aside: MoonshineTranscriber | None = None

    def aside(self) -> "MoonshineTranscriber":
        """The same model for recordings, which can wait: loaded once more (100 MB) when first
        asked, on a thread that gives way, so that no call stands behind a recording."""
        if self._aside is None:
            self._aside = MoonshineTranscriber(patient=True)
        return self._aside

    def stream(
        self, *, language: str | None = None, prompt: str | None = None
    ) -> "MoonshineStream":
        """Begin a stretch of speech. The model knows English only and takes no prompt."""
        return MoonshineStream(self)

    async def warm_up(self) -> None:
        await self.text(np.zeros(INPUT_RATE, np.float32))

    async def text(self, samples: Samples) -> str:
        """What is said in ``samples``. Raises :class:`SpeechError`."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._transcribe, samples)
        except Exception as error:
            raise SpeechError(f"{self.name}: {error}") from error

    def _transcribe(self, samples: Samples) -> str:
        if self._model is None:
            self._model = _load()
        lines = self._model.transcribe_without_streaming(samples.tolist(), INPUT_RATE).lines
        return " ".join(line.text.strip() for line in lines).strip()


class MoonshineStream:
    """Speech of one turn; asked again, it transcribes only what is not settled."""

    def __init__(self, transcriber: MoonshineTranscriber) -> None:
        self._transcriber = transcriber
        self._pushed: list[Samples] = []
        self._length = self._settled = 0
        self._parts: list[str] = []
        self._last: tuple[int, str] | None = None

    def push(self, samples: Samples) -> None:
        self._pushed.append(samples)
        self._length += len(samples)

    async def transcript(self) -> Transcript:
        length = self._length
        if self._last is None or self._last[0] != length:
            self._last = (length, await self._text(self._all()))
        return Transcript(self._last[1], length / INPUT_RATE, language="en")

    async def aclose(self) -> None:
        self._pushed.clear()

    def _all(self) -> Samples:
        joined = np.concatenate(self._pushed) if self._pushed else np.zeros(0, np.float32)
        self._pushed = [joined]
        return joined

    async def _text(self, samples: Samples) -> str:
        while len(samples) - self._settled > _PART:
            end = _quiet_place(samples, self._settled + _PART // 2, self._settled + _PART)
            self._parts.append(await self._transcriber.text(samples[self._settled : end]))
            self._settled = end
        rest = samples[self._settled :]
        last = await self._transcriber.text(rest) if len(rest) >= _SHORTEST else ""
        return " ".join(part for part in (*self._parts, last) if part)


def _yield_to_others() -> None:
    """Threads that this one starts, such as the model's, give way as well."""
    if sys.platform == "linux":  # elsewhere, niceness is of processes only
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _quiet_place(samples: Samples, begin: int, end: int) -> int:
    """The middle of the quietest tenth of a second between two places."""
    blocks = samples[begin : begin + (end - begin) // _CUT * _CUT].reshape(-1, _CUT)
    return begin + int(np.argmin(np.square(blocks).mean(axis=1))) * _CUT + _CUT // 2


def _load() -> Any:
    import moonshine_voice  # pyright: ignore[reportMissingTypeStubs]

    library: Any = moonshine_voice
    path = library.utils.get_assets_path() / _MODEL
    if not path.is_dir():
        raise SpeechError(
            f"this release of moonshine-voice has no {_MODEL} weights in its wheel; "
            "install moonshine-voice==0.1.0"
        )
    return library.Transcriber(str(path), library.ModelArch.TINY, options=_OPTIONS)


def create(choice: SpeechToTextChoice) -> MoonshineTranscriber:
    """Entry point of ``frontdesk.stt``."""
    if choice.language and not choice.language.lower().startswith("en"):
        logger.warning(
            "voice.stt.language is %s, but the embedded model hears English only; "
            "set voice.stt.provider to openai or openai-compatible",
            choice.language,
        )
    return MoonshineTranscriber()
