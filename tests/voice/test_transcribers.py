"""A chain of transcribers: whoever fails or is late is passed over, and nothing said is lost."""

import asyncio
from typing import Any

import numpy as np
import pytest

from frontdesk.desk.voice import Voice
from frontdesk.voice.base import Samples, SpeechError, Transcript
from frontdesk.voice.models import build_voice
from frontdesk.voice.transcribers import TranscriberChain


class Ear:
    """Hears ``words``; fails with an exception; with None, says nothing for ever."""

    def __init__(self, name: str, words: str | Exception | None = "", **abilities: Any) -> None:
        self.name = name
        self.words = words
        self.heard: list[int] = []
        self.languages_asked: list[str | None] = []
        self.open = 0
        vars(self).update(abilities)

    def stream(self, *, language: str | None = None, prompt: str | None = None) -> "Stretch":
        self.languages_asked.append(language)
        self.open += 1
        return Stretch(self)

    async def warm_up(self) -> None:
        pass


class Stretch:
    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self.length = 0

    def push(self, samples: Samples) -> None:
        self.length += len(samples)

    async def transcript(self) -> Transcript:
        self.ear.heard.append(self.length)
        if isinstance(self.ear.words, Exception):
            raise self.ear.words
        if self.ear.words is None:
            await asyncio.Event().wait()
        return Transcript(str(self.ear.words), self.length / 16_000)

    async def aclose(self) -> None:
        self.ear.open -= 1


def chain(*ears: Ear, patience: float = 5) -> TranscriberChain:
    return TranscriberChain([(ear, patience) for ear in ears])


async def listen(stt: TranscriberChain, **asked: Any) -> Transcript:
    stream = stt.stream(**asked)
    stream.push(np.zeros(8000, np.float32))
    stream.push(np.zeros(8000, np.float32))
    try:
        return await stream.transcript()
    finally:
        await stream.aclose()


async def test_the_first_choice_is_asked_alone_as_long_as_it_understands() -> None:
    first, second = Ear("first", "hello"), Ear("second", "never")
    heard = await listen(chain(first, second))
    assert (heard.text, heard.model, heard.failed) == ("hello", None, ())
    assert (first.heard, second.heard) == ([16_000], [])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (SpeechError("first: HTTP 503"), "first: HTTP 503"),
        (ValueError("a defect"), "first: ValueError: a defect"),
        (None, "first: no words within 0.05 s"),
    ],
)
async def test_the_next_one_hears_all_that_was_said_and_the_failure_is_told(
    words: Any, why: str
) -> None:
    first, second = Ear("first", words), Ear("second", "hello")
    patience = 0.05 if words is None else 60  # only who never answers is given up by the clock
    heard = await listen(TranscriberChain([(first, patience), (second, 60)]))
    assert (heard.text, heard.model) == ("hello", "second")
    (attempt,) = heard.failed
    assert (attempt.model, attempt.error) == ("first", why)
    assert 0 <= attempt.seconds < 5
    assert second.heard == [16_000]
    assert (first.open, second.open) == (0, 0)


async def test_who_failed_is_left_alone_for_a_while_and_then_asked_again() -> None:
    error = SpeechError("busy")
    error.retry_after = 120
    first, second = Ear("first", error), Ear("second", "hello")
    stt = chain(first, second)
    await listen(stt)
    first.words = "well again"
    assert (await listen(stt)).text == "hello"
    assert stt._resting["first"] - asyncio.get_running_loop().time() == pytest.approx(120, abs=5)
    stt._resting["first"] = 0  # it is over
    assert (await listen(stt)).text == "well again"


async def test_who_failed_is_asked_all_the_same_when_nobody_else_hears() -> None:
    first, second = Ear("first", SpeechError("x")), Ear("second", SpeechError("y"))
    stt = chain(first, second)
    with pytest.raises(SpeechError, match="y"):
        await listen(stt)
    first.words = "well again"
    assert (await listen(stt)).text == "well again"


async def test_more_that_is_said_goes_to_who_understood() -> None:
    first, second = Ear("first", SpeechError("x")), Ear("second", "hello")
    stream = chain(first, second).stream()
    stream.push(np.zeros(8000, np.float32))
    await stream.transcript()
    stream.push(np.zeros(8000, np.float32))
    heard = await stream.transcript()
    assert (heard.seconds, len(heard.failed)) == (1.0, 1)
    assert first.heard == [8000]
    await stream.aclose()


async def test_a_language_that_the_first_choice_does_not_know_goes_to_one_that_does() -> None:
    english, all_of_them = Ear("english", "hi", languages=("en",)), Ear("all", "안녕하세요")
    stt = chain(english, all_of_them)
    assert stt.languages is None
    assert (await listen(stt, language="ko")).model == "all"
    assert (await listen(stt, language="en-GB")).model is None
    assert (await listen(stt)).model is None
    all_of_them.words = SpeechError("gone")
    assert (await listen(stt, language="ko")).text == "hi"
    assert english.languages_asked == ["en-GB", None, None]


async def test_recordings_are_heard_by_the_same_chain() -> None:
    first, second = Ear("first", SpeechError("x")), Ear("second", "hello")
    stt = chain(first, second)
    assert (await listen(stt.aside())).model == "second"
    first.words = "well again"
    assert (await listen(stt)).model == "second"  # what one learned, the other knows


def test_a_team_names_its_chain_as_it_does_for_voices() -> None:
    instant = {"provider": "instant"}
    stt = {**instant, "fallback": {**instant, "timeout": "1s", "fallback": instant}}
    models = build_voice(Voice.model_validate({"stt": stt, "tts": instant}))
    assert len(models.listeners) == 3
    assert models.describe()["speech to text"].count(", else ") == 2
    assert isinstance(models.stt, TranscriberChain)
    assert [models.stt.patience(model) for model in models.listeners] == [3, 1, 20]
    alone = build_voice(Voice.model_validate({"stt": instant, "tts": instant}))
    assert not isinstance(alone.stt, TranscriberChain)
