"""``/traces/compare?a=TRACE&b=TRACE``: two turns side by side."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from frontdesk.tracing.comparing import compare
from frontdesk.tracing.pages import PageData, Pages, Unreadable

Given = Annotated[str, Query(max_length=500)]
_TRACE = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


def router(load: PageData, pages: Pages) -> APIRouter:
    """The page. ``a`` and ``b`` are trace ids, or addresses of turns that were pasted; without
    ``b``, the other turns of the call are there to choose from."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/traces/compare")
    def page(request: Request, a: Given = "", b: Given = "") -> Response:
        try:
            sides = [_side(load, given) for given in (a, b)]
            turns = _turns(load, sides[0])
        except Unreadable as reason:
            return pages.page(request, "trouble.html", 503, missing=False, message=str(reason))
        missing = [given for given, side in zip((a, b), sides, strict=True) if given and not side]
        both = all(sides)
        return pages.page(
            request,
            "compare.html",
            404 if missing else 200,
            given=(a, b),
            missing=missing,
            sides=sides,
            turns=turns,
            found=compare(*sides) if both else None,  # pyright: ignore[reportArgumentType]
        )

    return routes


def _side(load: PageData, given: str) -> Mapping[str, Any] | None:
    match = _TRACE.search(given.removeprefix("trace_").lower())
    return load.trace(match[0]) if match else None


def _turns(load: PageData, side: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The turns of the call that a turn is of, without itself."""
    call_id = side["trace"].get("call_id") if side else None
    call = load.call(call_id) if call_id else None
    mine = side["trace"]["trace_id"] if side else ""
    return [turn for turn in (call or {}).get("turns", ()) if turn["trace_id"] != mine]
