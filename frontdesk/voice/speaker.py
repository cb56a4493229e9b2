"""The mouth of one call: a reply's text in as it is written, speech out as it is made."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from frontdesk.voice.base import OUTPUT_RATE, Samples, TextToSpeech
from frontdesk.voice.cutting import closing, cut
from frontdesk.voice.edges import EdgeTrimmer
from frontdesk.voice.spoken import has_words, spoken

_CHUNK = OUTPUT_RATE // 5
"""Longest chunk, 200 ms: what is sent can be cut about there."""
_IN_HAND_MS = 500.0
"""Sound that the listener has still to hear, from which on smaller chunks are joined to whole ones:
each costs about 0.05 ms of CPU on its way."""
_TAIL_MS = {"clause": 120.0, "sentence": 280.0}
"""Pause left behind a comma and behind a sentence, as people make them."""
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", "\n")
_CLOSERS = "\"')]}”’»」』）】*_` \t"


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """A chunk of speech: about 200 ms of ``audio`` (24 kHz) of the clause ``text``.

    Times are milliseconds in the utterance. ``text`` is as written, the same on all chunks of the
    clause; ``first_of_clause`` and ``last_of_clause`` say where it begins and ends. The last
    chunk ends with the pause behind the clause, and may have no audio: so a clause without
    words (a rule, an emoji) is one empty chunk. The joined texts of first chunks are the reply.
    """

    text: str
    audio: Samples
    start_ms: float
    end_ms: float
    first_of_clause: bool
    last_of_clause: bool


class PhraseCache:
    """Speech of short lines that recur, shared by calls: placeholders, apologies, greetings.

    A line is kept when it is said for the second time, so that one-off replies do not push out
    the recurring ones. The least recently used line goes first."""

    def __init__(self, lines: int = 64, letters: int = 100) -> None:
        self._letters = letters
        self._lines = lines
        self._kept: OrderedDict[tuple[object, ...], tuple[Samples, ...]] = OrderedDict()
        self._once: OrderedDict[tuple[object, ...], None] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> tuple[Samples, ...] | None:
        """The chunks of a line, if kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: tuple[object, ...], text: str, chunks: list[Samples]) -> None:
        """A line was said whole."""
        if len(text) > self._letters:
            return
        if key not in self._once:
            self._once[key] = None
            if len(self._once) > 8 * self._lines:
                self._once.popitem(last=False)
            return
        self._kept[key] = tuple(chunks)
        if len(self._kept) > self._lines:
            self._kept.popitem(last=False)


class Speaker:
    """Speaks replies with one voice. ``voice`` may be changed between replies.

    ``style`` is how to speak, in plain words, for models that can; ``language`` an ISO-639-1 code
    that decides how figures are read."""

    def __init__(
        self,
        tts: TextToSpeech,
        voice: str | None = None,
        style: str | None = None,
        speed: float = 1.0,
        *,
        language: str | None = None,
        cache: PhraseCache | None = None,
    ) -> None:
        self.voice = voice
        self.style = style
        self.speed = speed
        self.language = language
        self._tts = tts
        self._cache = cache

    async def speak(self, text_deltas: AsyncIterator[str]) -> AsyncGenerator[Spoken]:
        """Speech for a reply that is still being written. Writing does not wait for speaking.

        Close the iterator to stop both at once. Raises
        :class:`~frontdesk.voice.base.SpeechError` when the model fails, and what ``text_deltas``
        raises after the words before it are spoken."""
        async with closing(self.say(cut(text_deltas))) as chunks:
            async for chunk in chunks:
                yield chunk

    async def say(self, clauses: AsyncIterator[str]) -> AsyncGenerator[Spoken]:
        """Speech for a reply that is cut into clauses already; else as :meth:`speak`."""
        progress = _Progress()
        async with closing(clauses):
            async for clause in clauses:
                async with closing(self._clause(clause, progress)) as chunks:
                    async for chunk in chunks:
                        yield chunk

    async def _clause(self, text: str, progress: "_Progress") -> AsyncIterator[Spoken]:
        """The clause without the model's padding, and with the pause behind it."""
        line = spoken(text, language=self.language, today=datetime.now(UTC).date())
        trimmer, rest, first = EdgeTrimmer(_tail_ms(text)), np.zeros(0, np.float32), True
        if has_words(line):
            async with closing(self._synthesized(line)) as synthesized:
                async for samples in synthesized:
                    rest = _joined(rest, trimmer.push(samples))
                    least = 1 if progress.in_hand_ms < _IN_HAND_MS else _CHUNK
                    while len(rest) >= least:
                        yield progress.made(text, rest[:_CHUNK], first=first)
                        rest, first = rest[_CHUNK:], False
        rest = _joined(rest, trimmer.finish())
        while len(rest) > _CHUNK:
            yield progress.made(text, rest[:_CHUNK], first=first)
            rest, first = rest[_CHUNK:], False
        yield progress.made(text, rest, first=first, last=True)

    async def _synthesized(self, line: str) -> AsyncIterator[Samples]:
        key = (self._tts.name, self.voice, self.style, self.speed, line)
        kept = self._cache.get(key) if self._cache else None
        if kept is not None:
            for samples in kept:
                yield samples
            return
        made: list[Samples] = []
        speech = self._tts.synthesize(line, voice=self.voice, style=self.style, speed=self.speed)
        async with closing(speech):
            async for samples in speech:
                made.append(samples)
                yield samples
        if self._cache:
            self._cache.put((self._tts.name, *key[1:]), line, made)  # who spoke, not who was to


class _Progress:
    """How much of an utterance was made, and since when it is heard."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._at = 0.0
        self._began: float | None = None

    @property
    def in_hand_ms(self) -> float:
        """Sound that was made and cannot have been heard yet."""
        if self._began is None:
            return 0.0
        return self._at - 1000 * (self._loop.time() - self._began)

    def made(self, text: str, audio: Samples, *, first: bool, last: bool = False) -> Spoken:
        """The next chunk."""
        self._began = self._began or self._loop.time()
        start, self._at = self._at, self._at + len(audio) * 1000 / OUTPUT_RATE
        return Spoken(text, audio, start, self._at, first, last)


def _joined(left: Samples, right: Samples) -> Samples:
    return np.concatenate((left, right)) if len(left) else right


def _tail_ms(clause: str) -> float:
    ended = clause.rstrip(_CLOSERS).endswith(_SENTENCE_ENDS)
    return _TAIL_MS["sentence" if ended else "clause"]
