"""What people think of turns: kept, shown, taken back, and gone with what it is about."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from frontdesk.api import errors
from frontdesk.encryption import Cipher, new_key
from frontdesk.settings import Settings
from frontdesk.tracing import api as tracing_api
from frontdesk.tracing import schema, scores_api
from frontdesk.tracing.calls import Tracing, TurnTrace
from frontdesk.tracing.erasing import erase
from frontdesk.tracing.otlp import CAPTURE
from frontdesk.tracing.resealing import reseal
from frontdesk.tracing.scores import Score
from frontdesk.tracing.store import TraceStore


@pytest.fixture
def turn(tracing: Tracing) -> TurnTrace:
    return turn_of(tracing)


def turn_of(tracing: Tracing) -> TurnTrace:
    turn = tracing.turn(
        call_id="call_1", index=0, team="t", team_version="v", agent="a", transport="x"
    )
    turn.record("playback", start=1.0, end=2.0, attributes={})
    turn.end(reason="completed")
    assert tracing.store.flush()
    return turn


@pytest.fixture
async def client(tracing: Tracing) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    app.include_router(tracing_api.router(tracing, str.upper))
    app.include_router(
        scores_api.router(tracing.store, tracing.captures.written_about, tracing.scored)
    )
    errors.install(app)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://frontdesk") as client:
        yield client


async def sent(tracing: Tracing, turn: TurnTrace) -> list[dict[str, Any]]:
    """Score the turn and its span; close; what the answers were."""
    tracing.captures.redaction("t", lambda words: words.replace("555 0199", "[phone]"))
    app = FastAPI()
    app.include_router(
        scores_api.router(tracing.store, tracing.captures.written_about, tracing.scored)
    )
    span = await asyncio.to_thread(lambda: tracing.store.trace(turn.trace_id))
    assert span
    [playback] = [each for each in span["spans"] if each["name"] == "playback"]
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://frontdesk") as client:
        answers = [
            (await client.post("/api/scores", json={"trace_id": turn.trace_id, **given})).json()
            for given in (
                {"name": "thumb", "value": 1},
                {"name": "note", "label": "so so", "comment": "Call 555 0199.",
                 "span_id": playback["span_id"]},
            )
        ]  # fmt: skip
    await tracing.aclose()
    return answers


@pytest.mark.parametrize("capture", ["SPAN_ONLY", "SPAN_AND_EVENT"])
async def test_a_score_is_sent_as_an_event_of_its_span(
    capture: str, settings: Settings, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv(CAPTURE, capture)
    tracing = Tracing(settings)
    tracing.start()
    turn = turn_of(tracing)
    thumb, note = await sent(tracing, turn)
    first, second = receiver.events
    assert {record.event_name for record in receiver.events} == {"gen_ai.evaluation.result"}
    assert {record.trace_id.hex() for record in receiver.events} == {turn.trace_id}
    root = next(span for name, span in receiver.ids.items() if name.startswith("invoke_workflow"))
    assert (first.span_id.hex(), second.span_id.hex()) == (root, note["span_id"])
    assert first.time_unix_nano == pytest.approx(thumb["created"] * 1e9, abs=1e6)
    told = [{entry.key: entry.value for entry in record.attributes} for record in receiver.events]
    assert told[0]["gen_ai.evaluation.name"].string_value == "thumb"
    assert told[0]["gen_ai.evaluation.score.value"].double_value == 1
    assert told[1]["gen_ai.evaluation.score.label"].string_value == "so so"
    assert told[1]["gen_ai.conversation.id"].string_value == "call_1"
    written = told[1].get("gen_ai.evaluation.explanation")
    assert (written and written.string_value) == (
        "Call [phone]." if capture == "SPAN_AND_EVENT" else None
    )
    assert tracing.scores_out and (tracing.scores_out.sent, tracing.scores_out.failed) == (2, 0)


async def test_scores_that_a_backend_has_no_place_for_are_counted_and_said_once(
    settings: Settings,
    receiver: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    receiver.refuses_logs = True
    tracing = Tracing(settings)
    tracing.start()
    await sent(tracing, turn_of(tracing))
    assert tracing.scores_out and (tracing.scores_out.sent, tracing.scores_out.failed) == (0, 2)
    assert tracing.lost["otlp"] == 0 and receiver.spans  # spans are another thing
    assert [record.name for record in caplog.records] == ["frontdesk.tracing.scores_out"]
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    quiet = Tracing(settings)
    quiet.start()
    assert quiet.scores_out is None
    await quiet.aclose()


def on_disk(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))


async def test_a_comment_is_redacted_as_its_team_has_it(
    client: httpx2.AsyncClient, tracing: Tracing, turn: TurnTrace
) -> None:
    tracing.captures.redaction("other", lambda words: words.upper())
    given = {"trace_id": turn.trace_id, "name": "note", "comment": "Call 555 0199 back."}
    assert (await client.post("/api/scores", json=given)).json()["comment"] == given["comment"]
    tracing.captures.redaction("t", lambda words: words.replace("555 0199", "[phone]"))
    made = await client.post("/api/scores", json=given)
    assert made.json()["comment"] == "Call [phone] back."
    found = (await client.get(f"/api/traces/{turn.trace_id}")).json()["scores"]
    assert [score["comment"] for score in found] == [given["comment"], "Call [phone] back."]


async def test_a_score_is_read_with_its_turn_and_its_call_and_counted_in_the_list(
    client: httpx2.AsyncClient, turn: TurnTrace
) -> None:
    found = (await client.get(f"/api/traces/{turn.trace_id}")).json()
    playback = next(span for span in found["spans"] if span["name"] == "playback")
    given = {"name": "helpful", "value": 0.5, "label": "so so", "comment": "late", "author": "Mo"}
    about = {"trace_id": turn.sdk_trace_id, "span_id": playback["span_id"]}
    made = await client.post("/api/scores", json=given | about)
    thumb = await client.post(
        "/api/scores", json={"name": "thumb", "value": 1, "trace_id": turn.trace_id}
    )
    assert (made.status_code, thumb.status_code) == (201, 201)
    expected = given | about | {"trace_id": turn.trace_id}
    assert made.json().items() >= expected.items()
    with_trace = (await client.get(f"/api/traces/{turn.trace_id}")).json()["scores"]
    with_call = (await client.get("/api/calls/call_1")).json()
    assert with_trace == with_call["scores"] == [made.json(), thumb.json()]
    (listed,) = (await client.get("/api/calls")).json()["calls"]
    assert listed["scores"] == with_call["call"]["scores"] == 2


async def test_a_score_can_be_taken_back_once(client: httpx2.AsyncClient, turn: TurnTrace) -> None:
    body = {"name": "thumb", "value": 0, "trace_id": turn.trace_id}
    made = (await client.post("/api/scores", json=body)).json()
    assert (await client.delete(f"/api/scores/{made['id']}")).status_code == 204
    assert (await client.delete(f"/api/scores/{made['id']}")).status_code == 404
    assert (await client.get(f"/api/traces/{turn.trace_id}")).json()["scores"] == []


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"trace_id": "0" * 32}, 404, "no trace"),
        ({"span_id": "0" * 16}, 404, "no span"),
        ({"value": None}, 400, "give a value, a label or a comment"),
        ({"comment": "x" * 4001}, 400, "comment"),
        ({"name": " "}, 400, "name"),
        ({"value": "1e999"}, 400, "value"),
        ({"trace_id": "../../etc"}, 400, "trace_id"),
        ({"colour": "red"}, 400, "colour"),
    ],
)
async def test_a_score_that_cannot_be_kept_is_refused_with_the_reason(
    client: httpx2.AsyncClient, turn: TurnTrace, change: dict[str, Any], status: int, told: str
) -> None:
    body = {"name": "thumb", "value": 1, "trace_id": turn.trace_id} | change
    answer = await client.post("/api/scores", json=body)
    assert answer.status_code == status
    assert told in answer.text


async def test_scores_are_erased_with_the_caller(
    tracing: Tracing, client: httpx2.AsyncClient, turn: TurnTrace
) -> None:
    body = {"name": "note", "comment": "zanzibarical", "trace_id": turn.trace_id}
    assert (await client.post("/api/scores", json=body)).status_code == 201
    tracing.whose("call_1", "me", 1.0)
    erase(tracing.store, tracing.audio, "me", [], until=2.0)
    assert b"zanzibarical" not in on_disk(Path(tracing.store.where))
    assert (await client.post("/api/scores", json=body)).status_code == 404


async def test_a_comment_is_sealed_where_there_are_keys(
    settings: Settings, tmp_path: Path, tracing: Tracing, turn: TurnTrace
) -> None:
    keys = Cipher([new_key()])
    sealing = TraceStore(tmp_path / "traces.db", cipher=keys)
    for name, store in (("before", tracing.store), ("after", sealing)):
        said = Score(name, turn.trace_id, None, "note", None, None, "quatrefoil", "Mo", 1.0)
        assert store.add_score(said)
    await tracing.aclose()
    reseal(tmp_path / "traces.db", tmp_path / "audio", keys)
    assert b"quatrefoil" not in on_disk(tmp_path / "traces.db")
    found = sealing.trace(turn.trace_id)
    assert found is not None
    assert [score["comment"] for score in found["scores"]] == ["quatrefoil", "quatrefoil"]


def test_a_store_of_the_fourth_version_can_be_scored(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    with closing(schema.connect(path)) as old:
        old.executescript("DROP TRIGGER score_goes_with_its_trace; DROP TABLE score")
        old.execute("INSERT INTO trace (trace_id, call_id, started) VALUES ('a', 'c', 1)")
        old.execute("PRAGMA user_version = 4")
    with closing(schema.connect(path)) as database:
        database.execute("INSERT INTO score VALUES ('s','a','c',NULL,'n',1,NULL,NULL,'Mo',1)")
        database.execute("DELETE FROM trace")
        assert database.execute("SELECT count(*) FROM score").fetchone() == (0,)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION
