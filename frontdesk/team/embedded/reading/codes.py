"""Codes in speech: order numbers, account numbers, postcodes, as people say and as STT writes them.

"four eight two seven one", "double seven oh three", "forty-eight two seventy-one", "4-8-2-7-1",
"48,271" and, where only that fits what the schema asks for, "for 8271" (heard "four") are all
paths through one small lattice of tokens.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from frontdesk.team.embedded.reading.numbers import SCALES, TENS, UNITS, cardinal
from frontdesk.team.embedded.reading.tokens import Span, Token, tokens, wordlist

ZEROS = {"oh", "o", "nought", "naught", "nil"}
REPEATS = {"double": 2, "triple": 3, "treble": 3}
_HOMOPHONES = {
    "for": "4",
    "fore": "4",
    "to": "2",
    "too": "2",
    "won": "1",
    "ate": "8",
    "free": "3",
    "tree": "3",
    "sex": "6",
    "sicks": "6",
    "nein": "9",
    "owe": "0",
    "fife": "5",
    "niner": "9",
}
ALPHABET = {
    word: word[0].upper()
    for word in wordlist(
        "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima "
        "mike november oscar papa quebec romeo sierra tango uniform victor whiskey whisky xray "
        "yankee zulu"
    )
}
FILLERS = {"uh", "um", "er", "dash", "hyphen", "then", "and", "space"}
_SMALL_WORDS = frozenset(
    wordlist(
        "a i am an as at be by do go he if in is it me my no of oh on or so to up us we the and "
        "are for its you our can has was not but it's that with from this your have card code"
    )
)
_MAX_TOKENS = 24


@dataclass(frozen=True, slots=True)
class Code:
    """A code found: its characters, where it stands, and how doubtful the reading is."""

    text: str
    span: Span
    cost: int
    count: int


@dataclass(frozen=True, slots=True)
class _Arc:
    text: str
    end: int
    cost: int


def codes(text: str, accepts: Callable[[str], str | None], *, letters: bool = False) -> list[Code]:
    """Find everything in ``text`` that ``accepts`` takes, best reading first.

    ``accepts`` gets the characters joined (digits, and capitals when ``letters``) and returns
    the code in its proper form, or None. A code never begins or ends inside a longer run of
    digits: six digits are not a five-digit number with one left over.
    """
    words = tokens(text)
    found: dict[tuple[Span, str], Code] = {}
    for start in range(len(words)):
        if not _is_edge(words, start, letters):
            continue
        for joined, end, cost in _paths(words, start, letters):
            proper = accepts(joined) if _is_edge(words, end, letters) else None
            if proper is None:
                continue
            span = Span(words[start].span.start, words[end - 1].span.end)
            best = found.get((span, proper))
            if best is None or cost < best.cost:
                found[span, proper] = Code(proper, span, cost, end - start)
    return sorted(found.values(), key=lambda code: (code.cost, -len(code.text), code.span.start))


def _is_edge(words: list[Token], index: int, letters: bool) -> bool:
    """Whether a code may begin or end before ``words[index]``."""
    if index in (0, len(words)):
        return True
    gap = words[index].gap
    if gap not in ("", " ", "-", ", ") and not re.fullmatch(r"\W?[-]\W?", gap):
        return True
    if gap == ", ":
        return True
    sure = [_is_sure(words[i].word, letters and gap == "") for i in (index - 1, index)]
    return not all(sure)


def _is_sure(word: str, letters: bool) -> bool:
    return (
        word.isdigit()
        or word in UNITS
        or word in TENS
        or word in ZEROS - {"o"}
        or word in REPEATS
        or (letters and len(word) <= 4)
    )


def _paths(words: list[Token], start: int, letters: bool) -> Iterator[tuple[str, int, int]]:
    """Every reading that begins at ``start``: (characters, index after, cost)."""
    stack = [("", start, 0)]
    steps = 0
    while stack and steps < 1000:
        joined, index, cost = stack.pop()
        steps += 1
        if joined:
            yield joined, index, cost
        if index >= len(words) or index - start >= _MAX_TOKENS:
            continue
        if index > start and not _continues(words[index].gap):
            continue
        for arc in _arcs(words, index, letters):
            if arc.text or joined:
                stack.append((joined + arc.text, arc.end, cost + arc.cost))


def _continues(gap: str) -> bool:
    return len(gap) <= 3 and not re.search(r"[|?!;:@]", gap)


def _arcs(words: list[Token], index: int, letters: bool) -> Iterator[_Arc]:
    token, word = words[index], words[index].word
    after = index + 1
    if word.isdigit():
        yield _Arc(word, after, 0)
        return
    if word in REPEATS and after < len(words):
        for arc in _arcs(words, after, letters):
            if len(arc.text) == 1:
                yield _Arc(arc.text * REPEATS[word], arc.end, arc.cost)
        return
    yield from _worded_digits(words, index)
    if word in _HOMOPHONES:
        yield _Arc(_HOMOPHONES[word], after, 2)
    if word in FILLERS:
        yield _Arc("", after, 1)
    if letters and word.isalpha() and word.isascii():
        if word in ALPHABET:
            yield _Arc(ALPHABET[word], after, 0)
        elif len(word) <= 4 and word not in UNITS:
            doubt = 3 if word in _SMALL_WORDS and token.text != token.text.upper() else 0
            yield _Arc(word.upper(), after, doubt + (len(word) > 1 and token.text.islower()))


def _worded_digits(words: list[Token], index: int) -> Iterator[_Arc]:
    word = words[index].word
    if word in ZEROS:
        yield _Arc("0", index + 1, 0)
    ahead = [token.word for token in words[index : index + 12]]
    value, used = cardinal(ahead) if word in UNITS or word in TENS or word == "a" else (0, 0)
    if used > 1 and any(name in SCALES for name in ahead[:used]):
        yield _Arc(str(value), index + used, 0)
    if word in TENS:
        yield _Arc(str(TENS[word]), index + 1, 1 if used == 2 else 0)
        if len(ahead) > 1 and 0 < UNITS.get(ahead[1], 0) < 10:
            yield _Arc(str(TENS[word] + UNITS[ahead[1]]), index + 2, 0)
    elif word in UNITS:
        yield _Arc(str(UNITS[word]), index + 1, 0)
