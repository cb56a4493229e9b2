"""What callers waited for and what failed, over a stretch of time, as figures and as pages."""

import math
import sqlite3
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.app import create_app
from frontdesk.settings import Settings
from frontdesk.tracing import charts, messages, names, schema
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.page_data import StoredPages
from frontdesk.tracing.pages import Pages
from frontdesk.tracing.statistics import percentile
from frontdesk.tracing.statistics_pages import router

HOUR = 3600.0
HOSTILE = "<script>alert(1)</script>"


async def turn(
    tracing: Tracing,
    start: float,
    wait: float,
    *,
    words: str = "Where is my order?",
    error: str | None = None,
    interrupted: bool = False,
) -> None:
    made = tracing.turn(
        call_id="call_1",
        index=0,
        team="support",
        team_version="1",
        agent="frontdesk",
        transport="websocket",
        start=start,
    )
    said = {names.GEN_AI_INPUT_MESSAGES: messages.user(words)}
    made.record("user_speech", start=start, end=start + 1, attributes=said)
    made.record("chat fast", start=start + 1, end=start + 1 + wait / 2)
    made.record("execute_tool find_order", start=start + 1, end=start + 1 + wait, error=error)
    made.set(**{names.VOICE_TURN_LATENCY: wait})
    if interrupted:
        made.set(**{names.VOICE_INTERRUPTED_AT: 0.5})
    made.end(reason="completed", end=start + 3)


@pytest.fixture
async def desk(tracing: Tracing) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    app.include_router(router(tracing.store, Pages(StoredPages(tracing))))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://desk") as http:
        yield http


async def test_waits_are_told_in_all_over_time_and_by_stage(
    tracing: Tracing, desk: httpx2.AsyncClient
) -> None:
    now = time.time()
    for wait in (0.2, 0.4, 0.6):
        await turn(tracing, now - 5 * HOUR, wait)
    await turn(tracing, now - 60, 1.0, interrupted=True, error="no such order")
    await turn(tracing, now - 30 * HOUR, 9.0)  # before the period
    await tracing.flush()
    found = (await desk.get("/api/stats")).json()
    assert found["total"] == {
        "turns": 4,
        "p50_ms": 400,
        "p95_ms": 1000,
        "interrupted": 1,
        "failed": 1,
    }
    filled = [point for point in found["points"] if point["turns"]]
    assert [(point["turns"], point["p50_ms"]) for point in filled] == [(3, 400), (1, 1000)]
    assert len(found["points"]) in (24, 25)
    assert found["stages"]["model"]["p95_ms"] == 500
    assert found["stages"]["tools"]["count"] == 4
    assert [slow["latency_ms"] for slow in found["slowest"]] == [1000, 600, 400, 200]
    week = (await desk.get("/api/stats?period=7d")).json()
    assert week["total"]["turns"] == 5


async def test_dead_air_is_told_by_what_held_the_answer_up(
    tracing: Tracing, desk: httpx2.AsyncClient
) -> None:
    now = time.time()
    await turn(tracing, now - 90, 6.0)
    trace = tracing.turn(
        call_id="call_1", index=1, team="t", team_version="v", agent="a", transport="x"
    )
    for stage, ago, seconds in (("model", 80, 2), ("tools", 60, 4), ("tools", 40, 3)):
        trace.record(f"dead_air {stage}", start=now - ago, end=now - ago + seconds)
    trace.record("dead_air tools", start=now - 40 * HOUR, end=now - 39 * HOUR)  # before the period
    trace.record("custom dead_air", start=now - 30, end=now - 20)
    trace.end(reason="completed")
    await tracing.flush()
    found = (await desk.get("/api/stats")).json()["dead_air"]
    assert found == [
        {"stage": "tools", "count": 2, "seconds": 7.0, "longest_ms": 4000.0},
        {"stage": "model", "count": 1, "seconds": 2.0, "longest_ms": 2000.0},
    ]
    page = (await desk.get("/latency")).text
    assert "7.00 s" in page.partition('id="dead-air"')[2].partition("</table>")[0]


async def test_errors_are_grouped_and_lead_to_the_newest(
    tracing: Tracing, desk: httpx2.AsyncClient
) -> None:
    now = time.time()
    for ago in (300, 200, 100):
        await turn(tracing, now - ago, 0.5, error="no such order")
    await turn(tracing, now - 50, 0.5, error="timed out")
    await tracing.flush()
    groups = (await desk.get("/api/errors?period=1h")).json()["groups"]
    assert [(group["error"], group["count"], group["turns"]) for group in groups] == [
        ("no such order", 3, 3),
        ("timed out", 1, 1),
    ]
    assert groups[0]["last"] == pytest.approx(now - 99)
    assert groups[0]["call_id"] == "call_1"
    page = (await desk.get("/errors?period=1h")).text
    assert f"trace={groups[0]['trace_id']}&amp;span={groups[0]['span_id']}" in page


async def test_what_was_said_is_inert_on_the_pages(
    tracing: Tracing, desk: httpx2.AsyncClient
) -> None:
    await turn(tracing, time.time() - 60, 0.5, words=HOSTILE, error=HOSTILE)
    await tracing.flush()
    for path in ("/latency", "/errors"):
        page = await desk.get(path)
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert HOSTILE not in page.text and "&lt;script&gt;" in page.text


@pytest.mark.parametrize("path", ["/latency", "/errors"])
async def test_an_empty_store_has_pages_too(desk: httpx2.AsyncClient, path: str) -> None:
    assert (await desk.get(f"{path}?period=1h")).status_code == 200
    assert (await desk.get(f"{path}?period=1y")).status_code == 422


async def test_a_store_of_the_first_version_gets_the_index(tracing: Tracing) -> None:
    await tracing.flush()
    await turn(tracing, time.time(), 0.5)
    await tracing.flush()
    with sqlite3.connect(tracing.store.path) as old:
        old.execute("DROP INDEX span_errors")
        old.execute("PRAGMA user_version = 1")
    old.close()
    mended: Any = schema.connect(tracing.store.path)
    plan = mended.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM span WHERE error IS NOT NULL AND start > 1"
    ).fetchall()
    mended.close()
    assert "span_errors" in str(plan)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(
    values: list[float], share: float
) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= math.ceil(share * len(ordered) - 1e-9)


@given(st.floats(1e-3, 1e7))
def test_an_axis_holds_the_highest_value_and_few_ticks(highest: float) -> None:
    axis = charts.axis(highest)
    assert axis.top >= highest * 0.999
    assert 2 <= len(axis.ticks) <= 6
    assert axis.ticks[0] == 0 and axis.ticks[-1] == pytest.approx(axis.top)


@given(st.lists(st.none() | st.floats(0, 100), max_size=30))
def test_a_line_has_a_gap_where_nothing_is_known(values: list[float | None]) -> None:
    line = charts.path(values, 100, 300, 50)
    runs = "".join("x" if value is None else "o" for value in values).split("x")
    assert line.count("M") == sum(bool(run) for run in runs)


async def test_looking_at_the_desk_leaves_no_spans(tracing: Tracing) -> None:
    app = create_app(Settings(data=tracing.store.path.parent / "other"))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        assert (await http.get("/healthz")).status_code == 503
    await turn(tracing, time.time(), 0.5)
    await tracing.flush()
    with sqlite3.connect(tracing.store.path) as database:
        assert database.execute("SELECT count(*) FROM span").fetchone() == (4,)
    database.close()
