import pytest

from frontdesk.tracing.money import format_money


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (None, "USD", "–"),
        (0.0, "USD", "$0"),
        (1234.5, "USD", "$1,234.50"),
        (0.25, "EUR", "€0.25"),
        (0.0012345, "USD", "$0.0012"),
        (0.0000004, "CHF", "CHF 0.00000040"),
        (1e-9, "USD", "< $0.000000001"),
        (2.0, None, "2.00"),
    ],
)
def test_an_amount_has_digits_that_say_something(
    amount: float | None, currency: str | None, shown: str
) -> None:
    assert format_money(amount, currency) == shown
