"""Finds personal data in what is said: cards, bank accounts, telephones, e-mail, national ids.

What is valid is decided by python-stdnum and phonenumbers; here is how it sounds.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import phonenumbers
from stdnum import iban, luhn

from frontdesk.team.embedded.reading.emails import find_email
from frontdesk.team.embedded.reading.tokens import Span, mask
from frontdesk.team.embedded.reading.words import STOP_WORDS
from frontdesk.team.guardrails.pii.ids import CUES, IdNumber, id_numbers
from frontdesk.team.guardrails.pii.runs import Run, open_from, runs

KINDS = {
    "card": "card number",
    "iban": "account number",
    "phone": "phone number",
    "email": "e-mail address",
    "national_id": "ID number",
}
"""Each kind, as one would call it."""

_ISSUER = re.compile(r"4|5[1-8]|2[2-7]|3[04-9]|6|9")
"""First figures of card numbers (ISO/IEC 7812; 9 is for national use, as in Korea)."""
_CARD_CUE = re.compile(r"\bcard\b|카드", re.I)
_PHONE_CUE = re.compile(
    r"\b(?:phone|call|tel|telephone|mobile|cell|ring|text|fax)\b|전화|휴대폰", re.I
)
_NOT_A_NAME = STOP_WORDS | frozenset({"visit", "shop", "online", "website", "site", "order"})
_COUNTING = "1234567891011121314151617181920"
_MAIL_CUE = re.compile(r"\be-?mail|\bmail\b|이메일|메일", re.I)
_HALF_AN_ADDRESS = re.compile(
    r"(?:[\w'+-]+[ ,.]+){0,8}?"
    r"(?:(?:dot|underscore|dash|hyphen|at)\b(?:[ ,.]+[\w-]+)?|\S*@\S*)[ ,.]*$",
    re.I,
)
"""The end of a text that breaks off in a spelled address: "anna dot", "anna dot berg at ex"."""
_REACH = 120
"""Characters that a spelled address takes."""


@dataclass(frozen=True, slots=True)
class Found:
    """Personal data of a kind, where it stands, and its last figures or letters."""

    kind: str
    span: Span
    last: str = ""


Search = Callable[[str], Iterator[Found]]
Fits = Callable[[str, int], bool]
"""Whether characters of a run are it, and at which of them they begin."""


class PiiFinder:
    """Looks for ``kinds``; national ids and local phone numbers are those of ``countries``."""

    def __init__(self, kinds: tuple[str, ...], countries: tuple[str, ...]) -> None:
        self._countries = countries
        self._ids = id_numbers(countries) if "national_id" in kinds else ()
        searches: dict[str, Search] = {
            "iban": self._ibans,
            "card": self._cards,
            "national_id": self._national_ids,
            "email": _emails,
            "phone": self._phones,
        }
        self._searches = [search for kind, search in searches.items() if kind in kinds]
        self._spells_addresses = "email" in kinds
        self._has_numbers = any(kind != "email" for kind in kinds)

    def find(self, text: str) -> list[Found]:
        """All that there is in ``text``, in order; nothing is found twice."""
        found: list[Found] = []
        for search in self._searches:
            found += search(mask(text, [one.span for one in found]))
        return sorted(found, key=lambda one: one.span.start)

    def open_from(self, text: str) -> int:
        """From where the end of ``text`` may be the first half of something."""
        at = open_from(text) if self._has_numbers else len(text)
        if self._spells_addresses:
            begin = max(0, len(text) - _REACH)
            if half := _HALF_AN_ADDRESS.search(text, begin):
                at = min(at, half.start())
        return at

    def _cards(self, text: str) -> Iterator[Found]:
        for run in runs(text):
            found = [*_in_run(run, "card", 13, 19, lambda piece, _: _is_card(piece))]
            yield from found or _misheard_card(text, run)

    def _ibans(self, text: str) -> Iterator[Found]:
        for run in runs(text, letters=True):
            yield from _in_run(run, "iban", 15, 34, lambda piece, _: _is_iban(piece))

    def _national_ids(self, text: str) -> Iterator[Found]:
        for run in runs(text, letters=True) if self._ids else ():
            for number in self._ids:
                fits = _id_in(text, run, number)
                yield from _in_run(run, "national_id", number.shortest, number.longest, fits)

    def _phones(self, text: str) -> Iterator[Found]:
        for run in runs(text):
            if found := self._phone(text, run):
                yield found

    def _phone(self, text: str, run: Run) -> Found | None:
        if not 7 <= len(run.text) <= 15 or run.text in _COUNTING:
            return None
        start = run.spans[0].start
        before = text[max(0, start - 30) : start]
        if re.search(r"(?:\+|\bplus|\(\+)\W*$", before, re.I):
            valid = _is_phone(f"+{run.text}", None)
        elif len(run.groups) > 1 or _PHONE_CUE.search(before):
            valid = any(
                _is_phone(run.text, country.upper())
                for country in self._countries
                if run.text.startswith("0") or country == "us"
            )
        else:
            valid = False
        if not valid:
            return None
        opened = re.search(r"[+(]*$", before)  # of "+49" and "(212)"
        first = start - len(opened[0]) if opened else start
        return Found("phone", Span(first, run.spans[-1].end), run.text[-4:])


def _in_run(run: Run, kind: str, shortest: int, longest: int, fits: Fits) -> Iterator[Found]:
    """Pieces of a run that fit, none over another."""
    if len(run.text) < shortest:
        return
    taken: list[Span] = []
    for start, end in run.pieces(shortest, longest):
        span = run.span(start, end)
        piece = run.text[start:end]
        if not any(span.overlaps(other) for other in taken) and fits(piece, start):
            taken.append(span)
            yield Found(kind, span, piece[-4:])


def _id_in(text: str, run: Run, number: IdNumber) -> Fits:
    """Whether a piece of ``run`` is a national id of this sort."""

    def fits(piece: str, start: int) -> bool:
        if not number.is_valid(piece):
            return False
        at = run.spans[start].start
        named = CUES.search(text[max(0, at - 60) : at])
        return not number.doubtful or bool(named) or run.grouped(start, number.groups)

    return fits


def _is_card(number: str) -> bool:
    return bool(_ISSUER.match(number)) and len(set(number)) > 1 and luhn.is_valid(number)


def _misheard_card(text: str, run: Run) -> Iterator[Found]:
    """A number that is said to be a card's and looks like one, but for its check digit: speech
    recognition drops and doubles figures."""
    start = run.spans[0].start
    named = _CARD_CUE.search(text[max(0, start - 40) : start])
    if named and 13 <= len(run.text) <= 19 and _ISSUER.match(run.text):
        yield Found("card", run.span(0, len(run.text)), run.text[-4:])


def _is_iban(number: str) -> bool:
    return number[:2].isalpha() and number[2:4].isdigit() and iban.is_valid(number)


def _is_phone(number: str, country: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, country))
    except phonenumbers.NumberParseException:
        return False


def _emails(text: str) -> Iterator[Found]:
    while found := find_email(text):
        address, span = found
        span = Span(span.start, span.start + len(text[span.start : span.end].rstrip(".,")))
        if _is_address(text, span):
            yield Found("email", span, address.rpartition("@")[2])
        text = mask(text, [span])


def _is_address(text: str, span: Span) -> bool:
    """Not "visit us at example dot com"."""
    said = text[span.start : span.end]
    if "@" in said or _MAIL_CUE.search(text[max(0, span.start - 60) : span.start]):
        return True
    name = re.split(r"\bat\b", said.lower(), maxsplit=1)[0]
    return not all(word in _NOT_A_NAME for word in name.split())
