"""The caller behind ``call`` and ``demo``: what it plays, and what it says it heard."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pybase64
import pytest

from frontdesk.client.caller import Caller, CallFailed, place
from frontdesk.voice.audio import samples_to_pcm16
from frontdesk.voice.base import OUTPUT_RATE

SPEECH = (0.3 * np.sin(2 * np.pi * 220 * np.arange(OUTPUT_RATE) / OUTPUT_RATE)).astype(np.float32)


class Line:
    """The server's end, as far as a caller who is cut into the answer needs it."""

    def __init__(self) -> None:
        self.truncated: list[dict[str, Any]] = []
        item = SimpleNamespace(truncate=self._truncate)
        self.conversation = SimpleNamespace(item=item)

    async def _truncate(self, **fields: Any) -> None:
        self.truncated.append(fields)


class StoppedCaller(Caller):
    """One whose clock a test sets."""

    now = 0.0

    @property
    def clock(self) -> float:
        return self.now

    async def hear(self, kind: str, **fields: Any) -> None:
        await self._take({"type": kind, **fields})

    async def hear_sound(self, seconds: float) -> None:
        sound = samples_to_pcm16(SPEECH[: int(seconds * OUTPUT_RATE)])
        delta = pybase64.b64encode(sound).decode()
        await self.hear("response.output_audio.delta", delta=delta)


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
async def caller(line: Line) -> StoppedCaller:
    caller = StoppedCaller(line)  # type: ignore[arg-type]
    await caller.hear("response.created")
    await caller.hear("response.output_item.added", item={"type": "message", "id": "item_1"})
    return caller


async def test_a_barge_in_tells_how_much_was_heard(caller: StoppedCaller, line: Line) -> None:
    await caller.hear_sound(1.0)
    caller.now = 0.4
    await caller.hear("input_audio_buffer.speech_started")
    assert line.truncated == [{"item_id": "item_1", "content_index": 0, "audio_end_ms": 400}]
    assert caller.recording.agent.end == round(0.4 * OUTPUT_RATE)


async def test_a_pause_in_the_answer_does_not_count_as_heard(
    caller: StoppedCaller, line: Line
) -> None:
    await caller.hear_sound(0.5)
    caller.now = 2.0
    await caller.hear_sound(0.5)
    caller.now = 2.1
    await caller.hear("input_audio_buffer.speech_started")
    assert line.truncated[0]["audio_end_ms"] == 600


async def test_a_function_call_in_the_answer_is_not_what_was_heard(
    caller: StoppedCaller, line: Line
) -> None:
    await caller.hear_sound(1.0)
    await caller.hear("response.output_item.added", item={"type": "function_call", "id": "item_2"})
    caller.now = 0.4
    await caller.hear("input_audio_buffer.speech_started")
    assert line.truncated[0]["item_id"] == "item_1"


async def test_speech_after_the_answer_was_played_out_truncates_nothing(
    caller: StoppedCaller, line: Line
) -> None:
    await caller.hear_sound(0.5)
    caller.now = 1.0
    await caller.hear("input_audio_buffer.speech_started")
    assert line.truncated == []


@pytest.mark.timeout(120)  # it may have to wait for the server
async def test_a_spoken_turn_is_answered_by_a_real_server(server: Any) -> None:
    async with place(f"{server.url}/v1", model="support") as caller:
        await caller.say(SPEECH)
        answer = await caller.answers.get()
    assert caller.call_id.startswith("sess_")
    assert answer.heard.endswith("second of speech")
    assert answer.status == "completed"
    assert answer.text
    assert answer.latency is not None
    assert answer.errors == []


async def test_a_server_that_is_not_there_is_said_so() -> None:
    with pytest.raises(CallFailed, match="cannot call"):
        async with place("http://127.0.0.1:9/v1", model="support"):
            pass
