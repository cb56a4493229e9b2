"""Audio beside the spans: pieces, whole calls, ranges."""

import json
from typing import Any

import httpx2
import numpy as np
import soundfile

from frontdesk.settings import Settings
from frontdesk.tracing import messages
from frontdesk.tracing.calls import Tracing, TurnTrace

T0 = 1_800_000_000.0


def turn_of(tracing: Tracing) -> TurnTrace:
    return tracing.turn(
        call_id="call_1",
        index=0,
        team="support",
        team_version="v1",
        agent="frontdesk",
        transport="websocket",
        start=T0,
    )


def tone(seconds: float, rate: int, pitch: float = 440.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)).astype("f4")


async def test_audio_comes_back_as_it_went_in(
    tracing: Tracing, api: httpx2.AsyncClient, tmp_path: Any
) -> None:
    turn_of(tracing).end(reason="completed", end=T0 + 20)
    samples = tone(1.01, 16_000)
    reference = tracing.audio.put(
        call_id="call_1", role="caller", samples=samples, rate=16_000, offset_ms=1000, item_id="i1"
    )
    samples[:] = 0  # the call may use its buffer again
    await tracing.flush()
    assert reference.uri == f"/api/audio/{reference.key}" and reference.seconds == 1.01
    answer = await api.get(reference.uri)
    assert answer.headers["content-type"] == "audio/flac"
    path = tmp_path / "back.flac"
    path.write_bytes(answer.content)
    back, rate = soundfile.read(path, dtype="float32")
    assert rate == 16_000
    assert np.abs(back - tone(1.01, 16_000)).max() < 1 / 32_000
    (piece,) = (await api.get("/api/calls/call_1")).json()["audio"]
    assert piece["item_id"] == "i1" and piece["offset_ms"] == 1000
    assert len(piece["peaks"]) == 51
    assert all(0.45 < peak <= 0.51 for peak in piece["peaks"])


async def test_audio_is_served_in_ranges(tracing: Tracing, api: httpx2.AsyncClient) -> None:
    reference = tracing.audio.put(
        call_id="c", role="agent", samples=tone(0.5, 24_000), rate=24_000, offset_ms=0, item_id="i"
    )
    await tracing.flush()
    whole = (await api.get(reference.uri)).content
    part = await api.get(reference.uri, headers={"range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    assert part.content == whole[10:20]


async def test_a_whole_call_is_stereo_with_the_caller_left(
    tracing: Tracing, api: httpx2.AsyncClient, tmp_path: Any
) -> None:
    turn_of(tracing).end(reason="completed", end=T0 + 20)
    put = tracing.audio.put
    put(
        call_id="call_1",
        role="caller",
        samples=tone(1, 16_000),
        rate=16_000,
        offset_ms=500,
        item_id="a",
    )
    put(
        call_id="call_1",
        role="agent",
        samples=tone(9, 24_000),
        rate=24_000,
        offset_ms=2000,
        item_id="b",
    )
    await tracing.flush()
    answer = await api.get("/api/calls/call_1/audio")
    path = tmp_path / "call.flac"
    path.write_bytes(answer.content)
    mixed, rate = soundfile.read(path)
    assert rate == 24_000 and len(mixed) == 11 * 24_000
    left, right = np.abs(mixed[:, 0]), np.abs(mixed[:, 1])
    assert left[:11_900].max() == 0 and left[14_000:34_000].max() > 0.45
    assert left[36_500:].max() == 0
    assert right[:47_900].max() == 0 and right[48_100:].max() > 0.45
    assert np.abs(mixed[48_000:, 1] - tone(9, 24_000)).max() < 1e-3  # across the mixer's blocks
    part = await api.get("/api/calls/call_1/audio", headers={"range": "bytes=0-3"})
    assert part.status_code == 206 and part.content == b"fLaC"


async def test_a_longer_call_is_mixed_anew(tracing: Tracing, api: httpx2.AsyncClient) -> None:
    sound = tone(1, 16_000)
    for index in range(2):
        tracing.audio.put(
            call_id="c", role="caller", samples=sound, rate=16_000,
            offset_ms=index * 2000, item_id="a",
        )  # fmt: skip
        await tracing.flush()
        assert (await api.get("/api/calls/c/audio")).status_code == 200
    mixes = list(tracing.audio.root.glob("calls/*/*.flac"))
    assert len(mixes) == 1 and soundfile.info(mixes[0]).duration == 3.0


async def test_broken_numbers_in_audio_are_kept_as_silence(
    tracing: Tracing, api: httpx2.AsyncClient
) -> None:
    samples = np.array([np.nan, np.inf, -np.inf, 2.0, -2.0] * 100, np.float32)
    reference = tracing.audio.put(
        call_id="c", role="agent", samples=samples, rate=8000, offset_ms=0, item_id="i"
    )
    await tracing.flush()
    assert (await api.get(reference.uri)).status_code == 200
    assert tracing.lost["store"] == 0


async def test_no_audio_is_kept_when_switched_off(settings: Settings) -> None:
    tracing = Tracing(settings.model_copy(update={"trace_audio": False}))
    tracing.start()
    reference = tracing.audio.put(
        call_id="c", role="agent", samples=tone(1, 8000), rate=8000, offset_ms=0, item_id="i"
    )
    await tracing.aclose()
    assert (reference.uri, reference.key, reference.seconds) == ("", "", 1.0)
    assert not tracing.audio.root.exists()
    [message] = json.loads(messages.agent("hi", reference.uri))
    assert message["parts"] == [{"type": "text", "content": "hi"}]
