"""End of turn by Smart Turn v3.2 (BSD-2-Clause): hears in the voice whether a sentence is done."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from frontdesk.voice.base import INPUT_RATE, Samples, SpeechError
from frontdesk.voice.embedded.logmel import log_mel
from frontdesk.voice.embedded.weights import ADD, find, open_session

NAME = "embedded: Smart Turn v3.2"
MISSING = f"for Smart Turn: {ADD}"
_HEARD = 8 * INPUT_RATE
"""The model takes eight seconds; shorter speech has silence in front."""


class SmartTurn:
    """Judges pauses on a thread of its own, one at a time, for all calls."""

    name = NAME

    def __init__(self, session: Any) -> None:
        self._session = session
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="end-of-turn")

    async def probability(self, speech: Samples) -> float:
        """Probability that the speaker has finished. Raises :class:`SpeechError`."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._judge, speech)
        except RuntimeError as error:
            raise SpeechError(f"{NAME}: {error}") from error

    async def warm_up(self) -> None:
        await self.probability(np.zeros(INPUT_RATE, np.float32))

    def _judge(self, speech: Samples) -> float:
        heard = np.zeros(_HEARD, np.float32)
        if len(speech):
            heard[-min(len(speech), _HEARD) :] = speech[-_HEARD:]
        out = self._session.run(None, {"input_features": log_mel(heard)[None]})
        return float(np.ravel(out[0])[0])


@cache
def load() -> SmartTurn | None:
    """The model; None when it is not installed."""
    path = find("turn/smart_turn/data/smart-turn-v3.2-cpu.onnx")
    session = open_session(path) if path else None
    return SmartTurn(session) if session else None
