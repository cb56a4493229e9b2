"""Days in speech: "the fifth of May", "next Tuesday", "tomorrow", "in two weeks", "2026-05-05"."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from frontdesk.team.embedded.reading.numbers import TENS, UNITS, cardinal
from frontdesk.team.embedded.reading.tokens import Span, wordlist

MONTHS = wordlist(
    "january february march april may june july august september october november december"
)
WEEKDAYS = wordlist("monday tuesday wednesday thursday friday saturday sunday")
_IRREGULAR = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fifth": 5,
    "eighth": 8,
    "ninth": 9,
    "twelfth": 12,
    "twentieth": 20,
    "thirtieth": 30,
}
ORDINALS = {
    **{f"{word}th": value for word, value in UNITS.items() if value > 3},
    **_IRREGULAR,
}
_DAY_WORDS = {
    **ORDINALS,
    **{f"twenty-{word}": 20 + value for word, value in ORDINALS.items() if value < 10},
    "thirty-first": 31,
    **{word: value for word, value in UNITS.items() if value > 0},
    **{f"twenty-{word}": 20 + value for word, value in UNITS.items() if 0 < value < 10},
    "twenty": 20,
    "thirty": 30,
    "thirty-one": 31,
}


def _either(words: Iterator[str] | list[str]) -> str:
    return "|".join(sorted((word.replace("-", "[- ]") for word in words), key=len, reverse=True))


_DAY = rf"(?P<day>\d{{1,2}}(?:st|nd|rd|th)?|{_either(list(_DAY_WORDS))})"
_ORDINAL_DAY = (
    r"(?P<day>\d{1,2}(?:st|nd|rd|th)|"
    + _either([word for word in _DAY_WORDS if word.endswith(("st", "nd", "rd", "th"))])
    + ")"
)
_MONTH = rf"(?P<month>{_either(MONTHS)}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
_SMALL = _either([*UNITS, *TENS])
_YEAR = (
    rf"(?:,? (?:of |in )?(?P<year>\d{{4}}|two thousand(?: and)?(?: (?:{_SMALL}))*"
    rf"|(?:nineteen|twenty)(?: oh)?[ -](?:{_SMALL})(?:[ -](?:{_SMALL}))?))?"
)
_COUNT = rf"(?P<count>\d+|an?|{_SMALL})"
_WEEKDAY = rf"(?P<weekday>{_either(WEEKDAYS)})"


@dataclass(frozen=True, slots=True)
class Day:
    """A day said, and where."""

    value: date
    span: Span


def days(text: str, today: date, *, past: bool = False, bare: bool = False) -> list[Day]:
    """Every day said in ``text``, in order of place.

    A day without a year is the nearest one from ``today`` on, or back when ``past``. ``bare``
    also takes a lone ordinal ("the third"), which is safe only when a day was asked for.
    """
    found: list[Day] = []
    rules = [*_RULES, _BARE] if bare else _RULES
    for pattern, read in rules:
        for match in pattern.finditer(text):
            span = Span(*match.span())
            if any(span.overlaps(day.span) for day in found):
                continue
            value = read(match, today, past)
            if value is not None:
                found.append(Day(value, span))
    return sorted(found, key=lambda day: day.span.start)


def _number(word: str) -> int:
    word = word.lower()
    if word in ("a", "an"):
        return 1
    if digits := re.match(r"\d+", word):
        return int(digits[0])
    return _DAY_WORDS.get(word.replace(" ", "-")) or TENS.get(word) or UNITS.get(word) or 0


def year_said(text: str) -> int | None:
    """ "1980", "nineteen ninety-one", "two thousand and five", "twenty twenty-six"."""
    words = re.split(r"[\s-]+", text.lower())
    if words[0].isdigit():
        return int(words[0])
    if words[0] == "two":
        value, used = cardinal(words)
        return value if used else None
    century = UNITS.get(words[0]) or TENS.get(words[0])
    rest, used = cardinal([word for word in words[1:] if word != "oh"])
    return century * 100 + rest if century and used else None


def _calendar(match: re.Match[str], today: date, past: bool) -> date | None:
    month = next(
        i for i, name in enumerate(MONTHS, 1) if name.startswith(match["month"].lower()[:3])
    )
    year = year_said(match["year"]) if match["year"] else None
    return _nearest(_number(match["day"]), month, year, today, past)


def _nearest(day: int, month: int, year: int | None, today: date, past: bool) -> date | None:
    step = -1 if past else 1
    years = [year] if year else [today.year + step * offset for offset in range(5)]
    for candidate in years:
        try:
            value = date(candidate, month, day)
        except ValueError:
            continue
        if year or (value <= today if past else value >= today):
            return value
    return None


def _iso(match: re.Match[str], today: date, past: bool) -> date | None:
    return _nearest(int(match[3]), int(match[2]), int(match[1]), today, past)


def _slashed(match: re.Match[str], today: date, past: bool) -> date | None:
    """Day first, unless that cannot be: 03/04 is the third of April, 04/23 the 23rd of April."""
    day, month = int(match[1]), int(match[2])
    if month > 12:
        day, month = month, day
    year = int(match[3]) if match[3] else None
    if year is not None and year < 100:
        year += 2000 if year <= (today.year + 10) % 100 else 1900
    return _nearest(day, month, year, today, past) if 1 <= month <= 12 else None


def _counted(match: re.Match[str], today: date, past: bool) -> date:
    size = {"day": 1, "week": 7, "month": 30}[match["unit"].lower()]
    back = match["way"] and match["way"].lower() in ("ago", "before")
    return today + timedelta(days=size * _number(match["count"])) * (-1 if back else 1)


def _weekday(match: re.Match[str], today: date, past: bool) -> date:
    """ "next" is in the following week (Monday to Sunday); bare is the nearest, but not today."""
    which, wanted = (match["which"] or "").lower(), WEEKDAYS.index(match["weekday"].lower())
    if which == "next":
        return today + timedelta(days=7 - today.weekday() + wanted)
    ahead = (wanted - today.weekday()) % 7
    if which == "last" or (past and which != "this"):
        return today - timedelta(days=(7 - ahead) % 7 or 7)
    return today + timedelta(days=ahead or (0 if which == "this" else 7))


def _bare_day(match: re.Match[str], today: date, past: bool) -> date | None:
    day, value = _number(match["day"]), today
    for _ in range(62):
        if value.day == day:
            return value
        value += timedelta(days=-1 if past else 1)
    return None


def _offset(days: int) -> Callable[[re.Match[str], date, bool], date]:
    return lambda _match, today, _past: today + timedelta(days=days)


_Rule = tuple[re.Pattern[str], Callable[[re.Match[str], date, bool], date | None]]


def _rule(pattern: str, read: Callable[[re.Match[str], date, bool], date | None]) -> _Rule:
    return re.compile(rf"(?<!\w){pattern}(?!\w)", re.IGNORECASE), read


_RULES: list[_Rule] = [
    _rule(r"(\d{4})-(\d{2})-(\d{2})", _iso),
    _rule(r"(\d{1,2})[/.](\d{1,2})(?:[/.](\d{4}|\d{2}))", _slashed),
    _rule(r"(\d{1,2})/(\d{1,2})(/\d+)?", _slashed),
    _rule(rf"(?:the )?{_DAY}(?: day)?(?: of)? {_MONTH}{_YEAR}", _calendar),
    _rule(rf"{_MONTH} (?:the )?{_DAY}{_YEAR}", _calendar),
    _rule(r"(?:the )?day after tomorrow", _offset(2)),
    _rule(r"(?:the )?day before yesterday", _offset(-2)),
    _rule(rf"in {_COUNT} (?P<unit>day|week|month)s?(?P<way>)(?:'? time)?", _counted),
    _rule(rf"{_COUNT} (?P<unit>day|week|month)s? (?P<way>ago|from (?:now|today))", _counted),
    _rule(rf"(?:(?P<which>next|this|last|coming) )?{_WEEKDAY}", _weekday),
    _rule(r"tomorrow", _offset(1)),
    _rule(r"yesterday", _offset(-1)),
    _rule(r"today|tonight", _offset(0)),
]
_BARE = _rule(rf"(?:the )?{_ORDINAL_DAY}", _bare_day)
