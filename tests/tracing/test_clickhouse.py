"""What is ClickHouse's own: its tables, its being away, and that it answers as the file does."""

import re
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from agents import Agent
from frontdesk.cli.examining import examine_all
from frontdesk.encryption import Cipher
from frontdesk.folder import name_of
from frontdesk.settings import Settings
from frontdesk.state.health_servers import Finding
from frontdesk.tracing import names
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.clickhouse import shipping, spans, tables
from frontdesk.tracing.clickhouse.address import parse
from frontdesk.tracing.clickhouse.client import Client, Unfit, literal
from frontdesk.tracing.clickhouse.store import ClickHouseStore
from frontdesk.tracing.clickhouse.waiting import Waiting
from frontdesk.tracing.erasing import erase
from frontdesk.tracing.messages import agent, user
from frontdesk.tracing.opening import open_store
from frontdesk.tracing.pricing import Pricing
from frontdesk.tracing.rows import row
from frontdesk.tracing.stores import StoreError
from tests.clickhouse import ClickHouse

NOW = time.time()


@pytest.fixture
def store(clickhouse: ClickHouse, tmp_path: Path) -> Iterator[ClickHouseStore]:
    store = ClickHouseStore(parse(clickhouse.new_database()), tmp_path)
    store.start()
    yield store
    store.close()


@pytest.fixture
def client(store: ClickHouseStore) -> Client:
    return store._client  # pyright: ignore[reportPrivateUsage]


def span(number: int = 5, ago: float = 10.0, **more: Any) -> ReadableSpan:
    return ReadableSpan(
        name="invoke_workflow support",
        context=SpanContext(number, 7, False, TraceFlags(TraceFlags.SAMPLED)),
        attributes={
            names.GEN_AI_CONVERSATION_ID: "call",
            names.GEN_AI_WORKFLOW_NAME: "support",
            names.VOICE_TURN_INDEX: 0,
            **more,
        },
        start_time=int((NOW - ago) * 1e9),
        end_time=int((NOW - ago + 1) * 1e9),
    )


@pytest.fixture
async def both(clickhouse: ClickHouse, tmp_path: Path) -> AsyncIterator[tuple[Tracing, Tracing]]:
    """The same spans go to a file and to ClickHouse."""
    file = Tracing(Settings(data=tmp_path / "file"))
    click = Tracing(Settings(data=tmp_path / "click", traces_url=clickhouse.new_database()))
    file.start()
    click.start()
    yield file, click
    await click.aclose()
    await file.aclose()


