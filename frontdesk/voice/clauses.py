"""Cuts a stream of words into clauses, as soon as each can be spoken.

The first clause is short, so that the caller hears something early; later ones are sentences,
which sound better whole. Works for English-like, Korean, Chinese and Japanese punctuation.
"""

import re

_SENTENCE = ".!?…"
_SOFT = ",;:"
_WIDE_SENTENCE = "。！？｡．"
_WIDE_SOFT = "、，；：､"
_DASHES = "–—"
_CLOSERS = "\"')]}”’»」』）】》〉*_`"
_FENCE = "```"
_FIRST_WORDS = 2
"""Words that the first clause needs before a comma ends it."""
_WIDE_CHARACTERS = 4
"""The same for scripts written without spaces."""
_JOINED_WORDS, _JOINED_KOREAN = 5, 3
"""Words that it needs before a conjunction ends it: they last 1.5 s, in which much more is written.
Words of Korean are longer."""
_LONG, _LONGEST = 160, 280
"""Characters after which a comma, and then any space, ends a clause."""

# fmt: off
_ABBREVIATIONS = frozenset([
    "dr", "mr", "mrs", "ms", "mx", "prof", "st", "mt", "vs", "e.g", "i.e", "approx", "dept", "est",
    "fig", "gen", "gov", "capt", "lt", "col", "sgt", "rev", "hon", "tel", "ext", "vol", "cf", "ave",
    "blvd", "rd", "viz", "ca", "max", "min", "incl", "excl",
])
_BEFORE_NUMBERS = frozenset([
    "no", "nos", "nr", "art", "sec", "ch", "p", "pp", "jan", "feb", "mar", "apr", "jun", "jul",
    "aug", "sep", "sept", "oct", "nov", "dec",
])
_CONJUNCTIONS = frozenset([
    "and", "but", "because", "which", "who", "where", "when", "if", "unless", "until", "although",
    "though", "whereas",
])
# fmt: on
_CONNECTIVES = (
    "지만",
    "는데",
    "은데",
    "니까",
    "므로",
    "면서",
    "려고",
    "어서",
    "아서",
    "해서",
    "시면",
)
"""Endings of Korean verbs behind which the sentence goes on."""
_MAY_END = frozenset(["a.m", "p.m", "etc", "inc", "ltd", "co", "corp", "jr", "sr"])
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_EAST_ASIAN = re.compile(r"[\u1100-\u11ff\u3040-\u318f\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]")
_MARKS = frozenset(_SENTENCE + _WIDE_SENTENCE)
_WORD = re.compile(r"[^\W\d_]+(?=\s)")
_WORD_BEFORE = re.compile(r"[\w.]+$")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9]")
"""None of the others ends a clause, whatever stands around it."""


