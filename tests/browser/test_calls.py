import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_the_list_shows_flow_tools_latency_and_errors(page: Page, site: Any) -> None:
    await page.goto("/traces")
    row = page.locator(f'[data-call="{site.names.CALL}"]')
    await expect(row).to_contain_text(site.names.FIRST)
    await expect(row).to_contain_text("find_order")
    await expect(row).to_contain_text("800 ms")
    await expect(row.locator(".badge.bad")).to_have_text("1 error")
    assert await row.locator(".flow .agent").all_text_contents() == ["frontdesk", "orders"]


async def test_times_are_in_the_readers_own_zone(page: Page, site: Any) -> None:
    await page.goto("/traces")
    moment = page.locator(f'[data-call="{site.names.CALL}"] time')
    await expect(moment).to_have_text("22 Nov, 02:00:00")  # 01:00 UTC, seen from Berlin


async def test_filters_act_while_typing_and_stay_in_the_address(page: Page) -> None:
    await page.goto("/traces")
    await page.get_by_label("Words in the call").fill("chair")
    await expect(page.locator("[data-call]")).to_have_count(1)
    await expect(page.locator("[data-call]")).to_contain_text("money back")
    assert page.url.endswith("?q=chair")
    await page.reload()
    await expect(page.locator("[data-call]")).to_have_count(1)
    await page.get_by_label("Words in the call").fill("")
    await page.get_by_label("Agent").select_option("billing")
    await expect(page.locator("[data-call]")).to_have_count(2)
    await page.get_by_label("Agent").select_option("")
    await page.get_by_label("With errors").check()
    await expect(page.locator("[data-call]")).to_have_count(1)


async def test_a_call_that_begins_appears_on_top_without_a_reload(page: Page, site: Any) -> None:
    await page.goto("/traces")
    await site.feed.joined.wait()
    await expect(page.locator("#feed")).to_have_text("Live")
    fresh = {**site.names.SUMMARY, "call_id": "sess_new", "live": True, "text": "Hello, hello?"}
    site.data.summaries.append(fresh)
    site.feed.send("call", fresh)
    await expect(page.locator("[data-call]").first).to_contain_text("Hello, hello?")
    await expect(page.locator("[data-call]").first.locator(".badge.live")).to_be_visible()


async def test_live_rows_obey_the_filter_in_force(page: Page, site: Any) -> None:
    await page.goto("/traces?q=chair")
    await site.feed.joined.wait()
    other = {**site.names.SUMMARY, "call_id": "sess_other", "live": True, "text": "a table"}
    match = {**site.names.SUMMARY, "call_id": "sess_match", "live": True, "text": "a new chair"}
    site.data.summaries += [other, match]
    site.feed.send("call", other)
    site.feed.send("call", match)
    await expect(page.locator("[data-call]")).to_have_count(2)
    await expect(page.locator("[data-call]").first).to_contain_text("a new chair")


async def test_a_call_plays_from_its_row(page: Page, site: Any, until: Any) -> None:
    await page.goto("/traces")
    play = page.locator(f'[data-call="{site.names.CALL}"] [data-play]')
    await play.click()
    await until(page, "document.getElementById('preview').currentTime > 0.1")
    await expect(play).to_have_class("round playing")
    await expect(page.locator("#dock-call")).to_have_text(site.names.FIRST)
    await play.click()
    assert await page.evaluate("document.getElementById('preview').paused")


async def test_the_keys_choose_a_row_play_it_seek_and_close(
    page: Page, site: Any, until: Any
) -> None:
    await page.goto("/traces")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    row = page.locator("#rows tr").nth(1)
    await expect(row.locator(".call a")).to_be_focused()
    await page.keyboard.press("p")
    await until(page, "document.getElementById('preview').currentTime > 0.1")
    await page.get_by_label("Place in the call").focus()
    await page.keyboard.press("End")
    await until(page, "document.getElementById('preview').currentTime > 29")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("region", name="Player")).to_be_hidden()
    await expect(row.locator("[data-play]")).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.get_by_label("Words in the call")).to_be_focused()


async def test_a_call_without_sound_has_no_button_to_play_it(page: Page) -> None:
    await page.goto("/traces")
    assert await page.locator("#rows tr").count() - await page.locator("[data-play]").count() == 1


async def test_rows_change_under_a_reader_who_stays_where_they_are(
    page: Page, site: Any, until: Any
) -> None:
    await page.goto("/traces")
    await site.feed.joined.wait()
    await page.evaluate("window.before = document.querySelectorAll('#rows tr')[2]")
    row = page.locator(f'[data-call="{site.names.CALL}"]')
    await row.locator("[data-play]").click()
    await row.locator(".call a").focus()
    grown = {**site.names.SUMMARY, "turns": 4, "live": True}
    site.data.summaries[0] = grown
    site.feed.send("call", grown)
    await expect(row.locator(".badge.live")).to_be_visible()
    await expect(row.locator(".call a")).to_be_focused()
    await until(page, "document.getElementById('preview').currentTime > 0.1")
    await expect(row.locator("[data-play]")).to_have_class("round playing")
    assert await page.evaluate("window.before.isConnected")  # nothing was new about it
    await until(
        page, "/^\\d+:\\d\\d:\\d\\d$/.test(document.querySelector('[data-since]').textContent)"
    )


async def test_a_range_of_latency_filters_and_goes_along_to_what_is_taken_away(
    page: Page, site: Any
) -> None:
    await page.goto("/traces")
    await page.get_by_label("Slowest turn, at least").fill("0.9")
    await expect(page.locator("[data-call]")).to_have_count(4)
    await page.get_by_label("Slowest turn, at most").fill("1.3")
    await expect(page.locator("[data-call]")).to_have_count(2)
    assert page.url.endswith("?latency_min=0.9&latency_max=1.3")
    link = await page.get_by_role("link", name="CSV").get_attribute("href")
    assert link == "/api/calls?latency_min=0.9&latency_max=1.3&limit=5000&format=csv"
    await page.get_by_role("link", name="Clear").click()
    await expect(page.locator("[data-call]")).to_have_count(6)


async def test_a_list_that_comes_late_does_not_undo_a_filter(page: Page, site: Any) -> None:
    wanted = asyncio.Event()

    async def hold(route: Route) -> None:
        if not route.request.is_navigation_request():
            await wanted.wait()
        await route.continue_()

    await page.route("**/traces", hold)
    async with page.expect_request(
        lambda asked: asked.url.endswith("/traces") and not asked.is_navigation_request()
    ):
        await page.goto("/traces")
    await page.get_by_label("Slowest turn, at least").fill("0.9")
    await expect(page.locator("[data-call]")).to_have_count(4)
    async with page.expect_response(lambda came: came.url.endswith("/traces")):
        wanted.set()
    await page.evaluate("fetch(location.href).then((answer) => answer.text())")
    await expect(page.locator("[data-call]")).to_have_count(4)


async def test_the_chosen_theme_stays(page: Page) -> None:
    await page.goto("/traces")
    button = page.get_by_role("button", name="Theme")
    light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await button.click()
    await button.click()
    await expect(button).to_have_text("Theme: dark")
    dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    await page.goto("/talk")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
