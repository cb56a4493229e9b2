"""Heard-truth: what of each assistant item was made, and what of it the caller really heard.

On a WebSocket the player is the client's. Our clock assumes that it plays what it was sent, in
real time; when the client says otherwise (``conversation.item.truncate``) its word counts.
"""

from dataclasses import dataclass, field

from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.buffer import AudioBuffer
from frontdesk.voice.g711 import Pcm
from frontdesk.voice.playback import PlayedClock, Utterance


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
    _next_words: str = ""

    @property
    def milliseconds(self) -> float:
        """Length of all sound made for this item."""
        return self.utterance.duration_ms

    def words(self, text: str) -> None:
        """Announce the words whose sound comes next."""
        self.text += text
        self._next_words += text

    def sound(self, samples: Pcm, *, last: bool) -> float:
        """Add sound, perhaps the last of the words announced; returns its milliseconds."""
        milliseconds = 1000 * len(samples) / OUTPUT_RATE
        start = self.utterance.duration_ms
        self.utterance.add(self._next_words, start, start + milliseconds, complete=last)
        self._next_words = ""
        self.audio.append_pcm(samples)
        return milliseconds

    def first(self, milliseconds: float) -> Pcm:
        """The first ``milliseconds`` of its sound."""
        return self.audio.pcm(0, round(milliseconds * OUTPUT_RATE / 1000))


class Playback:
    """The play head of one call. ``now`` is the call's clock throughout."""

    def __init__(self) -> None:
        self._clock = PlayedClock()
        self._items: dict[str, SpokenItem] = {}
        self._quiet_from = 0.0

    def open(self, item_id: str, response_id: str) -> SpokenItem:
        """Begin an item; its sound plays after whatever is still playing."""
        self._items[item_id] = item = SpokenItem(item_id, response_id)
        return item

    def get(self, item_id: str) -> SpokenItem | None:
        """The item, if it was spoken in this call."""
        return self._items.get(item_id)

    def sound(self, item: SpokenItem, samples: Pcm, now: float, *, last: bool) -> None:
        """Sound of ``item`` was sent to the client; ``last`` as for :meth:`SpokenItem.sound`."""
        if not item.audio.end:
            item.begins_ms = self._clock.sent_ms
            item.started = now + self._clock.remaining_ms(now) / 1000
        self._clock.sent(item.sound(samples, last=last), now)
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
        """Drop the sound of an item; its utterance stays for a late truncate."""
        item.ended, item.cut_ms = True, cut_ms
        item.audio.drop_before(item.audio.end)
