"""What an agent that took over sees of the time before."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from frontdesk.desk.handoffs import History, Last
from frontdesk.team.embedded.history import read_history
from frontdesk.team.summary import HEAD, extract, summary_item
from frontdesk.team.view import View, newest_question, start_of_last


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def agent(text: str) -> Any:
    return {"role": "assistant", "content": text}


def call(call_id: str, name: str = "find_order") -> Any:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"}


def output(call_id: str) -> Any:
    return {"type": "function_call_output", "call_id": call_id, "output": f"result {call_id}"}


TALK = [
    user("my number is 12345"),
    call("c1"),
    output("c1"),
    agent("It left on Monday."),
    user("thanks"),
    user("and what does it cost"),
    agent("Ten euros."),
    user("I want it back"),
    call("c2"),
    output("c2"),
    call("h", "transfer_to_billing"),
    output("h"),
]
ASKED = 7


def test_with_none_the_question_and_the_handoff_are_seen_and_nothing_looked_up_before() -> None:
    assert View("none", ASKED, "h").of(TALK) == [user("I want it back"), *TALK[-2:]]


def test_the_last_exchanges_are_whole_and_what_was_said_in_one_go_is_one() -> None:
    assert View(Last(last=1), ASKED, "h").of(TALK) == TALK[4:]
    assert View(Last(last=2), ASKED, "h").of(TALK) == TALK
    assert View(Last(last=9), ASKED, "h").of(TALK) == TALK


def test_a_summary_stands_where_the_conversation_stood() -> None:
    seen = View("summary", ASKED, "h", "They have order 12345.").of(TALK)
    assert seen == [summary_item("They have order 12345."), *TALK[ASKED:]]


def test_a_summary_without_a_model_has_the_callers_words_and_what_was_found() -> None:
    [told, *_] = View("summary", ASKED, "h").of(TALK)
    text = told["content"]
    assert "my number is 12345" in text
    assert "find_order {}: result c1" in text
    assert "Ten euros." in text
    assert "I want it back" not in text


def test_a_summary_without_a_model_is_short_whatever_was_said() -> None:
    long = [item for n in range(300) for item in (user(f"word{n} " * 500), agent("a " * 900))]
    assert len(extract(long)) < 2500


def test_nothing_is_summed_up_where_nothing_was_said() -> None:
    assert View("summary", 0, "h").of(TALK[7:]) == TALK[7:]


def test_the_embedded_model_reads_a_summary_as_something_said_before() -> None:
    turns = read_history([summary_item('The caller said: "order 12345"'), user("is it paid")])
    assert [turn.text for turn in turns] == ['The caller said: "order 12345"', "is it paid"]
    assert turns[0].replies == [HEAD]


PIECES = st.sampled_from(["user", "agent", "call", "output of it"])
VIEWS = st.sampled_from(["full", "none", "summary", Last(last=1), Last(last=3)])


@given(st.lists(PIECES, max_size=20), st.lists(PIECES, max_size=5), VIEWS)
def test_whatever_is_left_out_calls_keep_their_outputs_and_the_question_stays(
    before: list[str], after: list[str], history: History
) -> None:
    items: list[Any] = []

    def add(kinds: list[str]) -> None:
        for kind in kinds:
            n = len(items)
            made = {"user": user(f"u{n}"), "agent": agent(f"a{n}")}
            items.extend([made[kind]] if kind in made else [call(f"c{n}"), output(f"c{n}")])

    add([*before, "user"])
    asked = newest_question(items)
    items += [call("h", "transfer_to_billing"), output("h")]
    add(after)
    seen: list[Any] = View(history, asked, "h").of(items)
    calls = [item["call_id"] for item in seen if item.get("type") == "function_call"]
    outputs = [item["call_id"] for item in seen if item.get("type") == "function_call_output"]
    assert calls == outputs
    assert "h" in calls
    later = [item for item in items[asked:] if item.get("role")]
    assert [item for item in seen if item.get("role")][-len(later) :] == later


def test_a_conversation_nobody_asked_anything_in_has_no_newest_question() -> None:
    assert newest_question([agent("hello")]) == 1
    assert start_of_last([agent("hello"), user("x")], 5) == 0
