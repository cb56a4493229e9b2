"""What of a long conversation a model is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.call.context import (
    LOCAL_ITEMS,
    ContextTooLong,
    Limits,
    estimate,
    image_tokens,
    limits,
)
from frontdesk.call.conversation import Conversation, Seen
from frontdesk.state.entries import CallState, StoredItem

MESSAGES = st.builds(
    lambda role, text: {"role": role, "content": text},
    st.sampled_from(["user", "user", "assistant", "system"]),
    st.text(max_size=80),
)


def seen(items: list[dict], rules: Limits) -> Seen:
    """What a model is given of a conversation of these items. (Hidden ones pass as they are.)"""
    stored = [StoredItem({**item, "id": str(n)}, hidden=True) for n, item in enumerate(items)]
    return Conversation(CallState("c", items=stored)).seen(rules)


def fitted(items: list[dict], rules: Limits) -> list[dict]:
    return seen(items, rules).items


def calls(names: list[str]) -> list[dict]:
    """Calls made side by side, with their outputs."""
    made = [{"type": "function_call", "call_id": n, "name": "t", "arguments": "{}"} for n in names]
    out = [{"type": "function_call_output", "call_id": n, "output": "x" * 40} for n in names]
    return [*made, *out]


@st.composite
def talks(draw: st.DrawFn) -> list[dict]:
    items: list[dict] = []
    for number in range(draw(st.integers(0, 40))):
        if draw(st.integers(0, 3)) == 0:
            items += calls([f"{number}-{n}" for n in range(draw(st.integers(1, 3)))])
        else:
            items.append(draw(MESSAGES))
    return items


def size(items: list[dict]) -> int:
    """What the items cost, as one group would."""
    return sum(
        4 + sum(estimate(i[k]) for k in ("content", "name", "arguments", "output") if i.get(k))
        for i in items
    )


@given(talks(), st.integers(1, 400), st.sampled_from([1.0, 0.8, 0.5, 0.0]), st.integers(1, 30))
def test_what_is_left_fits_ends_with_the_newest_and_parts_no_call_from_its_output(
    items, tokens, retained, count
):
    kept = fitted(items, Limits(tokens, count, retained))
    assert kept == items[len(items) - len(kept) :]
    assert bool(kept) == bool(items)
    made = [i["call_id"] for i in kept if i.get("type") == "function_call"]
    assert made == [i["call_id"] for i in kept if i.get("type") == "function_call_output"]
    one_group = len(kept) == 1 or kept == calls(made)
    assert one_group or (size(kept) <= tokens and len(kept) <= count)


@given(talks(), st.integers(1, 400), st.sampled_from([1.0, 0.5]))
def test_the_cut_never_goes_back_as_the_talk_goes_on(items, tokens, retained):
    rules = Limits(tokens, 10, retained)
    starts = []
    for end in range(1, len(items) + 1):
        if items[end - 1].get("type") == "function_call":
            continue  # a call without its output is never asked about
        starts.append(seen(items[:end], rules).left_out)
    assert starts == sorted(starts)


@given(talks(), st.integers(60, 400), st.sampled_from([0.8, 0.5, 0.2]))
def test_the_cut_stays_where_it_is_until_the_limit_is_reached_again(items, tokens, retained):
    """So a model's prompt cache keeps its beginning; and a cut leaves at most the share retained,
    unless the newest is more by itself."""
    rules, cut = Limits(tokens, retained=retained), 0
    for end in range(1, len(items) + 1):
        follows = items[end].get("type") if end < len(items) else None
        if items[end - 1].get("type") == "function_call" or follows == "function_call_output":
            continue  # in the middle of calls made side by side
        now = seen(items[:end], rules)
        if now.left_out != cut:
            assert size(items[cut:end]) > tokens, "it moves for want of room alone"
            newest = len(calls([c for c in now.items if c.get("type") == "function_call"])) or 1
            assert now.tokens <= tokens * retained or len(now.items) <= newest
            cut = now.left_out


def test_a_retained_share_makes_the_cut_rarer():
    turns = [{"role": "user", "content": "x" * 36} for _ in range(100)]  # 13 tokens each

    def cuts(retained: float) -> int:
        rules = Limits(130, None, retained)
        starts = [end - len(fitted(turns[:end], rules)) for end in range(1, 101)]
        return len(set(starts))

    assert cuts(1.0) == 91
    assert cuts(0.5) == 16


def test_a_session_that_allows_no_cut_refuses():
    items = [{"role": "user", "content": "x" * 400}]
    rules = limits("disabled", window=10_000, reserved=8_900, output=50)
    with pytest.raises(ContextTooLong, match="about 104 tokens, 50 fit"):
        fitted(items, rules)
    many = [{"role": "user", "content": "x"}] * (2 * LOCAL_ITEMS)
    assert fitted(many, limits("disabled", window=32_000, reserved=0)) == many
    assert fitted(many, limits("auto", window=32_000, reserved=0)) == many
    local = limits("auto", window=32_000, reserved=0, items=LOCAL_ITEMS)
    assert len(fitted(many, local)) == LOCAL_ITEMS


def test_the_client_may_set_a_lower_limit_but_no_higher_one():
    def most(post_instructions: int) -> int:
        asked = {"type": "retention_ratio", "retention_ratio": 0.8}
        further = {"token_limits": {"post_instructions": post_instructions}}
        return limits({**asked, **further}, window=32_000, reserved=1000).tokens

    assert most(500) == 500
    assert most(100_000) == 32_000 * 9 // 10 - 1000 - 4096


def test_text_in_any_script_and_images_are_counted():
    assert estimate("four words are five.") == 5
    assert estimate("안녕하세요") == 4
    picture = {"type": "input_image", "image_url": "data:", "detail": "low"}
    question = {"role": "user", "content": [{"type": "input_text", "text": "What?"}, picture]}
    assert image_tokens([question]) == 85
    assert fitted([question] * 3, Limits(200)) == [question] * 2
