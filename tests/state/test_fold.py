import logging
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.state import CallState, Entry, fold
from frontdesk.state.entries import FIELDS, check
from frontdesk.state.fold import dump, restore

IDS = st.sampled_from(["a", "b", "c", "d", "e"])
ITEMS = st.builds(
    lambda id, text: {"id": id, "content": [{"text": text}]}, IDS, st.text(max_size=5)
)
TEXTS = st.text(max_size=5)


def entry(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Entry]:
    return st.fixed_dictionaries({"kind": st.just(kind), "at": st.floats(0, 2e9), **fields})


KNOWN = st.one_of(
    entry("call.opened", team=TEXTS, team_version=TEXTS, agent=TEXTS, transport=TEXTS),
    entry("session", session=st.dictionaries(TEXTS, st.integers(-(2**53), 2**53), max_size=2)),
    entry("item.added", item=ITEMS, after=st.none() | IDS, hidden=st.booleans()),
    entry("item.added", item=ITEMS),
    entry("item.added", item=ITEMS, asked=st.none() | IDS),
    entry("item.changed", item=ITEMS),
    entry("item.deleted", item_id=IDS),
    entry("agent.changed", agent=TEXTS, previous=TEXTS),
    entry(
        "agent.changed",
        agent=TEXTS,
        previous=TEXTS,
        history=st.sampled_from(["full", "none", "summary", {"last": 2}]),
        since=st.none() | IDS,
        handed=st.none() | TEXTS,
    ),
    entry("summary", text=TEXTS),
    entry("heard", item_id=IDS, text=TEXTS, audio_ms=st.integers(0, 10**6)),
    entry(
        "audio",
        item_id=IDS,
        role=st.sampled_from(["caller", "agent"]),
        uri=TEXTS,
        offset_ms=st.integers(0, 10**6),
        seconds=st.floats(0, 1e4),
    ),
    entry("delegation", delegation=st.fixed_dictionaries({"id": IDS, "status": TEXTS})),
    entry("resume.key", key=TEXTS),
    entry("resume", chain=TEXTS, number=st.lists(st.integers(0, 2**40), min_size=2, max_size=2)),
    entry("call.ended", reason=TEXTS),
)
FOREIGN = st.one_of(
    entry("whisper", text=TEXTS),
    st.just({"kind": "heard", "at": 1.0}),
    st.just({"kind": "item.added", "item": 3}),
    st.just({"at": 1.0}),
)


def added(item_id: str, **fields: Any) -> Entry:
    return {"kind": "item.added", "at": 1.0, "item": {"id": item_id}, **fields}


def order(*entries: Entry) -> str:
    return "".join(stored.item["id"] for stored in fold(entries, CallState("c")).items)


@settings(max_examples=60, deadline=None)
@given(st.lists(KNOWN | FOREIGN, max_size=30), st.integers(0, 30))
def test_a_snapshot_and_the_rest_of_the_log_give_what_the_whole_log_gives(
    entries: list[Entry], cut: int
) -> None:
    whole = fold(entries, CallState("c"))
    snapshot = dump(fold(entries[:cut], CallState("c")))
    resumed = fold((orjson.loads(orjson.dumps(e)) for e in entries[cut:]), restore(snapshot))
    assert resumed == whole
    assert resumed.seq == len(entries)


@given(st.lists(KNOWN, max_size=30))
def test_entries_that_this_version_writes_are_all_understood(entries: list[Entry]) -> None:
    for each in entries:
        check(each)
    state = fold(entries, CallState("c"))
    assert state.unknown == 0
    ids = [stored.item["id"] for stored in state.items]
    assert len(ids) == len(set(ids))


def test_items_stand_where_their_after_says() -> None:
    assert order(added("a", after=None), added("b", after="a"), added("c", after="a")) == "acb"


def test_an_item_after_nothing_comes_first_and_one_without_after_comes_last() -> None:
    assert order(added("a"), added("b"), added("c", after=None)) == "cab"


def test_an_item_behind_one_that_is_gone_comes_last() -> None:
    gone = {"kind": "item.deleted", "at": 1.0, "item_id": "a"}
    assert order(added("a"), added("b", after="a"), gone, added("c", after="a")) == "bc"


def test_an_item_added_twice_stands_once_where_it_stood() -> None:
    assert order(added("a"), added("b"), added("a")) == "ab"


def test_changing_an_item_keeps_what_was_heard_of_it_and_that_it_is_hidden() -> None:
    heard = {"kind": "heard", "at": 2.0, "item_id": "a", "text": "Good", "audio_ms": 300}
    changed = {"kind": "item.changed", "at": 3.0, "item": {"id": "a", "status": "completed"}}
    [stored] = fold([added("a", hidden=True), heard, changed], CallState("c")).items
    assert stored.item == {"id": "a", "status": "completed"}
    assert (stored.hidden, stored.heard, stored.heard_ms) == (True, "Good", 300)


def test_what_is_said_of_a_deleted_item_is_not_taken_for_a_newer_version(
    caplog: pytest.LogCaptureFixture,
) -> None:
    late = {"kind": "heard", "at": 2.0, "item_id": "a", "text": "Good", "audio_ms": 300}
    state = fold([late], CallState("c"))
    assert (state.seq, state.unknown, caplog.records) == (1, 0, [])


def test_an_entry_of_a_newer_version_is_passed_over_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        state = fold([{"kind": "whisper", "at": 1.0}, added("a")], CallState("c"))
    assert (state.seq, state.unknown, len(state.items)) == (2, 1, 1)
    assert "entry 1 (whisper) is not understood" in caplog.text


def test_a_snapshot_of_a_newer_version_is_read_without_its_new_fields() -> None:
    snapshot = {"call_id": "c", "seq": 4, "mood": "calm", "items": [{"item": {"id": "a"}, "x": 1}]}
    state = restore(orjson.dumps(snapshot))
    assert (state.seq, state.items[0].item) == (4, {"id": "a"})


def test_a_call_that_is_taken_up_again_has_not_ended_and_opened_when_it_first_did() -> None:
    opened = dict.fromkeys(FIELDS["call.opened"], "x") | {"kind": "call.opened"}
    ended = {"kind": "call.ended", "at": 2.0, "reason": "hangup"}
    state = fold([opened | {"at": 1.0}, ended, opened | {"at": 3.0}], CallState("c"))
    assert (state.ended, state.opened_at) == (None, 1.0)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"kind": "whisper", "at": 1.0}, "unknown kind 'whisper'"),
        ({"kind": "session", "session": {}}, "'session' lacks at"),
        ({"kind": "heard", "at": 1.0, "item_id": "a"}, "'heard' lacks text, audio_ms"),
        ({"kind": "item.added", "at": 1.0, "item": {}}, "item has no id"),
    ],
)
def test_an_entry_that_could_not_be_read_back_is_refused(entry: Entry, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check(entry)


def taken(since: str | None, **fields: Any) -> Entry:
    told = {"agent": "b", "previous": "a", "history": "none", "since": since}
    return {"kind": "agent.changed", "at": 1.0, **told, **fields}


@given(st.lists(st.tuples(IDS, st.none() | IDS), min_size=1), st.data())
def test_what_an_agent_was_not_given_stays_so_wherever_items_come_and_go(
    rest: list[tuple[str, str | None]], data: st.DataObject
) -> None:
    names = ["old1", "old2", "asked", "new1"]
    state = fold([added(name) for name in names], CallState("c"))
    fold([taken("asked")], state)
    for new, after in rest:
        if data.draw(st.booleans()):
            fold([added(new, after=after)], state)
        else:
            fold([{"kind": "item.deleted", "at": 1.0, "item_id": new}], state)
    assert state.given is not None
    hidden = {stored.item["id"] for stored in state.items[: state.given.before]}
    assert {"old1", "old2"} <= hidden
    assert not {"asked", "new1"} & hidden


def test_a_deleted_question_does_not_show_the_new_agent_what_came_before_it() -> None:
    state = fold([added("old"), added("asked"), added("new"), taken("asked")], CallState("c"))
    fold([{"kind": "item.deleted", "at": 1.0, "item_id": "asked"}], state)
    assert state.given is not None
    assert [stored.item["id"] for stored in state.items[state.given.before :]] == ["new"]


def test_an_agent_who_took_over_unasked_is_given_what_follows_the_handoff() -> None:
    call = {"kind": "item.added", "at": 1.0}
    call["item"] = {"id": "h", "type": "function_call", "call_id": "c1", "name": "transfer_to_b"}
    state = fold([added("old"), call, taken(None, handed="c1")], CallState("c"))
    assert state.given is not None
    assert state.given.before == 1


def test_a_handoff_with_the_whole_history_gives_all_of_it_again() -> None:
    state = fold([added("old"), added("asked"), taken("asked")], CallState("c"))
    fold([{"kind": "summary", "at": 1.0, "text": "They want a lamp."}], state)
    assert state.given is not None
    assert state.given.summary == "They want a lamp."
    fold([taken("asked", history="full")], state)
    assert state.given is None
