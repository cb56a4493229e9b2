from typing import Any

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LOADED = """new Promise((done) => {
    const audio = document.getElementById("audio");
    if (audio.readyState >= 1) done();
    else audio.addEventListener("loadedmetadata", () => done());
})"""
NOW = "document.getElementById('audio').currentTime"


async def opened(page: Page, site: Any, rest: str = "") -> None:
    await page.goto(f"/traces/calls/{site.names.CALL}{rest}")
    await page.wait_for_selector("html[data-ready]")
    await page.evaluate(LOADED)


def tool(site: Any) -> dict[str, Any]:
    spans = site.data.traces[site.names.TURNS[1]]
    return next(span for span in spans if span["name"] == "execute_tool find_order")


async def test_both_speakers_are_drawn_and_their_overlap_is_marked(page: Page, site: Any) -> None:
    await opened(page, site)
    inks = await page.evaluate(
        """() => {
            const canvas = document.getElementById("wave");
            const context = canvas.getContext("2d");
            const ink = (from, to, top) => {
                const x = Math.round(canvas.width * from / 30);
                const wide = Math.round(canvas.width * (to - from) / 30);
                const half = canvas.height / 2;
                const data = context.getImageData(x, top ? 0 : half + 2, wide, half - 4).data;
                let count = 0;
                for (let at = 3; at < data.length; at += 4) count += data[at] > 100 ? 1 : 0;
                return count / (wide * half);
            };
            const edge = (at) => {
                const x = Math.round(canvas.width * at / 30);
                return context.getImageData(x, 1, 1, 1).data[3];
            };
            return {callerSpeaks: ink(1, 4, true), agentSilent: ink(1, 4, false),
                    callerSilent: ink(5.5, 7.5, true), agentSpeaks: ink(5.5, 7.5, false),
                    overlap: edge(15.3), alone: edge(2)};
        }"""
    )
    assert inks["callerSpeaks"] > 5 * inks["agentSilent"]
    assert inks["agentSpeaks"] > 5 * inks["callerSilent"]
    assert inks["overlap"] > 20 > inks["alone"]


async def test_a_click_on_the_waveform_seeks(page: Page, site: Any) -> None:
    await opened(page, site)
    box = await page.locator("#wave").bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
    assert await page.evaluate(NOW) == pytest.approx(15.0, abs=0.1)
    await expect(page.locator("#now")).to_have_text("0:15.0")


async def test_seeking_with_keys_keeps_the_focus_on_the_block(page: Page, site: Any) -> None:
    await opened(page, site)
    block = page.locator("#blocks button").nth(1)
    await block.focus()
    await page.keyboard.press("ArrowRight")
    assert await page.evaluate(NOW) == pytest.approx(2, abs=0.05)
    await expect(block).to_be_focused()


async def test_a_line_of_the_transcript_seeks_and_lights_up(page: Page, site: Any) -> None:
    await opened(page, site)
    line = page.locator("#transcript li", has_text="left our warehouse")
    await line.locator(".line").click()
    assert await page.evaluate(NOW) == pytest.approx(13.29, abs=0.02)
    await expect(line).to_have_class("agent now")
    await page.get_by_role("button", name="Go to 0:24").click()
    await expect(page.locator("#transcript li.now")).to_have_text(
        "orders 0:24 It comes on Tuesday between nine and one.", use_inner_text=False
    )


async def test_it_plays_pauses_and_changes_speed(page: Page, site: Any, until: Any) -> None:
    await opened(page, site)
    await page.get_by_label("Speed").select_option("2")
    await page.get_by_role("button", name="Play").click()
    await until(page, f"{NOW} > 1")
    assert await page.evaluate("document.getElementById('audio').playbackRate") == 2
    await expect(page.locator("#transcript li.now")).to_have_count(1)
    await page.get_by_role("button", name="Pause").click()
    assert await page.evaluate("document.getElementById('audio').paused")


async def test_the_interruption_shows_what_was_heard(page: Page, site: Any) -> None:
    await opened(page, site)
    await expect(page.locator("#turns li").nth(1)).to_contain_text(
        "interrupted, heard 2.1 of 4.4 s"
    )
    await expect(page.locator("#transcript .cutmark")).to_have_text(
        "interrupted, heard 2.1 of 4.4 s"
    )
    await expect(page.locator("#blocks button").nth(1)).to_contain_text("2.1 of 4.4 s")


async def test_a_handoff_stands_between_the_lines_where_it_happened(page: Page, site: Any) -> None:
    await opened(page, site)
    entries = await page.locator("#transcript li").all_text_contents()
    assert "frontdesk hands over to orders" in " ".join(entries[1].split())
    assert site.names.GLADLY in entries[2]


async def test_the_waveform_is_looked_at_nearer_and_moved_along(page: Page, site: Any) -> None:
    await opened(page, site)
    pan = page.get_by_label("Part of the call that is shown")
    await expect(pan).to_be_hidden()
    for _ in range(3):
        await page.get_by_role("button", name="Zoom in").click()
    await expect(pan).to_be_visible()
    await expect(pan).to_have_attribute("aria-valuetext", "0:00 to 0:07")
    await pan.press("End")
    await expect(pan).to_have_attribute("aria-valuetext", "0:22 to 0:30")
    box = await page.locator("#wave").bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] - 2, box["y"] + 10)
    assert await page.evaluate(NOW) == pytest.approx(30, abs=0.2)
    await page.get_by_role("button", name="Whole call").click()
    await expect(pan).to_be_hidden()
    await expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()


async def test_how_long_both_spoke_is_told(page: Page, site: Any) -> None:
    await opened(page, site)
    await expect(page.locator("#overlaps")).to_contain_text("both speak, 0.")


async def test_the_call_can_be_taken_away(page: Page, site: Any) -> None:
    await opened(page, site)
    for name, end in (("Audio", ".flac"), ("Call", ".json")):
        async with page.expect_download() as coming:
            await page.get_by_role("link", name=name, exact=False).first.click()
        assert (await coming.value).suggested_filename == f"{site.names.CALL}{end}"


async def test_a_turn_opens_as_a_tree_with_bars_on_one_clock(page: Page, site: Any) -> None:
    await opened(page, site)
    await page.locator("#blocks button").nth(1).click()
    rows = page.locator(".waterfall tr[data-span]")
    await expect(rows).to_have_count(len(site.data.traces[site.names.TURNS[1]]))
    await expect(page.locator("#fall-title")).to_contain_text("Turn 2")
    await page.get_by_role("button", name="Whole turn").click()
    bars = await page.evaluate(
        """() => [...document.querySelectorAll(".waterfall tr[data-span]")].map((row) => {
            const bar = row.querySelector(".bar rect").getBoundingClientRect();
            const {start, end} = row.dataset;
            return {start: Number(start), end: Number(end), left: bar.left, right: bar.right};
        })"""
    )
    root = bars[0]
    scale = (root["right"] - root["left"]) / (root["end"] - root["start"])
    for bar in bars:
        assert bar["left"] == pytest.approx(
            root["left"] + (bar["start"] - root["start"]) * scale, abs=1.5
        )
        assert bar["right"] - bar["left"] == pytest.approx(
            max(2, (bar["end"] - bar["start"]) * scale), abs=1.5
        )
    assert page.url.endswith(f"#trace={site.names.TURNS[1]}&range=turn")


async def test_a_chosen_span_shows_arguments_and_result_laid_out(page: Page, site: Any) -> None:
    await opened(page, site, f"#trace={site.names.TURNS[1]}")
    await page.get_by_role("link", name="execute_tool find_order", exact=True).click()
    detail = page.locator("#detail")
    await expect(detail.locator("h3")).to_have_text("execute_tool find_order")
    await expect(detail.locator("pre").first).to_have_text('{\n  "number": "48271"\n}')
    await expect(detail.locator("pre").nth(1)).to_contain_text(site.names.HOSTILE.split("'")[0])
    assert f"&span={tool(site)['span_id']}" in page.url


