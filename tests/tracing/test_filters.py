"""Which calls the list holds, and the list to take away."""

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from frontdesk.desk.prices import Prices
from frontdesk.settings import Settings
from frontdesk.tracing import messages, names, schema
from frontdesk.tracing.api import router
from frontdesk.tracing.calls import Tracing

NOW = time.time()
HOSTILE = "=HYPERLINK(1)"
CALLS = (  # words, age in hours, team, agents, waits, what each turn costs, what fails
    ("the blue lamp", 0.2, "shop", ["frontdesk", "orders", "frontdesk"], [0.5, 2.5], 0.25, 0),
    (HOSTILE, 3.0, "shop", ["frontdesk"], [0.8], 0.5, 1),
    ("the green lamp", 30.0, "bank", ["teller", "orders"], [1.2], None, 0),
    ("a chair", 200.0, "bank", ["teller"], [], 0.0, 0),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracing]:
    """A store of four calls, newest first call_0 to call_3."""
    tracing = Tracing(Settings(data=tmp_path_factory.mktemp("filters")))
    tracing.pricing.prices = Prices.model_validate({"version": 1, "models": {"at-home": "free"}})
    tracing.start()
    for number, (words, hours, team, agents, waits, cost, failures) in enumerate(CALLS):
        began = NOW - hours * 3600
        for index, wait in enumerate(waits or [None]):
            turn = tracing.turn(
                call_id=f"call_{number}", index=index, team=team, team_version="1",
                agent=agents[0], transport="websocket", start=began + index,
            )  # fmt: skip
            turn.set(**{names.GEN_AI_INPUT_MESSAGES: messages.user(words)})
            if wait is not None:
                turn.set(**{names.VOICE_TURN_LATENCY: wait})
            for step, agent in enumerate(agents):
                turn.record(
                    f"invoke_agent {agent}", start=began + index + step / 10, end=began + 1,
                    attributes={names.GEN_AI_AGENT_NAME: agent},
                )  # fmt: skip
            for tool in ("find_order", "refund", "find_order"):
                turn.record(
                    f"execute_tool {tool}", start=began, end=began + 1,
                    attributes={names.GEN_AI_TOOL_NAME: tool},
                    error="no" if failures else None,
                )  # fmt: skip
            model = {names.GEN_AI_REQUEST_MODEL: "m", names.VOICE_COST: cost}
            turn.record("chat m", start=began, end=began + 1, attributes=model)
            turn.end(reason="completed", end=began + index + 1)
    assert tracing.store.flush()
    yield tracing
    tracing.store.close()
    tracing._processor = None


@pytest.fixture
async def client(store: Tracing) -> Any:
    app = FastAPI()
    app.include_router(router(store, str.upper))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://frontdesk") as client:
        yield client


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "0123"),
        ("q=lamp", "02"),
        ("q=LAM+gre", "2"),
        ("agent=orders", "02"),
        ("agent=order", ""),
        ("team=bank", "23"),
        ("errors=1", "1"),
        ("errors=false", "0123"),
        ("latency_min=1", "02"),
        ("latency_max=1", "1"),
        ("latency_min=0.6&latency_max=1.5", "12"),
        ("cost_min=0.5", "01"),
        ("cost_max=0.1", "3"),
        ("period=1h", "0"),
        ("period=24h", "01"),
        pytest.param(f"since={NOW - 40 * 3600}&until={NOW - 3600}", "12", id="since-until"),
        ("period=7d&team=bank", "2"),
        ("q=&agent=&latency_min=&period=&errors=", "0123"),
        ("limit=2", "01"),
    ],
)
async def test_the_list_holds_what_is_asked_for(
    client: httpx2.AsyncClient, query: str, found: str
) -> None:
    answer = await client.get(f"/api/calls?{query}")
    assert "".join(call["call_id"][-1] for call in answer.json()["calls"]) == found


@pytest.mark.parametrize("wrong", ["latency_min=-1", "latency_max=x", "period=2h", "limit=9999"])
async def test_what_cannot_be_asked_is_refused_by_name(
    client: httpx2.AsyncClient, wrong: str
) -> None:
    answer = await client.get(f"/api/calls?{wrong}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][-1] == wrong.partition("=")[0]


async def test_a_call_tells_its_flow_tools_tokens_and_what_it_costs(
    client: httpx2.AsyncClient,
) -> None:
    newest, *_, unpriced, oldest = (await client.get("/api/calls")).json()["calls"]
    assert newest["agents"] == ["frontdesk", "orders"]
    assert newest["flow"] == ["frontdesk", "orders", "frontdesk", "orders", "frontdesk"]
    assert newest["tool_calls"] == {"find_order": 4, "refund": 2}
    assert (newest["first_audio_ms"], newest["slowest_ms"]) == (1500, 2500)
    assert (newest["cost"], newest["unpriced"]) == (0.5, [])
    assert (unpriced["cost"], unpriced["unpriced"]) == (None, ["m"])
    assert oldest["cost"] == 0


async def test_the_same_list_as_csv_is_inert_in_a_spreadsheet(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/calls?format=csv&team=shop")
    assert answer.headers["content-type"].startswith("text/csv")
    newest, hostile = csv.DictReader(io.StringIO(answer.text))
    assert (newest["flow"], newest["tools"]) == (
        "frontdesk; orders; frontdesk; orders; frontdesk",
        "find_order; refund",
    )
    assert newest["started"].endswith("+00:00")
    assert hostile["text"] == f"'{HOSTILE}"


def test_names_to_choose_from_are_those_of_calls(store: Tracing) -> None:
    assert store.store.choices() == {
        "agents": ["frontdesk", "orders", "teller"],
        "teams": ["bank", "shop"],
    }


def test_no_filter_reads_spans_or_sorts(store: Tracing, tmp_path: Path) -> None:
    """However large the store: the list walks calls from the newest on."""
    statements: list[str] = []
    connect = schema.connect_to_read

    def listening(*arguments: Any) -> Any:
        database = connect(*arguments)
        database.set_trace_callback(statements.append)
        return database

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "connect_to_read", listening)
        store.store.calls(text="lamp", agent="a", team="b", latency_min=1, cost_max=9, errors=True)
    (query,) = [said for said in statements if "ORDER BY started DESC" in said]
    database = connect(store.store.path)  # type: ignore[attr-defined]
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {query}")]
    database.close()
    assert not [step for step in plan if "TEMP B-TREE" in step or "span" in step], plan
