"""Dates, amounts and lists as they are said, for answers that are read aloud."""

from collections.abc import Sequence
from datetime import date

_ONES = "zero one two three four five six seven eight nine ten eleven twelve"
_ORDINALS = """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first
    twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth twenty-seventh
    twenty-eighth twenty-ninth thirtieth thirty-first
"""
ONES = _ONES.split()
ORDINALS = _ORDINALS.split()


def spoken_day(day: date, today: date) -> str:
    """``today``, ``tomorrow``, ``yesterday``, ``on Tuesday`` within the next days, or ``on
    Tuesday, the fifth of May``."""
    ahead = (day - today).days
    if ahead in (-1, 0, 1):
        return ("yesterday", "today", "tomorrow")[ahead + 1]
    if 1 < ahead < 7:
        return f"on {day:%A}"
    return f"on {day:%A}, the {ORDINALS[day.day - 1]} of {day:%B}"


def spoken_amount(cents: int) -> str:
    """``89 euros`` or ``89 euros and 50 cents``."""
    euros, rest = divmod(cents, 100)
    whole = f"{euros} euro{'' if euros == 1 else 's'}"
    return f"{whole} and {rest} cents" if rest else whole


def spoken_quantity(quantity: int, article: str) -> str:
    """``a Juniper desk lamp`` or ``two Fern shades``."""
    if quantity == 1:
        return f"{'an' if article[0] in 'AEIOU' else 'a'} {article}"
    number = ONES[quantity] if quantity < len(ONES) else str(quantity)
    return f"{number} {article}s"


def spoken_list(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