async def test_a_failed_span_shows_its_error_and_stack(page: Page, site: Any) -> None:
    await opened(page, site, f"#trace={site.names.TURNS[2]}")
    await page.get_by_role("link", name="execute_tool carrier_status").click()
    failure = page.locator("#detail .failure")
    await expect(failure).to_contain_text("TimeoutError")
    await expect(failure).to_contain_text("did not answer within 2 s")
    await failure.get_by_text("Stack").click()
    await expect(failure.locator("pre")).to_contain_text("carrier.py")


async def test_messages_are_shown_by_role_with_their_audio(page: Page, site: Any) -> None:
    await opened(page, site, f"#trace={site.names.TURNS[0]}")
    await page.get_by_role("link", name="user_speech").click()
    await expect(page.locator("#detail .messages .role-user")).to_contain_text(site.names.FIRST)
    audio = page.locator("#detail audio")
    assert await audio.get_attribute("src") == "/api/audio/c0ffee.flac"


async def test_a_deep_link_opens_turn_and_span(page: Page, site: Any) -> None:
    span = tool(site)["span_id"]
    await opened(page, site, f"#trace={site.names.TURNS[1]}&span={span}")
    await expect(page.locator("#detail h3")).to_have_text("execute_tool find_order")
    await expect(page.locator(".waterfall a[aria-current]")).to_have_text("execute_tool find_order")
    await expect(page.locator("#turns a[aria-current]")).to_contain_text("2")


async def test_a_link_made_without_javascript_becomes_a_deep_link(page: Page, site: Any) -> None:
    span = tool(site)["span_id"]
    await opened(page, site, f"?trace={site.names.TURNS[1]}&span={span}")
    await expect(page.locator("#detail h3")).to_have_text("execute_tool find_order")
    assert page.url.endswith(f"#trace={site.names.TURNS[1]}&span={span}")


async def test_back_returns_to_the_turn_before(page: Page, site: Any) -> None:
    await opened(page, site)
    await page.locator("#turns li").nth(0).click()
    await expect(page.locator("#fall-title")).to_contain_text("Turn 1")
    await page.locator("#turns li").nth(2).click()
    await expect(page.locator("#fall-title")).to_contain_text("Turn 3")
    await page.go_back()
    await expect(page.locator("#fall-title")).to_contain_text("Turn 1")


async def test_keys_play_seek_and_walk_turns_and_spans(page: Page, site: Any, until: Any) -> None:
    await opened(page, site)
    await page.keyboard.press("ArrowRight")
    assert await page.evaluate(NOW) == pytest.approx(2, abs=0.05)
    await page.keyboard.press("Shift+ArrowRight")
    await page.keyboard.press("ArrowLeft")
    assert await page.evaluate(NOW) == pytest.approx(10, abs=0.05)
    await page.keyboard.press("]")
    await page.keyboard.press("]")
    await expect(page.locator("#fall-title")).to_contain_text("Turn 2")
    assert await page.evaluate(NOW) == pytest.approx(9, abs=0.05)
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await expect(page.locator("#detail h3")).to_have_text("user_speech")
    await expect(page.locator(".waterfall tr:has(a[aria-current])")).to_be_focused()
    await page.locator("h1").click()
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("Space")
    await until(page, "!document.getElementById('audio').paused")
    await page.keyboard.press("Space")
    await until(page, "document.getElementById('audio').paused")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()


async def test_zoom_to_a_turn_spreads_it_over_the_waveform(page: Page, site: Any) -> None:
    await opened(page, site)
    await expect(page.get_by_role("button", name="Zoom to turn")).to_be_disabled()
    block = page.locator("#blocks button").nth(1)
    await block.click()
    before = await block.bounding_box()
    await page.get_by_role("button", name="Zoom to turn").click()
    after = await block.bounding_box()
    track = await page.locator("#track").bounding_box()
    assert before is not None
    assert after is not None
    assert track is not None
    assert before["width"] < 0.3 * track["width"]
    assert after["width"] > 0.9 * track["width"]
    await page.get_by_role("button", name="Whole call").click()
    assert await block.bounding_box() == before


