"""An answer that was stopped for nothing goes on from the word where it stopped.

Whoever speaks over the agent stops it at once, and whether they meant to is known only when their
words are. Until then the answer is kept: its sound, and, where it is still being made, the work on
it, which begins nothing new meanwhile. If there were no words, or none but signs of listening, the
response to that turn goes on with it, and no model is asked; else it is given up for good.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from frontdesk.call.events import FloorTaken, Sound, SummaryMade, ToolBegins, Words
from frontdesk.call.playback import SpokenItem
from frontdesk.protocol import engine
from frontdesk.team.events import ToolCall
from frontdesk.voice.audio import int16_to_samples
from frontdesk.voice.backchannel import Listening, listening
from frontdesk.voice.base import OUTPUT_RATE

_CHUNK = OUTPUT_RATE // 5
_FADE = OUTPUT_RATE // 200
_QUESTION = re.compile(r"[?？]")
_SENTENCE = re.compile(r"[.!?…。！？]+(?=\s|$)|[。！？]")

OfResponse = (
    Words
    | Sound
    | FloorTaken
    | SummaryMade
    | engine.ResponseText
    | engine.ResponseFunctionCall
    | engine.ResponseMcpCall
    | engine.ResponseUsage
    | engine.ResponseEnded
)
"""What a response says of itself, and another one can say in its place."""


class Hold:
    """Between a response's work and what it does: while it ``holds``, no tool begins, nothing is
    asked of the caller and no more sound is made. ``within`` is the response it works for."""

    def __init__(self, within: str) -> None:
        self.within = within
        self._free = asyncio.Event()
        self._free.set()

    def stop(self) -> None:
        """Begin nothing."""
        self._free.clear()

    def go_on(self, within: str) -> None:
        """Work on, for this response."""
        self.within = within
        self._free.set()

    async def free(self) -> None:
        """Wait until something may begin."""
        await self._free.wait()


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What still makes an answer that was stopped: its hold, what it had ``used`` by then, the
    ``tools`` that run for it, and how it is given up."""

    hold: Hold
    used: engine.Usage
    tools: Mapping[str, ToolCall]
    give_up: Callable[[], None]


class Rest:
    """What was not heard of an answer, and the work on it where that was not made whole."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.since: str | None = None
        """The item that the speech will become which stopped it."""
        self.trace: str | None = None
        """The turn that was cut (``TurnTrace.ref``)."""
        self.kind: Listening = "noise"
        """What stopped it, once it goes on."""
        self._items: list[SpokenItem] = []
        self._said: list[str] = []
        self._aside = ""
        self._work: Work | None = None
        self._dropped = False
        self._made: asyncio.Queue[OfResponse] = asyncio.Queue()

    def cut(self, item: SpokenItem, trace: str, before: "Rest | None") -> None:
        """This was cut. ``before``: what it goes on with, if it does."""
        self._add(trace, before)
        self._items.append(item)

    def keep(self, work: "Work", trace: str, before: "Rest | None") -> None:
        """The work goes on as far as it may."""
        work.hold.stop()
        self._add(trace, before)
        self._work = work

    def _add(self, trace: str, before: "Rest | None") -> None:
        if self.trace is None and before is not None:
            self._said.append(before.said)
        self.trace = trace

    def not_cut(self, heard: str, unheard: str) -> None:
        """The answer goes on by itself: there is nothing to say in its place."""
        self._said, self._aside = [heard], unheard

    def came(self, event: OfResponse) -> None:
        """Something came of the work."""
        if isinstance(event, Sound) and event.sent is not None:
            event.sent.set()
        self._made.put_nowait(event)

    @property
    def said(self) -> str:
        """What was heard of the answer."""
        return " ".join(filter(None, (*self._said, *(item.heard for item in self._items))))

    @property
    def unheard(self) -> str:
        """What is known of the rest."""
        return self._aside or "".join(item.unheard for item in self._items)

    @property
    def there_is_more(self) -> bool:
        """Whether there is anything to go on with."""
        return self._work is not None or bool(self.unheard.strip())

    def drop(self) -> None:
        """It is not wanted any more."""
        if self._work is not None and not self._dropped:
            self._dropped = True
            self._work.give_up()

    async def go_on(self, response_id: str) -> AsyncGenerator[OfResponse | ToolBegins]:
        """The rest as events of the response that goes on with it. The last one is its end."""
        work = self._work
        for call in [*work.tools.values()] if work else ():  # they run for this one from now on
            yield ToolBegins(call, response_id, asyncio.Event())
        for event in list(self._kept(response_id)):
            yield event
        if work is None:
            yield engine.ResponseEnded(response_id)
            return
        work.hold.go_on(response_id)
        while True:
            event = await self._made.get()
            if isinstance(event, engine.ResponseUsage):
                event = replace(event, usage=_since(event.usage, work.used))
            yield replace(event, response_id=response_id)
            if isinstance(event, engine.ResponseEnded):
                return

    def _kept(self, response_id: str) -> Iterator[Words | Sound]:
        """The sound that was made of it."""
        begun = False
        for piece in chain.from_iterable(item.rest() for item in self._items):
            words = piece.words if begun else piece.words.lstrip()
            yield Words(response_id, words)
            samples = int16_to_samples(piece.sound)
            if not begun and len(samples):
                samples = samples.copy()
                fade = min(_FADE, len(samples))
                samples[:fade] *= [n / fade for n in range(fade)]
            begun = True
            for at in range(0, len(samples), _CHUNK):
                last = piece.complete and at + _CHUNK >= len(samples)
                yield Sound(response_id, samples[at : at + _CHUNK], last)
            if piece.complete and not len(samples):
                yield Sound(response_id, samples, last=True)


@dataclass(frozen=True, slots=True)
class Cut:
    """The place in an answer where the caller spoke: what they had ``heard`` by then, and what
    they had not. ``goes_on``: there was more to come. ``asked``: something is open that they may
    answer."""

    heard: str
    unheard: str
    goes_on: bool
    asked: bool


def read(words: Sequence[str | None], cut: Cut) -> Listening | None:
    """What the caller meant by ``words``, said over an answer: None where they took the word. The
    words of speech that nobody understood (None) may be anything."""
    if any(each is None for each in words):
        return None
    kind = listening(" ".join(filter(None, words)))
    if kind != "backchannel":
        return kind
    listened = bool(cut.heard.strip()) and cut.goes_on
    return kind if listened and not cut.asked and not _is_asking(cut) else None


def _is_asking(cut: Cut) -> bool:
    """Whether the agent has asked something, or is about to in the sentence that was cut."""
    end = _SENTENCE.search(cut.unheard)
    sentence = cut.unheard[: end.end()] if end else cut.unheard
    return bool(_QUESTION.search(cut.heard) or _QUESTION.search(sentence))


def _since(now: engine.Usage, before: engine.Usage) -> engine.Usage:
    return engine.Usage(
        input_text=max(0, now.input_text - before.input_text),
        input_audio=max(0, now.input_audio - before.input_audio),
        input_image=max(0, now.input_image - before.input_image),
        cached=max(0, now.cached - before.cached),
        output_text=max(0, now.output_text - before.output_text),
    )
