"""The mouth of one call: a reply's text in as it is written, speech out as it is made."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from frontdesk.voice.ahead import Eager, begun_ahead
from frontdesk.voice.base import OUTPUT_RATE, Samples, TextToSpeech, runs_elsewhere
from frontdesk.voice.cutting import closing, cut
from frontdesk.voice.edges import EdgeTrimmer
from frontdesk.voice.loudness import Leveller, Levels, gain_of, known_loudness
from frontdesk.voice.phrases import PhraseCache
from frontdesk.voice.spoken import has_words, spoken
from frontdesk.voice.style import manner

_CHUNK = OUTPUT_RATE // 5
"""Longest chunk, 200 ms, until there is plenty."""
_IN_HAND_MS, _PLENTY_MS = 500.0, 1000.0
"""Sound that the listener has still to hear, from which on smaller chunks are joined to whole ones,
and from which on those may be larger: each costs about 0.1 ms of CPU on its way."""
_LARGE_CHUNK = OUTPUT_RATE // 2
_TAIL_MS = {"phrase": 50.0, "clause": 120.0, "sentence": 280.0, "line": 350.0}
"""Pause left as people make them: amid words, behind a comma, a sentence, a line that stands alone
(an item of a list, a heading, a paragraph)."""
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", "｡")
_CLOSERS = "\"')]}”’»」』）】*_` \t"


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """A chunk of speech: 200 to 500 ms of ``audio`` (24 kHz) of the clause ``text``.

    Times are milliseconds in the utterance. ``text`` is as written, the same on all chunks of the
    clause; ``first_of_clause`` and ``last_of_clause`` say where it begins and ends. The last
    chunk ends with the pause behind the clause, and may have no audio: so a clause without
    words (a rule, an emoji) is one empty chunk. The joined texts of first chunks are the reply.
    ``line`` is what a model was asked to say; None if its sound was kept, or it has no words.
    """

    text: str
    audio: Samples
    start_ms: float
    end_ms: float
    first_of_clause: bool
    last_of_clause: bool
    line: str | None = None


class Speaker:
    """Speaks replies with one voice. ``voice`` may be changed between replies.

    ``style`` is how to speak, in plain words, for models that can; ``language`` an ISO-639-1 code
    that decides how figures are read. ``levels`` makes voices and their pauses even; without, they
    are as their models have them. One that ``rehearses`` says what is known to be said again."""

    def __init__(
        self,
        tts: TextToSpeech,
        voice: str | None = None,
        style: str | None = None,
        speed: float = 1.0,
        *,
        language: str | None = None,
        cache: PhraseCache | None = None,
        levels: Levels | None = None,
        rehearses: bool = False,
    ) -> None:
        self.voice = voice
        self.style = style
        self.speed = speed
        self.language = language
        self._tts = tts
        self._cache = cache
        self._levels = levels
        self._rehearses = rehearses

    async def speak(self, text_deltas: AsyncIterator[str]) -> AsyncGenerator[Spoken]:
        """Speech for a reply that is still being written. Writing does not wait for speaking.

        Close the iterator to stop both at once. Raises
        :class:`~frontdesk.voice.base.SpeechError` when the model fails, and what ``text_deltas``
        raises after the words before it are spoken."""
        async with closing(self.say(cut(text_deltas))) as chunks:
            async for chunk in chunks:
                yield chunk

    async def say(self, clauses: AsyncIterator[str]) -> AsyncGenerator[Spoken]:
        """Speech for a reply that is cut into clauses already; else as :meth:`speak`.

        A model that is elsewhere is asked for the next clause while one is spoken."""
        progress = _Progress()
        if runs_elsewhere(self._tts):
            sounds = begun_ahead(clauses, self._eager, lambda clause: clause.sound)
        else:
            sounds = self._begun(clauses)
        async with closing(sounds):
            async for clause in sounds:
                async with closing(self._shaped(clause, progress)) as chunks:
                    async for chunk in chunks:
                        yield chunk

    async def _begun(self, clauses: AsyncIterator[str]) -> AsyncGenerator["_Clause"]:
        async with closing(clauses):
            async for clause in clauses:
                yield self._begin(clause)

    def _eager(self, text: str) -> "_Clause":
        clause = self._begin(text)
        return replace(clause, sound=Eager(clause.sound))

    def _begin(self, text: str) -> "_Clause":
        """A clause whose sound is made when it is taken, if it is not kept."""
        line, end = spoken(text, language=self.language, today=datetime.now(UTC).date()), _end(text)
        if not has_words(line):
            return _Clause(text, None, end, _all(()))
        if end == "phrase":
            line += ","  # the voice stays up, as the sentence goes on
        kept = self._cache.get(self._key(line)) if self._cache else None
        if kept is not None:
            return _Clause(text, None, end, _all(kept))
        return _Clause(text, line, end, self._made(line))

    def _key(self, line: str) -> tuple[object, ...]:
        return (self._tts.name, self.voice, self.style, self.speed, line)

    async def _shaped(self, clause: "_Clause", progress: "_Progress") -> AsyncGenerator[Spoken]:
        """The clause without the model's padding, and with the pause behind it."""
        tail = _TAIL_MS[clause.end] * manner(self.style).pause
        trimmer = EdgeTrimmer(tail, pads=self._levels is not None)
        rest, first = np.zeros(0, np.float32), True
        async with closing(clause.sound):
            async for samples in clause.sound:
                rest = _joined(rest, trimmer.push(samples))
                least, most = progress.chunk
                while len(rest) >= least:
                    yield progress.made(clause, rest[:most], first=first)
                    rest, first = rest[most:], False
                    least, most = progress.chunk
        rest = _joined(rest, trimmer.finish())
        while len(rest) > (most := progress.chunk[1]):
            yield progress.made(clause, rest[:most], first=first)
            rest, first = rest[most:], False
        yield progress.made(clause, rest, first=first, last=True)

    async def _made(self, line: str) -> AsyncGenerator[Samples]:
        made: list[Samples] = []
        speech = self._tts.synthesize(line, voice=self.voice, style=self.style, speed=self.speed)
        async with closing(speech), closing(self._levelled(speech)) as levelled:
            async for samples in levelled:
                made.append(samples)
                yield samples
        if self._cache:  # under who spoke, not who was to
            self._cache.put(self._key(line), line, made, known=self._rehearses)

    async def _levelled(self, speech: AsyncIterator[Samples]) -> AsyncIterator[Samples]:
        """As loud as every voice. Another model may take over in the middle of a clause."""
        if (levels := self._levels) is None:
            async for samples in speech:
                yield samples
            return
        name, known, leveller, heard = "", None, Leveller(None), list[Samples]()
        async for samples in speech:
            if (speaking := self._tts.name) != name:
                name, heard = speaking, []
                known = known_loudness(self._tts, self.voice)
                told = levels.gain((name, self.voice)) if known is None else gain_of(known)
                leveller = Leveller(told)
            if known is None:
                heard.append(samples)
            yield leveller(samples)
        if heard and not levels.knows((name, self.voice)):
            await asyncio.to_thread(levels.hear, (name, self.voice), np.concatenate(heard))


