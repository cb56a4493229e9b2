"""A conversation that is kept up with its state is what one read from the start would be."""

from hypothesis import given
from hypothesis import strategies as st

from frontdesk.call.context import Limits
from frontdesk.call.conversation import Conversation
from frontdesk.state.entries import CallState
from frontdesk.state.fold import apply, dump, restore
from frontdesk.team.summary import EARLIER

MESSAGES, CALLS, OUTPUTS, MCP = ([f"{kind}{n}" for n in range(5)] for kind in "mcop")


def message(name: str, role: str, words: str) -> dict:
    kind = "output_text" if role == "assistant" else "input_text"
    part = {"type": kind, "text": words}
    return {"id": name, "type": "message", "role": role, "status": "completed", "content": [part]}


def call(name: str) -> dict:
    return {"id": name, "type": "function_call", "call_id": name, "name": "t", "arguments": "{}"}


def output(name: str) -> dict:
    of = CALLS[OUTPUTS.index(name) // 2]  # some have two, some none
    return {"id": name, "type": "function_call_output", "call_id": of, "output": f"of {name}"}


def mcp_call(name: str, result: str | None) -> dict:
    fields = {"name": "t", "arguments": "{}", "server_label": "s", "error": None}
    return {"id": name, "type": "mcp_call", "output": result, **fields}


IDS = st.sampled_from([*MESSAGES, *CALLS, *OUTPUTS, *MCP])
ITEMS = st.one_of(
    st.builds(
        message,
        st.sampled_from(MESSAGES),
        st.sampled_from(["user", "assistant", "system"]),
        st.text(max_size=60),
    ),
    st.builds(call, st.sampled_from(CALLS)),
    st.builds(output, st.sampled_from(OUTPUTS)),
    st.builds(mcp_call, st.sampled_from(MCP), st.sampled_from([None, "done"])),
)
ADDED = st.builds(
    lambda item, after, hidden: {
        "kind": "item.added",
        "item": item,
        "hidden": hidden and item["type"] != "mcp_call",
        **after,
    },
    ITEMS,
    st.one_of(st.just({}), st.just({}), st.fixed_dictionaries({"after": IDS | st.none()})),
    st.booleans(),
)
ENTRIES = st.one_of(
    ADDED,
    ADDED,
    st.builds(lambda item: {"kind": "item.changed", "item": item}, ITEMS),
    st.builds(lambda name: {"kind": "item.deleted", "item_id": name}, IDS),
    st.builds(
        lambda name, text: {"kind": "heard", "item_id": name, "text": text, "audio_ms": 10},
        IDS,
        st.text(max_size=20),
    ),
    st.builds(
        lambda history, since: {
            "kind": "agent.changed",
            "agent": "b",
            "previous": "a",
            "history": history,
            "since": since,
        },
        st.sampled_from(["full", "none", "summary"]),
        IDS,
    ),
    st.builds(
        lambda text, until, kept, whole: {
            "kind": "compacted",
            "text": text,
            "until": until,
            "kept": kept,
            "whole": whole,
        },
        st.text(min_size=1, max_size=40),
        IDS,
        st.lists(IDS, max_size=2, unique=True),
        st.booleans(),
    ),
)


@given(
    st.lists(st.tuples(ENTRIES, st.booleans(), st.booleans()), max_size=40),
    st.integers(20, 300),
    st.sampled_from([1.0, 0.5]),
    st.sampled_from([None, 6]),
)
def test_keeping_up_gives_what_reading_it_all_would(entries, tokens, retained, count):
    state = CallState("c")
    kept_up = Conversation(state)
    rules = Limits(tokens, count, retained)
    for entry, looked_at, sees in entries:
        apply(state, {"at": 1.0, **entry})
        if looked_at:
            afresh = Conversation(restore(dump(state)))
            places = range(len(state.items) + 1)
            now = kept_up.seen(rules, sees=sees, places=places)
            assert now == afresh.seen(rules, sees=sees, places=places)
            made = [i["call_id"] for i in now.items if i.get("type") == "function_call"]
            got = [i["call_id"] for i in now.items if i.get("type") == "function_call_output"]
            assert sorted(made) == sorted(got)
            assert now.begins == sorted(now.begins)
            summed_up = any(EARLIER in str(item.get("content")) for item in now.items)
            assert now.tokens <= tokens or not summed_up, "only the newest alone may be too long"
    assert not state.unknown
