"""Figures and letters in a row, however they are written or said.

"4111 1111", "four one one one", "forty-one eleven", "double four", "D E eight nine", "공일공" and
"４１１１" are all runs of characters, each with its place in the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from frontdesk.team.embedded.reading.codes import ALPHABET, FILLERS, REPEATS, ZEROS
from frontdesk.team.embedded.reading.numbers import SCALES, TENS, UNITS, cardinal
from frontdesk.team.embedded.reading.tokens import Span, Token, tokens

_KOREAN = dict(zip("영공일이삼사오육륙칠팔구", "001234566789", strict=True))
_GAP = re.compile(r"[^\w|]{0,6}|_{1,3}")
"""What may stand inside a number: spaces, dashes, dots, commas, Markdown; not the bar of a mask."""
_NUMBER_WORDS = (*UNITS, *TENS, *SCALES, *ZEROS, *REPEATS)


@dataclass(slots=True)
class Run:
    """Characters of one run; ``starts`` are the indices at which a token begins."""

    text: str = ""
    spans: list[Span] = field(default_factory=list[Span])
    starts: list[int] = field(default_factory=list[int])
    groups: list[str] = field(default_factory=list[str])
    """Its tokens, as characters."""

    def span(self, start: int, end: int) -> Span:
        """Where the characters from ``start`` to ``end`` stand in the text."""
        return Span(self.spans[start].start, self.spans[end - 1].end)

    def grouped(self, start: int, lengths: tuple[int, ...]) -> bool:
        """Whether tokens of these lengths begin at the character ``start``."""
        first = self.starts.index(start)
        found = [len(group) for group in self.groups[first : first + len(lengths)]]
        return bool(lengths) and found == [*lengths]

    def pieces(self, shortest: int, longest: int) -> Iterator[tuple[int, int]]:
        """Stretches that begin and end where a token does, the longer ones first."""
        edges = [*self.starts, len(self.text)]
        lengths = sorted(
            {
                (end - start, start)
                for start in edges
                for end in edges
                if shortest <= end - start <= longest
            },
            key=lambda found: (-found[0], found[1]),
        )
        for length, start in lengths:
            yield start, start + length

    def add(self, characters: str, span: Span) -> None:
        """Go on with a token, which stands for these characters."""
        self.starts.append(len(self.text))
        self.groups.append(characters)
        self.text += characters
        if len(characters) == span.end - span.start:
            self.spans += [Span(at, at + 1) for at in range(span.start, span.end)]
        else:
            self.spans += [span] * len(characters)


def runs(text: str, *, letters: bool = False) -> list[Run]:
    """The runs in ``text``; with ``letters``, of capitals too, spelled one by one or in groups
    with figures in them."""
    words = tokens(text)
    found: list[Run] = []
    run, position = Run(), 0
    while position < len(words):
        characters, used = _read(text, words, position, letters)
        gap_fits = not run.text or _GAP.fullmatch(words[position].gap)
        if characters is None or not gap_fits:
            found += [run] if run.text else []
            run = Run()
            if characters is None:
                position += 1
                continue
        if characters:
            last = words[position + used - 1]
            run.add(characters, Span(words[position].span.start, last.span.end))
        position += used
    return [*found, run] if run.text else found


def open_from(text: str) -> int:
    """Where a run begins that goes on to the end of ``text``, and may go on behind it; the length
    of the text when there is none."""
    trimmed = _without_beginning_of_a_word(text)
    for run in reversed(runs(trimmed, letters=True)):
        end = run.spans[-1].end
        rest = trimmed[end:].split()
        if _GAP.fullmatch(trimmed[end:]) or all(_clean(word) in FILLERS for word in rest):
            return run.spans[0].start
        break
    return len(text)


def _without_beginning_of_a_word(text: str) -> str:
    """``text`` without its last word, if that may yet become the word of a number: "fo" of four.
    The word of a text that ends so is not over."""
    match = re.search(r"[^\W\d_]+$", text)
    if match is None:
        return text
    word = match[0].lower()
    unsure = any(known != word and known.startswith(word) for known in _NUMBER_WORDS)
    return text[: match.start()] if unsure else text


def _clean(word: str) -> str:
    return word.strip(",.;:-").lower()


def _read(text: str, words: list[Token], at: int, letters: bool) -> tuple[str | None, int]:
    """The characters that the token at ``at`` stands for, and how many tokens that takes; None
    when it is no part of a number, nothing when it is only filled in between."""
    token, word = words[at], words[at].word
    if word.isdigit():
        return "".join(str(unicodedata.digit(figure, 0)) for figure in word), 1
    if word in REPEATS and at + 1 < len(words):
        again, used = _read(text, words, at + 1, letters=False)
        return (again * REPEATS[word], used + 1) if again and len(again) == 1 else (None, 1)
    if (number := _worded(words, at)) is not None:
        return number
    if len(word) > 1 and all(character in _KOREAN for character in word):
        return "".join(_KOREAN[character] for character in word), 1
    if letters and (spelled := _spelled(text, token)) is not None:
        return spelled, 1
    return ("", 1) if word in FILLERS else (None, 1)


def _worded(words: list[Token], at: int) -> tuple[str, int] | None:
    word = words[at].word
    if word in ZEROS:
        return "0", 1
    if word not in UNITS and word not in TENS:
        return None
    ahead = [token.word for token in words[at : at + 12]]
    value, used = cardinal(ahead)
    if used > 1 and any(name in SCALES for name in ahead[:used]):
        return str(value), used
    if word in TENS and len(ahead) > 1 and 0 < UNITS.get(ahead[1], 0) < 10:
        return str(TENS[word] + UNITS[ahead[1]]), 2
    return str(UNITS[word] if word in UNITS else TENS[word]), 1


def _spelled(text: str, token: Token) -> str | None:
    word = token.text
    if not word.isascii() or not word.isalpha():
        return None
    beside = (
        text[token.span.start - 1 : token.span.start] + text[token.span.end : token.span.end + 1]
    )
    if len(word) == 1 or any(character.isdigit() for character in beside):
        return word.upper()
    if token.word in ALPHABET:
        return ALPHABET[token.word]
    return word if word.isupper() and len(word) <= 4 else None
