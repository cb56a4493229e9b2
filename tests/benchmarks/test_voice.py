"""The benchmark of the voice: what it counts, and a call that it scores. Its figures prove nothing
here: they are taken on a machine that does nothing else."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.audio import read_wav

ROOT = Path(__file__).parent.parent.parent
RATE = 24_000


@pytest.fixture(autouse=True)
def its_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """They lie beside their script, as they are when it runs."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    yield
    for name in [name for name in sys.modules if name.startswith("voice_") or name == "soak"]:
        del sys.modules[name]


def tone(milliseconds: int, amplitude: float = 0.3) -> np.ndarray:
    time = np.arange(milliseconds * RATE // 1000) / RATE
    return (amplitude * np.cos(2 * np.pi * 220 * time)).astype(np.float32)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("My order number is four eight two one five.", "my order number is 48215", 0),
        ("Thirty three four six ninety two.", "33, 4, 6, 92", 0),
        ("The seventh of May.", "the seventh of may", 0),
        ("And mister Dashwood had 1,200 pounds.", "And Mr. Dashwood had 1200 pounds", 0),
        ("I am looking for, um, a lamp.", "I am looking for a lamp.", 0),
        ("Can I speak to someone?", "Can I speak to some one?", 0),
        ("Where is my order?", "Where is order?", 1),
        ("Where is my order?", "", 4),
        ("Where is my order?", "Where is my old order?", 1),
        ("Order four eight two.", "Order 492", 1),
        ("Oh no, two oh five.", "Oh no, 205", 0),
    ],
)
def test_words_are_compared_as_they_sound(said: str, heard: str, errors: int) -> None:
    from voice_score import word_errors

    assert word_errors(said, heard)[0] == errors


@given(st.text(max_size=40), st.text(max_size=40))
def test_word_errors_are_none_for_the_same_and_never_more_than_all_words(one: str, two: str):
    from voice_score import normal, word_errors

    assert word_errors(one, one)[0] == 0
    errors, words = word_errors(one, two)
    assert words == len(normal(one))
    assert abs(words - len(normal(two))) <= errors <= max(words, len(normal(two)))


def line_with(events: list[tuple[float, str, dict[str, Any]]], sounds: list[tuple[float, int]]):
    """A call that is over: events, and the agent's sound by its begin and milliseconds."""
    from voice_call import Event, Line

    line = Line(None, np.zeros(RATE, np.float32))  # type: ignore[arg-type]
    line.events = [Event(at, kind, data) for at, kind, data in events]
    for at, milliseconds in sounds:
        line.recording.agent.add(tone(milliseconds), round(at * RATE))
    return line


COMMITTED = "input_audio_buffer.committed"
TOLD = "conversation.item.input_audio_transcription.completed"


def told(at: float, item: str, words: str) -> tuple[float, str, dict[str, Any]]:
    return at, TOLD, {"item_id": item, "transcript": words}


def test_the_wait_is_from_the_true_end_to_the_first_audible_sample() -> None:
    from voice_score import spoken

    line = line_with([(2.2, COMMITTED, {}), told(2.3, "a", "Where is it")], [(2.4, 900)])
    turn = spoken(line, "x", "clean", "Where is it?", 1.0, 2.0)
    assert turn.latency == pytest.approx(400, abs=1)
    assert (turn.cut, turn.talked_over, turn.missed, turn.errors) == ([], False, False, 0)


def test_a_turn_that_is_taken_for_over_in_a_pause_is_cut_off_and_the_answer_talks_over_it() -> None:
    from voice_score import spoken

    events = [
        (1.4, COMMITTED, {}),
        (2.3, COMMITTED, {}),
        told(1.5, "a", "Where"),
        told(2.4, "b", "is it"),
    ]
    line = line_with(events, [(1.5, 200), (2.5, 900)])
    turn = spoken(line, "x", "pause", "Where is it?", 1.0, 2.0)
    assert turn.cut == [pytest.approx(600)]
    assert turn.talked_over
    assert turn.latency == pytest.approx(500, abs=1)
    assert turn.errors == 0


def test_an_answer_that_began_too_early_and_goes_on_has_no_wait() -> None:
    from voice_score import spoken

    line = line_with([(1.4, COMMITTED, {})], [(1.5, 2000)])
    turn = spoken(line, "x", "pause", "Where is it?", 1.0, 2.0)
    assert turn.latency is None
    assert not turn.missed


