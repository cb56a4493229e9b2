"""The last events of a call as they were sent, for a client that comes back to the same worker."""

import logging
from collections import deque
from dataclasses import dataclass, field
from heapq import merge
from typing import NamedTuple

from frontdesk.state.events import SOUND, Event, Number
from frontdesk.voice.aside import Aside

logger = logging.getLogger(__name__)

TEXT_BYTES = 64 * 1024
SOUND_BYTES = 512 * 1024
"""Eight seconds of 24 kHz PCM as base64."""
HELD = 64 * 1024
"""Bytes of sound that are in memory while there is more to come; the rest is in a file without a
name."""
SOUND_OVER = "response.output_audio.done"

CUT = frozenset({"input_audio_buffer.speech_started", "conversation.item.truncated"})
"""Events after which sound that was sent before is of no use any more."""


@dataclass(slots=True)
class _Text:
    events: deque[Event] = field(default_factory=deque[Event])
    size: int = 0
    gone: int = 0
    """The number of the newest event that was dropped."""

    def add(self, event: Event) -> None:
        # A copy: what orjson gives takes 4 KiB, however short it is.
        self.events.append(event._replace(frame=bytes(memoryview(event.frame))))
        self.size += len(event.frame)
        while self.size > TEXT_BYTES:
            dropped = self.events.popleft()
            self.size -= len(dropped.frame)
            self.gone = dropped.number[1]


class _Filed(NamedTuple):
    """A frame of sound, and where it begins and ends among all that were filed."""

    number: Number
    begin: int
    end: int


class _Sound:
    """Frames of sound, the older ones on the disk. Where that refuses, they are dropped."""

    def __init__(self) -> None:
        self._held: list[Event] = []
        self._held_bytes = 0
        self._filed: deque[_Filed] = deque()
        self._end = 0
        self._file: Aside | None = None

    def add(self, event: Event) -> None:
        self._held.append(event)
        self._held_bytes += len(event.frame)
        if self._held_bytes > HELD:
            self.put_aside()

    def clear(self) -> None:
        self._held.clear()
        self._held_bytes = 0
        self._filed.clear()

    def after(self, n: int) -> list[Event]:
        return self._read(n) + [event for event in self._held if event.number[1] > n]

    def _read(self, n: int) -> list[Event]:
        filed = [one for one in self._filed if one.number[1] > n]
        if self._file is None or not filed:
            return []
        first = filed[0].begin
        try:
            frames = self._file.read(first, self._end - first)
        except OSError as error:
            logger.warning("sound for a client that came back cannot be read: %s", error)
            return []
        return [Event(o.number, frames[o.begin - first : o.end - first]) for o in filed]

    def put_aside(self) -> None:
        """What is in memory goes to the file."""
        if not self._held:
            return
        held, frames = [*self._held], b"".join(event.frame for event in self._held)
        self._held.clear()
        self._held_bytes = 0
        try:
            self._file = self._file or Aside(SOUND_BYTES)
            self._file.write(self._end, frames)
        except OSError as error:
            logger.warning("sound is not kept for a client that comes back: %s", error)
            self._filed.clear()
            return
        for event in held:
            begin, self._end = self._end, self._end + len(event.frame)
            self._filed.append(_Filed(event.number, begin, self._end))
        while self._filed and self._filed[0].begin < self._end - SOUND_BYTES:
            self._filed.popleft()


class Recent:
    """Events of one lease. Sound is apart, and the first to be dropped: who comes back too late
    for it reads what was said."""

    def __init__(self) -> None:
        self._text = _Text()
        self._sound = _Sound()

    def add(self, event: Event, kind: str) -> None:
        if kind == SOUND:
            self._sound.add(event)
            return
        if kind == SOUND_OVER:  # a call in which nobody speaks keeps none in memory
            self._sound.put_aside()
        elif kind in CUT:
            self._sound.clear()
        self._text.add(event)

    def after(self, n: int) -> list[Event] | None:
        """Everything since the ``n``th event; None when that is no longer all there."""
        if n < self._text.gone:
            return None
        both = merge(self._text.events, self._sound.after(n), key=lambda event: event.number)
        return [event for event in both if event.number[1] > n]
