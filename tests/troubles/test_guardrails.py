"""A guardrail in a spoken call, with the embedded models."""

import asyncio
import json
import urllib.request

import numpy as np
import pytest

CARD = "My card number is four one one one, one one one one, one one one one, one one one one."


def speech(server, text):
    """``text`` as the server's own voice says it, 24 kHz samples."""
    body = {"model": "tts-1", "voice": "alloy", "input": text, "response_format": "pcm"}
    request = urllib.request.Request(
        f"{server.url}/v1/audio/speech",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=40) as answer:
        return np.frombuffer(answer.read(), "<i2") / 32768


@pytest.mark.embedded
@pytest.mark.timeout(60)  # with the start of the server, if no test before needed it
async def test_a_card_number_told_to_the_desk_is_waved_off(embedded, dial, answer_of):
    line = await dial(embedded)
    await line.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    heard, response = await line.spoken(await asyncio.to_thread(speech, embedded, CARD))
    assert "card number" in heard
    assert answer_of(response).startswith("Please don't tell me card or account numbers")
    assert response["status_details"]["reason"] == "content_filter"
    _, response = await line.spoken(
        await asyncio.to_thread(speech, embedded, "What is your return policy?")
    )
    assert response["status"] == "completed"
    assert "return" in answer_of(response)