@dataclass(frozen=True, slots=True, eq=False)
class _Clause:
    """A clause and its sound as the model makes it, or as it was kept. ``line`` is what the model
    is asked for, None if it is not; ``end`` what it ends with."""

    text: str
    line: str | None
    end: str
    sound: AsyncIterator[Samples]


class _Progress:
    """How much of an utterance was made, and since when it is heard."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._at = 0.0
        self._began: float | None = None

    @property
    def chunk(self) -> tuple[int, int]:
        """Samples of the next chunk, at least and at most, by what was made and cannot have been
        heard yet."""
        began = self._loop.time() if self._began is None else self._began
        in_hand = self._at - 1000 * (self._loop.time() - began)
        if in_hand >= _PLENTY_MS:
            return _LARGE_CHUNK, _LARGE_CHUNK
        return _CHUNK if in_hand >= _IN_HAND_MS else 1, _CHUNK

    def made(self, clause: _Clause, audio: Samples, *, first: bool, last: bool = False) -> Spoken:
        """The next chunk."""
        self._began = self._began or self._loop.time()
        start, self._at = self._at, self._at + len(audio) * 1000 / OUTPUT_RATE
        return Spoken(clause.text, audio, start, self._at, first, last, clause.line)


async def _all(chunks: Iterable[Samples]) -> AsyncGenerator[Samples]:
    for samples in chunks:
        yield samples


def _joined(left: Samples, right: Samples) -> Samples:
    return np.concatenate((left, right)) if len(left) else right


def _end(clause: str) -> str:
    """What a clause ends with. One that ends amid words has a blank behind it."""
    if clause.rstrip(" \t").endswith("\n"):
        return "line"
    if (bare := clause.rstrip(_CLOSERS)).endswith(_SENTENCE_ENDS):
        return "sentence"
    return "phrase" if clause[-1:] == " " and bare[-1:].isalnum() else "clause"