async def test_a_recorded_call_is_answered_as_the_file_answers(
    both: tuple[Tracing, Tracing],
    tmp_path: Path,
    team: Agent[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from agents import RunConfig, Runner

    file, click = both
    traces: list[str] = []
    for index in range(3):
        turn = click.turn(
            call_id="call_1",
            index=index,
            team="support",
            team_version="v1",
            agent="frontdesk",
            transport="websocket",
            start=time.time() - 2,
        )
        start = time.time() - 2
        said = {names.GEN_AI_INPUT_MESSAGES: user("Where is order 48271?")}
        turn.record("user_speech", start=start, end=start + 1, attributes=said)
        if index == 0:
            config = RunConfig(
                workflow_name="support", trace_id=turn.sdk_trace_id, group_id="call_1"
            )
            with turn.use():
                run = Runner.run_streamed(team, "Where is order 48271?", run_config=config)
                async for _ in run.stream_events():
                    pass
        end = time.time()
        heard = {names.GEN_AI_OUTPUT_MESSAGES: agent("It comes on Tuesday.")}
        turn.record("playback", start=end - 0.2, end=end, attributes=heard)
        turn.set(**{names.VOICE_TURN_LATENCY: 0.4 + index / 10, **said, **heard})
        if index == 1:
            turn.set(**{names.VOICE_INTERRUPTED_AT: 0.5})
        turn.end(reason="completed")
        traces.append(turn.trace_id)
    work = click.delegation(
        call_id="call_1",
        delegation_id="d1",
        tool="report",
        arguments="{}",
        team="support",
        agent="frontdesk",
        asked_in=turn,
    )
    work.end(reason="completed")
    noise = np.sin(np.arange(24_000) / 9).astype(np.float32)
    name_of(tmp_path / "click")  # is random, too
    for each in both:
        keys = iter(("b" * 32, "a" * 32))
        monkeypatch.setattr("secrets.token_hex", lambda _, keys=keys: next(keys))
        for role, offset in (("caller", 0), ("agent", 0)):
            each.audio.put(
                call_id="call_1", role=role, samples=noise, rate=24_000, offset_ms=offset,
                item_id=role,
            )  # fmt: skip
        each.whose("call_1", "me", 1.0)
        await each.flush()

    def everything(tracing: Tracing) -> dict[str, Any]:
        store = tracing.store
        now = time.time() // 1 + 1
        answers = {
            "list": store.calls(),
            "found": store.calls(text="tuesday", agent="orders", errors=True, caller="me"),
            "choices": store.choices(),
            "call": store.call("call_1"),
            "pieces": store.pieces("call_1"),
            "callers": store.calls_of("me"),
            "latency": store.latency("24h", now),
            "errors": store.errors("24h", now),
            "background": store.trace(work.trace_id),
        }
        return answers | {trace_id: store.trace(trace_id) for trace_id in traces}

    from_file, from_click = everything(file), everything(click)
    assert from_file["list"] and from_file["found"] and from_file["errors"]["groups"]
    assert len(from_file["call"]["transcript"]) == 6 and from_file["call"]["delegations"]
    assert len(from_file[traces[0]]["spans"]) > 15
    assert from_click == from_file


def test_the_spans_table_is_the_collectors(store: ClickHouseStore, client: Client) -> None:
    store.add(span(end=1))
    assert store.flush()
    columns = client.rows("SELECT name, type FROM system.columns WHERE table = 'otel_traces' "
                          "AND database = currentDatabase()")  # fmt: skip
    words = "Map(LowCardinality(String), String)"
    assert {each["name"]: each["type"] for each in columns} == {
        "Timestamp": "DateTime64(9)",
        **dict.fromkeys(("TraceId", "SpanId", "ParentSpanId", "TraceState"), "String"),
        **dict.fromkeys(("SpanName", "SpanKind", "ServiceName"), "LowCardinality(String)"),
        "ResourceAttributes": words,
        "ScopeName": "String",
        "ScopeVersion": "String",
        "SpanAttributes": words,
        "Duration": "UInt64",
        "StatusCode": "LowCardinality(String)",
        "StatusMessage": "String",
        "Events.Timestamp": "Array(DateTime64(9))",
        "Events.Name": "Array(LowCardinality(String))",
        "Events.Attributes": f"Array({words})",
        **dict.fromkeys(("Links.TraceId", "Links.SpanId", "Links.TraceState"), "Array(String)"),
        "Links.Attributes": f"Array({words})",
    }
    [found] = client.rows(
        "SELECT SpanKind, StatusCode, SpanAttributes['voice.turn.index'] AS turn, Duration, "
        "dateDiff('second', Start, End) AS seconds FROM otel_traces "
        "JOIN otel_traces_trace_id_ts USING TraceId"
    )
    assert found == {
        "SpanKind": "Internal",
        "StatusCode": "Unset",
        "turn": "0",
        "Duration": 10**9,
        "seconds": 0,
    }


def test_what_a_collector_wrote_is_read_too(store: ClickHouseStore, client: Client) -> None:
    store.add(span())
    assert store.flush()
    written = {
        "Timestamp": f"{NOW - 9.5:.9f}",
        "TraceId": f"{5:032x}",
        "SpanId": f"{8:016x}",
        "ParentSpanId": f"{7:016x}",
        "SpanName": "chat fast",
        "SpanAttributes": {names.GEN_AI_USAGE_INPUT_TOKENS: "30", "other": "7"},
        "Duration": 5,
        "StatusCode": "Error",
        "StatusMessage": "overloaded",
    }
    strange = {
        **written,
        "SpanId": f"{9:016x}",
        "SpanName": "x",
        "SpanAttributes": {spans.JSON_KEYS: "no JSON", "voice.turn.latency": "{"},
    }
    client.insert("otel_traces", map(orjson.dumps, (written, written, strange)))
    found = store.trace(f"{5:032x}")
    assert found and found["trace"]["tokens"] == 30 and found["trace"]["errors"] == 2
    _, chat, other = found["spans"]
    assert chat["attributes"] == {names.GEN_AI_USAGE_INPUT_TOKENS: 30, "other": "7"}
    assert other["attributes"] == {"voice.turn.latency": "{"}


def test_clickhouse_may_come_later_and_go(
    clickhouse: ClickHouse,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shipping, "RETRY", 0.1)
    clickhouse.stop()
    store = ClickHouseStore(parse(clickhouse.new_database()), tmp_path)
    try:
        store.start()
        assert store.add(span(1))
        assert store.flush(0.5) is False
        with pytest.raises(StoreError, match=r"clickhouse://127\.0\.0\.1:\d+/desk\w+ is not there"):
            store.calls()
    finally:
        clickhouse.start()
    assert store.flush(30)
    assert store.calls()[0]["turns"] == 1 and store.dropped == 0
    clickhouse.stop()
    try:
        assert store.add(span(2))
        assert store.flush(0.5) is False
    finally:
        clickhouse.start()
    assert store.flush(30)
    assert store.calls()[0]["turns"] == 2 and store.dropped == 0
    store.close()
    said = [record.getMessage() for record in caplog.records if "frontdesk" in record.name]
    assert ["cannot be written" in each for each in said] == [True, False, True, False]
    assert not [each for each in said if "a secret" in each or "%20" in each]


def test_who_has_the_wrong_password_is_told(clickhouse: ClickHouse, tmp_path: Path) -> None:
    url = clickhouse.new_database().replace("a%20secret", "a%20guess")
    store = ClickHouseStore(parse(url), tmp_path)
    with pytest.raises(StoreError, match="Authentication failed"):
        store.calls()
    store.close()


def test_a_flood_is_bounded_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    written: list[int] = []
    ship = shipping.Shipping(Waiting(), "x", lambda batch: written.append(len(batch)), list, 10)
    assert [ship.submit(lambda: None) for _ in range(15)] == [True] * 10 + [False] * 5
    assert ship.submit(lambda: None, 100 * 2**20) is False
    assert ship.dropped == 6 and len(caplog.records) == 1


def test_what_clickhouse_cannot_take_is_left_out_and_counted() -> None:
    waiting = Waiting()
    kept: list[int] = []

    def write(batch: Any) -> None:
        if any(each.trace_id == f"{13:032x}" for each in batch.spans):
            raise Unfit("no")
        kept.extend(int(each.trace_id, 16) for each in batch.spans)

    ship = shipping.Shipping(waiting, "x", write, lambda: None)
    for number in range(1, 20):
        found = row(span(number), Pricing())
        ship.submit(lambda found=found: waiting.end(found, b""))
    ship.start()
    assert ship.flush()
    ship.close()
    assert sorted(kept) == [*range(1, 13), *range(14, 20)] and ship.dropped == 1


def test_two_workers_that_write_one_call_at_once_agree(
    clickhouse: ClickHouse, tmp_path: Path
) -> None:
    address = parse(clickhouse.new_database())
    stores = [ClickHouseStore(address, tmp_path) for _ in range(2)]
    for each in stores:
        each.start()
    for turns in range(2, 7, 2):
        for number, each in enumerate(stores, turns):
            each.add(span(number))
        threads = [threading.Thread(target=each.flush) for each in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [each.calls()[0]["turns"] for each in stores] == [turns, turns]
    for each in stores:
        each.close()


async def test_sound_that_another_worker_has_is_erased_by_that_one(
    clickhouse: ClickHouse, tmp_path: Path
) -> None:
    url = clickhouse.new_database()
    here, there = [Tracing(Settings(data=tmp_path / name, traces_url=url)) for name in "ab"]
    noise = np.sin(np.arange(2400) / 9).astype(np.float32)
    for each in (here, there):  # a call that was carried on by the other worker
        each.start()
        each.whose("call", "me", 1.0)
        each.store.add(span(5 if each is here else 6))
        each.audio.put(
            call_id="call", role="caller", samples=noise, rate=24_000, offset_ms=0, item_id="i"
        )
        await each.flush()
    assert len(here.store.pieces("call")) == 2
    gone = erase(here.store, here.audio, "me", [], until=2.0)
    assert (gone.calls, gone.traces) == (1, 2)
    assert there.store.call("call") is None
    assert [len([*each.audio.root.rglob("*.flac")]) for each in (here, there)] == [0, 1]
    erase(there.store, there.audio, "me", [], until=2.0)
    assert [*there.audio.root.rglob("*.flac")] == []
    assert there.store.pieces("call") == [] and there.store.calls_of("me") == []
    await here.aclose()
    await there.aclose()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgres://host/db", "postgres:// is no trace store"),
        ("clickhouse:///db", "no host"),
        ("clickhouse://host:port/db", "Port could not be cast"),
        ("clickhouse://host/my-db", "'my-db' is no name of a database"),
        ("clickhouse://host/db?secure=1", "nothing may stand behind the database"),
    ],
)
def test_an_unfit_address_is_refused_with_what_mends_it(tmp_path: Path, url: str, why: str) -> None:
    with pytest.raises(
        StoreError, match=r"FRONTDESK_TRACES_URL: .*Write it as clickhouse://"
    ) as no:
        Tracing(Settings(data=tmp_path, traces_url=url))
    assert why in str(no.value)


def test_keys_and_clickhouse_are_refused_together(tmp_path: Path) -> None:
    chosen = Settings(data=tmp_path, traces_url="clickhouse://u:geheim@host/db")
    with pytest.raises(StoreError, match="do not go together") as refused:
        open_store(chosen, Cipher([b"7Uqr4mCh0l2sv0oDqPMmMmm6qTjNKRMSjpD4zzDRLJw="]))
    assert "geheim" not in str(refused.value)
    assert open_store(chosen).where == "clickhouse://host:8123/db"
    assert open_store(Settings(data=tmp_path, traces_url="")).where.endswith(".db")


def test_addresses_have_the_usual_defaults() -> None:
    assert parse("clickhouse://host").url == "http://host:8123/"
    found = parse("clickhouses://me:a%2Fb@[::1]/traces")
    assert (found.url, found.user, found.password) == ("https://[::1]:8443/", "me", "a/b")
    assert "a/b" not in repr(found)


ATTRIBUTES = st.dictionaries(
    st.text(max_size=10),
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)
    | st.text(max_size=20) | st.lists(st.text(max_size=5), max_size=3),
    max_size=5,
)  # fmt: skip


