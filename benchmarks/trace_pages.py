"""How quick the dashboard is over a store of a million spans."""

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import uvicorn
from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from spans import LONG, made

from frontdesk.ports import free_port
from frontdesk.tracing import api, pages, statistics_pages
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.page_data import StoredPages

AT_ONCE = 5_000
"""Spans that are queued before the writer is waited for."""


def fill(tracing: Tracing, total: int) -> tuple[float, str]:
    """Put ``total`` spans into the store by its own way in; CPU seconds of it, and the address of
    a turn of 200 spans."""
    used, waiting, long = 0.0, 0, ""
    for turn in made(total):
        begun = time.process_time()
        for span in turn:
            tracing.store.add(span)
        waiting += len(turn)
        if waiting >= AT_ONCE:
            tracing.store.flush(120)
            waiting = 0
        used += time.process_time() - begun
        if len(turn) == LONG or not long:
            found = turn[0].attributes or {}
            context = turn[0].get_span_context()
            call, trace = found["gen_ai.conversation.id"], f"{context.trace_id:032x}"
            long = f"/traces/calls/{call}?trace={trace}"
    tracing.store.flush(120)
    return used, long


def application(tracing: Tracing) -> FastAPI:
    app = FastAPI()
    app.add_middleware(GZipMiddleware, minimum_size=2000)
    dashboard = pages.Pages(StoredPages(tracing))
    app.include_router(api.router(tracing, str))
    app.include_router(pages.router(dashboard))
    app.include_router(statistics_pages.router(tracing.store, dashboard))
    return app


def addresses(long: str) -> dict[str, str]:
    """What is looked at, by what it is called."""
    return {
        "list of 50": "/traces",
        "list, by agent": "/traces?agent=orders",
        "list, with errors": "/traces?errors=1",
        "list, by latency": "/traces?latency_min=2",
        "list, by words": "/traces?q=refund%20tuesday",
        "list, of a day": "/traces?period=24h",
        "list as JSON": "/api/calls",
        "turn of 200 spans": long,
        "latency of a day": "/latency?period=24h",
        "errors of a day": "/errors?period=24h",
    }


async def seconds(app: FastAPI, path: str, times: int) -> dict[str, float]:
    """Median CPU and time of a request, client and template included."""
    cpu: list[float] = []
    wall: list[float] = []
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for _ in range(times):
            begun, at = time.process_time(), time.perf_counter()
            answer = await client.get(path)
            cpu.append(time.process_time() - begun)
            wall.append(time.perf_counter() - at)
            assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
    return {"cpu": statistics.median(cpu), "wall": statistics.median(wall)}


def painted(app: FastAPI, path: str, times: int) -> list[float]:
    """Milliseconds to the first contentful paint of a page in Chromium, each in a new profile: from
    nothing in its cache, in a window whose own surface has come up before."""
    from playwright.sync_api import sync_playwright

    script = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1"
    with listening(app) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        took: list[float] = []
        for _ in range(times):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.goto("about:blank")
            page.wait_for_timeout(1_500)  # a new window loads pages of the browser's own
            page.goto(url + path, wait_until="load")
            page.wait_for_function(f"({script}) >= 0")
            took.append(page.evaluate(script))
            page.close()
        browser.close()
    return took


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
