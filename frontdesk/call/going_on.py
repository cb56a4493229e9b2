"""Goes on with an answer that was cut off: of the same words once more, only those are new that the
caller has not heard."""

import re

_WORD = re.compile(r"\w+")
_BEGINS = re.compile(r"(?:^|(?<=[.!?。？！]))\s*(?=\S)")


class Unheard:
    """Takes the words of an answer as they come, and gives those that are new after ``said``.

    An answer that begins with what was said, or with what was said from one of its sentences on
    (the desk's own lines may stand before it), goes on behind that; any other is new from its
    start."""

    def __init__(self, said: str) -> None:
        begins = [match.end() for match in _BEGINS.finditer(said)]
        rests = ([word.lower() for word in _WORD.findall(said[at:])] for at in begins)
        self._rests = [rest for rest in rests if rest]
        self._held = ""
        self.repeats = False
        """Whether nothing was new yet of words that had been said."""

    def add(self, text: str) -> str:
        """More words; returns those of all that may be said now."""
        if not self._rests:
            self.repeats = self.repeats and not text.strip()
            return text
        self._held += text
        words = [(match.group().lower(), match.end()) for match in _WORD.finditer(self._held)]
        # The last word may go on, as long as nothing stands behind it.
        if words and words[-1][1] == len(self._held):
            words.pop()
        known = [word for word, _ in words]
        for rest in self._rests:  # the longest first
            if known[: len(rest)] == rest:
                return self._release(words[len(rest) - 1][1])
            if rest[: len(known)] == known:
                return ""
        return self._release(0)

    def end(self) -> str:
        """The answer is whole: what is left of it to say."""
        words = [word.lower() for word in _WORD.findall(self._held)]
        repeats = any(rest[: len(words)] == words for rest in self._rests)
        held, self._held, self._rests = self._held, "", []
        self.repeats = self.repeats or (bool(words) and repeats)
        return "" if repeats else held

    def _release(self, heard: int) -> str:
        held, self._held, self._rests = self._held, "", []
        new = held[heard:].lstrip(".,;:!?。？！ ") if heard else held
        self.repeats = bool(heard) and not new.strip()
        return new
