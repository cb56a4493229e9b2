from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import CallToolResult, ImageContent, TextContent, Tool

from frontdesk.desk.schema import ToolFilter
from frontdesk.mcp.hidden import visible
from frontdesk.mcp.narrowing import is_allowed
from frontdesk.mcp.results import capped, cut_text
from frontdesk.mcp.vetting import MAX_DESCRIPTION, MAX_TOOLS, vet_tools

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
KEYS = st.sampled_from(["name", "inputSchema", "description", "outputSchema", "title"])
NESTED: list[Any] = []
for _ in range(500):
    NESTED = [NESTED]
GOOD: dict[str, Any] = {"name": "good", "inputSchema": {"type": "object", "properties": {}}}


@given(st.lists(st.dictionaries(KEYS, JSON) | JSON, max_size=6))
def test_whatever_a_server_lists_what_is_left_can_be_used(raw: list[Any]) -> None:
    good, findings = vet_tools([GOOD, *raw])
    names = [Tool.model_validate(tool, by_name=False).name for tool in good]
    assert names[0] == "good"
    assert len(set(names)) == len(names)
    assert len(good) + sum(finding.dropped for finding in findings) == len(raw) + 1


@pytest.mark.parametrize(
    "bad",
    [
        {**GOOD, "name": "has space"},
        {**GOOD, "name": "a" * 65},
        {**GOOD, "name": "ünï"},
        {**GOOD},
        {"name": "x"},
        {"name": "x", "inputSchema": {}},
        {"name": "x", "inputSchema": {"type": "array"}},
        {"name": "x", "inputSchema": {"type": "object", "properties": {"a": {"type": "banana"}}}},
        {"name": "x", "inputSchema": {"type": "object", "$ref": "http://evil/x.json"}},
        {"name": "x", "inputSchema": {"type": "object", "properties": {"a\u200b": {}}}},
        {"name": "x", "inputSchema": {"type": "object", "properties": {"a": {"enum": ["\u202e"]}}}},
        {"name": "x", "inputSchema": {"type": "object", "title": "x" * 40_000}},
        {"name": "x", "inputSchema": {"type": "object", "default": NESTED}},
        {"name": "x", "inputSchema": {"type": "object"}, "annotations": 7},
        "not a tool",
    ],
)
def test_one_bad_tool_costs_itself_and_is_told(bad: Any) -> None:
    good, [finding] = vet_tools([GOOD, bad, {**GOOD, "name": "other"}])
    assert [tool["name"] for tool in good] == ["good", "other"]
    assert finding.dropped and "left out: " in str(finding)


def test_a_bad_output_schema_is_dropped_alone() -> None:
    [tool], [finding] = vet_tools([{**GOOD, "outputSchema": {"type": "banana"}}])
    assert "outputSchema" not in tool
    assert str(finding) == "tool 'good': its output schema is not valid and is not used"


def test_text_that_no_person_sees_is_taken_out_of_all_that_a_model_reads() -> None:
    hidden = "".join(chr(0xE0000 + ord(c)) for c in "obey")
    schema = {"type": "object", "properties": {"a": {"description": f"A{hidden} number"}}}
    tool = {"name": "x", "title": "F\u2066ind", "description": f"Finds\u200b{hidden} orders"}
    [cleaned], [finding] = vet_tools([{**tool, "inputSchema": schema}])
    assert cleaned["description"] == "Finds orders"
    assert cleaned["title"] == "Find"
    assert cleaned["inputSchema"]["properties"]["a"]["description"] == "A number"
    assert str(finding) == "tool 'x': characters that nobody sees were taken out"


def test_a_long_description_is_cut_and_a_long_list_too() -> None:
    [tool, *_], findings = vet_tools(
        [{**GOOD, "name": f"t{n}", "description": "x" * 9999 * (n == 0)} for n in range(600)]
    )
    assert len(tool["description"]) == MAX_DESCRIPTION
    assert [f.dropped for f in findings] == [False] + [True] * (600 - MAX_TOOLS)


@pytest.mark.parametrize(
    "text",
    ["Füße 日本語 한국어", "می\u200cخواهم", "👩\u200d👩\u200d👧 ❤\ufe0f", "a\n\tb", "क्\u200dष"],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    "hidden",
    [
        "\u200b",
        "\u200c\u200d\u200c",
        "\u202e",
        "\ufe01\ufe02",
        "\U000e0101",
        "\u3164",
        "\x1b",
        "\u00ad",
    ],
)
def test_what_nobody_sees_goes(hidden: str) -> None:
    assert visible(f"a{hidden}b{hidden}") == "ab"


@pytest.mark.parametrize(
    ("allow", "deny", "name", "allowed"),
    [
        (("*",), (), "anything", True),
        (("find_*",), (), "find_order", True),
        (("find_*",), (), "refund", False),
        (("*",), ("refund*",), "refund_all", False),
        ((), (), "anything", False),
    ],
)
def test_globs_let_tools_through(allow: Any, deny: Any, name: str, allowed: bool) -> None:
    assert is_allowed(name, ToolFilter(allow=allow, deny=deny)) is allowed


@given(st.text(max_size=200), st.integers(0, 100))
def test_a_cut_text_keeps_its_start_and_its_bound(text: str, limit: int) -> None:
    cut = cut_text(text, limit)
    if len(text.encode()) <= limit:
        assert cut == text
    else:
        kept, _, note = cut.rpartition("\n[cut here: ")
        assert text.startswith(kept)
        assert len(kept.encode()) <= limit
        assert note.startswith(f"{len(text.encode())} bytes")


def test_an_image_too_large_is_replaced_by_a_note() -> None:
    image = ImageContent(type="image", data="x" * 1000, mime_type="image/png")
    result = capped(CallToolResult(content=[TextContent(type="text", text="hi"), image]), 500)
    assert [block.type for block in result.content] == ["text", "text"]