class ClauseSplitter:
    """Text deltas in, clauses out. The clauses joined are the text, but for blank ends.

    A cut never falls inside a number, an abbreviation, an e-mail address or a URL, and does not
    depend on how the text was cut into deltas.
    """

    def __init__(self) -> None:
        self._text = ""
        self._scanned = 0
        self._first = True

    @property
    def rest(self) -> str:
        """What is no clause yet."""
        return self._text

    @property
    def holds(self) -> bool:
        """Whether clauses are held back, though complete."""
        return False

    def push(self, delta: str) -> list[str]:
        """Add text; returns the clauses that are now complete."""
        self._text += delta
        clauses: list[str] = []
        while (cut := self._next_cut()) is not None:
            clauses.append(self._text[:cut])
            self._text, self._scanned, self._first = self._text[cut:], 0, False
        return clauses

    def pause(self) -> list[str]:
        """The writer has paused, as before a tool call: text that looks complete need not wait
        for the word after it."""
        text, scanned = self._text, self._scanned
        self._text = text.rstrip() + " A"
        complete = bool(text.strip()) and self._next_cut() is not None
        self._text, self._scanned = text, scanned
        if not complete:
            return []
        self._text, self._scanned, self._first = "", 0, False
        return [text]

    def flush(self) -> list[str]:
        """The rest, at the end of the text. The splitter is then as new."""
        rest = self._text
        self._text, self._scanned, self._first = "", 0, True
        return [rest] if rest.strip() else []

    def _next_cut(self) -> int | None:
        text = self._text
        while found := _NOT_PLAIN.search(text, self._scanned):
            at = self._scanned = found.start()
            end = _past(text, at + 1, _CLOSERS)
            after = _past(text, end, " \t\n")
            if _FENCE in text and text.count(_FENCE, 0, at + 1) % 2:  # code is in one piece
                if (closed := text.find(_FENCE, at)) < 0:
                    return None
                self._scanned = closed + len(_FENCE)
                continue
            if text[at] == "\n" and text[:at].strip():
                return at + 1
            if after == len(text):  # what follows decides, and is not known yet
                return None
            if self._undecided(at, after):
                return None
            self._scanned = at + 1
            if text[:end].strip() and self._ends_clause(at, end, after):
                return after
        return None

    def _undecided(self, at: int, after: int) -> bool:
        """Whether the word that begins at ``after`` is needed whole, and may go on."""
        if not self._first or self._text[at] != " ":
            return False
        return self._text[after:].isalpha() and len(self._text) - after < 9

    def _ends_clause(self, at: int, end: int, after: int) -> bool:
        """Whether the character at ``at`` ends a clause: closing marks reach to ``end``, the next
        word begins at ``after``."""
        mark, text = self._text[at], self._text
        spaced, before, following = after > end, text[at - 1 : at], text[after]
        if following in _MARKS:  # the last of several marks ends it: ？！
            return False
        if mark in _WIDE_SENTENCE:
            return not (mark == "．" and before.isdigit() and following.isdigit())
        if mark in _SENTENCE and spaced:
            return _ends_sentence(text[: at + 1], following)
        unspaced = bool(_EAST_ASIAN.match(before) and _EAST_ASIAN.match(following))
        if mark in _SENTENCE and (unspaced or (mark == "…" and before == "…")):
            return bool(_EAST_ASIAN.match(following))
        if mark == " " and at >= _LONGEST:
            return True
        if at >= _LONGEST and _WIDE.match(mark) and _WIDE.match(following):
            return True
        if self._first and mark == " " and _goes_on(text[:at], text[after:]):
            return True
        if not (self._first and _enough(text[:at])) and at < _LONG:
            return False
        return _is_soft(text, at, spaced or unspaced, after)


def _past(text: str, at: int, characters: str) -> int:
    while at < len(text) and text[at] in characters:
        at += 1
    return at


def _ends_sentence(upto: str, following: str) -> bool:
    if not upto.endswith(".") or upto.endswith(".."):
        return True
    found = _WORD_BEFORE.search(upto[:-1])
    if not found:
        return True
    word = found.group()
    if word.isdigit() and word == upto[:-1].strip():  # "1." at the head of a list
        return False
    folded = word.lower()
    if folded in _ABBREVIATIONS:
        return False
    if _INITIALS.fullmatch(word) and folded not in _MAY_END and word != "I":  # J. R. Smith, U.S.
        return _EAST_ASIAN.match(word) is not None
    if folded in _BEFORE_NUMBERS:
        return not following.isdigit()
    if folded in _MAY_END:
        return following.isupper()
    return not following.islower()


def _is_soft(text: str, at: int, spaced: bool, after: int) -> bool:
    mark = text[at]
    if mark in _WIDE_SOFT:
        return True
    before, following = text[at - 1 : at], text[after]
    between_digits = before.isdigit() and following.isdigit()
    if mark in _SOFT:
        return spaced and not between_digits
    if mark in _DASHES:
        return not between_digits
    return mark == "-" and before == " " and spaced


def _goes_on(before: str, behind: str) -> bool:
    """Whether a first clause that is long enough may end between two words."""
    if not before[-1:].isalpha():  # five and six
        return False
    words, word = len(before.split()), _WORD.match(behind)
    if before.endswith(_CONNECTIVES):
        return words >= _JOINED_KOREAN
    return words >= _JOINED_WORDS and word is not None and word[0].lower() in _CONJUNCTIONS


def _enough(text: str) -> bool:
    return len(text.split()) >= _FIRST_WORDS or len(_WIDE.findall(text)) >= _WIDE_CHARACTERS
