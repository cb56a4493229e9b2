import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.voice import speaker
from frontdesk.voice.base import Samples, SpeechError
from frontdesk.voice.instant.speech import InstantSpeech
from frontdesk.voice.phrases import PhraseCache
from frontdesk.voice.playback import Utterance
from frontdesk.voice.speaker import Speaker, Spoken


class Voice(InstantSpeech):
    """A tone that remembers what it was given; it may fail or never end."""

    def __init__(self, *, fails_at: str = "", endless: bool = False) -> None:
        self.lines: list[tuple[str, str | None, str | None, float]] = []
        self.closed = 0
        self.fails_at, self.endless = fails_at, endless

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        self.lines.append((text, voice, style, speed))
        if self.fails_at and self.fails_at in text:
            raise SpeechError("no voice today")
        try:
            while True:
                async for chunk in super().synthesize(text, speed=speed):
                    yield chunk
                if not self.endless:
                    return
        finally:
            self.closed += 1


async def spoken(speaker: Speaker, deltas: AsyncIterator[str]) -> list[Spoken]:
    return [chunk async for chunk in speaker.speak(deltas)]


async def test_a_reply_is_spoken_clause_by_clause_without_a_gap_in_time(letters) -> None:
    voice = Voice()
    chunks = await spoken(Speaker(voice), letters("Let me see, it left today. Bye!"))
    assert [line[0] for line in voice.lines] == ["Let me see,", "it left today.", "Bye!"]
    at = 0.0
    for chunk in chunks:
        assert chunk.start_ms == pytest.approx(at)
        assert chunk.end_ms - chunk.start_ms == pytest.approx(len(chunk.audio) / 24)
        assert len(chunk.audio) <= (12_000 if chunk.start_ms >= 1000 else 4800)
        at = chunk.end_ms
    assert "".join(c.text for c in chunks if c.first_of_clause) == "Let me see, it left today. Bye!"
    assert sum(c.last_of_clause for c in chunks) == 3


async def test_chunks_grow_with_the_sound_that_the_listener_has_in_hand(letters) -> None:
    chunks = await spoken(Speaker(Voice()), letters("It left for Bonn today as you asked."))
    lengths = [round(chunk.end_ms - chunk.start_ms) for chunk in chunks]
    assert [*dict.fromkeys(lengths[:-1])] == [100, 200, 500]
    for length, in_hand in ((200, 500), (500, 1000)):
        assert chunks[lengths.index(length)].start_ms >= in_hand


async def test_who_has_no_sound_in_hand_gets_it_as_it_is_made(
    letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaker, "_IN_HAND_MS", float("inf"))
    monkeypatch.setattr(speaker, "_PLENTY_MS", float("inf"))
    chunks = await spoken(Speaker(Voice()), letters("It left for Bonn today as you asked."))
    assert {round(chunk.end_ms - chunk.start_ms) for chunk in chunks[:-2]} == {100}


async def test_the_first_chunk_goes_out_as_the_model_made_it(letters) -> None:
    first, *_ = await spoken(Speaker(Voice()), letters("It left for Bonn today as you asked."))
    assert round(first.end_ms) == 100


async def test_the_first_clause_is_spoken_while_the_rest_is_being_written() -> None:
    written = asyncio.Event()

    async def write() -> AsyncIterator[str]:
        yield "Let me see, it "
        await written.wait()
        yield "left."

    reply = Speaker(Voice()).speak(write())
    assert (await anext(reply)).text == "Let me see, "
    written.set()
    assert [chunk async for chunk in reply][-1].text == "it left."


async def test_a_whole_sentence_is_spoken_when_the_writer_pauses() -> None:
    heard = asyncio.Event()

    async def write() -> AsyncIterator[str]:
        yield "Let me look that up."
        await heard.wait()
        yield " It left today."

    chunks: list[Spoken] = []
    async for chunk in Speaker(Voice()).speak(write()):
        chunks.append(chunk)
        heard.set()
    assert [c.text for c in chunks if c.first_of_clause] == [
        "Let me look that up.",
        " It left today.",
    ]


async def test_writing_does_not_wait_for_speaking(letters) -> None:
    done = asyncio.Event()

    async def write() -> AsyncIterator[str]:
        async for letter in letters("One is here. Two is here. Three is here. "):
            yield letter
        done.set()

    reply = Speaker(Voice()).speak(write())
    await anext(reply)
    await asyncio.wait_for(done.wait(), 30)
    await reply.aclose()


