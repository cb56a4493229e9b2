"""Speech to text by Moonshine tiny (MIT, English), out of the ``moonshine-voice`` wheel."""

import asyncio
import importlib.util
import logging
import math
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from frontdesk.desk.voice import SpeechToTextChoice
from frontdesk.voice.base import INPUT_RATE, Samples, SpeechError, Transcript
from frontdesk.voice.embedded.moonshine_model import PACKAGE, Heard, MoonshineModel, folder
from frontdesk.voice.registry import ModelMissing

logger = logging.getLogger(__name__)

_SHORTEST = INPUT_RATE // 10
_PART = 24 * INPUT_RATE
"""Longer speech is transcribed in parts: the model was made for less than half a minute, and
parts that are done need not be done again."""
_CUT = INPUT_RATE // 10
_AHEAD = INPUT_RATE // 2
"""Speech that came since the last look, from which on another is worth its while: 30 ms of CPU
for a sentence of 3 s."""
_NOTHING = Heard((), (), whole=True)


class MoonshineTranscriber:
    """One model for all calls of the process. A transcript has a thread at once, as there is one
    more than looks ahead may take."""

    name = "embedded: Moonshine tiny (English)"
    languages = ("en",)
    takes_prompt = False
    logprobs = True

    def __init__(self, threads: ThreadPoolExecutor | None = None) -> None:
        if importlib.util.find_spec(PACKAGE) is None:
            raise ModelMissing(
                "voice.stt: moonshine-voice is not installed (pip install 'frontdesk[embedded]'), "
                "or has no wheel for this platform; then set voice.stt.provider to openai or "
                "openai-compatible"
            )
        self._threads = threads or ThreadPoolExecutor(2, "speech-to-text")
        self._loading = threading.Lock()
        self._model: MoonshineModel | None = None
        self._aside: _Aside | None = None
        self._at_work = 0

    def aside(self) -> "MoonshineTranscriber":
        """The same model for recordings, which can wait: on a thread that gives way, so that no
        call stands behind a recording."""
        if self._aside is None:
            self._aside = _Aside(self)
        return self._aside

    def stream(
        self, *, language: str | None = None, prompt: str | None = None, logprobs: bool = False
    ) -> "MoonshineStream":
        """Begin a stretch of speech. The model knows English only and takes no prompt."""
        return MoonshineStream(self, logprobs=logprobs)

    async def warm_up(self) -> None:
        await self.hear(np.zeros(INPUT_RATE, np.float32))

    @property
    def idle(self) -> bool:
        """Whether nobody waits for words."""
        return not self._at_work

    async def hear(
        self,
        samples: Samples,
        expected: Sequence[int] = (),
        given_up: Callable[[], bool] = lambda: False,
    ) -> Heard:
        """As :meth:`MoonshineModel.hear`. Raises :class:`SpeechError`."""
        loop = asyncio.get_running_loop()
        self._at_work += 1
        try:
            return await loop.run_in_executor(
                self._threads, lambda: self.model().hear(samples, expected, given_up)
            )
        except Exception as error:
            raise SpeechError(f"{self.name}: {error}") from error
        finally:
            self._at_work -= 1

    def model(self) -> MoonshineModel:
        """The weights, loaded when they are first wanted. Raises :class:`SpeechError`."""
        with self._loading:
            if self._model is None:
                self._model = _load()
            return self._model


class _Aside(MoonshineTranscriber):
    """Transcribes beside the calls."""

    def __init__(self, calls: MoonshineTranscriber) -> None:
        super().__init__(ThreadPoolExecutor(1, "recordings-to-text", initializer=_yield_to_others))
        self._calls = calls

    def aside(self) -> MoonshineTranscriber:
        return self

    @property
    def idle(self) -> bool:
        """A recording is there as a whole: there is nothing to be ahead of."""
        return False

    def model(self) -> MoonshineModel:
        return self._calls.model()


