"""The words of one response on their way out: passages in order, as text or as speech."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from functools import partial

from frontdesk.call.events import CallEvent, Sound, Words
from frontdesk.call.guarding import Blocked, Guarding
from frontdesk.call.playback import Origin
from frontdesk.call.resuming import Hold
from frontdesk.call.turn import Turn
from frontdesk.call.voiced import Sounding, voiced
from frontdesk.protocol.engine import ResponseText
from frontdesk.voice.base import SpeechError
from frontdesk.voice.cutting import Cutter, closing
from frontdesk.voice.speaker import Speaker, Spoken

logger = logging.getLogger(__name__)

SpeakerFor = Callable[[str], Speaker]


class _Passage:
    """Words of one agent, spoken in one go: a stream of deltas. ``watched``: they are a model's or
    a tool's, and go by the agent's guardrails. ``voiced``: their sound is in the stream."""

    def __init__(self, agent: str, *, watched: bool = False, voiced: bool = False) -> None:
        self.agent = agent
        self.watched = watched
        self.voiced = voiced
        self._pieces: asyncio.Queue[str | Sounding | None] = asyncio.Queue()

    def add(self, piece: str | Sounding) -> None:
        self._pieces.put_nowait(piece)

    def close(self) -> None:
        self._pieces.put_nowait(None)

    async def pieces(self) -> AsyncIterator[str | Sounding]:
        while (piece := await self._pieces.get()) is not None:
            yield piece

    async def deltas(self) -> AsyncIterator[str]:
        """The words alone; what is there at once comes as one."""
        piece: str | Sounding | None = ""
        while piece is not None:
            words, piece = "", await self._pieces.get()
            while piece is not None:
                words += piece if isinstance(piece, str) else ""
                if self._pieces.empty():
                    break
                piece = self._pieces.get_nowait()
            if words:
                yield words


class _Plain(_Passage):
    """One that is only to be spoken: cut where it is added."""

    def __init__(self, agent: str) -> None:
        super().__init__(agent)
        self._cutter = Cutter()
        self.clauses = self._cutter.clauses

    def add(self, piece: str | Sounding) -> None:
        if isinstance(piece, str):
            self._cutter.push(piece)

    def close(self) -> None:
        self._cutter.end()


class Speaking:
    """Speaks what a response says, in the voice of the agent who says it. ``speaker_for`` is None
    in a text response. Posts words and sound; never touches the call."""

    def __init__(
        self,
        response_id: str,
        *,
        turn: Turn,
        hold: Hold,
        guarding: Guarding,
        speaker_for: SpeakerFor | None,
        post: Callable[[CallEvent], None],
    ) -> None:
        self._response_id = response_id
        self._turn = turn
        self._hold = hold
        self._guarding = guarding
        self._speaker_for = speaker_for
        self._post = post
        self._passages: asyncio.Queue[_Passage | None] = asyncio.Queue()
        self._passage: _Passage | None = None
        self._wants_space = False
        self._sounded = False

    @property
    def aloud(self) -> bool:
        """Whether the response is spoken."""
        return self._speaker_for is not None

    def say(self, text: str | Sounding, agent: str, *, watched: bool, voiced: bool = False) -> None:
        """Go on with ``text``. The desk's own lines are not ``watched`` by guardrails. Of what is
        ``voiced``, the sound comes as well."""
        watched = watched and self._guarding.watches(agent)
        passage, kind = self._passage, (agent, watched, voiced)
        if passage is None or (passage.agent, passage.watched, passage.voiced) != kind:
            self.pause()
            plain = self.aloud and not (watched or voiced)
            passage = _Plain(agent) if plain else _Passage(agent, watched=watched, voiced=voiced)
            self._passage = passage
            self._passages.put_nowait(passage)
        passage.add(text)

    def say_apart(self, text: str, agent: str, *, watched: bool) -> None:
        """Say ``text`` apart from what comes before and after it."""
        self.pause()
        self.say(text, agent, watched=watched)
        self.pause()

    def pause(self) -> None:
        """What was said so far is whole."""
        if self._passage is not None:
            self._passage.close()
            self._passage = None

    def end(self) -> None:
        """There is no more."""
        self.pause()
        self._passages.put_nowait(None)

    async def run(self) -> None:
        """Speak all there is, to its end. Raises :class:`SpeechError` and
        :class:`~frontdesk.call.guarding.Blocked`."""
        while (passage := await self._passages.get()) is not None:
            await self._perform(passage)

    async def line(self, agent: str, text: str) -> None:
        """Speak a line of the desk's own now, when :meth:`run` has been given up. Raises
        :class:`SpeechError`."""
        passage = _Plain(agent) if self.aloud else _Passage(agent)
        passage.add(text)
        passage.close()
        await self._perform(passage)

    async def _perform(self, passage: _Passage) -> None:
        if self._speaker_for is None:
            await self._write(passage)
            return
        try:
            if passage.voiced:
                await self._pass_on(passage)
            else:
                await self._voice(passage, self._speaker_for(passage.agent))
        except (SpeechError, Blocked):
            raise
        except Exception as error:
            logger.exception("the speech model has a defect")
            raise SpeechError(f"{type(error).__name__}: {error}") from error

    async def _write(self, passage: _Passage) -> None:
        begun = False
        pieces = self._checked(passage) if passage.watched else passage.deltas()
        async with closing(pieces):
            async for piece in pieces:
                words = piece if begun else self._spaced(piece)
                self._post(ResponseText(self._response_id, words))
                self._turn.wrote(words)
                begun, self._wants_space = True, not words[-1:].isspace()

    def _checked(self, passage: _Passage) -> AsyncGenerator[str]:
        return self._guarding.checked(passage.deltas(), passage.agent)

    async def _voice(self, passage: _Passage, speaker: Speaker) -> None:
        begun = False
        plain = isinstance(passage, _Plain)
        clauses = passage.clauses() if plain else self._checked(passage)
        async with aclosing(speaker.say(clauses)) as speech:
            async for spoken in speech:
                if spoken.first_of_clause:
                    words = spoken.text if begun else self._spaced(spoken.text)
                    self._post(Words(self._response_id, words))
                    begun, self._wants_space = True, not words[-1:].isspace()
                self._turn.spoke(spoken, passage.agent)
                await self._sound(spoken)

    async def _pass_on(self, passage: _Passage) -> None:
        """Speech that somebody else made of the words."""
        begun, check = False, None
        if passage.watched:
            check = partial(self._guarding.checked, agent=passage.agent)
        async with aclosing(voiced(passage.pieces(), check)) as speech:
            async for spoken, source in speech:
                if spoken.first_of_clause:
                    words = spoken.text if begun else self._spaced(spoken.text)
                    self._post(Words(self._response_id, words, goes_on=begun))
                    begun, self._wants_space = True, not words[-1:].isspace()
                self._turn.sounds(spoken, passage.agent)
                await self._sound(spoken, source)

    async def _sound(self, spoken: Spoken, source: Origin | None = None) -> None:
        """Post sound. The first of a response is on its way before more is made, as making more
        would hold it up. While the caller may have taken the word, no more is made."""
        sent = None if self._sounded else asyncio.Event()
        last = spoken.last_of_clause
        self._post(Sound(self._response_id, spoken.audio, last, sent, source))
        if sent is not None:
            self._sounded = True
            await sent.wait()
            self._turn.sounded()
        await self._hold.free()

    def _spaced(self, text: str) -> str:
        """The first words of a passage, apart from the last ones of the passage before."""
        return f" {text}" if self._wants_space and not text[:1].isspace() else text
