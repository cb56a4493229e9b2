"""Words of an utterance with their places, so that what one argument took no other takes again."""

import re
from dataclasses import dataclass

_WORD = re.compile(r"\d+|[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start`` to ``end`` of an utterance."""

    start: int
    end: int

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Token:
    """One word or run of digits; ``gap`` is what stands between it and the word before."""

    text: str
    span: Span
    gap: str

    @property
    def word(self) -> str:
        return self.text.lower().replace("’", "'")


def tokens(text: str) -> list[Token]:
    """Split into words and runs of digits ("SW1A" gives SW, 1, A)."""
    found: list[Token] = []
    end = 0
    for match in _WORD.finditer(text):
        found.append(Token(match[0], Span(*match.span()), text[end : match.start()]))
        end = match.end()
    return found


def mask(text: str, spans: list[Span]) -> str:
    """Blank out ``spans``, keeping every other character where it was.

    The blank is a bar, not a space: words on both sides of it are no longer neighbours.
    """
    characters = list(text)
    for span in spans:
        characters[span.start : span.end] = "|" * (span.end - span.start)
    return "".join(characters)


def stem(word: str) -> str:
    """A crude English stem: enough to see that "deliver it" speaks of ``delivery``."""
    word = word.lower()
    for ending in ("ation", "ment", "ies", "ing", "ery", "ed", "es", "er", "y", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def wordlist(text: str) -> list[str]:
    """The words of ``text``: a list of words, written as one."""
    return text.split()


def split_name(name: str) -> list[str]:
    """Words of an identifier: ``lastDigits`` and ``last_digits`` are both last, digits."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[\W_]+", spaced) if word]
