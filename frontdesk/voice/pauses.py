"""What the models make of a caller's pauses, for the detector that waits in them."""

import asyncio
import logging
from collections.abc import Callable

from frontdesk.voice.backchannel import means_nothing
from frontdesk.voice.base import INPUT_RATE, EndOfTurn, Samples, Transcript
from frontdesk.voice.buffer import AudioBuffer
from frontdesk.voice.dictation import Tasks
from frontdesk.voice.finished import wording
from frontdesk.voice.hush import LOOK_MS, hushed_ms
from frontdesk.voice.turns import Ask, Decision, Paused, TurnDetector
from frontdesk.voice.wording import Wording

logger = logging.getLogger(__name__)

_MS = INPUT_RATE // 1000
_JUDGED_MS = 8000
"""The end-of-turn model hears this much of a turn at most."""


class PauseJudge:
    """Hands ``decide`` what a detector makes of each answer, which may come late or never."""

    def __init__(
        self,
        model: EndOfTurn | None,
        buffer: AudioBuffer,
        tasks: Tasks,
        decide: Callable[[TurnDetector, list[Decision]], None],
    ) -> None:
        self._model = model
        self._buffer = buffer
        self._tasks = tasks
        self._decide = decide
        self.over_agent = False
        """Whether the caller began to speak over the agent."""

    def quiet_ms(self, until: int) -> int:
        """For how long it has been quiet, by the sound itself, at this sample."""
        return hushed_ms(self._buffer.slice(until - LOOK_MS * _MS, until))

    def read(self, detector: TurnDetector, paused: Paused, words: asyncio.Task[Transcript]) -> None:
        """Judge the words up to a pause, once they are there."""

        def known(_: asyncio.Task[Transcript]) -> None:
            if not (words.cancelled() or words.exception()):
                self._decide(detector, detector.read(paused, self._wording(words.result())))

        if detector.rules.type == "semantic_vad":
            words.add_done_callback(known)

    def _wording(self, heard: Transcript) -> Wording | None:
        return Wording.NOTHING if self.over_agent and means_nothing(heard) else wording(heard)

    def ask(self, detector: TurnDetector, ask: Ask) -> None:
        """Ask the end-of-turn model about the voice before a pause."""
        if self._model is None or detector.start_ms is None:
            return
        start = max(detector.start_ms, ask.at_ms - _JUDGED_MS) * _MS
        speech = self._buffer.slice(start, ask.at_ms * _MS)
        self._tasks.start(self._judge(self._model, detector, ask, speech))

    async def _judge(
        self, model: EndOfTurn, detector: TurnDetector, ask: Ask, speech: Samples
    ) -> None:
        try:
            probability = await model.probability(speech)
        except Exception as error:
            logger.warning("the end of the turn is judged without the voice: %s", error)
            probability = None
        self._decide(detector, detector.answer(ask, probability))
