"""Values in words fit for a voice: dates, money, codes, counts."""

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from frontdesk.team.embedded.reading.dates import MONTHS, ORDINALS
from frontdesk.team.embedded.reading.tokens import wordlist

_ORDINAL_WORDS = {value: word for word, value in ORDINALS.items()}
_DIGITS = wordlist("zero one two three four five six seven eight nine")
_CURRENCIES = {
    "USD": ("dollar", "cent"),
    "EUR": ("euro", "cent"),
    "GBP": ("pound", "penny"),
    "CHF": ("franc", "centime"),
    "CAD": ("Canadian dollar", "cent"),
    "AUD": ("Australian dollar", "cent"),
    "JPY": ("yen", ""),
    "KRW": ("won", ""),
}
_ISO = re.compile(
    r"^(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<time>\d{2}:\d{2})(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"
)


def spoken(value: Any) -> str:
    """A code digit by digit: 48271 is "four eight two seven one", AB12 "A B one two"."""
    characters = [c for c in str(value) if c.isalnum()]
    return " ".join(_DIGITS[int(c)] if c in "0123456789" else c.upper() for c in characters)


def ordinal(day: int) -> str:
    """ "fifth", "twenty-first"."""
    if day in _ORDINAL_WORDS:
        return _ORDINAL_WORDS[day]
    return f"{'twenty' if day < 30 else 'thirty'}-{_ORDINAL_WORDS[day % 10]}"


def spoken_date(value: Any) -> str:
    """2026-05-05 is "the fifth of May"; with a time, "the fifth of May at 10:30".

    Raises ValueError when it is no ISO 8601 date.
    """
    if isinstance(value, datetime):
        value = value.isoformat()
    match = _ISO.match(str(value))
    if not match:
        raise ValueError(f"not an ISO 8601 date: {value!r}")
    day = date.fromisoformat(match["day"])
    words = f"the {ordinal(day.day)} of {MONTHS[day.month - 1].capitalize()}"
    return f"{words} at {match['time']}" if match["time"] else words


def is_date(value: object) -> bool:
    """Whether ``value`` is text that `spoken_date` can say."""
    try:
        return isinstance(value, str) and bool(spoken_date(value))
    except ValueError:
        return False


def money(value: Any, currency: str = "") -> str:
    """19.5 in GBP is "19 pounds 50"; a currency not known is said by its code.

    Raises ValueError when ``value`` is no number.
    """
    try:
        amount = Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise ValueError(f"not a sum of money: {value!r}") from None
    code = currency.upper()
    sign, amount = ("minus ", -amount) if amount < 0 else ("", amount)
    whole, cents = int(amount), int(amount * 100) % 100
    unit, small = _CURRENCIES.get(code, (code, ""))
    if not unit:
        return f"{sign}{whole}.{cents:02}" if cents else f"{sign}{whole}"
    if not whole and cents and small:
        return f"{sign}{count(cents, small, 'pence' if small == 'penny' else None)}"
    plural = None if small and code in _CURRENCIES else unit
    said = f"{sign}{count(whole, unit, plural)}"
    return f"{said} {cents:02}" if cents else said


def count(value: Any, noun: str = "", plural: str | None = None) -> str:
    """ "1 lamp", "3 lamps", "no lamps"; of a list or text, its length."""
    number = len(cast(list[Any], value)) if isinstance(value, list | tuple | dict | str) else value
    if not noun:
        return str(number)
    many = plural or (f"{noun[:-1]}ies" if re.search(r"[^aeiou]y$", noun) else f"{noun}s")
    return f"{number if number else 'no'} {noun if number == 1 else many}"


def sentences(value: Any, most: int = 2) -> str:
    """The first ``most`` sentences of a text, without Markdown."""
    plain = plain_text(str(value))
    return " ".join(re.split(r"(?<=[.!?])\s+", plain)[:most])


def plain_text(text: str) -> str:
    """Text without the marks of Markdown, on one line."""
    text = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"^\s*(?:#{1,6} .*|[-*+]\s+|\d+\.\s+|>\s*)", "", text, flags=re.MULTILINE)
    text = re.sub(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}", "", text)
    return re.sub(r"\s+", " ", text).strip()
