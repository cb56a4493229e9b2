"""What callers say in load runs."""

import asyncio

import numpy as np
from load import append

from frontdesk.desk.voice import TextToSpeechChoice
from frontdesk.voice.base import SpeechError
from frontdesk.voice.registry import provider


def question() -> list[bytes]:
    """A spoken question as 20 ms frames; without an embedded voice, a tone, which no voice
    activity but loudness takes for speech."""
    try:
        samples = asyncio.run(_spoken("Where is my order?"))
    except SpeechError:
        samples = 0.3 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    whole = len(samples) // 480 * 480
    return [append(samples[at : at + 480]) for at in range(0, whole, 480)]


async def _spoken(text: str) -> np.ndarray:
    voice = provider("frontdesk.tts", "embedded")(TextToSpeechChoice())
    await voice.warm_up()
    return np.concatenate([chunk async for chunk in voice.synthesize(text)])
