"""One turn: its tree, its time line, its agents, and what is known of a span."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NOW = "document.getElementById('audio').currentTime"
LOADED = "document.getElementById('audio').readyState >= 1"
LEFT = 9.0
"""Where the second turn of the sample begins, in seconds from the start of the call."""


async def opened(page: Page, site: Any, turn: int = 1, rest: str = "", loaded: Any = None) -> None:
    await page.goto(f"/traces/calls/{site.names.CALL}#trace={site.names.TURNS[turn]}{rest}")
    await page.wait_for_selector("html[data-ready]")
    if loaded:
        await loaded(page, LOADED)


async def time_line(page: Page) -> dict[str, float]:
    await page.locator(".fallmain").evaluate("(part) => part.scrollIntoView()")
    box = await page.locator(".waterfall th.time").bounding_box()
    assert box is not None
    return dict(box)


def span(site: Any, turn: int, name: str) -> dict[str, Any]:
    spans = site.data.traces[site.names.TURNS[turn]]
    return next(each for each in spans if each["name"].startswith(name))


async def test_a_click_on_the_time_line_seeks_and_marks_what_ran_then(
    page: Page, site: Any, until: Any
) -> None:
    await opened(page, site, rest="&range=turn", loaded=until)
    box = await time_line(page)
    row = page.locator('tr[data-stage="playback"]')
    inside = await row.locator(".time").bounding_box()
    assert inside is not None
    await page.mouse.click(box["x"] + box["width"] * 0.8, inside["y"] + 5)
    assert await page.evaluate(NOW) == pytest.approx(LEFT + 0.8 * 6.6, abs=0.05)
    await expect(row).to_have_attribute("data-now", "yes")
    await expect(page.locator('tr[data-now="yes"][data-stage="user_speech"]')).to_have_count(0)
    await expect(page.locator("#detail h3")).to_have_text("playback")
    for cursor in (".fallcursor", ".stripcursor"):
        at = await page.locator(cursor).bounding_box()
        assert at is not None
        assert at["x"] + 1 == pytest.approx(box["x"] + box["width"] * 0.8, abs=2.5)


async def test_playing_moves_the_cursor_and_the_marks(page: Page, site: Any, until: Any) -> None:
    await opened(page, site, rest="&range=turn", loaded=until)
    await page.locator("#transcript li", has_text="The number is").locator(".line").click()
    await page.keyboard.press("Space")
    place = "parseFloat(document.querySelector('.stripcursor').style.left)"
    row = "document.querySelector('tr[data-stage=\"user_speech\"]')"
    await until(page, f"{place} > 5 && {row}.dataset.now === 'yes'")  # while it is said
    await page.keyboard.press("Space")


async def test_the_voices_are_drawn_over_the_waterfall(page: Page, site: Any) -> None:
    await opened(page, site, rest="&range=turn")
    ink = """([from, to, top]) => {
        const canvas = document.querySelector(".strip canvas");
        const half = canvas.height / 2;
        const x = Math.round(canvas.width * from / 6.6);
        const wide = Math.round(canvas.width * (to - from) / 6.6);
        const data = canvas.getContext("2d")
            .getImageData(x, top ? 0 : half + 2, wide, half - 4).data;
        return data.filter((value, at) => at % 4 === 3 && value > 100).length / (wide * half);
    }"""
    speaks = await page.evaluate(ink, [0.2, 3, True])
    listens = await page.evaluate(ink, [0.2, 3, False])
    answers = await page.evaluate(ink, [4.4, 6, False])
    assert speaks > 5 * listens
    assert answers > 5 * listens


async def test_a_drag_zooms_waterfall_and_voices_into_the_address(page: Page, site: Any) -> None:
    await opened(page, site, rest="&range=turn")
    box = await time_line(page)
    bar = page.locator('tr[data-stage="tools"] .bar rect')
    before = await bar.bounding_box()
    await page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] - 10)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] - 10, steps=4)
    await expect(page.locator(".fallmark")).to_be_visible()
    await page.mouse.up()
    await expect(page.locator(".fallmark")).to_be_hidden()
    after = await bar.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] == pytest.approx(5 * before["width"], rel=0.1)
    found = re.search(r"range=([\d.]+)-([\d.]+)$", page.url)
    assert found is not None
    assert float(found[1]) == pytest.approx(3.3, abs=0.05)
    assert float(found[2]) == pytest.approx(4.62, abs=0.05)
    assert await page.evaluate(NOW) == 0  # a drag is no click

    await page.reload()
    await page.wait_for_selector("html[data-ready]")
    again = await bar.bounding_box()
    assert again is not None
    assert again["width"] == pytest.approx(after["width"], rel=0.02)


async def test_keys_and_the_wheel_zoom_and_move_along(page: Page, site: Any) -> None:
    await opened(page, site, rest="&range=turn")
    bar = page.locator('tr[data-stage="tools"] .bar rect')

    async def width() -> float:
        box = await bar.bounding_box()
        return box["width"] if box else 0.0

    whole = await width()
    await page.keyboard.press("+")
    assert await width() == pytest.approx(2 * whole, rel=0.1)
    await page.keyboard.press("-")
    assert await width() == pytest.approx(whole, rel=0.05)
    assert page.url.endswith("range=turn")
    box = await time_line(page)
    await page.mouse.move(box["x"] + box["width"] * 0.58, box["y"] + box["height"] + 30)
    await page.keyboard.down("Control")
    await page.mouse.wheel(0, -50)
    await page.keyboard.up("Control")
    await page.wait_for_url(re.compile(r"range=[\d.]+-"))
    zoomed = await width()
    assert zoomed > 1.3 * whole
    left = await bar.bounding_box()
    await page.get_by_role("group", name="Time line of the turn").focus()
    await page.keyboard.press("ArrowRight")
    moved = await bar.bounding_box()
    assert left is not None
    assert moved is not None
    assert moved["x"] < left["x"] - 10
    await page.keyboard.press("0")
    assert await width() == pytest.approx(whole, rel=0.05)
    await page.locator(".fallzoom").get_by_role("button", name="Zoom in").click()
    assert await width() == pytest.approx(2 * whole, rel=0.1)


async def test_a_chosen_span_fills_the_time_line_by_a_key(page: Page, site: Any) -> None:
    await opened(page, site, rest=f"&span={span(site, 1, 'execute_tool')['span_id']}")
    await page.keyboard.press("f")
    bar = await page.locator('tr[data-stage="tools"] .bar rect').bounding_box()
    box = await time_line(page)
    assert bar is not None
    assert bar["width"] > 0.9 * box["width"]
    assert "range=span" in page.url


async def test_the_tree_is_a_tree_for_screen_readers_and_folds_with_keys(
    page: Page, site: Any
) -> None:
    await opened(page, site, rest=f"&span={span(site, 1, 'invoke_agent')['span_id']}")
    tree = page.get_by_role("treegrid", name=re.compile("Turn 2"))
    rows = tree.locator("tbody").get_by_role("row")
    full = await rows.count()
    agent = tree.get_by_role("row", name="invoke_agent orders")
    assert await agent.get_attribute("aria-level") == "2"
    await expect(tree.locator('tr[tabindex="0"]')).to_have_count(1)
    await agent.focus()
    await page.keyboard.press("ArrowLeft")
    await expect(agent).to_have_attribute("aria-expanded", "false")
    await expect(rows).to_have_count(full - 5)
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("#detail h3")).to_contain_text("text_to_speech")
    await page.keyboard.press("ArrowUp")
    await expect(agent).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(rows).to_have_count(full)
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("#detail h3")).to_contain_text("chat")
    await page.keyboard.press("ArrowLeft")
    await expect(agent).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#detail")).to_be_focused()
    await expect(page.locator("#detail h3")).to_have_text("invoke_agent orders")


async def test_spans_are_found_by_their_words(page: Page, site: Any) -> None:
    await opened(page, site)
    await page.keyboard.press("/")
    field = page.get_by_label("Find spans")
    await expect(field).to_be_focused()
    await page.keyboard.type("find_order")
    await expect(page.locator(".find [role=status]")).to_have_text("4 spans")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(page.locator("#detail h3")).to_have_text("execute_tool find_order")
    await page.keyboard.press("Escape")
    await expect(field).to_have_value("")
    await expect(page.locator(".waterfall tr:has(a[aria-current])")).to_be_focused()


async def test_the_agents_are_drawn_in_order_and_lead_to_their_spans(page: Page, site: Any) -> None:
    await opened(page, site, turn=0)
    graph = page.get_by_role("group", name=re.compile("^Agents, their tools"))
    await expect(graph.locator(".called")).to_have_text(["Caller", "frontdesk", "orders"])
    await expect(graph.locator(".order")).to_have_text(["1", "2"])
    await graph.get_by_role("link", name="Agent orders").click()
    await expect(page.locator("#detail h3")).to_have_text("invoke_agent orders")
    await expect(graph.locator("a[aria-current] .called")).to_have_text("orders")
    await page.get_by_text("In words").click()
    await page.get_by_role("link", name="frontdesk hands over to orders").click()
    detail = page.locator("#detail")
    await expect(detail.locator("h3")).to_have_text("handoff orders")
    await expect(detail.get_by_role("row", name="From frontdesk")).to_be_visible()
    await detail.get_by_role("link", name="invoke_agent orders").click()
    await expect(page.locator("#detail h3")).to_have_text("invoke_agent orders")


async def test_an_mcp_tool_tells_its_server_and_leads_to_the_servers_side(
    page: Page, site: Any
) -> None:
    await opened(page, site, rest=f"&span={span(site, 1, 'execute_tool')['span_id']}")
    detail = page.locator("#detail")
    await expect(detail.get_by_role("row", name="Tool find_order")).to_be_visible()
    await expect(detail.locator(".related li")).to_have_count(2)
    await expect(detail.locator(".related")).to_contain_text("In the server tools/call find_order")
    await detail.get_by_role("link", name="MCP send").click()
    await expect(detail.get_by_role("row", name="Method tools/call")).to_be_visible()
    await detail.get_by_role("link", name="execute_tool").click()
    await expect(detail.locator("h3")).to_have_text("execute_tool find_order")


async def test_nested_results_fold_and_hostile_ones_stay_text(page: Page, site: Any) -> None:
    await opened(page, site, rest=f"&span={span(site, 1, 'execute_tool')['span_id']}")
    result = page.locator("#detail .json")
    await expect(result).to_contain_text(site.names.HOSTILE.replace('"', '\\"'))
    items = result.locator("details", has=page.locator("summary", has_text='"items"')).last
    await expect(items).to_contain_text('"lamp"')
    await items.locator("summary").click()
    await expect(items.locator(".leaf").first).to_be_hidden()
    await expect(items.locator("summary")).to_contain_text("2 ]")
    assert await page.locator("main script, main img").count() == 0


async def test_long_values_are_shortened_until_all_is_asked_for(page: Page, site: Any) -> None:
    tool = span(site, 1, "execute_tool")
    tool["attributes"]["gen_ai.tool.call.result"] = "line\n" * 200 + "the end"
    await opened(page, site, rest=f"&span={tool['span_id']}")
    value = page.locator("#detail pre.short")
    more = page.get_by_role("button", name="Show all")
    before = await value.bounding_box()
    await more.click()
    await expect(page.get_by_role("button", name="Show less")).to_have_attribute(
        "aria-expanded", "true"
    )
    after = await page.locator("#detail pre", has_text="the end").bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] > 1.5 * before["height"]


async def test_a_value_and_a_link_to_the_span_can_be_copied(
    page: Page, site: Any, context: Any
) -> None:
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    await opened(page, site, rest=f"&span={span(site, 1, 'execute_tool')['span_id']}")
    await page.get_by_role("button", name="Copy", exact=True).first.click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == '{\n  "number": "48271"\n}'
    await page.get_by_role("button", name="Copy link").click()
    await expect(page.get_by_role("button", name="Copied")).to_have_count(2)
    assert await page.evaluate("navigator.clipboard.readText()") == page.url


async def test_the_agents_of_the_whole_call_lead_to_their_turns(page: Page, site: Any) -> None:
    await opened(page, site, turn=0)
    await page.get_by_role("link", name="Agents of the whole call").click()
    await expect(page.get_by_role("heading", name="Agents of the whole call")).to_be_visible()
    await expect(page.locator(".waterfall")).to_have_count(0)
    await page.get_by_role("link", name="Tool find_order").click()
    await expect(page.locator("#detail h3")).to_have_text("execute_tool find_order")
    await expect(page.locator("#turns a[aria-current]")).to_have_text("Turn 2")
    await page.go_back()
    await expect(page.get_by_role("heading", name="Agents of the whole call")).to_be_visible()
