"""A caller who is known again, as they hear it: embedded models, speech in and speech out."""

import numpy as np
import pytest

from frontdesk.desk.schema import TextToSpeechChoice
from frontdesk.voice.embedded import hibari

pytestmark = pytest.mark.embedded


async def spoken(text):
    mouth = hibari.create(TextToSpeechChoice())
    return np.concatenate([chunk async for chunk in mouth.synthesize(text)])


@pytest.fixture
def ask(answer_of):
    """Speak, and hear the answer to its end; its words."""

    async def ask(line, words):
        _, response = await line.spoken(await spoken(words))
        await line.heard_out()
        return answer_of(response)

    return ask


async def test_who_said_yes_aloud_need_not_say_their_number_again(embedded, dial, ask, calls_end):
    named = {"additional_headers": {"x-frontdesk-user": "anna"}}
    line = await dial(embedded, **named)
    answer = await ask(line, "Have you paid back the money for order one two three four five?")
    assert "1 2 3 4 5" in answer
    assert "May I remember what we talk about" in answer
    assert (await ask(line, "Yes, please.")).startswith("Thank you, I'll remember.")
    await line.socket.close()
    await calls_end(embedded)

    line = await dial(embedded, **named)
    answer = await ask(line, "Has my refund been paid?")
    assert "1 2 3 4 5" in answer, answer
    await line.socket.close()

    line = await dial(embedded, additional_headers={"x-frontdesk-user": "berta"})
    answer = await ask(line, "Has my refund been paid?")
    assert "order number" in answer and "1 2 3 4 5" not in answer, answer
