"""Arguments are read from speech by the schema alone."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.team.embedded.reading.arguments import Told, read_arguments
from frontdesk.team.embedded.reading.parameters import parameters

TODAY = date(2026, 11, 22)
DIGITS = "zero one two three four five six seven eight nine".split()
ABSENT = "<absent>"


def read(schema: dict[str, Any], text: str, asked: bool = False, context: str = "") -> Any:
    """The value of the one parameter ``x``, or ABSENT."""
    name = schema.get("name", "x")
    wanted = parameters({"properties": {name: schema}, "required": [name]})
    told = Told(text, TODAY, lambda _t, o: [0.0 for _ in o], name if asked else None, context)
    return read_arguments(wanted, told).get(name, ABSENT)


FIVE = {"type": "string", "pattern": "^[0-9]{5}$", "description": "The five-digit number"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("four eight two seven one", "48271"),
        ("Where is order four eight two seven one?", "48271"),
        ("It's 48271.", "48271"),
        ("4-8-2-7-1", "48271"),
        ("4 8 2 7 1", "48271"),
        ("48,271", "48271"),
        ("order double four, one oh six", "44106"),
        ("triple seven one two", "77712"),
        ("forty-eight two seventy-one", "48271"),
        ("forty eight thousand two hundred and seventy one", "48271"),
        ("uh five five one two oh I think", "55120"),
        ("five five, um, one two zero", "55120"),
        ("order for 8271", "48271"),
        ("for eight to seven one", "48271"),
        ("I want to return two of 48271", "48271"),
        ("one two three four five six", ABSENT),
        ("four eight two seven", ABSENT),
        ("I don't have it", ABSENT),
        ("", ABSENT),
        ("주문 번호는 48271 입니다", "48271"),
    ],
)
def test_a_code_is_read_as_people_say_it(text: str, value: str) -> None:
    assert read(FIVE, text) == value


@given(st.text("0123456789", min_size=1, max_size=12))
def test_any_digits_spoken_one_by_one_are_read_back(digits: str) -> None:
    schema = {"type": "string", "pattern": f"^[0-9]{{{len(digits)}}}$"}
    spoken = " ".join(DIGITS[int(digit)] for digit in digits)
    assert read(schema, f"My number is {spoken}, thanks.") == digits


@given(st.text("0123456789", min_size=2, max_size=12), st.data())
def test_doubles_and_ohs_read_like_the_digits_they_stand_for(
    digits: str, data: st.DataObject
) -> None:
    words: list[str] = []
    index = 0
    while index < len(digits):
        zero = data.draw(st.sampled_from(["zero", "oh", "nought"]))
        word = zero if digits[index] == "0" else DIGITS[int(digits[index])]
        if digits[index : index + 2] == digits[index] * 2 and data.draw(st.booleans()):
            words.append(f"double {word}")
            index += 2
        else:
            words.append(word)
            index += 1
    schema = {"type": "string", "pattern": f"^[0-9]{{{len(digits)}}}$"}
    assert read(schema, " ".join(words)) == digits


@given(st.integers(min_value=0, max_value=999_999))
def test_any_written_whole_number_is_read_back(number: int) -> None:
    assert read({"type": "integer"}, f"{number:,}", asked=True) == number
    assert read({"type": "integer"}, f"{number}", asked=True) == number


@given(st.text(max_size=80))
def test_no_text_breaks_a_reading(text: str) -> None:
    wanted = parameters(
        {
            "properties": {
                "code": FIVE,
                "plate": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}$"},
                "email": {"type": "string", "format": "email"},
                "day": {"type": "string", "format": "date"},
                "at": {"type": "string", "format": "date-time"},
                "count": {"type": "integer"},
                "kind": {"type": "string", "enum": ["small", "large"]},
                "sure": {"type": "boolean"},
                "name": {"type": "string"},
                "query": {"type": "string"},
            }
        }
    )
    for asked in (None, *(parameter.name for parameter in wanted)):
        read_arguments(wanted, Told(text, TODAY, lambda _t, o: [0.0 for _ in o], asked))


@pytest.mark.parametrize(
    ("pattern", "text", "value"),
    [
        ("^[A-Z]{2}[0-9]{6}$", "A B one two three four five six", "AB123456"),
        ("^[A-Z]{2}[0-9]{6}$", "number KL 90 21 77.", "KL902177"),
        ("^[A-Z]{2}[0-9]{6}$", "alpha bravo 123456", "AB123456"),
        ("^[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}$", "I live in SW1A 1AA", "SW1A1AA"),
        ("^[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}$", "M one, one A E", "M11AE"),
        ("^ORD-[0-9]{4}$", "it's four four one two", "ORD-4412"),
        ("^ORD-[0-9]{4}$", "O R D dash four four one two", "ORD-4412"),
        ("^inv[0-9]{3}$", "INV 123", "inv123"),
        ("([a-z]+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1", ABSENT),
        ("[", "12", "12"),
    ],
)
def test_a_pattern_decides_what_a_code_looks_like(pattern: str, text: str, value: str) -> None:
    assert read({"type": "string", "pattern": pattern}, text) == value


def test_without_a_pattern_the_examples_and_the_words_give_the_length() -> None:
    assert read({"type": "string", "examples": ["AB12"]}, "it is c d three four") == "CD34"
    described = {"type": "string", "name": "ticket_number", "description": "The six-digit number"}
    assert read(described, "two four six eight one oh") == "246810"
    assert read(described, "two four six") == ABSENT


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("jane dot doe at example dot com", "jane.doe@example.com"),
        ("Send it to jane dot doe at example dot com.", "jane.doe@example.com"),
        ("My email is Jane.dow at example.com.", "jane.dow@example.com"),
        ("p smith 22 at mail dot example dot org", "psmith22@mail.example.org"),
        ("jane underscore doe seven at g mail dot com thanks", "jane_doe7@gmail.com"),
        ("it's bob@big.co.uk", "bob@big.co.uk"),
        ("bob at big dot co dot uk please", "bob@big.co.uk"),
        ("j a n e at example dot com", "jane@example.com"),
        ("jane dash doe plus news at example dot com", "jane-doe+news@example.com"),
        ("I'm at home", ABSENT),
        ("look at me", ABSENT),
    ],
)
def test_an_address_is_read_as_spoken_or_written(text: str, value: str) -> None:
    assert read({"type": "string", "format": "email"}, text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("the fifth of May", "2027-05-05"),
        ("May 5th", "2027-05-05"),
        ("on 5 December 2028", "2028-12-05"),
        ("December the third", "2026-12-03"),
        ("the twenty-third of January", "2027-01-23"),
        ("the thirty first of december", "2026-12-31"),
        ("2026-12-24", "2026-12-24"),
        ("24/12/2026", "2026-12-24"),
        ("12/24/2026", "2026-12-24"),
        ("today", "2026-11-22"),
        ("tomorrow please", "2026-11-23"),
        ("the day after tomorrow", "2026-11-24"),
        ("next Tuesday", "2026-11-24"),
        ("Friday", "2026-11-27"),
        ("on Sunday", "2026-11-29"),
        ("in two weeks", "2026-12-06"),
        ("three days ago", "2026-11-19"),
        ("the fourth of July nineteen eighty", "1980-07-04"),
        ("May I come?", ABSENT),
        ("the thirty-first of February", ABSENT),
        ("whenever", ABSENT),
    ],
)
def test_a_day_is_read_from_today_on(text: str, value: str) -> None:
    assert read({"type": "string", "format": "date"}, text) == value


def test_a_lone_day_of_the_month_counts_only_when_a_day_was_asked_for() -> None:
    assert read({"type": "string", "format": "date"}, "the third", asked=True) == "2026-12-03"
    assert read({"type": "string", "format": "date"}, "the third") == ABSENT


def test_a_day_in_the_past_is_read_backwards() -> None:
    born = {"type": "string", "format": "date", "description": "Date of birth"}
    bought = {"type": "string", "format": "date", "description": "When it was bought"}
    assert read(born, "twelfth of February nineteen ninety-one") == "1991-02-12"
    assert read(bought, "on Friday") == "2026-11-20"
    assert read(bought, "the fifth of May") == "2026-05-05"


@given(st.dates(date(2000, 1, 1), date(2039, 12, 31)))
def test_any_day_said_in_full_is_read_back(day: date) -> None:
    said = f"on {day.day} {day:%B} {day.year}"
    assert read({"type": "string", "format": "date"}, said) == day.isoformat()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("half past ten", "10:30"),
        ("a quarter to seven", "06:45"),
        ("at 7 p.m.", "19:00"),
        ("at five thirty in the morning", "05:30"),
        ("wake me at 5:45", "05:45"),
        ("at three", "15:00"),
        ("noon", "12:00"),
        ("twenty to nine in the evening", "20:40"),
        ("for two nights", ABSENT),
        ("£19.99", ABSENT),
    ],
)
def test_a_time_of_day_is_read(text: str, value: str) -> None:
    assert read({"type": "string", "format": "time"}, text) == value


def test_a_moment_is_a_day_and_a_time() -> None:
    moment = {"type": "string", "format": "date-time"}
    assert read(moment, "tomorrow at half past nine") == "2026-11-23T09:30:00"
    assert read(moment, "tomorrow") == ABSENT


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"name": "amount", "type": "number"}, "two hundred and fifty pounds", 250),
        ({"name": "amount", "type": "number"}, "£19.99 please", 19.99),
        ({"name": "amount", "type": "number"}, "twelve and a half thousand", 12500),
        ({"name": "amount", "type": "number"}, "half a million dollars", 500_000),
        ({"name": "amount", "type": "number"}, "8k", 8000),
        ({"name": "nights", "type": "integer"}, "a room for two people for three nights", 3),
        ({"name": "nights", "type": "integer"}, "a room for two people", ABSENT),
        ({"name": "quantity", "type": "integer"}, "six of those", 6),
        ({"name": "quantity", "type": "integer"}, "a dozen eggs", 12),
        ({"name": "years", "type": "integer", "maximum": 30}, "over ninety years", ABSENT),
        (
            {"name": "room", "type": "integer", "minimum": 100, "description": "Room number"},
            "room three oh five",
            305,
        ),
        ({"name": "level", "type": "integer"}, "one point five", ABSENT),
    ],
)
def test_a_number_goes_to_what_it_counts(schema: dict[str, Any], text: str, value: Any) -> None:
    assert read(schema, text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("the wrong item came", "wrong_item"),
        ("It was broken.", "broken"),
        ("brokken", "broken"),
        ("something else", ABSENT),
    ],
)
def test_a_choice_is_read_by_its_words_or_nearly(text: str, value: str) -> None:
    assert read({"type": "string", "enum": ["broken", "wrong_item"]}, text) == value


def test_a_choice_may_carry_its_words_as_a_title() -> None:
    options = [{"const": "EUR", "title": "euro"}, {"const": "JPY", "title": "yen"}]
    assert read({"oneOf": options}, "how many euros is that") == "EUR"
    assert read({"oneOf": options}, "and the yen?") == "JPY"


@pytest.mark.parametrize(
    ("text", "value"),
    [("Yes please.", True), ("no, I'll pick it up", False), ("Nope", False), ("blue", ABSENT)],
)
def test_yes_and_no_answer_a_question(text: str, value: Any) -> None:
    assert read({"type": "boolean", "name": "gift"}, text, asked=True) == value


def test_a_yes_is_nothing_when_nothing_was_asked_but_its_own_word_is() -> None:
    delivery = {"type": "boolean", "name": "delivery"}
    assert read(delivery, "Yes, hello") == ABSENT
    assert read(delivery, "and deliver it") is True
    assert read(delivery, "don't deliver it") is False


@pytest.mark.parametrize(
    ("schema", "text", "context", "value"),
    [
        (
            {"name": "destination"},
            "a taxi to Gatwick airport at five thirty",
            "taxi",
            "Gatwick airport",
        ),
        ({"name": "destination"}, "How long would express to Berlin take?", "express", "Berlin"),
        ({"name": "destination"}, "What would a parcel to New York cost?", "parcel", "New York"),
        ({"name": "city"}, "What's the weather in New York tomorrow?", "weather", "New York"),
        ({"name": "origin"}, "from Paris to Rome", "train", "Paris"),
        (
            {"name": "name", "description": "The guest's last name"},
            "My name is Ada Moreau.",
            "",
            "Moreau",
        ),
        (
            {"name": "name", "description": "The caller's name"},
            "it's under Ferreira",
            "",
            "Ferreira",
        ),
        (
            {"name": "product"},
            "Do you have the brass floor lamp?",
            "check stock",
            "brass floor lamp",
        ),
        ({"name": "medicine"}, "I need more metformin.", "prescription", "metformin"),
        ({"name": "medicine"}, "I'd like a prescription.", "prescription", ABSENT),
        ({"name": "query"}, "Hi, how do I wash wool?", "", "how do I wash wool"),
    ],
)
def test_names_places_and_things_are_found_by_the_words_around_them(
    schema: dict[str, Any], text: str, context: str, value: str
) -> None:
    assert read({"type": "string", **schema}, text, context=context) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("To the opera house.", "opera house"),
        ("We're going to King's Cross.", "King's Cross"),
        ("um, it's Berlin please", "Berlin"),
        ("I don't know", ABSENT),
        ("please", ABSENT),
    ],
)
def test_an_answer_to_a_question_is_taken_without_its_fillers(text: str, value: str) -> None:
    assert read({"type": "string", "name": "destination"}, text, asked=True) == value


def test_what_one_argument_took_no_other_takes(no_meaning: Callable[..., list[float]]) -> None:
    wanted = parameters(
        {
            "properties": {
                "amount": {"type": "number", "description": "The amount in pounds"},
                "account": {"type": "string", "pattern": "^[0-9]{8}$"},
                "day": {"type": "string", "format": "date"},
                "at": {"type": "string", "format": "time"},
            }
        }
    )
    said = (
        "Send £20 to one two three four five six seven eight on the fifth of May at half past ten"
    )
    assert read_arguments(wanted, Told(said, TODAY, no_meaning)) == {
        "amount": 20,
        "account": "12345678",
        "day": "2027-05-05",
        "at": "10:30",
    }


def test_optional_arguments_are_known_by_null_by_default_and_by_not_being_required() -> None:
    wanted = parameters(
        {
            "properties": {
                "a": {"type": "string"},
                "b": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                "c": {"type": "integer", "default": 3},
                "d": {"type": ["string", "null"], "format": "date"},
                "e": {"type": "string"},
                "f": {"$ref": "#/$defs/Size"},
                "g": {"type": "array", "items": {"type": "string", "format": "email"}},
                "h": {"type": "object"},
            },
            "required": ["a", "b", "c", "d", "f"],
            "$defs": {"Size": {"enum": ["small", "large"]}},
        }
    )
    assert [parameter.name for parameter in wanted if parameter.required] == ["a", "f"]
    assert [parameter.kind for parameter in wanted] == [
        "phrase", "number", "number", "date", "phrase", "choice", "email", "opaque",
    ]  # fmt: skip


def test_a_list_of_one_is_read_for_an_array() -> None:
    schema = {"type": "array", "items": {"type": "string", "format": "email"}}
    assert read(schema, "a at b dot com") == ["a@b.com"]


@pytest.mark.parametrize("schema", [{}, {"properties": None}, {"properties": {"x": True}}])
def test_odd_schemas_have_no_parameters(schema: dict[str, Any]) -> None:
    assert parameters(schema) == ()
