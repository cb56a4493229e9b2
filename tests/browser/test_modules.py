"""The pure functions of the pages' modules, run where they will run."""

import math
import re
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module(browser: Browser, served: Any) -> AsyncIterator[Any]:
    """Call a body of JavaScript with a module's exports as ``m`` and an argument as ``x``."""
    page = await browser.new_page(base_url=served.url)
    await page.goto("/talk")
    src = await page.locator('script[type="module"]').get_attribute("src")
    base = re.sub(r"talk\.js$", "", src or "")

    async def call(path: str, body: str, argument: Any = None) -> Any:
        return await page.evaluate(
            f"async (x) => {{ const m = await import({(base + path)!r}); {body} }}", argument
        )

    yield call
    await page.close()


def sine(frequency: float, rate: int, seconds: float = 0.5) -> list[float]:
    return [math.sin(2 * math.pi * frequency * n / rate) for n in range(int(rate * seconds))]


def amplitude(samples: list[float], frequency: float, rate: int) -> float:
    inner = np.asarray(samples[1000:-1000])
    turns = np.exp(-2j * np.pi * frequency * np.arange(len(inner)) / rate)
    return float(2 * abs((inner * turns).mean()))


RESAMPLE = "return [...new m.Resampler(x.rate, 24000).push(Float32Array.from(x.samples))];"


@pytest.mark.parametrize("rate", [44_100, 48_000, 16_000])
async def test_resampling_keeps_a_voice_and_its_pitch(module: Any, rate: int) -> None:
    out = await module("talk/resample.js", RESAMPLE, {"rate": rate, "samples": sine(1000, rate)})
    assert len(out) == pytest.approx(12_000, abs=120)
    assert amplitude(out, 1000, 24_000) == pytest.approx(1, abs=0.01)


async def test_resampling_keeps_out_what_24_khz_cannot_hold(module: Any) -> None:
    out = await module(
        "talk/resample.js", RESAMPLE, {"rate": 48_000, "samples": sine(15_000, 48_000)}
    )
    assert np.abs(out[1000:-1000]).max() < 0.002  # over 54 dB down


async def test_resampling_in_blocks_equals_resampling_at_once(module: Any) -> None:
    body = """
        const whole = new m.Resampler(44100, 24000).push(Float32Array.from(x));
        const blocks = new m.Resampler(44100, 24000);
        const parts = [];
        for (let at = 0, size = 1; at < x.length; at += size, size = (size * 7) % 331 + 1)
            parts.push(...blocks.push(Float32Array.from(x.slice(at, at + size))));
        let worst = Math.abs(whole.length - parts.length);
        for (const [at, sample] of parts.entries())
            worst = Math.max(worst, Math.abs(sample - whole[at]));
        return worst;
    """
    assert await module("talk/resample.js", body, sine(700, 44_100, 0.2)) < 1e-5


async def test_pcm_survives_the_wire(module: Any) -> None:
    body = "return [...m.decode(m.encode(Int16Array.from(x)))];"
    values = [0, 1, -1, 255, 256, -256, 32_767, -32_768, *range(-5000, 5000, 7)]
    assert await module("talk/pcm.js", body, values) == values


async def test_samples_beyond_full_scale_are_clipped_not_wrapped(module: Any) -> None:
    body = "return [...m.toPcm16(Float32Array.from(x))];"
    assert await module("talk/pcm.js", body, [2, -2, 1, -1, 0]) == [32767, -32768, 32767, -32768, 0]


async def test_what_was_heard_does_not_count_gaps_nor_other_items(module: Any) -> None:
    queue = [
        {"item": "a", "content": 0, "start": 1.0, "seconds": 0.5},
        {"item": "a", "content": 0, "start": 2.0, "seconds": 0.5},
        {"item": "b", "content": 0, "start": 2.5, "seconds": 4.0},
    ]
    body = "return x.times.map((now) => m.heardMs(x.queue, 'a', now));"
    argument = {"queue": queue, "times": [0.5, 1.25, 1.75, 2.25, 9]}
    assert await module("talk/speaker.js", body, argument) == [0, 250, 500, 750, 1000]


async def test_a_barge_in_cuts_what_sounds_or_is_still_being_made(module: Any) -> None:
    queue = [
        {"item": "a", "content": 0, "start": 1.0, "seconds": 1.0},
        {"item": "b", "content": 0, "start": 2.0, "seconds": 1.0},
    ]
    body = """return x.cases.map(([finished, now]) =>
        m.interrupted(x.queue, new Set(finished), now)?.item ?? null);"""
    cases = [[["a", "b"], 1.5], [["a", "b"], 2.5], [["a", "b"], 2.95], [["a"], 2.95], [["a"], 9]]
    found = await module("talk/speaker.js", body, {"queue": queue, "cases": cases})
    assert found == ["a", "b", None, "b", "b"]


