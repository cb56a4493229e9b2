"""Voice activity by Silero VAD (MIT): one shared session, the state of a call in its own object."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from frontdesk.voice.base import INPUT_RATE, Samples
from frontdesk.voice.embedded.weights import ADD, find, open_session

NAME = "embedded: Silero VAD"
MISSING = f"for Silero VAD: {ADD}"
_CONTEXT = 64
"""Samples of the window before which the model wants to see again (at 16 kHz)."""


class SileroActivity:
    """Speech probability of 32 ms windows."""

    window = 512

    def __init__(self, session: Any) -> None:
        self._session = session
        self._rate = np.array(INPUT_RATE, np.int64)
        self.reset()

    def reset(self) -> None:
        self._state = np.zeros((2, 1, 128), np.float32)
        self._input = np.zeros((1, _CONTEXT + self.window), np.float32)

    def __call__(self, window: Samples) -> float:
        self._input[0, :_CONTEXT] = self._input[0, -_CONTEXT:]
        self._input[0, _CONTEXT:] = window
        feed = {"input": self._input, "state": self._state, "sr": self._rate}
        probability, self._state = self._session.run(None, feed)
        return float(probability[0, 0])


@cache
def load() -> Callable[[], SileroActivity] | None:
    """Makes the activity detector of one call; None when the model is not installed."""
    path = find("vad/data/silero_vad.onnx")
    session = open_session(path) if path else None
    return partial(SileroActivity, session) if session else None
