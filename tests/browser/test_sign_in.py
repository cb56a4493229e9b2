"""The pages of a server with keys, in a real browser, over TLS and without."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

KEY = "fd-a-key-of-the-tests-0123456789"
STORED = "document.cookie + JSON.stringify({...localStorage, ...sessionStorage})"


@pytest.fixture(scope="module")
def keyed_server(server_process: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    desk = Path(__file__).parents[2] / "benchmarks" / "desk"
    environ = {"FRONTDESK_API_KEYS": KEY}
    running = server_process(tmp_path_factory.mktemp("keyed"), desk=desk, environ=environ)
    yield running
    running.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, keyed_server: Any) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(base_url=keyed_server.url, permissions=["microphone"])
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(visit: BrowserContext) -> AsyncIterator[Page]:
    """A page that breaches no policy and raises nothing."""
    page = await visit.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda said: trouble.append(said.text) if "Policy" in said.text else None)
    yield page
    assert trouble == []


async def sign_in(page: Page, key: str = KEY) -> None:
    await page.get_by_label("Key").fill(key)
    await page.get_by_role("button", name="Sign in").click()


async def test_signing_in_leads_to_the_page_that_was_asked_for(page: Page) -> None:
    await page.goto("/traces?errors=1")
    await expect(page).to_have_url(re.compile("/sign-in"))
    await expect(page.get_by_label("Key")).to_be_focused()
    await sign_in(page)
    await expect(page).to_have_url(re.compile(r"/traces\?errors=1$"))
    assert KEY not in await page.evaluate(STORED)
    assert "session" not in await page.evaluate(STORED)


async def test_a_wrong_key_is_told_and_a_right_one_still_works(page: Page) -> None:
    await page.goto("/talk")
    await sign_in(page, "not a key")
    await expect(page.get_by_role("alert")).to_contain_text("not a key of this server")
    await sign_in(page)
    await expect(page).to_have_url(re.compile("/talk$"))


async def test_whoever_is_signed_in_talks_and_sees_the_call(page: Page) -> None:
    await page.goto("/talk")
    await sign_in(page)
    await expect(page).to_have_url(re.compile("/talk$"))
    await page.wait_for_load_state()
    await page.get_by_placeholder("Type instead of speaking").fill("Hello there")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log").locator("li").nth(1)).to_be_visible()
    await page.get_by_role("link", name="Traces", exact=True).click()
    await expect(page.locator("[data-call]").first).to_be_visible()


async def test_a_link_from_another_site_does_not_ask_to_sign_in_again(
    page: Page, keyed_server: Any
) -> None:
    await page.goto("/talk")
    await sign_in(page)
    await expect(page).to_have_url(re.compile("/talk$"))
    # Another site as browsers count: `localhost` is not 127.0.0.1.
    elsewhere = f'<a href="{keyed_server.url}/traces">a call</a>'
    await page.route(
        "http://localhost:9/", lambda route: route.fulfill(body=elsewhere, content_type="text/html")
    )
    await page.goto("http://localhost:9/")
    await page.get_by_role("link", name="a call").click()
    await expect(page).to_have_url(re.compile("/traces$"))


async def test_signing_out_closes_the_pages(page: Page) -> None:
    await page.goto("/talk")
    await sign_in(page)
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(re.compile("/sign-in"))
    await page.goto("/traces")
    await expect(page).to_have_url(re.compile("/sign-in"))


async def test_a_page_of_another_site_cannot_call_in_the_name_of_who_is_signed_in(
    page: Page, keyed_server: Any
) -> None:
    await page.goto("/talk")
    await sign_in(page)
    await expect(page).to_have_url(re.compile("/talk$"))
    await page.route(
        "http://127.0.0.1:9/",
        lambda route: route.fulfill(body="<h1>Elsewhere</h1>", content_type="text/html"),
    )
    await page.goto("http://127.0.0.1:9/")  # the same site to the browser: the cookie goes along
    opened = await page.evaluate(
        """(url) => new Promise((done) => {
            const socket = new WebSocket(url, "realtime");
            socket.onopen = () => done(true);
            socket.onerror = () => done(false);
        })""",
        f"{keyed_server.ws}/v1/realtime",
    )
    assert opened is False


async def test_it_fits_the_width_of_a_phone(page: Page) -> None:
    await page.set_viewport_size({"width": 360, "height": 780})
    for path in ("/sign-in", "/talk", "/traces"):
        await page.goto(path)
        if path == "/talk":
            await sign_in(page)
            await expect(page).to_have_url(re.compile("/talk$"))
        await page.wait_for_load_state()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
    box = await page.get_by_role("button", name="Sign out").bounding_box()
    assert box
    assert box["x"] + box["width"] <= 360


async def test_it_can_be_used_without_javascript(browser: Browser, keyed_server: Any) -> None:
    context = await browser.new_context(
        base_url=keyed_server.url,
        java_script_enabled=False,
    )
    page = await context.new_page()
    await page.goto("/traces")
    await sign_in(page)
    await expect(page).to_have_url(re.compile("/traces$"))
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(re.compile("/sign-in"))
    await context.close()
