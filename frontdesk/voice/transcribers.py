"""Several transcribers as one: what the first does not understand in time, the next one hears."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from frontdesk.voice.base import (
    Attempt,
    Samples,
    SpeechError,
    SpeechToText,
    TextToSpeech,
    Transcript,
    TranscriptionStream,
    begun,
    logprobs_of,
    runs_elsewhere,
)

logger = logging.getLogger(__name__)

M = TypeVar("M", SpeechToText, TextToSpeech)

REST = 30.0
"""Seconds that a model which failed is not asked first, where its server does not say how long."""
LONGEST_REST = 600.0
PATIENCE = 3.0
"""Seconds for the words of a turn, where somebody else could be asked."""
LONGEST = 20.0
"""Seconds where nobody else could be: a call gives up before, by its team's budget."""


class TranscriberChain:
    """A :class:`~frontdesk.voice.base.SpeechToText`. Models that failed lately, or do not know the
    language that is spoken, are asked last."""

    def __init__(self, models: Sequence[tuple[SpeechToText, float]]) -> None:
        """``models``, the first choice first, each with its patience (s)."""
        self._models = [model for model, _ in models]
        self._patience = {id(model): seconds for model, seconds in models}
        self._resting: dict[str, float] = {}

    @property
    def name(self) -> str:
        """That of the first choice."""
        return self._models[0].name

    @property
    def models(self) -> tuple[SpeechToText, ...]:
        """All that can hear, the first choice first."""
        return tuple(self._models)

    @property
    def elsewhere(self) -> bool:
        """Whether another server does the work, as a rule."""
        return runs_elsewhere(self._models[0])

    @property
    def languages(self) -> tuple[str, ...] | None:
        """What any of them knows; None: anything."""
        known: list[tuple[str, ...] | None]
        known = [getattr(model, "languages", None) for model in self._models]
        return None if None in known else tuple({c: None for each in known for c in each or ()})

    @property
    def takes_prompt(self) -> bool:
        """Whether any of them does."""
        return any(getattr(model, "takes_prompt", True) for model in self._models)

    @property
    def logprobs(self) -> bool:
        """Whether the first choice tells them; one that stands in may not."""
        return logprobs_of(self._models[0]) is not None

    def aside(self) -> "TranscriberChain":
        """The same for recordings."""
        aside = [getattr(model, "aside", lambda model=model: model)() for model in self._models]
        waits = [self._patience[id(model)] for model in self._models]
        chain = TranscriberChain([*zip(aside, waits, strict=True)])
        chain._resting = self._resting
        return chain

    def stream(
        self, *, language: str | None = None, prompt: str | None = None, logprobs: bool = False
    ) -> "ChainStream":
        return ChainStream(self, language, prompt, logprobs)

    async def warm_up(self) -> None:
        """Each of them is warmed up by itself, as each may fail by itself."""

    async def aclose(self) -> None:
        """Each of them is closed by itself."""

    def in_order(self, language: str | None) -> list[SpeechToText]:
        """Whom to ask, in turn."""
        return by_turns(self._models, self._resting, asyncio.get_running_loop().time(), language)

    def patience(self, model: SpeechToText) -> float:
        """Seconds that a model has for the words of a turn."""
        return self._patience[id(model)]

    def failed(self, model: SpeechToText, error: SpeechError) -> None:
        """It is not asked first for a while."""
        seconds = min(max(error.retry_after or REST, 1.0), LONGEST_REST)
        self._resting[model.name] = asyncio.get_running_loop().time() + seconds

    def worked(self, model: SpeechToText) -> None:
        """It is well again."""
        self._resting.pop(model.name, None)


class ChainStream:
    """Speech of one turn, kept until somebody has understood it."""

    def __init__(
        self, owner: TranscriberChain, language: str | None, prompt: str | None, logprobs: bool
    ) -> None:
        self._owner = owner
        self._asked = (language, prompt, logprobs)
        self._ahead = owner.in_order(language)
        self._pushed: list[Samples] = []
        self._failed: list[Attempt] = []
        self._model = self._ahead.pop(0)
        self._stream = self._open()

    def push(self, samples: Samples) -> None:
        self._pushed.append(samples)
        self._stream.push(samples)

    async def transcript(self) -> Transcript:
        while True:
            try:
                found = await self._one()
            except SpeechError as error:
                if not self._ahead:
                    raise
                logger.warning("%s; %s is asked", error, self._ahead[0].name)
                await self._next()
            else:
                self._owner.worked(self._model)
                own = None if self._model is self._owner.models[0] else self._model.name
                failed = (*self._failed, *found.failed)
                return replace(found, model=found.model or own, failed=failed)

    async def aclose(self) -> None:
        self._pushed.clear()
        await self._stream.aclose()

    async def _one(self) -> Transcript:
        model, loop = self._model, asyncio.get_running_loop()
        patience, began = self._owner.patience(model), loop.time()
        try:
            async with asyncio.timeout(patience):
                return await self._stream.transcript()
        except TimeoutError:
            failed = SpeechError(f"{model.name}: no words within {patience:g} s")
        except SpeechError as error:
            failed = error
        except Exception as error:
            logger.exception("the transcriber has a defect")
            failed = SpeechError(f"{model.name}: {type(error).__name__}: {error}")
        self._failed.append(Attempt(model.name, str(failed), loop.time() - began))
        self._owner.failed(model, failed)
        raise failed

    async def _next(self) -> None:
        failed, self._model = self._stream, self._ahead.pop(0)
        self._stream = self._open()
        for samples in self._pushed:
            self._stream.push(samples)
        await failed.aclose()

    def _open(self) -> TranscriptionStream:
        language, prompt, logprobs = self._asked
        if not knows(self._model, language):
            language = None
        return begun(self._model, language=language, prompt=prompt, logprobs=logprobs)


def by_turns(
    models: Iterable[M], resting: Mapping[str, float], now: float, language: str | None
) -> list[M]:
    """Whom to ask, in turn: those that failed lately (``resting``: until when, by name), or do not
    know the language, last."""

    def last(model: M) -> tuple[bool, bool]:
        return not knows(model, language), resting.get(model.name, 0.0) > now

    return sorted(models, key=last)


def knows(model: object, language: str | None) -> bool:
    """Whether a model knows a language. One that does not say is taken to know all."""
    known: tuple[str, ...] | None = getattr(model, "languages", None)
    return language is None or not known or language.partition("-")[0].lower() in known
