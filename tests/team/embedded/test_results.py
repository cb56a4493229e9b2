"""Tool results are said by the template beside the tool, or read plainly."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.team.embedded.reading.parameters import parameters
from frontdesk.team.embedded.saying import spoken
from frontdesk.team.embedded.saying.questions import AGAIN, asks_for, question
from frontdesk.team.embedded.saying.results import NOTHING, read_plainly, say_result

SORRY = "Sorry, that went wrong."


def said(output: str, template: str | None = None, **args: Any) -> str:
    return say_result(output, template, args, SORRY)


@pytest.mark.parametrize(
    ("template", "output", "words"),
    [
        ("It is {{ result.state }}.", '{"state": "sent"}', "It is sent."),
        ("{{ args.id | spoken }} is late.", "{}", "four eight two is late."),
        (
            "It comes {{ result.day | date }}.",
            '{"day": "2026-05-05"}',
            "It comes the fifth of May.",
        ),
        ("{{ result.sum | money('GBP') }}", '{"sum": 19.5}', "19 pounds 50"),
        ("{{ result | count('lamp') }}", '["a", "b"]', "2 lamps"),
        ("{{ result.items[0] }}", '{"items": ["x"]}', "x"),
        ("{% if result.eta %}{{ result.eta }}{% else %}Soon.{% endif %}", "{}", "Soon."),
        ("{{ result[0].name }}", '{"result": [{"name": "wrapped"}]}', "wrapped"),
        ("{{ result }}", '{"type": "text", "text": "plain words"}', "plain words"),
        ("{{ result.text | sentences(1) }}", '{"text": "# Head\\n**One.** Two."}', "One."),
    ],
)
def test_a_template_says_the_result(template: str, output: str, words: str) -> None:
    assert said(output, template, id="482") == words


@pytest.mark.parametrize(
    "template",
    [
        "It comes {{ result.day }}.",
        "{{ result.state | date }}",
        "{{ result.state.__class__.__mro__ }}",
        "{{ broken",
        "{{ result.state | no_such_filter }}",
        "{{ 1 / 0 }}",
        "   ",
    ],
)
def test_a_template_that_does_not_fit_gives_way_to_a_plain_reading(template: str) -> None:
    assert said('{"state": "sent"}', template) == "The state is sent."


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"status": "in_transit", "box": 2}, "The status is in transit and the box is 2."),
        ({"day": "2026-05-05", "url": "https://x.eu", "x": None}, "The day is the fifth of May."),
        ({"order_id": "48271"}, "The order id is four eight two seven one."),
        ({"available": True}, "Yes."),
        (["lamp", "desk"], "I found 2: lamp and desk."),
        ([{"name": n} for n in "abcde"], "I found 5: a, b, c and 2 more."),
        ({"results": [{"title": "Care"}, {"title": "Returns"}]}, "I found 2: Care and Returns."),
        ([], NOTHING),
        ({}, NOTHING),
        (None, NOTHING),
        (42, "The answer is 42."),
        ("all done", "All done."),
        ({"answer": "You may return it. Within 30 days. Free. Always."},
         "You may return it. Within 30 days. Free."),
    ],
)  # fmt: skip
def test_json_is_read_in_a_short_sentence(result: Any, words: str) -> None:
    assert read_plainly(result) == words


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(_JSON)
def test_any_json_can_be_read(result: Any) -> None:
    assert read_plainly(result).strip()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("An error occurred while running the tool. Please try again.", SORRY),
        ('{"error": "There is no order with that number"}',
         "I'm sorry. There is no order with that number."),
        ('{"error": {"message": "This order was shipped already."}}',
         "I'm sorry. This order was shipped already."),
        ('{"error": "KeyError: order_id"}', SORRY),
        ('{"isError": true, "message": "Traceback (most recent call last)"}', SORRY),
        ("Error: connection refused at http://10.0.0.1:80", SORRY),
        ("Error: we could not find this number.", "I'm sorry. We could not find this number."),
        ("Tool 'x' timed out after 3 seconds.", SORRY),
    ],
)  # fmt: skip
def test_errors_are_an_apology_and_only_what_people_can_use_is_said(
    output: str, words: str
) -> None:
    assert said(output, "Never {{ result }}") == words


def test_values_are_spoken_as_people_say_them() -> None:
    assert spoken.spoken("AB-12") == "A B one two"
    assert spoken.spoken_date("2026-05-21T10:30:00Z") == "the twenty-first of May at 10:30"
    assert spoken.money(1, "USD") == "1 dollar"
    assert spoken.money("0.05", "GBP") == "5 pence"
    assert spoken.money(-20, "EUR") == "minus 20 euros"
    assert spoken.count(0, "delivery") == "no deliveries"
    assert [spoken.ordinal(day) for day in (1, 12, 20, 22, 30, 31)] == [
        "first", "twelfth", "twentieth", "twenty-second", "thirtieth", "thirty-first",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"name": "order_id", "pattern": "x", "description": "The five-digit order number"},
         "What's your order number?"),
        ({"name": "order_id", "pattern": "x", "description": "The order number, e.g. 12345."},
         "What's your order number?"),
        ({"name": "email", "format": "email"}, "What's your email?"),
        ({"name": "birth", "format": "date", "description": "The patient's date of birth"},
         "What's your date of birth?"),
        ({"name": "day", "format": "date", "description": "The day of arrival"},
         "What is the day of arrival?"),
        ({"name": "days", "type": "integer", "description": "How many days"}, "How many days?"),
        ({"name": "destination", "description": "Where to go"}, "What is the destination?"),
        ({"name": "kind", "enum": ["debit", "credit"], "description": "What kind of card"},
         "What kind of card?"),
        ({"name": "reason", "enum": ["broken", "wrong_item"], "description": "The reason"},
         "Reason: broken or wrong item?"),
        ({"name": "gift", "type": "boolean", "description": "Whether it should be wrapped"},
         "Should it be wrapped?"),
        ({"name": "gift_wrap", "type": "boolean"}, "Gift wrap: yes or no?"),
        ({"name": "destination_city"}, "What is the destination city?"),
    ],
)  # fmt: skip
def test_a_missing_argument_is_asked_for_in_its_own_words(
    schema: dict[str, Any], words: str
) -> None:
    name = schema["name"]
    (parameter,) = parameters({"properties": {name: {"type": "string", **schema}}})
    assert question(parameter) == words
    assert asks_for(words, parameter)
    assert asks_for(f"{AGAIN} {words}", parameter)
    assert asks_for(" ".join(words.split()[:2]), parameter), "cut off by the caller"
    assert not asks_for("Your order is on its way.", parameter)
    assert not asks_for("", parameter)
