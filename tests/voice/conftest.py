import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
from hypothesis import settings

from frontdesk.voice.base import INPUT_RATE, Samples

# Tests never judge wall time: a busy machine is not a failure.
settings.register_profile("voice", deadline=None)
settings.load_profile("voice")


@pytest.fixture
def sound() -> Callable[..., Samples]:
    """``sound("talk 500", "hush 300")``: 16 kHz samples of a tone and of near silence,
    in the steps of 16 bits."""

    def make(*parts: str, rate: int = INPUT_RATE) -> Samples:
        noise = np.random.default_rng(7)
        made = []
        for part in parts:
            kind, ms = part.split()
            t = np.arange(int(ms) * rate // 1000) / rate
            hush = noise.normal(0, 0.0005, len(t))
            made.append(hush if kind == "hush" else 0.3 * np.sin(2 * np.pi * 220 * t))
        return (np.rint(np.concatenate(made) * 32768) / 32768).astype(np.float32)

    return make


@pytest.fixture
def letters() -> Callable[[str], AsyncIterator[str]]:
    """A reply that is written letter by letter."""

    async def write(text: str) -> AsyncIterator[str]:
        for letter in text:
            yield letter
            await asyncio.sleep(0)

    return write