async def test_transcripts_that_come_late_find_their_place(module: Any) -> None:
    events = [
        {"type": "session.created", "session": {"id": "sess_1"}},
        {"type": "input_audio_buffer.speech_started", "item_id": "u"},
        {"type": "input_audio_buffer.speech_stopped", "item_id": "u"},
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_audio_transcript.delta", "item_id": "a", "delta": "Hel"},
        {"type": "response.output_audio_transcript.delta", "item_id": "a", "delta": "lo"},
        {"type": "response.done", "response": {"id": "r", "status": "completed"}},
        {
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": "u",
            "transcript": "Hi",
        },
    ]
    talk = await module("talk/state.js", "return x.reduce(m.next, m.silence());", events)
    assert [(line["role"], line["text"]) for line in talk["lines"]] == [
        ("caller", "Hi"),
        ("agent", "Hello"),
    ]
    assert (talk["phase"], talk["callId"]) == ("listening", "sess_1")


async def test_tool_calls_and_system_items_make_no_lines(module: Any) -> None:
    events = [
        {"type": "conversation.item.added", "item": {"id": "f", "type": "function_call"}},
        {
            "type": "conversation.item.added",
            "item": {"id": "s", "type": "message", "role": "system"},
        },
        {"type": "something.new", "item_id": "x"},
    ]
    talk = await module("talk/state.js", "return x.reduce(m.next, m.silence());", events)
    assert talk["lines"] == []


async def test_ticks_stand_at_round_times(module: Any) -> None:
    body = "return x.map(([from, to, n]) => m.ticks({from, to}, n));"
    views = [[0, 30, 6], [9.1, 15.9, 5], [0, 600, 5], [0, 0.5, 5]]
    whole, part, long, short = await module("lib/scale.js", body, views)
    assert whole == [0, 5, 10, 15, 20, 25, 30]
    assert part == [10, 12, 14]
    assert long == [0, 120, 240, 360, 480, 600]
    assert short == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])


async def test_no_time_makes_no_ticks(module: Any) -> None:
    assert await module("lib/scale.js", "return m.ticks({from: 1, to: 1}, 5);") == []


async def test_keys_are_left_to_fields_and_to_the_browser(module: Any) -> None:
    body = "return x.map((event) => m.command(event));"
    events = [
        {"key": " ", "target": {"tagName": "BODY"}},
        {"key": " ", "target": {"tagName": "BUTTON"}},
        {"key": "j", "target": {"tagName": "INPUT"}},
        {"key": "j", "target": {"tagName": "A"}},
        {"key": "j", "ctrlKey": True, "target": {"tagName": "BODY"}},
        {"key": "q", "target": {"tagName": "BODY"}},
        {"key": "ArrowLeft", "target": {"tagName": "BODY"}},
        {"key": "ArrowLeft", "target": {"tagName": "TR"}},
        {"key": "ArrowLeft", "shiftKey": True, "target": {"tagName": "TR"}},
        {"key": "+", "shiftKey": True, "target": {"tagName": "BODY"}},
    ]
    assert await module("call/keys.js", body, events) == [
        "play", None, None, "next span", None, None, "back", "fold", "back far", "in",
    ]  # fmt: skip


async def test_a_range_stays_inside_the_turn_and_keeps_what_is_under_the_pointer(
    module: Any,
) -> None:
    body = """const whole = {from: 100, to: 110};
        return [m.scaled(whole, 0.5, 102, whole), m.scaled({from: 101, to: 102}, 100, 101, whole),
                m.scaled(whole, 1e-9, 105, whole), m.moved({from: 104, to: 106}, 0.5, whole),
                m.moved({from: 104, to: 106}, 99, whole)];"""
    inside, all_of_it, smallest, later, last = await module("call/range.js", body)
    assert inside == {"from": 101, "to": 106}
    assert all_of_it == {"from": 100, "to": 110}
    assert smallest["to"] - smallest["from"] == pytest.approx(0.002)
    assert later == {"from": 105, "to": 107}
    assert last == {"from": 108, "to": 110}


async def test_a_range_survives_the_address_and_nonsense_is_none(module: Any) -> None:
    body = """const whole = {from: 1.7e9, to: 1.7e9 + 10};
        const view = {from: 1.7e9 + 2.5, to: 1.7e9 + 3.125};
        return [m.parsed(m.written(view, whole.from), whole.from, whole).to - whole.from,
                ...x.map((text) => m.parsed(text, whole.from, whole))];"""
    found = await module("call/range.js", body, ["", "turn", "3-2", "20-30", "1-2-3", "NaN-2"])
    assert found == [pytest.approx(3.125), None, None, None, None, None, None]


