"""A tone in place of speech."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np

from frontdesk.desk.voice import TextToSpeechChoice
from frontdesk.voice.base import OUTPUT_RATE, Samples

_HERTZ = 220
_SHORTEST_MS, _MS_A_LETTER = 200, 60
_CHUNK_MS = 100
_BURST = 4
"""Chunks made before others have a turn; the first comes alone."""


class InstantSpeech:
    """220 Hz, 60 ms a letter, 200 ms at least, in chunks of 100 ms."""

    name = "instant: tone"

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        step = OUTPUT_RATE * _CHUNK_MS // 1000
        length = round(OUTPUT_RATE * tone_ms(text, speed) / 1000)
        for number, at in enumerate(range(0, length, step)):
            yield _TONE[: min(step, length - at)]
            if number % _BURST == 0:
                await asyncio.sleep(0)

    async def warm_up(self) -> None:
        pass


def tone_ms(text: str, speed: float = 1.0) -> float:
    """How long the tone for ``text`` lasts."""
    return max(_SHORTEST_MS, _MS_A_LETTER * len(text)) / speed


_TONE: Samples = np.sin(
    np.arange(OUTPUT_RATE * _CHUNK_MS // 1000) * (2 * np.pi * _HERTZ / OUTPUT_RATE)
).astype(np.float32) * np.float32(0.3)
"""22 whole periods, so that chunks follow each other without a click."""


def create(choice: TextToSpeechChoice) -> InstantSpeech:
    """Entry point of ``frontdesk.tts``."""
    return InstantSpeech()
