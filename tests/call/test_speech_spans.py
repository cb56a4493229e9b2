import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontdesk.call.clock import Clock
from frontdesk.call.turn import Turn
from frontdesk.settings import Settings
from frontdesk.tracing.calls import Tracing
from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.speaker import Spoken

QUIET = np.zeros(OUTPUT_RATE // 10, np.float32)
LOUD = np.full(OUTPUT_RATE // 5, 0.5, np.float32)


def chunk(
    text: str, audio: Any, *, first: bool = False, last: bool = False, line: str | None = None
) -> Spoken:
    return Spoken(text, audio, 0, 1000 * len(audio) / OUTPUT_RATE, first, last, line)


@pytest.fixture
async def tracing(tmp_path: Path) -> AsyncIterator[Tracing]:
    tracing = Tracing(Settings(data=tmp_path))
    tracing.start()
    yield tracing
    await tracing.aclose()


def begun(tracing: Tracing, asked: float) -> Turn:
    trace = tracing.turn(
        call_id="sess_1", index=1, team="shop", team_version="1", agent="desk", transport="test"
    )
    return Turn(trace, Clock(), stt="ear", tts="mouth", asked=asked)


async def stored(tracing: Tracing, turn: Turn) -> dict[str, Any]:
    await tracing.flush()
    found = tracing.store.trace(turn.trace.trace_id)
    assert found
    return found


def clauses(trace: dict[str, Any]) -> list[dict[str, Any]]:
    return [span["attributes"] for span in trace["spans"] if span["stage"] == "text_to_speech"]


async def test_a_clause_is_one_span_as_long_as_all_of_its_sound(tracing: Tracing) -> None:
    turn = begun(tracing, time.time())
    model = "here: mouth, voice low"
    asked = {"style": "calm", "manner": "rate 0.95"}
    turn.voicing.asks("Hello,", "desk", model, "low", time.time(), **asked)
    turn.voicing.asks("Then,", "desk", model, "low", time.time())  # the next one, ahead
    turn.voicing.came("Hello,")
    turn.spoke(chunk("Hello, ", LOUD, first=True, line="Hello,"), "desk")
    turn.spoke(chunk("Hello, ", LOUD), "desk")
    turn.spoke(chunk("Hello, ", QUIET, last=True), "desk")
    turn.spoke(chunk("you.", LOUD, first=True, last=True), "desk")
    turn.spoke(chunk("---", QUIET[:0], first=True, last=True), "desk")
    turn.end("completed")
    first, second = clauses(await stored(tracing, turn))
    assert first["voice.audio.duration"] == pytest.approx(0.5)
    assert second["voice.audio.duration"] == pytest.approx(0.2)
    assert first["gen_ai.response.time_to_first_chunk"] >= 0
    assert (first["gen_ai.request.model"], first["gen_ai.speech.voice"]) == ("mouth", "low")
    assert first["gen_ai.provider.name"] == "here"
    assert "voice.speech.cached" not in first
    assert (first["voice.speech.style"], first["voice.speech.manner"]) == ("calm", "rate 0.95")
    assert second["voice.speech.cached"]  # nobody was asked for it


async def test_a_clause_cut_short_is_not_lost(tracing: Tracing) -> None:
    turn = begun(tracing, time.time())
    turn.spoke(chunk("A long story.", LOUD, first=True), "desk")
    turn.end("interrupted", interrupted_at=0.1)
    (only,) = clauses(await stored(tracing, turn))
    assert only["voice.audio.duration"] == pytest.approx(0.2)


async def test_the_first_sound_is_the_first_that_can_be_heard(tracing: Tracing) -> None:
    asked = time.time()
    turn = begun(tracing, asked)
    turn.spoke(chunk("---", QUIET[:0], first=True, last=True), "desk")
    assert turn.latency is None
    turn.spoke(chunk("Yes.", np.concatenate([QUIET, LOUD]), first=True, last=True), "desk")
    assert turn.latency is not None
    assert turn.latency >= 0.1
    turn.end("completed")
    trace = await stored(tracing, turn)
    assert trace["trace"]["latency_ms"] == pytest.approx(1000 * turn.latency, abs=1)
