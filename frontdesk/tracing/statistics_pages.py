"""The pages of what callers waited for and of what failed, and the same as JSON."""

import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from frontdesk.tracing import charts
from frontdesk.tracing.pages import Pages
from frontdesk.tracing.statistics import PERIODS
from frontdesk.tracing.stores import Store, StoreError

Period = Annotated[Literal["1h", "24h", "7d", "30d"], Query()]
NAMES = {"1h": "hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}


def router(store: Store, pages: Pages) -> APIRouter:
    """``/latency`` and ``/errors``; ``/api/stats`` and ``/api/errors`` for programs. All take
    ``?period=1h|24h|7d|30d``."""
    routes = APIRouter()

    def page(
        request: Request, name: str, period: str, read: Callable[[str, float], Any]
    ) -> Response:
        try:
            found = read(period, time.time())
        except StoreError as error:
            return pages.page(request, "trouble.html", 503, missing=False, message=str(error))
        return pages.page(
            request, name, found=found, period=period, periods=list(PERIODS), names=NAMES,
            axis=charts.axis, line=charts.path,
        )  # fmt: skip

    @routes.get("/latency", include_in_schema=False)
    def latency(request: Request, period: Period = "24h") -> Response:
        return page(request, "latency.html", period, store.latency)

    @routes.get("/errors", include_in_schema=False)
    def errors(request: Request, period: Period = "24h") -> Response:
        return page(request, "errors.html", period, store.errors)

    @routes.get("/api/stats")
    def stats(period: Period = "24h") -> dict[str, Any]:
        """Waits of the turns of a period, over time and by stage; milliseconds."""
        return _told(store.latency, period)

    @routes.get("/api/errors")
    def failures(period: Period = "24h") -> dict[str, Any]:
        """What failed in a period, by what it was and how it failed."""
        return _told(store.errors, period)

    return routes


def _told(read: Callable[[str, float], dict[str, Any] | None], period: str) -> dict[str, Any]:
    try:
        return read(period, time.time()) or {"period": period}
    except StoreError as error:
        raise HTTPException(503, str(error)) from error
