import asyncio
from collections.abc import AsyncIterator

import pytest

from frontdesk.voice.base import Samples, SpeechError
from frontdesk.voice.instant.speech import InstantSpeech
from frontdesk.voice.speaker import Speaker


class Elsewhere(InstantSpeech):
    """Another server, which answers a line when it is told to."""

    elsewhere = True

    def __init__(self, *, fails_at: str = "") -> None:
        self.fails_at = fails_at
        self.asked: list[str] = []
        self.closed: list[str] = []
        self.answers = asyncio.Event()

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        self.asked.append(text)
        try:
            await self.answers.wait()
            if text == self.fails_at:
                raise SpeechError("no voice today")
            async for chunk in super().synthesize(text):
                yield chunk
        finally:
            self.closed.append(text)


async def settled() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def test_another_server_is_asked_for_the_next_clause_and_no_more(letters) -> None:
    voice = Elsewhere()
    speech = Speaker(voice).speak(letters("One is here. Two is here. Three is here."))
    first = asyncio.ensure_future(anext(speech))
    await settled()
    await settled()
    assert voice.asked == ["One is here.", "Two is here."]
    voice.answers.set()
    heard = [(await first).text] + [c.text async for c in speech if c.first_of_clause]
    assert heard == ["One is here. ", "Two is here. ", "Three is here."]


async def test_what_was_asked_ahead_is_given_up_with_the_rest(letters) -> None:
    voice = Elsewhere()
    voice.answers.set()
    speech = Speaker(voice).speak(letters("One is here. Two is here. Three is here."))
    await anext(speech)
    await settled()
    voice.answers.clear()
    await speech.aclose()
    assert sorted(voice.closed) == sorted(voice.asked)


async def test_a_failure_ahead_comes_behind_the_words_before_it(letters) -> None:
    voice, heard = Elsewhere(fails_at="Two is here."), list[str]()
    voice.answers.set()
    with pytest.raises(SpeechError):
        async for chunk in Speaker(voice).speak(letters("One is here. Two is here. Three.")):
            heard.append(chunk.text)
    assert set(heard) == {"One is here. "}
    assert sorted(voice.closed) == sorted(voice.asked)
