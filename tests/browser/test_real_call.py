"""The pages against the whole of Frontdesk: a real server, real calls, sound in and out."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import soundfile
from openai import AsyncOpenAI
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RATE = 24_000
TONE = 0.3 * np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE)
NOW = "document.getElementById('audio').currentTime"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def speaking_browser(
    another_browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Browser]:
    """A browser whose microphone hears a second of speech, once, and then silence."""
    speech = tmp_path_factory.mktemp("microphone") / "speech.wav"
    silence = np.zeros(RATE)
    soundfile.write(speech, np.concatenate([silence, TONE, *[silence] * 60]), RATE)
    async with another_browser(f"--use-file-for-fake-audio-capture={speech}%noloop") as launched:
        yield launched


@pytest_asyncio.fixture(loop_scope="session")
async def page(speaking_browser: Browser, tool_server: Any) -> AsyncIterator[Page]:
    context = await speaking_browser.new_context(
        base_url=tool_server.url, viewport={"width": 1400, "height": 900}
    )
    page = await context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
    page.on("response", lambda got: trouble.append(got.url) if got.status >= 400 else None)
    yield page
    await context.close()
    assert trouble == []


async def speak(connection: Any) -> None:
    """A second of speech and the silence that ends the turn, at the pace of a microphone."""
    frames = np.array_split(np.concatenate([TONE, np.zeros(RATE)]), 100)
    start = asyncio.get_running_loop().time()
    for number, frame in enumerate(frames):
        audio = base64.b64encode((frame * 32767).astype("<i2").tobytes()).decode()
        await connection.input_audio_buffer.append(audio=audio)
        await asyncio.sleep(start + 0.02 * (number + 1) - asyncio.get_running_loop().time())


async def event(connection: Any, kind: str) -> Any:
    async with asyncio.timeout(30):
        while (found := await connection.recv()).type != kind:
            pass
    return found


async def test_a_stock_clients_call_appears_while_it_runs_and_can_be_heard_and_read(
    page: Page, tool_server: Any, until: Any
) -> None:
    await page.goto("/traces")
    await expect(page.locator("#feed")).to_have_text("Live")
    client = AsyncOpenAI(api_key="none", base_url=f"{tool_server.url}/v1")
    async with client.realtime.connect(model="bench") as connection:
        call = (await event(connection, "session.created")).session.id
        await speak(connection)
        row = page.locator(f'tr[data-call="{call}"]')
        await expect(row.locator(".badge.live")).to_be_visible()
        await row.locator(".call a").click()
        await expect(page.locator("#facts .badge.live")).to_be_visible()
        await event(connection, "response.done")
    await client.close()

    await expect(page.locator("#facts .badge.live")).to_have_count(0)
    lines = page.locator("#transcript li")
    await expect(lines).to_have_count(2)
    await expect(lines.first).to_contain_text("of speech")
    await expect(lines.last).to_contain_text("Thank you")

    answered = float(await lines.last.get_attribute("data-start") or "nan")
    await until(page, f"document.getElementById('audio').duration > {answered + 0.1}")
    await page.evaluate("document.getElementById('audio').loop = true")  # it ends when it is told
    await page.get_by_role("button", name="Play", exact=True).click()
    await until(page, f"{NOW} > 0.3")
    await page.get_by_role("button", name="Pause").click()
    assert await page.evaluate("document.getElementById('audio').error") is None

    await lines.last.locator(".line").click()
    assert await page.evaluate(NOW) == pytest.approx(answered + 0.01, abs=0.02)
    await expect(lines.last).to_have_class(re.compile(r"\bnow\b"))

    await page.locator("#blocks button").first.click()
    await page.get_by_role("link", name="execute_tool find_order").click()
    await expect(page.locator("#detail")).to_contain_text("on its way")

    await page.get_by_role("button", name="Whole turn").click()
    await page.locator(".fallmain").evaluate("(part) => part.scrollIntoView()")
    strip = await page.get_by_role("group", name="Time line of the turn").bounding_box()
    turn = await page.locator(".fall").evaluate("(fall) => fall.dataset.end - fall.dataset.start")
    assert strip is not None
    await page.mouse.click(strip["x"] + 0.1 * strip["width"], strip["y"] + 9)
    began = await page.locator("#turns li").first.get_attribute("data-start")
    assert await page.evaluate(NOW) == pytest.approx(float(began or 0) + 0.1 * turn, abs=0.1)
    speech = page.locator('tr[data-stage="user_speech"]')
    await expect(speech).to_have_attribute("data-now", "yes")
    await page.keyboard.press("+")
    await page.wait_for_url(re.compile(r"&range=[\d.]+-[\d.]+$"))
    await page.goto("/traces?agent=agent&latency_max=60&cost_min=0.00001")
    await expect(row.locator('[data-label="Cost"]')).to_have_text(re.compile(r"^\$0\.00\d+$"))
    await page.evaluate("document.getElementById('preview').loop = true")
    await row.locator("[data-play]").click()
    await until(page, "document.getElementById('preview').currentTime > 0.2")
    await page.get_by_label("Slowest turn, at least").fill("60")
    await expect(page.locator("#list")).to_contain_text("No call matches")
    assert not await page.evaluate("document.getElementById('preview').paused")


async def test_the_microphone_gets_an_answer_and_the_talk_links_to_its_trace(
    page: Page, until: Any
) -> None:
    await page.goto("/talk")
    await page.get_by_role("button", name="Start talking").click()
    lines = page.locator("#log li")
    await expect(lines.first).to_contain_text("of speech")
    await expect(lines.nth(1).locator(".words")).to_contain_text("Thank you")
    await expect(page.get_by_role("status")).to_have_text("agent speaks")
    await until(page, "document.getElementById('voice').value > 0.2")

    await page.get_by_label("Type instead of speaking").fill("And the other one?")
    await page.keyboard.press("Enter")
    await expect(lines.nth(1).locator(".badge")).to_have_text("cut off")
    await expect(lines).to_have_count(4)
    await expect(lines.nth(2)).to_contain_text("And the other one?")

    aside = page.get_by_role("complementary")
    await expect(aside).to_contain_text("find_order")
    first = aside.locator(".turnlist li").first
    await expect(first).to_contain_text(re.compile(r"\d ms|\d s"))
    address = await aside.get_by_role("link", name="Open the trace").get_attribute("href")
    await page.get_by_role("button", name="End call").click()
    await page.goto(address or "")
    turns = page.locator("#turns li")
    await expect(turns).to_have_count(2)
    await expect(turns.first).to_contain_text("interrupted")
    await expect(page.locator("#transcript li.caller").last).to_contain_text("And the other one?")


async def test_a_real_turn_is_scored_compared_and_taken_out(page: Page, tool_server: Any) -> None:
    client = AsyncOpenAI(api_key="none", base_url=f"{tool_server.url}/v1")
    async with client.realtime.connect(model="bench") as connection:
        call = (await event(connection, "session.created")).session.id
        for words in ("<img src=x onerror='window.__hostile = 1'>", "And the other one?"):
            content: Any = [{"type": "input_text", "text": words}]
            item: Any = {"type": "message", "role": "user", "content": content}
            await connection.conversation.item.create(item=item)
            await connection.response.create(response={"output_modalities": ["text"]})
            await event(connection, "response.done")
    await client.close()
    await page.goto(f"/traces/calls/{call}")
    await page.wait_for_selector("html[data-ready]")
    await page.locator("#turns a").first.click()
    graph = page.get_by_role("group", name=re.compile("^Agents, their tools"))
    await expect(graph.locator(".called")).to_have_text(["Caller", "agent", "find_order"])

    scores = page.get_by_role("region", name="Scores")
    await scores.get_by_role("button", name="Good").click()
    await expect(scores.locator("li")).to_have_text(
        re.compile(r"good[\s\S]*somebody at the screen")
    )
    await graph.get_by_role("link", name="Tool find_order").click()
    await expect(scores).to_contain_text("Scores of this span")
    await scores.get_by_text("Comment or grade").click()
    await scores.get_by_label("Comment").fill("<img src=x onerror='window.__hostile = 1'>")
    await scores.get_by_label("Number").fill("0.25")
    await scores.get_by_label("Your name").fill("Mo")
    await scores.get_by_role("button", name="Save").click()
    await expect(scores.locator("li")).to_have_text(
        re.compile(r"comment 0.25\s+<img src=x[\s\S]*Mo,")
    )
    await scores.get_by_role("button", name="Delete").click()
    await expect(scores.locator("li")).to_have_count(0)

    async with page.expect_download() as download:
        await page.get_by_role("link", name="JSON", exact=True).first.click()
    taken = json.loads((await (await download.value).path()).read_text())
    assert [(score["name"], score["value"]) for score in taken["scores"]] == [("thumb", 1)]
    async with page.expect_download() as download:
        await page.get_by_role("link", name="OTLP").click()
    otlp = (await (await download.value).path()).read_bytes()
    headers = {"content-type": "application/json"}
    sent = await page.request.post("/v1/traces", data=otlp, headers=headers)
    assert await sent.json() == {}  # nothing is refused

    await page.get_by_role("link", name="Compare").click()
    await page.get_by_role("link", name="And the other one?").click()
    await expect(page.get_by_role("row", name=re.compile("Caller"))).to_contain_text("<img src=x")
    await expect(page.get_by_role("link", name="find_order")).to_have_count(2)
    assert await page.evaluate("window.__hostile") is None
