"""E-mail addresses in speech: "jane dot doe at example dot com", "Jane.dow at example.com."."""

import re

from frontdesk.team.embedded.reading.numbers import UNITS
from frontdesk.team.embedded.reading.tokens import Span, wordlist

_WRITTEN = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PIECE = re.compile(r"@|[A-Za-z0-9._+'’-]+|[^\sA-Za-z0-9._+'’@-]+")
_SYMBOLS = {
    "dot": ".",
    "point": ".",
    "period": ".",
    "underscore": "_",
    "dash": "-",
    "hyphen": "-",
    "minus": "-",
    "plus": "+",
    "at": "@",
}
_NOT_LOCAL = frozenset(
    wordlist(
        "is it's its to my the email e-mail mail address me send at for on of in that's that write "
        "please this uh um yes sure okay ok use so and well he's she's here be would i'm"
    )
)
_MAX_LOCAL = 8


def find_email(text: str) -> tuple[str, Span] | None:
    """The first e-mail address said or written in ``text``, lower case, and its place."""
    if match := _WRITTEN.search(text):
        return match[0].rstrip(".").lower(), Span(match.start(), match.end())
    pieces = [(match[0], match.span()) for match in _PIECE.finditer(text)]
    for index, (piece, _) in enumerate(pieces):
        if piece.lower() in ("at", "@") and (found := _around(pieces, index)):
            return found
    return None


def _around(pieces: list[tuple[str, tuple[int, int]]], at: int) -> tuple[str, Span] | None:
    domain, end = _domain([piece for piece, _ in pieces[at + 1 :]])
    if not domain:
        return None
    local: list[str] = []
    start = at
    while start > 0 and len(local) < _MAX_LOCAL:
        word = pieces[start - 1][0].lower()
        if word in _NOT_LOCAL or not re.fullmatch(r"[a-z0-9._+-]+", word) or word == ".":
            break
        if word.endswith((".", ",")) and local:
            break
        local.insert(0, _characters(word))
        start -= 1
    name = "".join(local).strip(".")
    if not name:
        return None
    return f"{name}@{domain}", Span(pieces[start][1][0], pieces[at + end][1][1])


def _domain(words: list[str]) -> tuple[str, int]:
    """The domain that ``words`` begin with, and how many of them it takes."""
    joined = ""
    best = ("", 0)
    for count, word in enumerate(words[:10], start=1):
        lower = word.lower()
        if not re.fullmatch(r"[a-z0-9._-]+", lower) or lower in ("at", "and", "is"):
            break
        ends = lower.endswith(".")
        if "." in best[0] and lower not in ("dot", "point") and not joined.endswith("."):
            break
        joined += _characters(lower.rstrip(".") or ".")
        if re.fullmatch(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}", joined):
            best = (joined, count)
        if ends and lower != ".":
            break
    return best


def _characters(word: str) -> str:
    if word in _SYMBOLS:
        return _SYMBOLS[word]
    value = UNITS.get(word)
    return str(value) if value is not None else word
