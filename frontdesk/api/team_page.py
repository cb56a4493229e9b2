"""The page of the teams: their versions, what is wrong with their files, and the way back."""

from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from frontdesk.api.body import read_body
from frontdesk.api.errors import ApiError
from frontdesk.api.origins import from_own_page
from frontdesk.api.teams import choose
from frontdesk.call.worker import Worker
from frontdesk.tracing.pages import Pages

PAGE = "/teams"
LONGEST = 1_000
"""Bytes of a filled-in form."""


def router(worker: Worker, pages: Pages) -> APIRouter:
    """``GET /teams`` and the form on it, ``POST /teams/{name}``."""
    routes = APIRouter(include_in_schema=False)

    def page(request: Request, status: int = 200, refused: str = "") -> Response:
        return pages.page(request, "teams.html", status, refused=refused, **worker.teams.describe())

    @routes.get(PAGE)
    async def teams(request: Request) -> Response:
        return page(request)

    @routes.post(PAGE + "/{name}")
    async def chosen(name: str, request: Request) -> Response:
        """``version`` of the form, empty for what the files say."""
        if not from_own_page(request):
            raise ApiError(403, "forbidden_origin", "This form belongs to a page of this server.")
        form = dict(parse_qsl((await read_body(request, LONGEST)).decode(errors="replace")))
        try:
            await choose(worker, name, form.get("version") or None, request)
        except ApiError as error:
            return page(request, error.status, error.message)
        return RedirectResponse(PAGE, status_code=303)

    return routes
