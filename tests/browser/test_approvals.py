"""The page on which people decide, against a real server and a real call."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from playwright.async_api import Browser, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

EXAMPLE = Path(__file__).parents[2] / "agents" / "examples" / "goodwill"


async def test_a_call_that_waits_appears_and_is_decided_on_the_page(
    browser: Browser, server_process: Any, tmp_path: Path
) -> None:
    desk, team = tmp_path / "desk", tmp_path / "desk" / "agents" / "goodwill.yaml"
    shutil.copytree(EXAMPLE, desk)
    team.write_text(team.read_text().replace("{ over: 100 }", "{ over: 10 }"))
    (tmp_path / "data").mkdir()
    server = server_process(tmp_path / "data", desk=desk)
    context = await browser.new_context(base_url=server.url)
    page = await context.new_page()
    try:
        await page.goto("/approvals")
        await expect(page.locator("#none")).to_be_visible()
        await page.get_by_label("Your name").fill("Ann")
        client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
        async with client.realtime.connect(model="goodwill") as call:
            session: Any = {"type": "realtime", "output_modalities": ["text"]}
            await call.session.update(session=session)
            content: Any = [{"type": "input_text", "text": "money back, please"}]
            item: Any = {"type": "message", "role": "user", "content": content}
            await call.conversation.item.create(item=item)
            await call.response.create()
            card = page.locator("[data-approval]")
            await expect(card).to_have_count(1)
            await expect(card).to_contain_text("pay_back")
            await expect(card.locator("dd").first).to_have_text("48271")
            await card.get_by_label("Reason").fill("not this week")
            await card.get_by_role("button", name="Deny").click()
            await expect(card).to_have_count(0)
            answers = []
            async with asyncio.timeout(30):
                async for event in call:
                    if event.type == "session.created":
                        call_id = event.session.id
                    if event.type == "response.done":
                        answers.append(event.response)
                        if len(answers) == 2:  # the second one unasked
                            break
        answer = await page.request.get(f"/api/calls/{call_id}/approvals")
        [record] = (await answer.json())["data"]
        decided = record["decided"]
        assert (decided["decision"], decided["who"], decided["how"]) == ("denied", "Ann", "screen")
        assert decided["reason"] == "not this week"
    finally:
        await context.close()
        server.stop()
