"""The speech models of one agent in one turn: when one fails, it is tried again, then another."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator

from frontdesk.call.clock import Clock
from frontdesk.call.turn import Turn
from frontdesk.voice.base import Samples, SpeechError, TextToSpeech
from frontdesk.voice.models import VoiceModels

logger = logging.getLogger(__name__)


REST = 30.0
"""Seconds that a model which failed is not asked first, where there is another."""


class Mouth:
    """A :class:`~frontdesk.voice.base.TextToSpeech` of the team's ``models``. A clause that fails
    is tried again, then said by the next model. What was heard of it is not said again by the same
    voice; another one says it whole. ``patience``: seconds until the next sound."""

    def __init__(
        self, models: VoiceModels, *, agent: str, turn: Turn, clock: Clock, patience: float
    ) -> None:
        self._models = models
        self._agent = agent
        self._turn = turn
        self._clock = clock
        self._patience = patience
        self._speaking = models.tts

    @property
    def name(self) -> str:
        """The model that spoke last, or is to speak."""
        return self._speaking.name

    async def warm_up(self) -> None:
        """The models are warm."""

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        """Raises :class:`SpeechError` when nobody can say it."""
        tries = self._in_order()
        heard, again = 0, True
        while True:
            self._speaking = model = tries[0]
            own = voice if model is self._models.tts or _has(model, voice) else None
            asked, left_out = self._clock.now(), heard
            self._turn.voicing.asks(self._agent, model.name, own, asked)
            speech = model.synthesize(text, voice=own, style=style, speed=speed)
            try:
                while (samples := await self._next(speech)) is not None:
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
            self._turn.voicing.failed(
                text, model.name, str(failure), agent=self._agent, asked=asked
            )
            if again and not (len(tries) > 1 and isinstance(failure, _TooLate)):
                again = False
            elif len(tries) > 1:
                self._models.resting[model.name] = self._clock.now() + REST
                del tries[0]
                heard, again = 0, True
            else:
                raise failure

    def _in_order(self) -> list[TextToSpeech]:
        """The models, those that failed lately last."""
        now, resting = self._clock.now(), self._models.resting
        return sorted(self._models.mouths, key=lambda model: resting.get(model.name, 0.0) > now)

    async def _next(self, speech: AsyncIterator[Samples]) -> Samples | None:
        """The next sound, None at the end. Raises :class:`SpeechError` when it does not come."""
        doing, loop = self._turn.doing, asyncio.get_running_loop()
        doing.speech = self.name
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
            doing.speech = None


class _TooLate(SpeechError):
    """Nothing came within the patience."""


def _has(model: TextToSpeech, voice: str | None) -> bool:
    has_voice = getattr(model, "has_voice", None)
    return voice is not None and has_voice is not None and bool(has_voice(voice))
