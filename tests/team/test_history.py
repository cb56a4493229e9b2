from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from frontdesk.team.history import NO_OUTPUT_YET, call_item, complete, output_item

IDS = st.sampled_from(["a", "b", "c"])
ITEMS = st.lists(
    st.one_of(
        st.builds(lambda text: {"role": "user", "content": text}, st.text(max_size=3)),
        st.builds(lambda i: output_item(i, f"result of {i}"), IDS),
    )
)


@given(ITEMS, st.sets(IDS), st.randoms())
def test_each_call_is_followed_by_its_output(history: Any, calls: set[str], random: Any) -> None:
    for call in sorted(calls):
        history.insert(random.randint(0, len(history)), call_item(call, "tool", "{}"))
    completed: list[Any] = list(complete(history))
    answered = {item["call_id"] for item in history if item.get("type") == "function_call_output"}
    for place, item in enumerate(completed):
        if item.get("type") == "function_call":
            after = completed[place + 1]
            result = f"result of {item['call_id']}"
            expected = result if item["call_id"] in answered else NO_OUTPUT_YET
            assert after == output_item(item["call_id"], expected)
        if item.get("type") == "function_call_output":
            assert completed[place - 1].get("type") == "function_call"
    if history:
        words = [item for item in history if "role" in item]
        assert [item for item in completed if "role" in item] == words


def test_an_empty_history_tells_the_model_that_the_call_has_begun() -> None:
    [note] = complete([])
    assert "has just begun" in str(note)