async def test_the_waterfall_zooms_to_the_wait_for_the_first_sound(page: Page, site: Any) -> None:
    await opened(page, site, f"#trace={site.names.TURNS[1]}")
    await page.get_by_role("button", name="Whole turn").click()
    bar = page.locator('tr[data-stage="model"] .bar rect').first
    before = await bar.bounding_box()
    await page.get_by_role("button", name="First audio", exact=True).click()
    after = await bar.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 5 * before["width"]


async def test_a_turn_opens_on_its_work_with_the_wait_marked(page: Page, site: Any) -> None:
    await opened(page, site, f"#trace={site.names.TURNS[1]}")
    pressed = page.locator(".fallzoom [aria-pressed=true]")
    await expect(pressed).to_have_text("Work")
    speech = await page.locator('tr[data-stage="user_speech"] .bar rect').bounding_box()
    end_of_turn = await page.locator('tr[data-stage="end_of_turn"] .bar rect').bounding_box()
    first_sound = await page.locator('tr[data-stage="playback"] .bar rect').bounding_box()
    wait = await page.locator(".fallwait").bounding_box()
    assert speech and end_of_turn and first_sound and wait
    assert speech["width"] < 0.1 * wait["width"]
    assert wait["x"] == pytest.approx(end_of_turn["x"], abs=2)
    assert wait["x"] + wait["width"] == pytest.approx(first_sound["x"], abs=3)
    await expect(page.locator("#detail .waits tfoot")).to_contain_text("ms")


async def test_the_cursor_moves_over_waveform_and_waterfall_together(page: Page, site: Any) -> None:
    await opened(page, site, f"#trace={site.names.TURNS[1]}")
    await page.get_by_role("button", name="Whole turn").click()
    await expect(page.locator(".fallcursor")).to_be_hidden()
    await page.locator("#transcript li", has_text="The number is").locator(".line").click()
    await expect(page.locator(".fallcursor")).to_be_visible()
    places = await page.evaluate(
        """() => {
            const box = (selector) => document.querySelector(selector).getBoundingClientRect();
            const inside = (cursor, frame) =>
                (box(cursor).left + box(cursor).width / 2 - box(frame).left) / box(frame).width;
            return [inside("#cursor", "#track"), inside(".fallcursor", ".waterfall th.time")];
        }"""
    )
    assert places[0] == pytest.approx(9.01 / 30, abs=0.005)
    assert places[1] == pytest.approx(0.01 / 6.6, abs=0.01)


async def test_a_running_call_grows_without_a_reload(page: Page, site: Any) -> None:
    full = site.names.SAMPLE_CALL
    site.data.full[site.names.CALL] = {
        **full,
        "call": {**full["call"], "live": True},
        "turns": full["turns"][:1],
        "transcript": full["transcript"][:2],
    }
    await opened(page, site)
    await site.feed.joined.wait()
    await expect(page.locator("#turns li")).to_have_count(1)
    link = page.locator("#turns a").first
    await link.focus()
    await page.get_by_role("button", name="Zoom in").evaluate("button => button.click()")
    shown = await page.locator("#pan").get_attribute("aria-valuetext")
    site.data.full[site.names.CALL] = {**full, "call": {**full["call"], "live": True}}
    site.feed.send("call", full["call"])
    await expect(page.locator("#turns li")).to_have_count(3)
    await expect(page.locator("#transcript li")).to_have_count(8)
    await expect(page.locator("#blocks button")).to_have_count(3)
    await expect(link).to_be_focused()
    assert await page.locator("#pan").get_attribute("aria-valuetext") == shown
    await page.locator("#transcript li.caller").nth(1).locator(".line").click()
    assert await page.evaluate(NOW) == pytest.approx(9.01, abs=0.02)


async def test_hostile_words_stay_words(page: Page, site: Any) -> None:
    await opened(page, site, f"#trace={site.names.TURNS[2]}")
    await expect(page.locator("#transcript")).to_contain_text(site.names.HOSTILE)
    await page.get_by_role("link", name="user_speech").click()
    await expect(page.locator("#detail")).to_contain_text(site.names.HOSTILE)
    assert await page.locator("main script, main img").count() == 0
