"""What is made from tracing/spans.yaml, and the promises of the small pure parts."""

import importlib.util
import json
import sqlite3
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from frontdesk.tracing import messages, names, rows, stages
from frontdesk.tracing.queries import _match

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("spans", ROOT / "scripts" / "spans.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_names_and_page_are_those_of_the_vocabulary(script: ModuleType) -> None:
    vocabulary = script.load()
    assert script.NAMES.read_text() == script.names(vocabulary), "run scripts/spans.py"
    assert script.METRICS.read_text() == script.metrics(vocabulary), "run scripts/spans.py"
    assert script.PAGE.read_text() == script.page(vocabulary), "run scripts/spans.py"
    assert script.COLLECTOR.read_text() == script.collector(vocabulary), "run scripts/spans.py"


def test_every_described_attribute_is_used_by_a_span_an_event_or_a_metric(
    script: ModuleType,
) -> None:
    vocabulary = script.load()
    users = [*vocabulary["spans"], *vocabulary["events"].values(), *vocabulary["metrics"].values()]
    used = {name for user in users for name in user["attributes"]}
    assert used == set(vocabulary["attributes"])


def test_content_is_marked(script: ModuleType) -> None:
    content = {name for name in names.ATTRIBUTES if name.endswith((".messages", "_instructions"))}
    assert len(content) == 3 and content < names.PII
    assert {"gen_ai.tool.call.arguments", "gen_ai.tool.call.result"} < names.PII


def test_a_collector_can_take_out_all_content(script: ModuleType) -> None:
    text = script.COLLECTOR.read_text()
    file = YAML(typ="safe").load(text)
    actions = file["processors"]["attributes/no_content"]["actions"]
    assert {each["key"] for each in actions} == names.PII
    assert {each["action"] for each in actions} == {"delete"}
    processors = file["service"]["pipelines"]["traces"]["processors"]
    assert {*processors} < file["processors"].keys()
    commented = text.partition("# Messages of errors")[2].partition(script.END)[0]
    more = YAML(typ="safe").load(commented.partition("\n")[2].replace("  # ", "  "))
    spans, events = more["transform/no_content"]["trace_statements"]
    assert spans["statements"] == ['set(status.message, "")']
    assert len(events["statements"]) == len(script.EVENT_CONTENT)
    listed = script.PAGE.read_text().partition("## Content")[2].partition("## All")[0]
    assert all(f"- `{name}`" in listed for name in names.PII)


times = st.floats(0, 100, allow_nan=False)
intervals = st.lists(
    st.tuples(st.sampled_from([*stages.STAGES, "playback", "user_speech"]), times, times)
)


@given(intervals, times, times)
def test_stages_never_add_up_to_more_than_the_wait(
    found: list[tuple[str, float, float]], begin: float, end: float
) -> None:
    spent = stages.breakdown(found, begin, end)
    assert all(value >= 0 for value in spent.values())
    assert sum(spent.values()) <= max(0.0, end - begin) * 1000 + 0.01


json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=50)
@given(json_values)
def test_anything_becomes_messages(value: object) -> None:
    text = messages.of(value)
    assert isinstance(json.loads(text), list)
    assert isinstance(messages.text(text), str)


@given(st.text())
def test_words_survive_the_way_into_messages_and_back(words: str) -> None:
    assert messages.text(messages.user(words)) == messages.safe(words).strip()


@settings(max_examples=50)
@given(json_values)
def test_attributes_survive_the_store(value: object) -> None:
    # orjson, as numbers beyond 64 bits come back as floats
    assert rows.unpack(rows.pack({"a": value})) == orjson.loads(messages.dump({"a": value}))


@given(st.text())
def test_no_search_is_a_syntax_error(words: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE doc USING fts5 (words)")
    if query := _match(words):
        database.execute("SELECT * FROM doc WHERE doc MATCH ?", (query,)).fetchall()
    database.close()
