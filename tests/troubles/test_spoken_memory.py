"""A caller who is known again, as they hear it: embedded models, speech in and speech out."""

import uuid

import numpy as np
import pytest

from frontdesk.desk.voice import TextToSpeechChoice
from frontdesk.voice.embedded import hibari

pytestmark = pytest.mark.embedded


QUESTION = "Have you paid back the money for order one two three four five?"
YES = "Yes, please."


@pytest.fixture
async def voice():
    """What the caller says aloud."""
    mouth = hibari.create(TextToSpeechChoice())

    async def spoken(text):
        return np.concatenate([chunk async for chunk in mouth.synthesize(text)])

    return {text: await spoken(text) for text in (QUESTION, YES)}


async def test_who_said_yes_aloud_need_not_say_their_number_again(
    embedded, dial, voice, answer_of, calls_end
):
    named = {"additional_headers": {"x-frontdesk-user": f"anna-{uuid.uuid4().hex}"}}
    line = await dial(embedded, **named)
    _, response = await line.spoken(voice[QUESTION])
    assert "1 2 3 4 5" in answer_of(response)
    assert "May I remember what we talk about" in answer_of(response)
    await line.heard_out()
    _, response = await line.spoken(voice[YES])
    assert answer_of(response).startswith("Thank you, I'll remember.")
    await line.socket.close()
    await calls_end(embedded)

    line = await dial(embedded, **named)
    answer = answer_of(await line.ask("Has my refund been paid?"))
    assert "1 2 3 4 5" in answer, answer

    line = await dial(embedded, additional_headers={"x-frontdesk-user": "berta"})
    answer = answer_of(await line.ask("Has my refund been paid?"))
    assert "order number" in answer and "1 2 3 4 5" not in answer, answer
