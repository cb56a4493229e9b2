"""Speech of lines that recur, kept by a process: placeholders, apologies, greetings."""

from collections import OrderedDict

from frontdesk.voice.base import OUTPUT_RATE, Samples

Key = tuple[object, ...]


class PhraseCache:
    """Shared by calls. A line is kept when it is said for the second time, so that one-off replies
    do not push out the recurring ones; those that a team is known to say, at once. The least
    recently used line goes first, so that no more than ``seconds`` of speech (96 kB each) are
    kept."""

    def __init__(self, lines: int = 256, letters: int = 100, seconds: float = 300.0) -> None:
        self._letters = letters
        self._lines = lines
        self._room = int(seconds * OUTPUT_RATE)
        self._kept: OrderedDict[Key, tuple[Samples, ...]] = OrderedDict()
        self._once: OrderedDict[Key, None] = OrderedDict()
        self._size = 0

    def get(self, key: Key) -> tuple[Samples, ...] | None:
        """The chunks of a line, if kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: Key, text: str, chunks: list[Samples], *, known: bool = False) -> None:
        """A line was said whole; ``known``: it will be said again."""
        if len(text) > self._letters or key in self._kept:
            return
        if not known and key not in self._once:
            self._once[key] = None
            if len(self._once) > 8 * self._lines:
                self._once.popitem(last=False)
            return
        self._kept[key] = tuple(chunks)
        self._size += _length(chunks)
        while len(self._kept) > self._lines or self._size > self._room:
            _, oldest = self._kept.popitem(last=False)
            self._size -= _length(oldest)


def _length(chunks: list[Samples] | tuple[Samples, ...]) -> int:
    return sum(map(len, chunks))