def test_a_turn_that_nobody_answers_is_missed_and_what_was_withdrawn_was_not_heard() -> None:
    from voice_score import spoken

    events = [told(2.3, "a", "Where"), told(2.9, "b", "Where is it"),
              (2.8, "conversation.item.deleted", {"item_id": "a"})]  # fmt: skip
    turn = spoken(line_with(events, []), "x", "pause", "Where is it?", 1.0, 2.0)
    assert turn.missed
    assert turn.heard == "Where is it"


def test_a_clip_ends_where_its_last_sample_can_be_heard_also_in_noise() -> None:
    from voice_corpus import BEFORE_MS, Clip

    speech = tone(500)
    clip = Clip("x", "noise 10 dB", "", speech, snr=10)
    assert len(clip.sound) == clip.ends == BEFORE_MS * RATE // 1000 + len(speech)
    noise = clip.sound[: BEFORE_MS * RATE // 1000]
    assert 20 * np.log10(0.08 / np.sqrt(np.mean(noise**2))) == pytest.approx(10, abs=0.5)
    assert np.array_equal(clip.sound, Clip("x", "noise 10 dB", "", speech, snr=10).sound)


def test_a_pause_goes_to_the_quietest_place_nearby() -> None:
    from voice_sounds import paused

    speech = np.concatenate([tone(300), tone(40, 0.001), tone(300)])
    with_pause = paused(speech, 300 * RATE // 1000, 700)
    assert len(with_pause) == len(speech) + 700 * RATE // 1000
    silent = np.flatnonzero(np.abs(with_pause) > 0.01)
    before, after = silent[silent < RATE // 3][-1], silent[silent > RATE // 3][0]
    assert (after - before) / RATE == pytest.approx(0.74, abs=0.02)


def test_a_telephone_line_lets_only_its_band_through() -> None:
    from voice_sounds import by_phone

    time = np.arange(RATE) / RATE
    low, mid, high = (np.sin(2 * np.pi * hz * time) * 0.2 for hz in (100, 1000, 6000))
    heard = by_phone((low + mid + high).astype(np.float32))
    spectrum = np.abs(np.fft.rfft(heard)) / len(heard) * 2
    assert spectrum[1000] == pytest.approx(0.2, abs=0.02)
    assert spectrum[100] < 0.01 > spectrum[6000]


@pytest.mark.timeout(120)
async def test_a_call_is_placed_scored_and_stored(
    tool_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import voice_run
    import voice_score
    from voice_corpus import Clip
    from voice_run import Caller, Measured, Sound

    for name in ("INTO", "SETTLED", "OVER"):
        monkeypatch.setattr(voice_run, name, 0.5)
    for module in (voice_run, voice_score):
        monkeypatch.setattr(module, "TOO_LATE", 30.0)
    url = f"{tool_server.url.replace('http', 'ws', 1)}/v1/realtime?model=bench"
    rule = {"type": "server_vad", "silence_duration_ms": 200}
    caller = Caller(url, rule, tmp_path, question=tone(400))
    measured = Measured()
    await caller.turns([Clip("tone", "clean", "", tone(400))], measured)
    await caller.sounds([Sound("words", tone(400), speech=True)], 1.0, measured)
    assert measured.lost == []
    [turn], [sound] = measured.turns, measured.sounds
    assert turn.latency is not None
    assert turn.latency > 200
    assert turn.cut == []
    assert turn.answers == 1
    assert sound.stopped is not None
    assert sound.at_ear is not None
    assert sound.at_ear <= sound.stopped + 25  # a frame, and what the clocks of both are off
    for name in ("tone", "sound-words"):
        stored = read_wav(tmp_path / f"{name}.wav", RATE)
        assert np.abs(stored).max() > 0.1


def test_the_report_has_every_system_and_every_class_of_turns() -> None:
    from voice_report import chart, table
    from voice_score import Interrupted, Spoken, by_kind, summary

    turns = [
        Spoken("a", "clean", "x", 1.0, latency=300.0, words=4),
        Spoken("b <&>", "pause", "x", 1.0, latency=2900.0, cut=[200.0], words=4, errors=1),
        Spoken("c", "pause", "x", 1.0, words=2),
    ]
    sounds = [
        Interrupted("words", True, stopped=80.0),
        Interrupted("cough", False, stopped=90.0, gap=400.0),
        Interrupted("door", False, rest=2.0),
    ]
    figures = summary(turns, sounds)
    assert (figures["mean_ms"], figures["cut_off"], figures["missed"]) == (1600, 1, 1)
    assert figures["word_error_rate"] == pytest.approx(0.1)
    assert (figures["stopped_by_mistake"], figures["answers_lost"]) == (1, 1)
    system = {
        "title": "Ours & theirs", "summary": {**figures, "cpu": 0.2}, "by_kind": by_kind(turns),
        "turns": [{"clip": t.clip, "latency": t.latency, "cut": t.cut} for t in turns], "lost": [],
    }  # fmt: skip
    results = {"at": "2026-11-22", "machine": "2 cores", "load": 0.1, "systems": {"a": system}}
    assert "| Ours & theirs | 1600 / 2900 / 2900 | 1 |" in table(results)
    assert "| pause, 2 turns | 2900 (1) |" in table(results)
    dots = ElementTree.fromstring(chart(results)).iter("{http://www.w3.org/2000/svg}circle")
    assert [dot.get("class") for dot in dots] == ["turn", "cut"]


def test_a_careful_ear_finds_clicks_holes_and_a_player_that_ran_dry() -> None:
    from voice_listen import judge

    at, faded = 12 * RATE // 100, tone(200) * np.hanning(4800).astype(np.float32)
    good = judge(faded, [(0, 2400), (2400, 2400)], "so", "so")
    assert (good.clicks, good.dry, good.holes, good.abrupt, good.wrong_words) == (
        [],
        [],
        [],
        False,
        0,
    )
    torn = faded.copy()
    torn[at:] *= -1
    assert judge(torn, [(0, at), (at, len(torn) - at)], "", "").clicks == [120]
    gap = np.concatenate([faded, np.zeros(RATE // 2, np.float32), faded])
    holed = judge(gap, [(0, 4800), (16800, 4800)], "so it is", "so it")
    assert holed.dry == [500]
    assert holed.holes == [pytest.approx(500, abs=20)]
    assert holed.wrong_words == 1
    assert judge(tone(100), [(0, 2400)], "", "").abrupt


@pytest.mark.timeout(120)
async def test_a_soak_holds_calls_until_enough_was_spoken(tool_server: Any) -> None:
    from soak import Soak

    soak = Soak(seconds=4.0)
    url = f"{tool_server.url.replace('http', 'ws', 1)}/v1/realtime?model=bench"
    await soak.run(url, 2, [tone(400), tone(500)])
    assert soak.spoken >= 4.0
    assert (soak.turns >= 2, soak.calls) == (True, 2)


def test_the_time_that_speculation_saved_is_read_from_the_servers_metrics() -> None:
    from voice_saved import of_metrics

    lines = """# TYPE voice_speculations_total counter
voice_speculations_total{gen_ai_workflow_name="a",voice_speculation_outcome="adopted"} 3.0
voice_speculations_total{gen_ai_workflow_name="b",voice_speculation_outcome="adopted"} 1.0
voice_speculations_total{gen_ai_workflow_name="a",voice_speculation_outcome="discarded"} 2.0
# TYPE voice_turn_saved_seconds histogram
voice_turn_saved_seconds_bucket{gen_ai_workflow_name="a",le="0.16"} 4.0
voice_turn_saved_seconds_bucket{gen_ai_workflow_name="a",le="+Inf"} 4.0
voice_turn_saved_seconds_sum{gen_ai_workflow_name="a"} 0.5
voice_turn_saved_seconds_count{gen_ai_workflow_name="a"} 4.0
"""
    assert of_metrics(lines) == {"speculated": 4, "taken_back": 2, "saved_ms": 125}


@given(st.floats(-500, 500), st.floats(0, 1000))
def test_growth_is_the_slope_of_memory_by_hours_of_audio(slope: float, start: float) -> None:
    from soak import growth

    samples = [(60.0 * minute, start + slope * minute / 60) for minute in range(10)]
    assert growth(samples) == pytest.approx(slope, abs=1e-6)
