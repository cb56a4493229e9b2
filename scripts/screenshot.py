"""Make docs/dashboard.png: the page of the demo's call, as a real browser shows it.

Places the spoken call of `frontdesk demo` in a data folder of its own, serves what it left, opens
its third turn in headless Chromium and takes the picture. Needs the `dev` extra and Chromium.

    python scripts/screenshot.py [--out docs/dashboard.png] [--dark]
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from frontdesk.cli.server import Server, started
from frontdesk.settings import Settings

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT = 1400, 1100
PAGE_WIDTH = 1520
"""CSS pixels: the widest that the page grows to; more would only be margin."""
TURN = 3
LARGEST = 400_000
"""Bytes: the picture is in the repository, and every new one stays in its history."""


async def main(out: Path, scheme: str) -> None:
    with tempfile.TemporaryDirectory(prefix="frontdesk-") as folder:
        data = Path(folder)
        await demo(data)
        async with started(Settings(desk=ROOT, data=data)) as server:
            await picture(server, out, scheme)
    size = len(await asyncio.to_thread(out.read_bytes))
    if size > LARGEST:
        raise SystemExit(f"{out} has {size} bytes, more than {LARGEST}: make the picture smaller.")
    print(f"{out}: {WIDTH} x {HEIGHT}, {size // 1000} kB")


async def demo(data: Path) -> None:
    """The call of `frontdesk demo`; fails when a turn was answered wrongly."""
    command = [sys.executable, "-m", "frontdesk", "demo", "--exit"]
    environ = {**os.environ, "FRONTDESK_DATA": str(data), "FRONTDESK_DESK": str(ROOT)}
    process = await asyncio.create_subprocess_exec(*command, env=environ, cwd=ROOT)
    if await process.wait():
        raise SystemExit("The demo's call went wrong: no picture is better than a wrong one.")


async def picture(server: Server, out: Path, scheme: Any) -> None:
    call = server.get("/api/calls")["calls"][0]["call_id"]
    turn = server.get(f"/api/calls/{call}")["turns"][TURN - 1]
    spans = server.get(f"/api/traces/{turn['trace_id']}")["spans"]
    tool = next(span for span in spans if span["stage"] == "tools")
    async with async_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(
            base_url=server.url,
            viewport={"width": PAGE_WIDTH, "height": round(HEIGHT * PAGE_WIDTH / WIDTH)},
            device_scale_factor=WIDTH / PAGE_WIDTH,
            color_scheme=scheme,
            locale="en-GB",
            reduced_motion="reduce",
        )
        await page.goto(f"/traces/calls/{call}#trace={turn['trace_id']}&span={tool['span_id']}")
        await page.wait_for_selector("html[data-ready]")
        await seek(page, tool["start"] + 0.6 - server.get(f"/api/calls/{call}")["call"]["started"])
        await page.screenshot(path=out)
        await browser.close()


async def seek(page: Page, seconds: float) -> None:
    """Put the play head there, and wait until all pictures follow."""
    await page.evaluate(
        """(seconds) => new Promise((done) => {
            const audio = document.getElementById("audio");
            audio.addEventListener("seeked", () => requestAnimationFrame(() => done()));
            const go = () => { audio.currentTime = seconds; };
            if (audio.readyState >= 1) go();
            else audio.addEventListener("loadedmetadata", go);
        })""",
        seconds,
    )
    await page.wait_for_selector("#transcript li.now")
    await page.evaluate("scrollTo(0, 0)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "dashboard.png")
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    asyncio.run(main(options.out, "dark" if options.dark else "light"))