async def test_what_lies_below_a_folded_row_is_hidden_and_nothing_else(module: Any) -> None:
    body = "return [m.shown(x), x.map((_, at) => m.parentOf(x, at))];"
    depths = [(0, False), (1, True), (2, True), (3, False), (1, False), (2, False), (0, True)]
    rows = [{"depth": depth, "folded": folded} for depth, folded in depths]
    shown, parents = await module("call/tree.js", body, rows)
    assert shown == [True, True, False, False, True, True, True]
    assert parents == [-1, 0, 1, 2, 0, 4, -1]


async def test_json_folds_where_it_is_nested_and_says_the_same(module: Any) -> None:
    body = """return x.map((text) => { const made = m.foldable(text);
        return made && {text: made.textContent, folds: made.querySelectorAll("details").length,
                        wild: made.querySelectorAll("img, script").length}; });"""
    nested = '{"a": [1, {"b": "<img src=x onerror=1>"}], "c": {}}'
    found, flat, prose = await module("call/json.js", body, [nested, '{"a": 1}', "{not json"])
    assert (flat, prose) == (None, None)
    assert (found["folds"], found["wild"]) == (3, 0)
    assert '"b": "<img src=x onerror=1>"' in found["text"]


async def test_an_address_survives_the_way_there_and_back(module: Any) -> None:
    body = "return m.parseHash(m.hashOf(x));"
    choice = {"trace": "a&b=c #d", "span": "é/+%", "range": "0.5-1.25"}
    assert await module("call/address.js", body, choice) == choice


async def test_a_waveform_lays_recordings_at_their_place(module: Any) -> None:
    body = "const l = m.lanes(x, 2); return {caller: [...l.caller], overlaps: m.overlaps(l)};"
    audio = [
        {"role": "caller", "offset_ms": 500, "seconds": 0.5, "peaks": [0.5] * 25},
        {"role": "agent", "offset_ms": 800, "seconds": 0.5, "peaks": [0.5] * 25},
    ]
    found = await module("call/waveform.js", body, audio)
    loud = [index for index, peak in enumerate(found["caller"]) if peak]
    assert (loud[0], loud[-1]) == (25, 49)
    assert found["overlaps"] == [{"from": 0.8, "to": pytest.approx(1.0)}]


@pytest.mark.parametrize(
    ("times", "labels"),
    [
        ([0, 0.05, 0.1], ["0 ms", "50 ms", "100 ms"]),
        ([0, 5, 10], ["0 s", "5 s", "10 s"]),
        ([2.8, 3.0, 3.2], ["2.8 s", "3.0 s", "3.2 s"]),
        ([3.02, 3.025, 3.03], ["3.020 s", "3.025 s", "3.030 s"]),
        ([0], ["0 ms"]),
        ([], []),
    ],
)
async def test_the_ticks_of_an_axis_have_one_unit_and_equal_digits(
    module: Any, times: list[float], labels: list[str]
) -> None:
    assert await module("lib/format.js", "return x.map(m.timeLabels(x));", times) == labels


async def test_a_quiet_line_is_drawn_larger_but_a_quiet_room_is_not_speech(module: Any) -> None:
    body = "return x.map((lane) => m.gain(Float32Array.from(lane)));"
    lanes = [[0.1, 0.38, 0.2], [0.01, 0.02], [1, 0.5], [0, 0], []]
    loud, room, full, none, empty = await module("call/waveform.js", body, lanes)
    assert loud == pytest.approx(2.5)
    assert room == 4
    assert (full, none, empty) == (1, 1, 1)


@pytest.mark.parametrize(
    ("key", "kind", "command"),
    [
        ("j", "BODY", "next"),
        ("p", "A", "hear"),
        ("j", "INPUT", None),
        (" ", "BODY", "play"),
        (" ", "BUTTON", None),  # which it presses
        ("Escape", "INPUT", "close"),
        ("x", "BODY", None),
    ],
)
async def test_keys_of_the_list(module: Any, key: str, kind: str, command: str | None) -> None:
    event = {"key": key, "target": {"tagName": kind}}
    assert await module("calls/keys.js", "return m.command(x);", event) == command


RENEWED = """
const list = document.createElement("ol"), fresh = document.createElement("ol");
list.innerHTML = x.was; fresh.innerHTML = x.now;
m.remember(list);
const before = new Map([...list.children].map((each) => [each.dataset.key, each]));
const told = [];
m.renew(list, fresh, (child, known) => told.push([child.dataset.key, known]));
const same = [...list.children].filter((each) => before.get(each.dataset.key) === each);
return [list.innerHTML, told, same.map((each) => each.dataset.key)];
"""


def rows(*named: str) -> str:
    return "".join(f'<li data-key="{name[0]}">{name}</li>' for name in named)


async def test_a_list_is_renewed_child_by_child(module: Any) -> None:
    now = rows("d", "a", "c+", "b")
    found = await module("lib/rows.js", RENEWED, {"was": rows("a", "b", "c", "e"), "now": now})
    assert found == [now, [["d", False], ["c", True]], ["a", "b"]]
