"""What calls cost: from the price table to spans, turns, calls and metrics."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from frontdesk.desk.prices import Prices
from frontdesk.settings import Settings
from frontdesk.tracing import names, otlp, schema
from frontdesk.tracing.calls import Tracing, TurnTrace
from frontdesk.tracing.pricing import Bill, Pricing

T0 = 1_800_000_000.0
PRICES = Prices.model_validate(
    {
        "version": 1,
        "models": {
            "talker*": {"input": 0.25, "cached_input": 0.025, "output": 2.0},
            "ears": {"minute": 0.006},
            "tokens-ears": {"audio_input": 6, "input": 2.5, "output": 10},
            "mouth": {"characters": 15},
            "half": {"input": 1},
            "home*": "free",
        },
    }
)
PRICING = Pricing(PRICES)


def chat(model: str, read: int, written: int, cached: int = 0, **more: Any) -> dict[str, Any]:
    return {
        names.GEN_AI_REQUEST_MODEL: model,
        names.GEN_AI_USAGE_INPUT_TOKENS: read,
        names.GEN_AI_USAGE_OUTPUT_TOKENS: written,
        names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: cached,
        **more,
    }


def speech(model: str, characters: int, seconds: float) -> dict[str, Any]:
    return {
        names.GEN_AI_REQUEST_MODEL: model,
        names.VOICE_SPEECH_CHARACTERS: characters,
        names.VOICE_AUDIO_DURATION: seconds,
    }


@pytest.mark.parametrize(
    ("operation", "attributes", "billionths"),
    [
        ("chat", chat("talker-1", 1000, 100), 450_000),
        ("chat", chat("talker-1", 1000, 100, cached=600), 315_000),  # 100 + 15 + 200 millionths
        ("chat", chat("talker-1", 1, 0, cached=1), 25),
        ("chat", chat("named", 1000, 0, **{names.GEN_AI_RESPONSE_MODEL: "talker-2"}), 250_000),
        ("compaction", chat("talker-1", 2000, 0), 500_000),
        ("speech_to_text", speech("OpenAI: ears", 0, 30.0), 3_000_000),
        ("text_to_speech", speech("OpenAI: mouth, voice marin", 200, 9.0), 3_000_000),
        ("text_to_speech", speech("home: voice", 200, 9.0), 0),
        ("chat", {names.GEN_AI_REQUEST_MODEL: "home"}, 0),  # reports no tokens, and is free
        ("chat", chat("half", 10, 0), 10_000),
    ],
)
def test_a_span_costs_what_the_table_says(
    operation: str, attributes: dict[str, Any], billionths: int
) -> None:
    assert PRICING.bill(operation, attributes, False) == Bill(billionths, "USD")


def test_audio_tokens_have_their_own_price() -> None:
    used = chat("tokens-ears", 120, 10) | {names.GEN_AI_USAGE_AUDIO_INPUT_TOKENS: 100}
    assert PRICING.bill("speech_to_text", used, False) == Bill(750_000, "USD")  # 50 + 600 + 100


@pytest.mark.parametrize(
    ("operation", "attributes"),
    [
        ("chat", chat("stranger", 10, 10)),
        ("chat", chat("half", 10, 10)),  # its output has no price
        ("chat", {names.GEN_AI_REQUEST_MODEL: "talker-1"}),  # reports no tokens
        ("speech_to_text", speech("mouth", 5, 1.0)),
        ("text_to_speech", {}),
    ],
)
def test_what_is_not_known_is_never_nothing(operation: str, attributes: dict[str, Any]) -> None:
    assert PRICING.bill(operation, attributes, False) == Bill(None, None)
    assert Pricing().bill(operation, attributes, False) == Bill(None, None)


def test_what_is_no_model_or_failed_before_it_did_anything_has_no_bill() -> None:
    assert PRICING.bill("execute_tool", chat("talker", 1, 1), False) is None
    for model in ("talker", "stranger"):
        assert PRICING.bill("chat", {names.GEN_AI_REQUEST_MODEL: model}, True) is None
    assert PRICING.bill("chat", chat("talker", 4, 0), True) == Bill(1_000, "USD")


def test_what_another_worker_reckoned_stands() -> None:
    told = {names.VOICE_COST: 0.5, names.VOICE_COST_CURRENCY: "EUR"}
    assert PRICING.bill("chat", chat("talker", 1, 1) | told, False) == Bill(500_000_000, "EUR")


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=20))
def test_sums_are_exact(used: list[tuple[int, int]]) -> None:
    total = 0
    for read, written in used:
        bill = PRICING.bill("chat", chat("talker", read, written), False)
        assert bill and bill.amount is not None
        total += bill.amount
    exact = sum((read * Decimal("0.25") + written * 2 for read, written in used), Decimal())
    assert total == exact * 1000


def turn_of(tracing: Tracing, index: int = 0) -> TurnTrace:
    return tracing.turn(
        call_id="call_1", index=index, team="support", team_version="v1", agent="frontdesk",
        transport="websocket", start=T0 + index,
    )  # fmt: skip


async def test_spans_add_up_to_turns_and_calls(tracing: Tracing, api: httpx2.AsyncClient) -> None:
    tracing.pricing.prices = PRICES
    for index in (0, 1):
        turn = turn_of(tracing, index)
        turn.record("chat talker", start=T0, end=T0 + 1, attributes=chat("talker", 1000, 100))
        turn.record("text_to_speech m", start=T0, end=T0 + 1, attributes=speech("mouth", 200, 9))
        if index:
            turn.record("chat other", start=T0, end=T0 + 1, attributes=chat("other", 1, 1))
        turn.end(reason="completed", end=T0 + 2)
    await tracing.flush()
    found = (await api.get("/api/calls/call_1")).json()
    costs = [(turn["cost"], turn["currency"], turn["unpriced"]) for turn in found["turns"]]
    assert costs == [(0.00345, "USD", []), (0.00345, "USD", ["other"])]
    call = found["call"]
    assert (call["cost"], call["currency"], call["unpriced"]) == (0.0069, "USD", ["other"])
    trace = (await api.get(f"/api/traces/{found['turns'][0]['trace_id']}")).json()
    span = next(span for span in trace["spans"] if span["name"] == "chat talker")
    assert span["attributes"]["voice.cost"] == 0.00045
    assert span["attributes"]["voice.cost.currency"] == "USD"
    told = generate_latest(tracing.metrics.registry).decode()
    line = 'gen_ai_request_model="mouth",voice_cost_currency="USD"'
    assert [f"{{{line}}} 0.006" in said for said in told.splitlines() if line in said] == [True]


async def test_money_of_two_currencies_is_not_added_up(tracing: Tracing) -> None:
    turn = turn_of(tracing)
    for prices in (PRICES, PRICES.model_copy(update={"currency": "EUR"})):
        tracing.pricing.prices = prices
        turn.record("chat talker", start=T0, end=T0 + 1, attributes=chat("talker", 1000, 100))
        await tracing.flush()
    turn.end(reason="completed")
    await tracing.flush()
    (call,) = tracing.store.calls()
    assert call["cost"] is None and call["currency"] is None


def test_what_goes_out_over_otlp_has_its_cost(tracing: Tracing) -> None:
    sent: list[Any] = []
    tracing._pipeline.batches = type("Kept", (), {"on_end": lambda _, span: sent.append(span)})()  # type: ignore
    turn = turn_of(tracing)
    turn.record("chat talker", start=T0, end=T0 + 1, attributes=chat("talker", 4, 0))
    tracing._pipeline.batches = None
    turn.end(reason="completed")
    (span,) = sent
    assert names.VOICE_COST not in span.attributes
    assert otlp.priced(span, PRICING).attributes[names.VOICE_COST] == 1e-6
    assert otlp.priced(span, Pricing()) is span


async def test_a_store_of_the_third_version_gets_the_columns_and_the_slowest_turns(
    tmp_path: Path,
) -> None:
    path = tmp_path / "traces.db"
    with closing(schema.connect(path)) as old:
        for table, name, _ in schema.LATER:
            old.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
        old.execute("INSERT INTO trace (trace_id, call_id, started, latency) VALUES ('a','c',1,2)")
        old.execute("INSERT INTO trace (trace_id, call_id, started, latency) VALUES ('b','c',2,9)")
        old.execute(
            "INSERT INTO call (call_id, started, last, turns, tokens, handoffs, errors, latency, "
            "agents, tools, text) VALUES ('c', 1, 2, 2, 0, 0, 0, 5.5, '[]', '[]', '')"
        )
        old.execute("PRAGMA user_version = 3")
    tracing = Tracing(Settings(data=tmp_path))
    (call,) = tracing.store.calls()  # before anything is written
    assert call["slowest_ms"] == 9000
    tracing.start()
    turn_of(tracing).end(reason="completed", end=T0 + 1)
    await tracing.flush()
    newer, older = tracing.store.calls()
    assert (newer["call_id"], newer["slowest_ms"]) == ("call_1", None)
    assert (older["call_id"], older["slowest_ms"], older["cost"]) == ("c", 9000, None)
    await tracing.aclose()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION
