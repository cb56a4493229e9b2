"""``@openai/agents-realtime`` in a page of another site: a browser can send no header, so the key
travels as a subprotocol."""

import json
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.async_api import Error, async_playwright

from frontdesk.team.instant import REPLY
from tests.browser.conftest import CHROMIUM, FLAGS

SDK = Path(__file__).parent / "node_modules/@openai/agents-realtime/dist/bundle"
PAGE = """<!doctype html>
<script type="module">
  import { RealtimeAgent, RealtimeSession } from '/sdk/openai-realtime-agents.mjs';

  window.ask = async (question, url, apiKey) => {
    const agent = new RealtimeAgent({ name: 'Page', instructions: 'Be nice.' });
    const config = { outputModalities: ['text'] };
    const options = { transport: 'websocket', model: 'support', config };
    const session = new RealtimeSession(agent, options);
    const answer = new Promise((resolve, reject) => {
      session.on('agent_end', (_context, _agent, output) => resolve(output));
      session.on('error', ({ error }) => reject(new Error(JSON.stringify(error))));
    });
    await session.connect({ url, apiKey });
    session.sendMessage(question);
    const words = await answer;
    session.close();
    return words;
  };
</script>
"""

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def site(node: Any, tmp_path: Path) -> Iterator[str]:
    """Another site on this machine: its one page, and the SDK as its makers bundle it."""
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "sdk").symlink_to(SDK)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def secret(secure_server: Any) -> str:
    """The key that the site's own server gets for its page."""
    request = urllib.request.Request(
        f"{secure_server.url}/v1/realtime/client_secrets", b"{}", secure_server.headers
    )
    with urllib.request.urlopen(request, context=secure_server.tls) as answer:
        return json.load(answer)["value"]


async def test_a_page_of_another_site_has_a_text_turn(
    site: str, secure_server: Any, secret: str
) -> None:
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(ignore_https_errors=True)
        await page.goto(site)
        await page.wait_for_function("() => Boolean(window.ask)")
        ask = ["Where is my order?", f"{secure_server.ws}/v1/realtime?model=support"]
        assert await page.evaluate("ask => window.ask(...ask)", [*ask, secret]) == REPLY
        with pytest.raises(Error):
            await page.evaluate("ask => window.ask(...ask)", [*ask, "ek_guessed"])
        await browser.close()
