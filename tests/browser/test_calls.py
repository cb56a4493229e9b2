from typing import Any

import pytest
from playwright.async_api import Page, expect

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
    await play.click()
    assert await page.evaluate("document.getElementById('preview').paused")


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
