"""Heard-truth: what of each assistant item was made, and what of it the caller really heard.

On a WebSocket the player is the client's. Our clock assumes that it plays what it was sent, in
real time and without a break; when the client says otherwise (``conversation.item.truncate``) its
word counts.
"""

from dataclasses import dataclass, field

import numpy as np

from frontdesk.voice.base import OUTPUT_RATE, Samples
from frontdesk.voice.playback import PlayedClock, Utterance


@dataclass(slots=True)
class SpokenItem:
    """One assistant item as sound. Times in seconds of the call's monotonic clock."""

    item_id: str
    response_id: str
    started: float
    utterance: Utterance = field(default_factory=Utterance)
    clock: PlayedClock = field(default_factory=PlayedClock)
    audio: list[Samples] = field(default_factory=list[Samples])
    text: str = ""
    ended: bool = False
    """Nothing more will be played of it: it was heard out or cut."""

    @property
    def milliseconds(self) -> float:
        """Length of all sound made for this item."""
        return 1000 * sum(map(len, self.audio)) / OUTPUT_RATE

    def heard(self, milliseconds: float) -> Samples:
        """The first ``milliseconds`` of its sound."""
        whole = np.concatenate(self.audio) if self.audio else np.zeros(0, np.float32)
        return whole[: round(milliseconds * OUTPUT_RATE / 1000)]


class Playback:
    """The play head of one call."""

    def __init__(self) -> None:
        self._items: dict[str, SpokenItem] = {}
        self._until = 0.0

    def open(self, item_id: str, response_id: str, now: float) -> SpokenItem:
        """Begin an item; its sound plays after whatever is still playing."""
        item = SpokenItem(item_id, response_id, max(now, self._until))
        self._items[item_id] = item
        return item

    def get(self, item_id: str) -> SpokenItem | None:
        """The item, while it is known."""
        return self._items.get(item_id)

    def words(self, item: SpokenItem, text: str) -> None:
        """Announce the words whose sound comes next."""
        item.text += text
        item.utterance.begin(text)

    def sound(self, item: SpokenItem, samples: Samples, now: float) -> None:
        """Add sound that was sent to the client at ``now``."""
        milliseconds = 1000 * len(samples) / OUTPUT_RATE
        item.audio.append(samples)
        item.utterance.extend(milliseconds)
        item.clock.sent(milliseconds, max(now, item.started))
        self._until = max(self._until, now, item.started) if not self._until > now else self._until
        self._until = max(self._until, now) + milliseconds / 1000

    def silent_for(self, now: float) -> float:
        """Seconds since the caller last heard anything; negative while sound is playing."""
        return now - self._until

    def remaining(self, now: float) -> float:
        """Seconds of sound that the client still has to play."""
        return max(0.0, self._until - now)

    def playing(self) -> list[SpokenItem]:
        """Items that may not have been heard out."""
        return [item for item in self._items.values() if not item.ended]

    def stop(self, now: float) -> None:
        """The caller cut in: nothing that was sent will be played on."""
        self._until = min(self._until, now)
        for item in self.playing():
            item.clock.stop(now)

    def forget(self, item_id: str) -> None:
        """Drop the sound of an item that is settled; its utterance stays for a late truncate."""
        if item := self._items.get(item_id):
            item.ended = True
            item.audio.clear()
