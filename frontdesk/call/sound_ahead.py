"""Sound that is made before it is sure that anybody will hear it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from frontdesk.call.clock import Clock
from frontdesk.voice.base import Samples, TextToSpeech
from frontdesk.voice.cutting import closing
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.phrases import Key, PhraseCache
from frontdesk.voice.transcribers import by_turns

_Asked = tuple[str, str, str | None, str | None, float]
"""The model, the words, voice, style and speed."""


class SoundAhead:
    """A :class:`~frontdesk.voice.base.TextToSpeech` that keeps what it makes for whoever says the
    same in earnest (:meth:`take`). What fails is not tried again here."""

    def __init__(self, models: VoiceModels, clock: Clock, language: str | None = None) -> None:
        self._language = language
        self._models = models
        self._clock = clock
        self._made: dict[_Asked, MadeAhead] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def name(self) -> str:
        """The model that would speak now."""
        return in_order(self._models, self._clock.now(), self._language)[0].name

    async def warm_up(self) -> None:
        """The models are warm."""

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        """Raises what the model raises."""
        model = in_order(self._models, self._clock.now(), self._language)[0]
        own = voice_at(self._models, model, voice)
        made = MadeAhead(self._clock)
        self._made[model.name, text, own, style, speed] = made
        speech = model.synthesize(text, voice=own, style=style, speed=speed)
        self._tasks.append(asyncio.create_task(made.make(speech)))
        self._models.at_work.add(self)
        try:
            async with closing(made.samples()) as samples:
                async for each in samples:
                    yield each
        finally:
            self._models.at_work.discard(self)

    def take(
        self, model: str, text: str, voice: str | None, style: str | None, speed: float
    ) -> "MadeAhead | None":
        """The sound of these words, under way or made, if there is any. It is given out once."""
        return self._made.pop((model, text, voice, style, speed), None)

    @property
    def characters(self) -> dict[str, int]:
        """How many were spoken in vain so far, by model."""
        counted: dict[str, int] = {}
        for model, text, *_ in self._made:
            counted[model] = counted.get(model, 0) + len(text)
        return counted

    def stop(self) -> list[asyncio.Task[None]]:
        """Nobody wants any more of it. Returns what may need a moment to end."""
        for task in self._tasks:
            task.cancel()
        return self._tasks


class MadeAhead:
    """The sound of one clause. ``asked``: when (unix seconds) the model was asked; ``began``: when
    it began to speak."""

    def __init__(self, clock: Clock) -> None:
        self.asked = clock.now()
        self.began: float | None = None
        self._clock = clock
        self._chunks: list[Samples] = []
        self._over = False
        self._error: Exception | None = None
        self._news = asyncio.Event()

    async def make(self, speech: AsyncIterator[Samples]) -> None:
        """Keep what comes of ``speech``, also how it failed."""
        try:
            async with closing(speech):
                async for samples in speech:
                    self.began = self.began or self._clock.now()
                    self._chunks.append(samples)
                    self._tell()
        except Exception as error:
            self._error = error
        finally:
            self._over = True
            self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def samples(self) -> AsyncGenerator[Samples]:
        """All of it, from its start, as it is made. Raises what the model raised."""
        told = 0
        while True:
            while told < len(self._chunks):
                told += 1
                yield self._chunks[told - 1]
            if self._over:
                break
            await self._news.wait()
        if self._error is not None:
            raise self._error


class KnownPhrases(PhraseCache):
    """The lines of a cache, of which none is said now: nothing is added."""

    def __init__(self, cache: PhraseCache) -> None:
        super().__init__()
        self._cache = cache

    def get(self, key: Key) -> tuple[Samples, ...] | None:
        return self._cache.get(key)

    def put(self, key: Key, text: str, chunks: list[Samples], *, known: bool = False) -> None:
        pass


def in_order(models: VoiceModels, now: float, language: str | None = None) -> list[TextToSpeech]:
    """Who speaks; those that failed lately, or do not know the language, last."""
    return by_turns(models.mouths, models.resting, now, language)


def voice_at(models: VoiceModels, model: TextToSpeech, voice: str | None) -> str | None:
    """The name of ``voice`` where ``model`` speaks: None for its own."""
    if voice is None or model is models.tts:
        return voice
    has_voice = getattr(model, "has_voice", None)
    return voice if has_voice is not None and has_voice(voice) else None
