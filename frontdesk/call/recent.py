"""The last events of a call as they were sent, for a client that comes back to the same worker."""

from collections import deque
from dataclasses import dataclass, field
from heapq import merge

from frontdesk.state.events import SOUND, Event

TEXT_BYTES = 64 * 1024
SOUND_BYTES = 512 * 1024
"""Eight seconds of 24 kHz PCM as base64."""

CUT = frozenset({"input_audio_buffer.speech_started", "conversation.item.truncated"})
"""Events after which sound that was sent before is of no use any more."""


@dataclass(slots=True)
class _Ring:
    limit: int
    events: deque[Event] = field(default_factory=deque[Event])
    size: int = 0
    gone: int = 0
    """The number of the newest event that was dropped."""

    def add(self, event: Event) -> None:
        self.events.append(event)
        self.size += len(event.frame)
        while self.size > self.limit:
            dropped = self.events.popleft()
            self.size -= len(dropped.frame)
            self.gone = dropped.number[1]

    def clear(self) -> None:
        self.events.clear()
        self.size = 0


class Recent:
    """Events of one lease. Sound is apart, and the first to be dropped: who comes back too late
    for it reads what was said."""

    def __init__(self) -> None:
        self._text = _Ring(TEXT_BYTES)
        self._sound = _Ring(SOUND_BYTES)

    def add(self, event: Event, kind: str) -> None:
        if kind == SOUND:
            self._sound.add(event)
            return
        if kind in CUT:
            self._sound.clear()
        self._text.add(event)

    def after(self, n: int) -> list[Event] | None:
        """Everything since the ``n``th event; None when that is no longer all there."""
        if n < self._text.gone:
            return None
        rings = (self._text.events, self._sound.events)
        both = merge(*rings, key=lambda event: event.number)
        return [event for event in both if event.number[1] > n]