class MoonshineStream:
    """Speech of one turn. While nothing else is to be done it is looked at as it comes, so that at
    its end only the last words are new; asked again, it transcribes only what is not settled."""

    def __init__(self, transcriber: MoonshineTranscriber, *, logprobs: bool = False) -> None:
        self._transcriber = transcriber
        self._wants_logprobs = logprobs
        self._pushed: list[Samples] = []
        self._length = self._settled = self._seen = 0
        self._parts: list[Heard] = []
        self._last = _NOTHING
        self._known: tuple[int, Transcript] | None = None
        self._look: asyncio.Task[None] | None = None
        self._given_up = threading.Event()
        """Set when nobody waits for the look under way, whose thread goes on for a step."""

    def push(self, samples: Samples) -> None:
        self._pushed.append(samples)
        self._length += len(samples)
        worth = self._length - self._seen >= _AHEAD and self._length - self._settled <= _PART
        if worth and self._look is None and self._transcriber.idle:
            self._given_up = threading.Event()
            self._look = asyncio.get_running_loop().create_task(self._ahead(self._given_up.is_set))
            self._look.add_done_callback(self._looked)

    async def transcript(self) -> Transcript:
        length = self._length
        if self._known is None or self._known[0] != length:
            self._give_up()
            await self._hear(self._all())
            self._known = (length, self._told(length / INPUT_RATE))
        return self._known[1]

    async def aclose(self) -> None:
        self._give_up()
        self._pushed.clear()

    async def _ahead(self, given_up: Callable[[], bool]) -> None:
        """What has been said so far, as a beginning."""
        self._seen = self._length
        rest = self._all()[self._settled :]
        heard = await self._transcriber.hear(rest, self._last.tokens, given_up)
        if heard.whole:
            self._last = heard

    def _looked(self, look: asyncio.Task[None]) -> None:
        if self._look is look:
            self._look = None
        if not look.cancelled() and (error := look.exception()) is not None:
            logger.debug("speech was not looked at ahead: %s", error)

    def _give_up(self) -> None:
        look, self._look = self._look, None
        if look is not None:
            self._given_up.set()
            look.cancel()

    def _all(self) -> Samples:
        joined = np.concatenate(self._pushed) if self._pushed else np.zeros(0, np.float32)
        self._pushed = [joined]
        return joined

    async def _hear(self, samples: Samples) -> None:
        while len(samples) - self._settled > _PART:
            end = _quiet_place(samples, self._settled + _PART // 2, self._settled + _PART)
            part = samples[self._settled : end]
            self._parts.append(await self._transcriber.hear(part, self._last.tokens))
            self._settled, self._last = end, _NOTHING
        rest = samples[self._settled :]
        long = len(rest) >= _SHORTEST
        expected = self._last.tokens
        self._last = await self._transcriber.hear(rest, expected) if long else _NOTHING

    def _told(self, seconds: float) -> Transcript:
        model, heard = self._transcriber.model(), (*self._parts, self._last)
        texts = (model.text(part.tokens) for part in heard)
        sure = [logprob for part in heard for logprob in part.logprobs]
        return Transcript(
            " ".join(text for text in texts if text),
            seconds,
            language="en",
            confidence=math.exp(sum(sure) / len(sure)) if sure else None,
            logprobs=_logprobs(model, heard) if self._wants_logprobs else None,
        )


def _logprobs(model: MoonshineModel, heard: Sequence[Heard]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for part in heard:
        for token, logprob in zip(part.tokens, part.logprobs, strict=False):  # the end is no word
            piece = model.piece(token)
            found.append(
                {
                    "token": piece.decode("utf-8", "replace"),
                    "logprob": logprob,
                    "bytes": [*piece],
                }
            )
    return found


def _yield_to_others() -> None:
    """Threads that this one starts, such as the model's, give way as well."""
    if sys.platform == "linux":  # elsewhere, niceness is of processes only
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _quiet_place(samples: Samples, begin: int, end: int) -> int:
    """The middle of the quietest tenth of a second between two places."""
    blocks = samples[begin : begin + (end - begin) // _CUT * _CUT].reshape(-1, _CUT)
    return begin + int(np.argmin(np.square(blocks).mean(axis=1))) * _CUT + _CUT // 2


def _load() -> MoonshineModel:
    if (weights := folder()) is None:
        raise SpeechError(
            "this release of moonshine-voice has no tiny-en weights in its wheel; "
            "install moonshine-voice==0.1.0"
        )
    return MoonshineModel(weights)


def create(choice: SpeechToTextChoice) -> MoonshineTranscriber:
    """Entry point of ``frontdesk.stt``."""
    if choice.language and not choice.language.lower().startswith("en"):
        logger.warning(
            "voice.stt.language is %s, but the embedded model hears English only; "
            "set voice.stt.provider to openai or openai-compatible",
            choice.language,
        )
    return MoonshineTranscriber()
