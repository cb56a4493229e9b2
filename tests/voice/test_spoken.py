from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.spoken import digits, has_words, ordinal, spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Hello**, _dear_ caller", "Hello, dear caller"),
        ("## Your order\n- one\n* two\n1. three", "Your order one two 1. three"),
        ("See [our page](https://x.io/a) or ![a cat](c.png)", "See our page or a cat"),
        ("Use `reset` now:\n```bash\nreset\n```", "Use reset now: reset"),
        ("| Item | Price |\n|---|---|\n| Tea | 2 |", "Item, Price Tea, 2"),
        ("> quoted\n---\nend", "quoted end"),
        ("2 * 3 is 6 and snake_case stays", "2 * 3 is 6 and snake_case stays"),
        ("Done 👍 ✅!", "Done !"),
    ],
)
def test_markdown_and_emoji_are_not_read_out(written: str, said: str) -> None:
    assert spoken(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It is €49.90.", "It is 49 euros and 90 cents."),
        ("$1", "1 dollar"),
        ("$1,250.00 in all", "1,250 dollars in all"),
        ("£0.01", "1 penny"),
        ("£3.5", "3 pounds and 50 pence"),
        ("$0.99", "99 cents"),
        ("$1.5 million", "1.5 million dollars"),
        ("¥500", "500 yen"),
        ("49.90 EUR", "49 euros and 90 cents"),
        ("12 €", "12 euros"),
        ("$48271", "48,271 dollars"),
    ],
)
def test_money_is_said_in_words(written: str, said: str) -> None:
    assert spoken(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Order 48271 is here.", "Order four eight two seven one is here."),
        ("Your order number is 482.", "Your order number is four eight two."),
        ("order #4827", "order four eight two seven"),
        ("Ticket #12", "Ticket number 12"),
        ("It is 0048271", "It is zero zero four eight two seven one"),
        ("ORD-4827", "O R D four eight two seven"),
        (
            "Call +44 20 7946 0958.",
            "Call plus four four, two zero, seven nine four six, zero nine five eight.",
        ),
        (
            "In 2026 we had 250000 calls and 1,250,000 words",
            "In 2026 we had 250000 calls and 1,250,000 words",
        ),
        ("3.14159 and 12.50", "3.14159 and 12.50"),
    ],
)
def test_identifiers_are_read_figure_by_figure_and_amounts_are_not(written: str, said: str) -> None:
    assert spoken(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Write to jane.doe@example.com.", "Write to jane dot doe at example dot com."),
        ("See https://www.example.com/help/?a=1.", "See example dot com slash help."),
        ("2026-05-05", "the fifth of May"),
        ("2027-05-21", "the twenty-first of May 2027"),
        ("2026-01-30T14:05:00Z", "the thirtieth of January at 14:05"),
        ("5% & more", "5 percent and more"),
        ("id 2026-13-40", "id 2026-13-40"),
    ],
)
def test_addresses_and_dates_are_said_as_people_say_them(written: str, said: str) -> None:
    assert spoken(written, today=date(2026, 1, 1)) == said


def test_other_languages_keep_their_figures_but_lose_their_markdown() -> None:
    assert spoken("**주문** 48271") == "주문 48271"
    assert spoken("Das kostet **€5**", language="de") == "Das kostet €5"


def test_ordinals_are_right_for_every_day_of_a_month() -> None:
    said = [ordinal(day) for day in range(1, 32)]
    assert said[19:31:5] == ["twentieth", "twenty-fifth", "thirtieth"]
    assert said[20] == "twenty-first"
    assert said[30] == "thirty-first"
    assert len(set(said)) == 31


@given(st.text())
def test_any_text_is_taken_and_comes_out_on_one_line(text: str) -> None:
    out = spoken(text)
    assert out == " ".join(out.split())


@given(st.integers(10_000, 10**15).filter(lambda n: n % 1000))
def test_a_long_identifier_keeps_every_figure(number: int) -> None:
    assert spoken(f"It is {number} now.") == f"It is {digits(str(number))} now."


def test_marks_alone_have_no_words() -> None:
    assert not has_words("… --- !")
    assert has_words("예")
