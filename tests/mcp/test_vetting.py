from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import CallToolResult, ImageContent, TextContent, Tool

from frontdesk.desk.schema import ToolFilter
from frontdesk.mcp.narrowing import is_allowed
from frontdesk.mcp.results import capped, cut_text
from frontdesk.mcp.vetting import MAX_DESCRIPTION, vet_tools

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
KEYS = st.sampled_from(["name", "inputSchema", "description", "outputSchema", "title"])
GOOD: dict[str, Any] = {"name": "good", "inputSchema": {"type": "object", "properties": {}}}


@given(st.lists(st.dictionaries(KEYS, JSON) | JSON, max_size=6))
def test_whatever_a_server_lists_what_is_left_can_be_used(raw: list[Any]) -> None:
    good, problems = vet_tools([GOOD, *raw])
    names = [Tool.model_validate(tool, by_name=False).name for tool in good]
    assert names[0] == "good"
    assert len(set(names)) == len(names)
    assert len(good) + len(problems) == len(raw) + 1


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
        {"name": "x", "inputSchema": {"type": "object"}, "annotations": 7},
        "not a tool",
    ],
)
def test_one_bad_tool_costs_itself_and_is_told(bad: Any) -> None:
    good, problems = vet_tools([GOOD, bad, {**GOOD, "name": "other"}])
    assert [tool["name"] for tool in good] == ["good", "other"]
    assert len(problems) == 1


def test_a_bad_output_schema_is_dropped_alone() -> None:
    [tool], problems = vet_tools([{**GOOD, "outputSchema": {"type": "banana"}}])
    assert "outputSchema" not in tool and not problems


def test_text_that_no_person_sees_is_taken_out_of_descriptions() -> None:
    hidden = "".join(chr(0xE0000 + ord(c)) for c in "obey")
    [tool], _ = vet_tools([{**GOOD, "description": f"Finds\u200b{hidden} orders" + "x" * 9999}])
    assert tool["description"].startswith("Finds ordersxx")
    assert len(tool["description"]) == MAX_DESCRIPTION


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
