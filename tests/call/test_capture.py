"""What is left of a call on the disk, by what its team has captured."""

import logging
import sqlite3
import zlib
from contextlib import closing, suppress

import pytest
from agents.testing import assistant_message, function_call

from frontdesk import wordless
from frontdesk.tracing import names

SECRET = "zanzibarical"
PASSWORD = "hunter2"
"""What the tool's error says."""
TOOLS = {"look_up": {"call": "tools.stage:look_up"}, "research": {"call": "tools.stage:research"}}


@pytest.fixture
def kept(tmp_path):
    """What the trace store and its files hold, also inflated."""

    def cells():
        with closing(sqlite3.connect(tmp_path / "traces.db")) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in tables.fetchall():
                for row in database.execute(f"SELECT * FROM {table}"):
                    yield from (cell for cell in row if isinstance(cell, bytes))

    def kept():
        files = [*tmp_path.glob("traces.db*"), *(tmp_path / "audio").rglob("*")]
        found = [path.read_bytes() for path in files if path.is_file()]
        for cell in cells():
            with suppress(zlib.error):
                found.append(zlib.decompress(cell))
        return b"".join(found)

    return kept


@pytest.fixture
def logged(caplog, monkeypatch):
    """The log, as a worker has it."""
    monkeypatch.setattr(logging, "_logRecordFactory", logging.LogRecord)
    wordless.install()
    return caplog


async def full_of_secrets(build_house, **sections):
    """A call with one word in all that is said, asked, found and gone wrong in it."""
    house = await build_house(
        agents={"frontdesk": {"tools": [*TOOLS]}},
        tools=TOOLS,
        guardrails={"words": {"words": [f"{SECRET} forever"], "mode": "audit"}},
        defaults={"guardrails": {"input": ["words"]}},
        **sections,
    )
    house.defects_expected = True
    phone = await house.place(user=f"{SECRET}@example.com")
    labels = {"workflow_name": SECRET, "group_id": SECRET, "metadata": {"a": SECRET}}
    await phone.configure(tracing=labels, instructions=f"Never say {SECRET}.")
    work = house.stage.work[SECRET] = house.stage.new_work()
    house.stage.new_work = lambda: work
    work.reports.put_nowait(f"{SECRET} goes on")
    work.end(fails=True)
    house.script(
        [function_call("look_up", {"what": SECRET}, call_id="c1")],
        [function_call("research", {"what": SECRET}, call_id="c2")],
        [function_call("look_up", {SECRET: SECRET}, call_id="c3")],
        [assistant_message(f"It was {SECRET}.")],
    )
    await phone.say(f"I said {SECRET} forever")
    await phone.until("response.done")
    house.script(RuntimeError(f"no {SECRET} here"))
    await phone.say(SECRET)
    await phone.until("response.done")
    house.script(RuntimeError(f"no {SECRET} either"))  # now a frame of the client's begins it
    await phone.ask(SECRET)
    await phone.read_all()
    await phone.hang_up()
    await house.tracing.flush()
    return house, phone


async def all_spans(phone):
    return [span for n in range(len(await phone.traces())) for span in await phone.spans(n)]


async def test_of_a_call_that_is_not_captured_no_word_is_left(build_house, kept, logged):
    _, phone = await full_of_secrets(build_house, capture="none")
    assert SECRET.encode() not in kept() and PASSWORD.encode() not in kept()
    assert SECRET not in logged.text and "turn failed: TurnFailed" in logged.text
    assert f"RuntimeError {wordless.WITHHELD}" in logged.text  # below it, the place in the code
    spans = await all_spans(phone)
    assert {"execute_tool look_up", "playback", "chat"} <= {span["name"] for span in spans}
    failed = {span["error"] for span in spans if span["error"]}
    assert failed == {"tool_error", "model_error", "agent_error", "_OTHER"}
    assert all(turn["latency_ms"] is not None for turn in await phone.traces())


async def test_of_a_call_of_which_text_is_captured_there_is_no_sound(
    build_house, kept, logged, tmp_path
):
    house, phone = await full_of_secrets(build_house, capture="text")
    assert SECRET.encode() in kept() and PASSWORD in logged.text
    assert not [*(tmp_path / "audio").rglob("*.flac")]
    found = house.tracing.store.call(phone.call.state.call_id)
    assert found["audio"] == [] and SECRET in str(found["transcript"])


async def test_all_that_words_stand_in_is_marked_as_content(build_house):
    _, phone = await full_of_secrets(build_house)
    spans = await all_spans(phone)
    held = {
        name for span in spans for name, value in span["attributes"].items() if SECRET in str(value)
    }
    assert held <= names.PII
    assert len(held) >= 10, held
