"""Amounts of money for people."""

from decimal import Decimal

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "KRW": "₩"}


def format_money(amount: float | None, currency: str | None) -> str:
    """``$1.25``, ``$0.0012``, ``CHF 3.00``: two digits that say something, and two places at
    least; nothing known is a dash."""
    if amount is None:
        return "–"
    sign = SIGNS.get(currency or "", f"{currency} " if currency else "")
    if amount == 0:
        return f"{sign}0"
    exact = Decimal(repr(amount))
    places = max(2, 1 - exact.adjusted())
    if places > 9:
        return f"< {sign}0.000000001"
    return f"{sign}{exact:,.{places}f}"
