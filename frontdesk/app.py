"""The FastAPI application: one process of Frontdesk."""

import gc
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.telemetry import TelemetryConfig
from starlette.routing import Route

from frontdesk import __version__
from frontdesk.api import (
    approvals,
    callers,
    calls,
    client_secrets,
    errors,
    events,
    health,
    mcp_servers,
    metrics,
    models,
    otlp,
    settings_page,
    sign_in,
    speech,
    team_page,
    teams,
    transcriptions,
    workers,
)
from frontdesk.api.door import Door
from frontdesk.api.intake import Intake
from frontdesk.api.keys import Keys, load_keys, without_keys
from frontdesk.call.worker import Worker
from frontdesk.mcp.local import TOKEN as MCP_TOKEN
from frontdesk.settings import Settings
from frontdesk.state.callers import caller_of
from frontdesk.tracing import api as tracing_api
from frontdesk.tracing import compare_page, pages, scores_api, statistics_pages
from frontdesk.tracing.page_data import StoredPages
from frontdesk.transports import websocket
from frontdesk.transports.mcp import server as mcp
from frontdesk.transports.mcp.server import AgentServer


def create_app(
    settings: Settings | None = None, *, mcp_urls: Mapping[str, str] | None = None
) -> FastAPI:
    """Build the application. Its worker starts with it, unless it was started before: loading,
    connecting and warming are done before any client is accepted."""
    settings = settings or Settings()
    keys = Keys(load_keys(settings))
    worker = Worker(without_keys(settings), mcp_urls)
    agents = AgentServer(worker)
    signing_in = sign_in.SignIn(keys, worker)
    dashboard = pages.Pages(
        StoredPages(worker.tracing),
        signed_in=bool(keys),
        troubled=lambda: worker.ready and worker.teams.troubled,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        try:
            if not worker.ready:
                await worker.start()
            # Collections over the loaded models and modules stall calls by 60 ms and more:
            # they never become garbage, so the collector need not look at them.
            gc.collect()
            gc.freeze()
            # At the usual 700 collecting takes twice the time in all (measured). Turns and calls
            # leave no cycles behind; those of what failed are found by a full collection, which
            # comes once some 80,000 objects are new.
            gc.set_threshold(2_000, 10, 4)
            gc.enable()
            async with agents.running():
                yield
                await worker.drain.run(0)  # of a server that has not done so already
        finally:
            await worker.aclose()

    # A span for each request and for each piece of its handling, one of them as long as a call,
    # would go to the trace store: a trace is a turn.
    silent: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
    app = FastAPI(title="Frontdesk", version=__version__, lifespan=lifespan, telemetry=silent)
    app.state.worker = worker
    app.state.keys = keys
    app.state.agents = agents
    app.add_middleware(GZipMiddleware, minimum_size=2000)
    app.include_router(health.router(worker))
    app.include_router(workers.router(worker))
    app.include_router(websocket.router(worker))
    app.include_router(calls.router(worker))
    app.include_router(events.router(worker))
    app.include_router(approvals.router(worker))
    app.include_router(teams.router(worker))
    app.include_router(speech.router(worker))
    app.include_router(transcriptions.router(worker))
    app.include_router(tracing_api.router(worker.tracing, caller_of))
    tracing = worker.tracing
    app.include_router(
        scores_api.router(tracing.store, tracing.captures.written_about, tracing.scored)
    )
    app.include_router(callers.router(worker))
    app.include_router(otlp.router(worker.tracing))
    app.include_router(metrics.router(worker.tracing))
    app.include_router(client_secrets.router(worker))
    app.include_router(models.router(worker))
    app.include_router(mcp_servers.router(worker))
    app.routes.append(Route(mcp.PATH, agents, include_in_schema=False))
    app.include_router(pages.router(dashboard))
    app.include_router(compare_page.router(StoredPages(worker.tracing), dashboard))
    app.include_router(statistics_pages.router(worker.tracing.store, dashboard))
    app.include_router(team_page.router(worker, dashboard))
    app.include_router(settings_page.router(worker, dashboard))
    app.include_router(sign_in.router(signing_in, keys, dashboard))
    app.add_middleware(Intake, drain=worker.drain)
    app.add_middleware(
        Door,
        keys=keys,
        sign_in=signing_in,
        worker=worker,
        spans_token=os.environ.get(MCP_TOKEN),
        closed=dashboard.closed,
    )
    errors.install(app)

    return app
