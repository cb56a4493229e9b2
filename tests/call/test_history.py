from hypothesis import given
from hypothesis import strategies as st

from frontdesk.call.context import Limits
from frontdesk.call.conversation import Conversation
from frontdesk.call.history import NO_RESULT
from frontdesk.state.entries import CallState, StoredItem


def message(role: str, text: str, kind: str = "input_text") -> dict:
    return {"id": text, "type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def call(name: str) -> dict:
    return {"type": "function_call", "call_id": name, "name": "tool", "arguments": "{}"}


def output(name: str) -> dict:
    return {"type": "function_call_output", "call_id": name, "output": f"result {name}"}


def state(*items: dict | StoredItem) -> CallState:
    stored = [item if isinstance(item, StoredItem) else StoredItem(item) for item in items]
    return CallState("sess_1", items=stored)


def model_input(state: CallState) -> list[dict]:
    return Conversation(state).seen(Limits(100_000)).items


def test_speech_is_seen_as_its_transcript():
    spoken = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": "hello there"}],
    }
    assert model_input(state(spoken)) == [{"role": "user", "content": "hello there"}]


def test_an_interrupted_answer_is_seen_as_far_as_it_was_heard():
    cut = StoredItem(message("assistant", "It left on Monday and", "output_text"), heard="It left")
    assert model_input(state(message("user", "where"), cut)) == [
        {"role": "user", "content": "where"},
        {"role": "assistant", "content": "It left"},
    ]


def test_an_answer_that_nobody_heard_is_not_seen():
    unheard = StoredItem(message("assistant", "Hello", "output_text"), heard="")
    assert model_input(state(message("user", "hi"), unheard)) == [{"role": "user", "content": "hi"}]


def test_a_call_without_an_output_gets_one_that_says_so():
    items = model_input(state(message("user", "go"), call("a"), message("user", "well?")))
    assert items[2] == {"type": "function_call_output", "call_id": "a", "output": NO_RESULT}


def test_a_late_output_moves_up_to_its_call():
    items = model_input(
        state(message("user", "go"), call("a"), message("user", "well?"), output("a"))
    )
    assert [item.get("type", item.get("role")) for item in items] == [
        "user",
        "function_call",
        "function_call_output",
        "user",
    ]


def test_calls_made_one_after_the_other_stay_so():
    items = model_input(state(call("a"), output("a"), call("b"), output("b")))
    assert [item["call_id"] for item in items] == ["a", "a", "b", "b"]


def test_calls_made_side_by_side_stay_so():
    items = model_input(state(call("a"), call("b"), output("a"), output("b")))
    assert [item["call_id"] for item in items] == ["a", "b", "a", "b"]


KINDS = st.sampled_from(["user", "assistant", "call", "output"])


@given(st.lists(st.tuples(KINDS, st.integers(0, 8)), max_size=300))
def test_every_call_has_exactly_one_output_right_behind_its_run(made):
    seen: set[int] = set()
    items: list[dict] = []
    for kind, number in made:
        if kind == "call" and number not in seen:
            seen.add(number)
            items.append(call(str(number)))
        elif kind == "output":
            items.append(output(str(number)))
        elif kind in ("user", "assistant"):
            items.append(message(kind, f"words {number}"))
    history = model_input(state(*items))
    calls = [item["call_id"] for item in history if item.get("type") == "function_call"]
    outputs = [item["call_id"] for item in history if item.get("type") == "function_call_output"]
    assert sorted(calls) == sorted(outputs)
    for place, item in enumerate(history):
        if item.get("type") == "function_call":
            after = [i.get("type") for i in history[place + 1 :]]
            assert after[0] in ("function_call", "function_call_output")
