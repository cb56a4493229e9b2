"""Reads counts, sums of money and numbered things ("room three oh five") as numbers."""

import operator
import re
from collections.abc import Callable
from datetime import date
from fractions import Fraction

from frontdesk.team.embedded.reading.codes import codes
from frontdesk.team.embedded.reading.dates import days
from frontdesk.team.embedded.reading.numbers import Amount, amounts
from frontdesk.team.embedded.reading.parameters import Parameter
from frontdesk.team.embedded.reading.times import times
from frontdesk.team.embedded.reading.tokens import Span, mask, split_name, stem, wordlist
from frontdesk.team.embedded.reading.words import STOP_WORDS

_GENERIC = frozenset(
    wordlist(
        "number count quantity amount total how many of the much num no size value sum price in a"
    )
)
_MONEY = re.compile(
    r"\b(?:amount|price|cost|sum|money|pounds?|dollars?|euros?|budget|payment|fee|balance|gbp|usd|eur)\b"
)
_CURRENCY_AFTER = re.compile(
    r"\s?(?:pounds?|dollars?|euros?|quid|bucks?|francs?|yen|won|gbp|usd|eur)(?![\w'’])|\s?[£$€]",
    re.IGNORECASE,
)
_BOUNDS: dict[str, Callable[[float, float], bool]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}
_NUMBERED = re.compile(r"\b(?:number|id|code)\b")


def read_number(
    parameter: Parameter, text: str, today: date, *, asked: bool
) -> tuple[int | float, Span] | None:
    """The number for ``parameter`` in ``text`` and its place.

    A number that something else counts ("two people", for nights) is taken only when the
    parameter was asked for.
    """
    hidden = [day.span for day in days(text, today)] + [clock.span for clock in times(text)]
    rest = mask(text, hidden)
    found = [(amount, _fitness(parameter, amount, rest)) for amount in _candidates(parameter, rest)]
    if asked and not found:
        found = [
            (amount, _fitness(parameter, amount, text)) for amount in _candidates(parameter, text)
        ]
    best = max(found, key=lambda pair: pair[1], default=None)
    if best is None or best[1] < (-1 if asked else 0):
        return None
    return best[0].number, best[0].span


def _candidates(parameter: Parameter, text: str) -> list[Amount]:
    found = [amount for amount in amounts(text) if _in_range(parameter, amount)]
    if _is_numbered(parameter):
        digits = codes(
            text, lambda joined: joined if joined.isdigit() and len(joined) < 10 else None
        )
        coded = [Amount(Fraction(code.text), code.span) for code in digits if code.cost == 0]
        longest = [amount for amount in coded if _in_range(parameter, amount)]
        found = longest or found
    return found


def _is_numbered(parameter: Parameter) -> bool:
    """Whether it is a number by name ("room number", at least 100) and not a count."""
    low = parameter.schema.get("minimum", 0)
    named = bool(
        _NUMBERED.search(" ".join(split_name(parameter.name)) + " " + parameter.description.lower())
    )
    return (
        named
        and "number of" not in parameter.description.lower()
        and not _is_money(parameter)
        and (parameter.schema.get("type") == "integer" and (low or 0) != 1)
    )


def _in_range(parameter: Parameter, amount: Amount) -> bool:
    schema, value = parameter.schema, amount.value
    if schema.get("type") == "integer" and value.denominator != 1:
        return False
    return all(
        holds(float(value), float(schema[name]))
        for name, holds in _BOUNDS.items()
        if isinstance(schema.get(name), int | float)
    )


def _is_money(parameter: Parameter) -> bool:
    return bool(_MONEY.search(" ".join(parameter.words)))


def _fitness(parameter: Parameter, amount: Amount, text: str) -> int:
    """2 or more: its own unit stands beside; 0: nothing speaks against; below: another's."""
    before, after = text[: amount.span.start], text[amount.span.end :]
    money = bool(re.search(r"[£$€]\s?$", before) or _CURRENCY_AFTER.match(after))
    if money or _is_money(parameter):
        return (3 if money else 0) if _is_money(parameter) else -2
    own = {stem(word) for word in split_name(parameter.name) if word not in _GENERIC}
    own |= {
        stem(word)
        for word in re.findall(r"[a-z]+", parameter.description.lower())
        if word not in _GENERIC and len(word) > 3
    }
    next_word = re.match(r"\s*([A-Za-z]+)", after)
    last_word = re.search(r"([A-Za-z]+)\W{0,3}$", before)
    if next_word and stem(next_word[1]) in own:
        return 3
    if last_word and stem(last_word[1]) in own:
        return 3
    core = {word for word in split_name(parameter.name) if word not in _GENERIC}
    if not core or _is_numbered(parameter):
        return 1
    counts = bool(next_word and next_word[1].lower() not in STOP_WORDS and amount.value > 1)
    return -1 if counts else 0