async def test_closing_stops_the_writer_and_the_voice(letters) -> None:
    closed = asyncio.Event()

    async def write() -> AsyncIterator[str]:
        try:
            yield "On and on it goes, and"
            await asyncio.Event().wait()
        finally:
            closed.set()

    voice = Voice(endless=True)
    reply = Speaker(voice).speak(write())
    for _ in range(50):
        await anext(reply)
    await reply.aclose()
    assert closed.is_set()
    assert voice.closed == 1


async def test_closing_works_while_the_writer_waits_for_room() -> None:
    async def write() -> AsyncIterator[str]:
        while True:
            yield "It is so. "

    reply = Speaker(Voice()).speak(write())
    await anext(reply)
    await asyncio.sleep(0)
    await asyncio.wait_for(reply.aclose(), 30)


async def test_cancelling_the_task_that_listens_stops_all(letters) -> None:
    voice = Voice(endless=True)
    task = asyncio.create_task(spoken(Speaker(voice), letters("Hello there. ")))
    while not voice.lines:  # noqa: ASYNC110 (yields, does not poll)
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert voice.closed == 1


async def test_a_voice_that_fails_raises_after_what_it_said(letters) -> None:
    heard: list[str] = []
    with pytest.raises(SpeechError, match="no voice today"):
        async for chunk in Speaker(Voice(fails_at="bad")).speak(letters("All good. Then bad.")):
            heard.append(chunk.text)
    assert set(heard) == {"All good. "}


async def test_a_writer_that_fails_is_heard_out_first() -> None:
    async def write() -> AsyncIterator[str]:
        yield "One moment, I am"
        raise ValueError("model gone")

    heard: list[str] = []
    with pytest.raises(ValueError, match="model gone"):
        async for chunk in Speaker(Voice()).speak(write()):
            heard.append(chunk.text)
    assert heard[-1] == "I am"


async def test_text_is_made_fit_for_speech_but_reported_as_written(letters) -> None:
    voice = Voice()
    chunks = await spoken(Speaker(voice), letters("**Order 48271** is here."))
    assert voice.lines[0][0] == "Order four eight two seven one is here."
    assert chunks[0].text == "**Order 48271** is here."


async def test_what_has_no_words_is_silent_but_kept(letters) -> None:
    voice = Voice()
    chunks = await spoken(Speaker(voice), letters("Done.\n---\nBye."))
    assert [line[0] for line in voice.lines] == ["Done.", "Bye."]
    assert "".join(c.text for c in chunks if c.first_of_clause) == "Done.\n---\nBye."


async def test_voice_style_and_speed_reach_the_model(letters) -> None:
    voice = Voice()
    speaker = Speaker(voice, "warm", "calm", 1.2)
    await spoken(speaker, letters("Yes."))
    speaker.voice = "bright"
    await spoken(speaker, letters("No."))
    assert voice.lines == [("Yes.", "warm", "calm", 1.2), ("No.", "bright", "calm", 1.2)]


async def test_a_line_that_recurs_is_made_twice_at_most(letters) -> None:
    voice, cache = Voice(), PhraseCache()
    speaker = Speaker(voice, cache=cache)
    said = [await spoken(speaker, letters("Hold on.")) for _ in range(4)]
    assert len(voice.lines) == 2
    first, last = (np.concatenate([c.audio for c in chunks]) for chunks in (said[0], said[3]))
    assert np.array_equal(first, last)
    speaker.voice = "other"
    await spoken(speaker, letters("Hold on."))
    assert len(voice.lines) == 3


def test_the_cache_keeps_a_bounded_number_of_short_lines() -> None:
    cache, chunk = PhraseCache(lines=2, letters=5), [np.zeros(1, np.float32)]
    for key in ("a", "b", "a", "b", "c", "c", "long one", "long one"):
        cache.put((key,), key, chunk)
    assert [cache.get((key,)) is not None for key in ("a", "b", "c", "long one")] == [
        False,
        True,
        True,
        False,
    ]


@settings(deadline=None, max_examples=30)
@given(st.text("ab ,.!\n1👍한", max_size=60))
def test_the_utterance_of_the_chunks_is_the_reply(text: str) -> None:
    async def write() -> AsyncIterator[str]:
        yield text

    async def run() -> None:
        utterance = Utterance()
        async for c in Speaker(InstantSpeech()).speak(write()):
            words = c.text if c.first_of_clause else ""
            utterance.add(words, c.start_ms, c.end_ms, complete=c.last_of_clause)
        assert utterance.text.strip() == text.rstrip() or utterance.text.rstrip() == text.rstrip()
        assert utterance.text_until(utterance.duration_ms) == utterance.text

    asyncio.run(run())
