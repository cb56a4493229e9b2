"""Personal data, as it is written, and as it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from frontdesk.team.guardrails.pii import KINDS, PiiFinder

FINDER = PiiFinder(tuple(KINDS), ("us", "gb", "de", "fr", "kr"))
DIGITS = "zero one two three four five six seven eight nine".split()


def found(text, finder=FINDER):
    return [(one.kind, text[one.span.start : one.span.end]) for one in finder.find(text)]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("card", "4111 1111 1111 1111"),
        ("card", "4111-1111-1111-1111"),
        ("card", "4111111111111111"),
        ("card", "3782 822463 10005"),
        ("card", "４１１１ １１１１ １１１１ １１１１"),
        ("card", "four one one one, one one one one. One one one one one one one one"),
        ("card", "forty-one eleven, eleven eleven, eleven eleven, eleven eleven"),
        ("card", "four triple one, one one one one, one one one one, double one double one"),
        ("card", "5555 5555 five five five five 4444"),
        ("card", "four one, um, one one and then one one one one one one one one one one one one"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("iban", "GB33BUKB20201555555555"),
        (
            "iban",
            "D E eight nine, three seven zero four, zero zero four four, zero five three two, "
            "zero one three zero, zero zero",
        ),
        ("iban", "delta echo 89 3704 0044 0532 0130 00"),
        ("phone", "030 1234567"),
        ("phone", "(212) 555-2368"),
        ("phone", "010-2345-6789"),
        ("email", "anna.berg@example.com"),
        ("email", "anna dot berg at example dot com"),
        ("national_id", "900101-1234568"),
        ("national_id", "구공공일공일 일이삼사오육팔"),
        ("national_id", "nine zero zero one zero one, one two three four five six eight"),
        ("national_id", "536-90-4399"),
        ("national_id", "AB 12 34 56 C"),
        ("national_id", "36 574 261 809"),
        ("national_id", "2 95 10 99 126 111 93"),
    ],
)
def test_it_is_found_however_it_is_put(kind, said):
    for text in (said, f"It is {said}.", f"Well, {said}, is that right?"):
        assert found(text) == [(kind, said)], text


@pytest.mark.parametrize(
    "text",
    [
        "Your order 4 8 2 7 1 arrives on Sunday, the 22nd of November 2026.",
        "It costs 1,249 euros and 50 cents, or three payments of 416 euros.",
        "A room of 20 square metres needs about 3600 lumens, 4 bulbs of 900.",
        "The tracking number is 4111 1111 1111 1112.",
        "We are open from ten to seven, and on Sundays from twelve to five.",
        "Visit us at marigold dot com, or look at our shop online.",
        "Meet me at one. I said one, two, three, four, five, six, seven, eight, nine, ten.",
        "The order 536904399 is on its way.",
        "I am at home. Dot is my name.",
        "That is a good idea, oh, one more thing.",
    ],
)
def test_other_numbers_and_words_are_left_alone(text):
    assert found(text) == []


def test_a_number_whose_check_says_little_has_to_be_named():
    assert found("My social security number is 536904399")[0][0] == "national_id"
    assert found("Call me on 2125552368")[0][0] == "phone"
    assert found("2125552368 lamps") == []


def test_a_misheard_number_is_a_card_when_it_is_called_one():
    assert found("my card number is 4111 1111 1111 11 1")[0][0] == "card"
    assert found("my parcel number is 4111 1111 1111 11 1") == []


def test_only_the_kinds_that_are_asked_for_are_found():
    text = "4111 1111 1111 1111 or anna@example.com"
    assert found(text, PiiFinder(("email",), ())) == [("email", "anna@example.com")]


def test_several_in_a_row_are_all_found():
    text = "Visa 4111 1111 1111 1111, Master 5555 5555 5555 4444, a@b.de and c@d.fr"
    assert [kind for kind, _ in found(text)] == ["card", "card", "email", "email"]


cards = st.integers(0, 10**14 - 1).map(lambda number: f"4{number:014d}").map(
    lambda body: body + luhn.calc_check_digit(body)
).filter(lambda number: len(set(number)) > 1)  # fmt: skip


@given(cards, st.integers(0, 2**15), st.sampled_from([" ", "-", ", ", ". ", " and ", "", " - "]))
def test_every_card_is_found_in_any_mix_of_words_and_figures(card, spelled, gap):
    pieces = [
        DIGITS[int(figure)] if spelled >> index & 1 else figure for index, figure in enumerate(card)
    ]
    said = pieces[0]
    for index, piece in enumerate(pieces[1:], 1):
        both_figures = not (spelled >> index & 1 or spelled >> index - 1 & 1)
        said += (gap if not index % 4 else "" if both_figures else " ") or (
            "" if both_figures else " "
        )
        said += piece
    assert [kind for kind, _ in found(f"So {said} it is.")] == ["card"], said


@given(st.text(max_size=80))
def test_any_text_can_be_searched(text):
    for one in FINDER.find(text):
        assert 0 <= one.span.start < one.span.end <= len(text)
    assert 0 <= FINDER.open_from(text) <= len(text)
