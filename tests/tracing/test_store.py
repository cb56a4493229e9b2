"""The store under trouble: locks, full disks, broken files, floods, other processes."""

import logging
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext, TraceFlags

from frontdesk.tracing import names, queries, schema
from frontdesk.tracing import store as trace_store
from frontdesk.tracing.store import TraceStore
from frontdesk.tracing.stores import StoreError
from frontdesk.tracing.writer import Writer

NEW = RandomIdGenerator()


def root(trace_id: int, call_id: str = "call", start: float = 1e9, end: float | None = 1e9 + 1):
    """A turn's root span, as the SDK hands it over."""
    return ReadableSpan(
        name="invoke_workflow support",
        context=SpanContext(trace_id, 7, False, TraceFlags(TraceFlags.SAMPLED)),
        attributes={
            names.GEN_AI_CONVERSATION_ID: call_id,
            names.GEN_AI_WORKFLOW_NAME: "support",
            names.VOICE_TURN_INDEX: 0,
        },
        start_time=int(start * 1e9),
        end_time=int(end * 1e9) if end else None,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.db"


def test_the_same_span_twice_is_one(path: Path) -> None:
    store = TraceStore(path)
    store.start()
    for _ in range(3):
        store.begin(root(5, end=None))
        store.add(root(5))
        assert store.flush()
    (call,) = store.calls()
    assert call["turns"] == 1 and call["live"] is False
    found = store.trace(f"{5:032x}")
    assert found and len(found["spans"]) == 1
    store.close()


def test_a_turn_that_has_just_begun_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_store, "PATIENCE", 30.0)
    store = TraceStore(path)
    store.start()
    for number in (5, 6):
        store.begin(root(number, call_id=f"call-{number}", end=None))
        assert store.trace(f"{number:032x}") if number == 5 else store.call("call-6")
    assert store.call("call-7") is None
    store.close()


def test_a_turn_that_is_written_while_it_is_looked_for_is_found(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, look = TraceStore(path), queries.trace
    store.start()
    store.begin(root(5, call_id="call-5", end=None))
    store.flush()

    def look_too_soon(database: sqlite3.Connection, trace_id: str) -> dict[str, Any] | None:
        found = look(database, trace_id)
        store.flush()
        return found

    monkeypatch.setattr(queries, "trace", look_too_soon)
    store.begin(root(6, call_id="call-6", end=None))
    assert store.trace(f"{6:032x}")
    store.close()


def test_the_order_of_arrival_does_not_matter(path: Path) -> None:
    store = TraceStore(path)
    store.start()
    store.add(root(5))
    store.flush()
    store.begin(root(5, end=None))  # late news of its start
    store.flush()
    found = store.trace(f"{5:032x}")
    assert found and found["spans"][0]["end"] == 1e9 + 1
    assert store.calls()[0]["live"] is False
    store.close()


def test_a_turn_whose_process_died_is_not_live_for_ever(path: Path) -> None:
    store = TraceStore(path)
    store.start()
    store.begin(root(5, end=None))
    store.flush()
    assert store.calls()[0]["live"] is False  # it began in 2001
    store.close()


def test_a_locked_file_delays_and_loses_nothing(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "PATIENCE", 0.05)
    store = TraceStore(path)
    store.start()
    store.add(root(1, "first"))
    assert store.flush()
    waiting = threading.Event()

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            waiting.set()

    watch = Watch()
    logging.getLogger("frontdesk.tracing.writer").addHandler(watch)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    for number in range(2, 12):
        store.add(root(number, "second"))
    assert waiting.wait(10)
    assert len(store.calls()) == 1  # readers go on
    blocker.execute("ROLLBACK")
    blocker.close()
    assert store.flush(10)
    assert {call["turns"] for call in store.calls()} == {1, 10}
    assert store.dropped == 0
    warnings = [record.getMessage() for record in caplog.records]
    assert sum("cannot be written" in message for message in warnings) == 1
    logging.getLogger("frontdesk.tracing.writer").removeHandler(watch)
    store.close()


def test_a_folder_that_cannot_be_written_costs_a_counter_and_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = TraceStore(tmp_path / "file" / "traces.db")
    store.start()
    for number in range(1, 600):
        store.add(root(number))
    store.close()
    assert store.dropped == 599
    assert len(caplog.records) == 1
    assert store.calls() == []


def test_a_full_disk_costs_a_counter(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = TraceStore(path)
    store.start()
    store.add(root(1, "before"))
    store.flush()
    with sqlite3.connect(path) as database:
        pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.close()
    full = store._writer._database  # type: ignore[attr-defined]
    assert full is not None
    full.execute(f"PRAGMA max_page_count = {pages}")  # what SQLite does when the disk is full
    large = root(2, "after" * 40_000)
    store.add(large)
    store.close()
    assert store.dropped == 1
    assert [call["call_id"] for call in store.calls()] == ["before"]
    assert "full" in caplog.records[0].getMessage()


def test_a_file_that_is_no_database_is_reported_not_raised(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(b"something else entirely, and long enough to be read" * 100)
    store = TraceStore(path)
    store.start()
    store.add(root(1))
    store.close()
    assert store.dropped == 1 and len(caplog.records) == 1
    with pytest.raises(StoreError, match=r"traces\.db"):
        store.calls()


def test_a_file_of_a_newer_version_is_left_alone(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = schema.connect(path)
    database.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    database.close()
    store = TraceStore(path)
    store.start()
    store.add(root(1))
    store.close()
    assert "newer" in caplog.records[0].getMessage()
    assert store.calls() == []


def test_a_flood_is_bounded_and_counted(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Nothing:
        size = 0
        soon = False

        def prepare(self) -> bool:
            return False

        def write(self, database: sqlite3.Connection) -> None: ...

    writer = Writer(path, lambda *_: None, lambda: None, capacity=10)  # not started: nothing drains
    assert [writer.submit(Nothing()) for _ in range(15)] == [True] * 10 + [False] * 5
    assert writer.dropped == 5 and len(caplog.records) == 1
    large = Nothing()
    large.size = 100 * 2**20
    other = Writer(path, lambda *_: None, lambda: None)
    assert other.submit(large) is False


def test_another_process_reads_while_this_one_writes(path: Path) -> None:
    store = TraceStore(path)
    store.start()
    store.add(root(1))
    store.flush()
    script = (
        "import sys, pathlib; from frontdesk.tracing.store import TraceStore;"
        "print(TraceStore(pathlib.Path(sys.argv[1])).calls()[0]['call_id'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "call"
    store.close()


def test_two_writers_share_one_file(path: Path) -> None:
    stores = [TraceStore(path), TraceStore(path)]
    for store in stores:
        store.start()
    for number in range(1, 401):
        stores[number % 2].add(root(number, f"call_{number % 8}"))
    for store in stores:
        assert store.flush(20)
    assert sum(call["turns"] for call in stores[0].calls()) == 400
    for store in stores:
        store.close()
        assert store.dropped == 0


def test_an_empty_store_has_no_calls(path: Path) -> None:
    store = TraceStore(path)
    assert store.calls() == [] and store.call("x") is None and store.trace("0" * 32) is None
    assert not path.exists()  # reading makes nothing
