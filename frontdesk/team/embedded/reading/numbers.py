"""Numbers in speech: amounts ("two hundred and fifty", "12.5k") as values with their places."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from frontdesk.team.embedded.reading.tokens import Span, Token, tokens, wordlist

UNITS = {
    word: value
    for value, word in enumerate(
        wordlist(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
            "fifteen sixteen seventeen eighteen nineteen"
        )
    )
}
TENS = {
    word: 10 * value
    for value, word in enumerate(
        wordlist("twenty thirty forty fifty sixty seventy eighty ninety"), start=2
    )
}
SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_GROUPS = {"dozen": 12, "couple": 2, "pair": 2}
_NUMERAL = re.compile(r"(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])|(?<![\w.])\d+(?:\.\d+)?")
_SUFFIX = re.compile(r"\s?(k|m)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number said, where it stands, and the word after it ("ten *years*")."""

    value: Fraction
    span: Span

    @property
    def number(self) -> int | float:
        return int(self.value) if self.value.denominator == 1 else float(self.value)


def cardinal(words: list[str]) -> tuple[int, int]:
    """Read a whole number from the start of ``words``.

    Returns (value, words used); (0, 0) when there is none. "two fifty" is read as 2: two
    numbers side by side are not one.
    """
    total = group = used = position = 0
    while position < len(words):
        word = words[position]
        if word == "and" and used and position + 1 < len(words) and group + total >= 100:
            following = words[position + 1]
            if following not in UNITS and following not in TENS:
                break
            position += 1
            continue
        if word in ("a", "an") and words[position + 1 : position + 2] and not used:
            if words[position + 1] not in SCALES:
                break
            group = 1
        elif word in UNITS and group % (100 if UNITS[word] >= 10 else 10) == 0 and _open(group):
            if used and group == 0 and total == 0:
                break
            group += UNITS[word]
        elif word in TENS and group % 100 == 0:
            group += TENS[word]
        elif word == "hundred" and 0 < group < 100:
            group *= 100
        elif word in SCALES and word != "hundred" and group:
            total, group = total + group * SCALES[word], 0
        else:
            break
        position += 1
        used = position
    return total + group, used


def _open(group: int) -> bool:
    """Whether a unit may still follow: after nothing, a round ten ("forty") or a hundred."""
    return group % 100 == 0 or group % 100 >= 20


def amounts(text: str) -> list[Amount]:
    """Every number said in ``text``, in order, numerals and words alike."""
    numerals = list(_numerals(text))
    taken = [amount.span for amount in numerals]
    found = numerals + [a for a in _worded(text) if not any(a.span.overlaps(t) for t in taken)]
    return sorted(found, key=lambda amount: amount.span.start)


def _numerals(text: str) -> Iterator[Amount]:
    for match in _NUMERAL.finditer(text):
        value, end = Fraction(match[0].replace(",", "")), match.end()
        if suffix := _SUFFIX.match(text, end):
            value *= 1_000 if suffix[1].lower() == "k" else 1_000_000
            end = suffix.end()
        elif scale := re.compile(r"\s(thousand|million|billion)\b").match(text, end):
            value *= SCALES[scale[1]]
            end = scale.end()
        elif text[match.start() : end].isdigit() and text[end : end + 1].isalpha():
            continue
        yield Amount(value, Span(match.start(), end))


def _worded(text: str) -> Iterator[Amount]:
    words = [token for token in tokens(text) if not token.text.isdigit()]
    position = 0
    while position < len(words):
        value, used = _one(words[position:])
        if used:
            first, last = words[position], words[position + used - 1]
            yield Amount(value, Span(first.span.start, last.span.end))
        position += used or 1


def _one(words: list[Token]) -> tuple[Fraction, int]:
    texts = [token.word for token in words[:16]]
    for index in range(1, len(texts)):
        if "|" in words[index].gap or re.search(r"[.;?!,]", words[index].gap):
            texts = texts[:index]
            break
    if texts[:2] == ["half", "a"] and len(texts) > 2 and texts[2] in SCALES:
        return Fraction(SCALES[texts[2]], 2), 3
    if texts[0] in ("a", "an") and len(texts) > 1 and texts[1] in _GROUPS:
        return Fraction(_GROUPS[texts[1]]), 2
    value, used = cardinal(texts)
    if not used:
        return Fraction(0), 0
    number, rest = Fraction(value), texts[used:]
    if rest[:1] == ["point"]:
        decimals = 0
        while used + 1 + decimals < len(texts) and UNITS.get(texts[used + 1 + decimals], 10) < 10:
            decimals += 1
            number += Fraction(UNITS[texts[used + decimals]], 10**decimals)
        used += 1 + decimals if decimals else 0
    elif rest[:3] == ["and", "a", "half"]:
        number, used = number + Fraction(1, 2), used + 3
    elif rest[:1] == ["dozen"]:
        number, used = number * 12, used + 1
    if texts[used : used + 1] and texts[used] in SCALES:
        number, used = number * SCALES[texts[used]], used + 1
    return number, used
