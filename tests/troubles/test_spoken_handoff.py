"""A handoff as a caller hears it: embedded models, speech in and speech out, two voices."""

import asyncio
import base64

import numpy as np
import pytest

from frontdesk.desk.voice import TextToSpeechChoice
from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.embedded import hibari
from tests.pitch import pitch

pytestmark = pytest.mark.embedded


async def spoken(mouth, text):
    return np.concatenate([chunk async for chunk in mouth.synthesize(text)])


async def clauses(line):
    """The words of an answer and their sound, clause by clause."""
    made = []
    async with asyncio.timeout(40):
        while True:
            event = await line.recv()
            if event["type"] == "response.output_audio_transcript.delta":
                made.append((event["delta"].strip(), []))
            elif event["type"] == "response.output_audio.delta":
                made[-1][1].append(np.frombuffer(base64.b64decode(event["delta"]), "<i2"))
            elif event["type"] == "response.done":
                return [(words, np.concatenate(s) / 32768) for words, s in made if s]


async def test_each_agent_speaks_with_its_own_voice(embedded, dial):
    line = await dial(embedded)
    mouth = hibari.create(TextToSpeechChoice())
    question = await spoken(mouth, "How long does delivery to Hamburg take?")
    await line.speak(question, np.zeros(2 * OUTPUT_RATE))
    answer = await clauses(line)
    assert answer[0][0] == "I'll pass you to our delivery desk."
    assert "Hamburg" in " ".join(words for words, _ in answer[1:])
    # How high a voice goes depends on its words: each clause is held against the same in one voice.
    first, *told = [pitch(sound) / pitch(await spoken(mouth, words)) for words, sound in answer]
    assert 0.95 < first < 1.05, (first, told)
    assert told and all(0.78 < deep < 0.92 for deep in told), (first, told)
