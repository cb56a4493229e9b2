"""Heard-truth: what of each assistant item was made, and what of it the caller really heard.

On a WebSocket the player is the client's. Our clock assumes that it plays what it was sent, in
real time; when the client says otherwise (``conversation.item.truncate``) its word counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.buffer import AudioBuffer
from frontdesk.voice.g711 import Pcm
from frontdesk.voice.playback import Place, PlayedClock, Utterance

Origin = tuple[str, float]
"""The item of a realtime model that sound is of, and from which of its milliseconds on."""


@dataclass(slots=True)
class Source:
    """Where in an item of ours, from and to, sound is which begins at ``at_ms`` of another one."""

    begin_ms: float
    end_ms: float
    at_ms: float


@dataclass(slots=True)
class SpokenItem:
    """One assistant item as sound. ``started`` is when its first sample is played, in seconds of
    the call's clock; ``begins_ms`` is that place on the call's play head."""

    item_id: str
    response_id: str
    started: float = 0.0
    begins_ms: float = 0.0
    utterance: Utterance = field(default_factory=Utterance)
    audio: AudioBuffer = field(default_factory=AudioBuffer)
    text: str = ""
    ended: bool = False
    """Nothing more will be played of it: it was heard out or cut."""
    cut_ms: float | None = None
    """Where it was cut; None when it was heard out."""
    heard: str = ""
    """The words that were heard of it, once it has ended."""
    heard_ms: float | None = None
    """How much of it was heard, by the client's word."""
    sources: dict[str, Source] = field(default_factory=dict[str, "Source"])
    """Where in it items of a realtime model are."""
    gone_on: bool = False
    """Another item goes on with it from where it was cut: no more of it was heard."""
    _next_words: str = ""
    _goes_on: bool = False

    @property
    def milliseconds(self) -> float:
        """Length of all sound made for this item."""
        return self.utterance.duration_ms

    def words(self, text: str, *, goes_on: bool = False) -> None:
        """Announce the words whose sound comes next, or somewhere in what ``goes_on``."""
        self.text += text
        self._next_words += text
        self._goes_on = goes_on

    def sound(self, samples: Pcm, *, last: bool, source: Origin | None = None) -> float:
        """Add sound, perhaps the last of the words announced; returns its milliseconds."""
        milliseconds = 1000 * len(samples) / OUTPUT_RATE
        start = self.utterance.duration_ms
        end = start + milliseconds
        self.utterance.add(self._next_words, start, end, complete=last, goes_on=self._goes_on)
        if source is not None:
            known = self.sources.setdefault(source[0], Source(start, end, source[1]))
            known.end_ms = end
        self._next_words, self._goes_on = "", False
        self.audio.append_pcm(samples)
        return milliseconds

    def cut(self, milliseconds: float) -> str:
        """So much of its sound was heard: the words that end within. Where another item has gone
        on with it, no more than until there."""
        text = self.heard_until(milliseconds)
        if self.gone_on and self.cut_ms is not None:
            milliseconds, text = min(milliseconds, self.cut_ms), min(text, self.heard, key=len)
        self.cut_ms, self.heard = milliseconds, text
        return text

    def heard_until(self, milliseconds: float) -> str:
        """The words that are said within so much of its sound."""
        return self.text[: self.place(milliseconds).characters]

    def place(self, milliseconds: float) -> Place:
        """Where the words end that were said within so much of its sound."""
        return self.utterance.place(milliseconds, self._sound if self._held else None)

    def _sound(self, begin_ms: float, end_ms: float) -> Pcm:
        return self.audio.pcm(_sample(begin_ms), _sample(end_ms))

    @property
    def _held(self) -> bool:
        return self.audio.start == 0

    @property
    def unheard(self) -> str:
        """The words that were not heard, once it has ended."""
        return self.text[len(self.heard) :]

    def rest(self) -> Iterator["Remainder"]:
        """What was not heard of it, once it was cut: from the begin of the word that was cut."""
        if self.cut_ms is None:
            return
        self.gone_on = True
        at = self.place(self.cut_ms)
        for piece in self.utterance.after(Place(len(self.heard), at.ms)):
            sound = self._sound(piece.start_ms, piece.end_ms)
            yield Remainder(piece.text, sound, piece.complete)
        if self._next_words:
            yield Remainder(self._next_words, self.audio.pcm(0, 0), complete=False)

    def first(self, milliseconds: float) -> Pcm:
        """The first ``milliseconds`` of its sound."""
        return self.audio.pcm(0, _sample(milliseconds))


@dataclass(frozen=True, slots=True, eq=False)
class Remainder:
    """Words that were not heard, with their sound as far as it was made; ``complete``: it was."""

    words: str
    sound: Pcm
    complete: bool


class Playback:
    """The play head of one call. ``now`` is the call's clock throughout."""

    def __init__(self) -> None:
        self._clock = PlayedClock()
        self._items: dict[str, SpokenItem] = {}
        self._cut: list[SpokenItem] = []
        self._quiet_from = 0.0

    def open(self, item_id: str, response_id: str) -> SpokenItem:
        """Begin an item; its sound plays after whatever is still playing."""
        for cut in self._cut:  # nobody goes on with it any more
            cut.audio.drop_before(cut.audio.end)
        self._cut.clear()
        self._items[item_id] = item = SpokenItem(item_id, response_id)
        return item

    def get(self, item_id: str) -> SpokenItem | None:
        """The item, if it was spoken in this call."""
        return self._items.get(item_id)

    def sound(
        self,
        item: SpokenItem,
        samples: Pcm,
        now: float,
        *,
        last: bool,
        source: Origin | None = None,
    ) -> None:
        """Sound of ``item`` was sent to the client; the rest as for :meth:`SpokenItem.sound`."""
        if not item.audio.end:
            item.begins_ms = self._clock.sent_ms
            item.started = now + self._clock.remaining_ms(now) / 1000
        self._clock.sent(item.sound(samples, last=last, source=source), now)
        self._quiet_from = now + self._clock.remaining_ms(now) / 1000

    def heard_ms(self, item: SpokenItem, now: float) -> float:
        """How much of the item was played until ``now``."""
        if item.heard_ms is not None:
            return item.heard_ms
        return min(max(0.0, self._clock.played_ms(now) - item.begins_ms), item.milliseconds)

    def silent_for(self, now: float) -> float:
        """Seconds since the caller last heard anything; negative while sound is playing."""
        return now - self._quiet_from

    def remaining(self, now: float) -> float:
        """Seconds of sound that the client still has to play."""
        return self._clock.remaining_ms(now) / 1000

    def playing(self) -> list[SpokenItem]:
        """Items that have sound and may not have been heard out."""
        return [item for item in self._items.values() if item.milliseconds and not item.ended]

    def stop(self, now: float) -> list[tuple[SpokenItem, float]]:
        """The client dropped its buffer. Returns what was playing, and how much of it was heard."""
        heard = [(item, self.heard_ms(item, now)) for item in self.playing()]
        self._clock.stop(now)
        self._quiet_from = min(self._quiet_from, now)
        return heard

    def settle(self, item: SpokenItem, cut_ms: float | None) -> None:
        """An item ended. The sound of one that was cut is kept until the next one begins, its
        utterance for a late truncate."""
        item.ended, item.cut_ms = True, cut_ms
        if cut_ms is None:
            item.audio.drop_before(item.audio.end)
        else:
            self._cut.append(item)


def _sample(milliseconds: float) -> int:
    return round(milliseconds * OUTPUT_RATE / 1000)
