"""The FastAPI application: one process of Frontdesk."""

import gc
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from fastapi.middleware.gzip import GZipMiddleware

from frontdesk import __version__
from frontdesk.api import calls, errors, speech, transcriptions
from frontdesk.call.worker import Worker
from frontdesk.settings import Settings
from frontdesk.tracing import api as tracing_api
from frontdesk.tracing import pages
from frontdesk.tracing.page_data import StoredPages
from frontdesk.transports import websocket


def create_app(
    settings: Settings | None = None, *, mcp_urls: Mapping[str, str] | None = None
) -> FastAPI:
    """Build the application. Its worker starts with it, unless it was started before: loading,
    connecting and warming are done before any client is accepted."""
    worker = Worker(settings or Settings(), mcp_urls)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        try:
            if not worker.ready:
                await worker.start()
            # Collections over the loaded models and modules stall calls by 60 ms and more:
            # they never become garbage, so the collector need not look at them.
            gc.collect()
            gc.freeze()
            # What a turn leaves behind is freed by counting; rings are rare and can wait.
            gc.set_threshold(10_000, 20, 50)
            gc.enable()
            yield
        finally:
            await worker.aclose()

    app = FastAPI(title="Frontdesk", version=__version__, lifespan=lifespan)
    app.state.worker = worker
    app.add_middleware(GZipMiddleware, minimum_size=2000)
    app.include_router(websocket.router(worker))
    app.include_router(calls.router(worker))
    app.include_router(speech.router(worker))
    app.include_router(transcriptions.router(worker))
    app.include_router(tracing_api.router(worker.tracing))
    app.include_router(pages.router(StoredPages(worker.tracing)))
    errors.install(app)

    @app.get("/healthz")
    async def healthz(response: Response) -> dict[str, object]:
        """Up, and what it runs on."""
        response.status_code = 200 if worker.ready else 503
        return {
            "status": "ok" if worker.ready else "starting",
            "version": __version__,
            "calls": len(worker.calls),
            "in_use": worker.describe() if worker.ready else {},
        }

    return app
