"""Voice activity by Silero VAD (MIT): one shared session, the state of a call in its own object."""

import asyncio
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frontdesk.voice.base import INPUT_RATE, Samples
from frontdesk.voice.embedded.weights import ADD, find, open_session

NAME = "embedded: Silero VAD"
MISSING = f"for Silero VAD: {ADD}"
_CONTEXT = 64
"""Samples of the window before which the model wants to see again (at 16 kHz)."""
_MOMENT = 0.005
"""Seconds in which the windows of other calls are waited for, when there are others."""
_TOGETHER = 32
"""Windows in one run. One takes 108 µs alone, 62 among 4, 46 among 32, and no less among more
(measured)."""


class SileroActivity:
    """Speech probability of 32 ms windows."""

    window = 512
    context = _CONTEXT

    def __init__(self, model: "_Model") -> None:
        self._model = model
        self.reset()

    def reset(self) -> None:
        self.state = self.before = np.zeros((2, 1, 128), np.float32)
        self.input = np.zeros((1, _CONTEXT + self.window), np.float32)

    def __call__(self, window: Samples) -> float:
        self.take(window)
        return self._model.run([self])[0]

    def soon(self, window: Samples, *, late: bool = False) -> asyncio.Future[float]:
        """The same, together with the windows of other calls: half the work for each. Until it
        is done, or cancelled, there may be no other. One that is ``late`` is not kept waiting for
        others, but goes with those that are there."""
        return self._model.run_soon(self, window, late=late)

    def peek(self, samples: Samples) -> float:
        """The probability of the window that ends half a window behind the last one, as it would
        be had it followed the last but one. ``samples``: that window and the ``context`` before it.
        Nothing is remembered of it."""
        return self._model.look(samples[None], self.before)

    def take(self, window: Samples) -> None:
        """Put the window behind the end of the one before."""
        self.input[0, :_CONTEXT] = self.input[0, -_CONTEXT:]
        self.input[0, _CONTEXT:] = window


class _Model:
    """The session that all calls share."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._rate = np.array(INPUT_RATE, np.int64)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[tuple[SileroActivity, Samples, asyncio.Future[float]]] = []
        self._last = 0.0
        self._due: asyncio.Handle | None = None
        self._hurries = False
        """Whether the next run is for windows that are late."""

    def run(self, activities: list[SileroActivity]) -> list[float]:
        """One run for all of them."""
        state: NDArray[np.float32]
        probabilities, state = self._session.run(
            None,
            {
                "input": np.concatenate([activity.input for activity in activities]),
                "state": np.concatenate([activity.state for activity in activities], axis=1),
                "sr": self._rate,
            },
        )
        for n, activity in enumerate(activities):
            activity.before, activity.state = activity.state, state[:, n : n + 1].copy()
        return probabilities[:, 0].tolist()

    def look(self, samples: Samples, state: NDArray[np.float32]) -> float:
        """One run that leaves no trace."""
        given = {"input": samples, "state": state, "sr": self._rate}
        return float(self._session.run(None, given)[0][0, 0])

    def run_soon(
        self, activity: SileroActivity, window: Samples, *, late: bool
    ) -> asyncio.Future[float]:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._waiting, self._due = loop, [], None
        now = loop.time()
        alone = now - self._last > _MOMENT
        self._last = now
        if self._due is not None and late and not self._hurries:
            self._due.cancel()
            self._due = None
        if self._due is None:
            self._hurries = late
            self._due = loop.call_later(0.0 if alone or late else _MOMENT, self._run_waiting)
        future: asyncio.Future[float] = loop.create_future()
        self._waiting.append((activity, window, future))
        return future

    def _run_waiting(self) -> None:
        batch, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
        self._due = None
        if self._waiting and self._loop:
            self._due = self._loop.call_soon(self._run_waiting)
        batch = [entry for entry in batch if not entry[2].cancelled()]
        if not batch:
            return
        try:
            for activity, window, _ in batch:
                activity.take(window)
            answers = self.run([activity for activity, _, _ in batch])
        except Exception as error:
            for _, _, future in batch:
                future.set_exception(error)
        else:
            for (_, _, future), probability in zip(batch, answers, strict=True):
                future.set_result(probability)


@cache
def load() -> Callable[[], SileroActivity] | None:
    """Makes the activity detector of one call; None when the model is not installed."""
    path = find("vad/data/silero_vad.onnx")
    session = open_session(path) if path else None
    return partial(SileroActivity, _Model(session)) if session else None