@settings(max_examples=40)
@given(attributes=ATTRIBUTES, start=st.integers(0, 4 * 10**18), length=st.integers(0, 10**15))
def test_a_span_comes_back_from_its_row_as_it_was(
    attributes: dict[str, Any], start: int, length: int
) -> None:
    made = ReadableSpan(
        name="chat fast",
        context=SpanContext(5, 7, False),
        parent=SpanContext(5, 6, False),
        attributes=attributes,
        events=[Event("exception", {"exception.type": "X", "n": 1}, start)],
        status=Status(StatusCode.ERROR, "overloaded"),
        start_time=start,
        end_time=start + length,
    )
    known = row(made, Pricing())
    line = orjson.loads(spans.encode(made, known))

    def nanoseconds(time: str) -> int:
        seconds, parts = time.split(".")
        return int(seconds) * 10**9 + int(parts)

    read = {
        **line,
        "start": nanoseconds(line["Timestamp"]),
        "events": line["Events.Name"],
        "times": [nanoseconds(each) for each in line["Events.Timestamp"]],
        "event_attributes": line["Events.Attributes"],
    }
    back = spans.decode(read)
    assert orjson.dumps(back.export(), default=str) == orjson.dumps(known.export(), default=str)


def test_any_text_is_a_literal(clickhouse: ClickHouse) -> None:
    client = Client(parse(clickhouse.new_database().rpartition("/")[0]))
    nasty = ["'", "\\", "\\'", "' OR 1 --", "\0\n\t\r", "{x}", "é한😀", "%_", ""]
    assert client.rows("SELECT {all} AS all, {one} AS one", all=nasty, one=1.5) == [
        {"all": nasty, "one": 1.5}
    ]
    assert literal(("a", 1, True)) == "('a', 1, true)"
    with pytest.raises(TypeError):
        literal(None)
    client.close()


async def test_doctor_says_what_answers(clickhouse: ClickHouse, tmp_path: Path) -> None:
    async def told(url: str) -> Finding:
        findings = examine_all(Settings(desk=tmp_path, data=tmp_path, traces_url=url))
        async with aclosing(findings):
            return await anext(each async for each in findings if each.about == "traces")

    well = await told(url := clickhouse.new_database())
    assert well.level == "ok" and re.search(r"127.* is ClickHouse \d\d\.", well.says)
    assert (await told(url.replace("secret", "guess"))).level == "bad"
    assert "no trace store" in (await told("mysql://host")).says


def test_tables_are_made_once_and_left_alone(store: ClickHouseStore, client: Client) -> None:
    store.add(span())
    assert store.flush()
    client.run("ALTER TABLE otel_traces ADD COLUMN extra String")
    tables.make(client)
    store.add(span(6))
    assert store.flush() and store.calls()[0]["turns"] == 2
