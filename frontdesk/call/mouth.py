"""The speech models of one agent in one turn: when one fails, it is tried again, then another."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator

from frontdesk.call.clock import Clock
from frontdesk.call.sound_ahead import SoundAhead, in_order, voice_at
from frontdesk.call.turn import Turn
from frontdesk.voice.base import Samples, SpeechError, TextToSpeech, runs_elsewhere
from frontdesk.voice.cutting import closing
from frontdesk.voice.loudness import known_loudness
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.transcribers import LONGEST_REST, REST

logger = logging.getLogger(__name__)


class Mouth:
    """A :class:`~frontdesk.voice.base.TextToSpeech` of the team's ``models``. A clause that fails
    is tried again, then said by the next model. What was heard of it is not said again by the same
    voice; another one says it whole. ``patience``: seconds until the next sound. ``turn`` is told,
    if it is part of one; ``ahead`` has sound that was made before it was wanted."""

    def __init__(
        self,
        models: VoiceModels,
        *,
        clock: Clock,
        patience: float,
        agent: str = "",
        turn: Turn | None = None,
        language: str | None = None,
        ahead: SoundAhead | None = None,
    ) -> None:
        self._language = language
        self._models = models
        self._ahead = ahead
        self._agent = agent
        self._turn = turn
        self._clock = clock
        self._patience = patience
        self._speaking = models.tts
        self._awaited = 0

    @property
    def name(self) -> str:
        """The model that spoke last, or is to speak."""
        return self._speaking.name

    def loudness(self, voice: str | None) -> float | None:
        """What is known beforehand of the voice that speaks, LUFS."""
        return known_loudness(self._speaking, voice)

    @property
    def elsewhere(self) -> bool:
        """Whether another server does the work."""
        return runs_elsewhere(in_order(self._models, self._clock.now(), self._language)[0])

    async def warm_up(self) -> None:
        """The models are warm."""

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        """Raises :class:`SpeechError` when nobody can say it."""
        self._models.at_work.add(self)
        try:
            async with closing(self._said(text, voice, style, speed)) as said:
                async for samples in said:
                    yield samples
        finally:
            self._models.at_work.discard(self)

    async def _said(
        self, text: str, voice: str | None, style: str | None, speed: float
    ) -> AsyncGenerator[Samples]:
        tries = in_order(self._models, self._clock.now(), self._language)
        heard, again = 0, True
        while True:
            self._speaking = model = tries[0]
            own = voice_at(self._models, model, voice)
            asked, left_out = self._clock.now(), heard
            made = self._ahead and self._ahead.take(model.name, text, own, style, speed)
            if made:
                asked, speech = made.asked, made.samples()
            else:
                speech = model.synthesize(text, voice=own, style=style, speed=speed)
            if self._turn is not None:
                self._turn.voicing.asks(
                    text,
                    self._agent,
                    model.name,
                    own,
                    asked,
                    first=made.began if made else None,
                    style=style,
                    manner=_manner(model, style),
                )
            try:
                while (samples := await self._next(speech)) is not None:
                    if self._turn is not None:
                        self._turn.voicing.came(text)
                    rest, left_out = samples[left_out:], max(0, left_out - len(samples))
                    heard += len(rest)
                    if len(rest):
                        yield rest
                self._models.resting.pop(model.name, None)
                return
            except SpeechError as error:
                failure = error
            except Exception as error:
                logger.exception("the speech model has a defect")
                failure = SpeechError(f"{type(error).__name__}: {error}")
            finally:
                if isinstance(speech, AsyncGenerator):
                    await speech.aclose()
            logger.warning("speech failed: %s", failure)
            if self._turn is not None:
                self._turn.voicing.failed(
                    text, model.name, str(failure), agent=self._agent, asked=asked
                )
            if again and not (len(tries) > 1 and isinstance(failure, _TooLate)):
                again = False
            elif len(tries) > 1:
                rest = min(failure.retry_after or REST, LONGEST_REST)
                self._models.resting[model.name] = self._clock.now() + rest
                del tries[0]
                heard, again = 0, True
            else:
                raise failure

    async def _next(self, speech: AsyncIterator[Samples]) -> Samples | None:
        """The next sound, None at the end. Raises :class:`SpeechError` when it does not come."""
        loop = asyncio.get_running_loop()
        self._awaited += 1
        self._wait_for(self.name)
        try:
            async with asyncio.timeout(None) as waiting:
                late = self._clock.later(self._patience, lambda: waiting.reschedule(loop.time()))
                try:
                    return await anext(speech, None)
                finally:
                    late.cancel()
        except TimeoutError as error:
            raise _TooLate(f"{self.name}: no sound within {self._patience:g} s") from error
        finally:
            self._awaited -= 1
            if not self._awaited:
                self._wait_for(None)

    def _wait_for(self, model: str | None) -> None:
        if self._turn is not None:
            self._turn.doing.speech = model


class _TooLate(SpeechError):
    """Nothing came within the patience."""


def _manner(model: TextToSpeech, style: str | None) -> str | None:
    """What the model makes of a style, if it does not read it."""
    follows = getattr(model, "follows", None)
    return follows(style) if style and follows else None
