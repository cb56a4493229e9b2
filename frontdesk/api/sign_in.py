"""The sign-in page: a key, once, for a cookie that opens the pages until it expires."""

from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from frontdesk.api.body import read_body
from frontdesk.api.errors import ApiError
from frontdesk.api.keys import Keys
from frontdesk.api.origins import from_own_page
from frontdesk.call.worker import Worker
from frontdesk.roles import Role
from frontdesk.tracing.pages import Pages

SIGN_IN, SIGN_OUT, HOME = "/sign-in", "/sign-out", "/"
PAGE = "sign_in.html"
COOKIE = "frontdesk_session"
SECONDS = 12 * 3600
LONGEST = 10_000
"""Bytes of a filled-in form."""


class SignIn:
    """Who is signed in. Sessions are tokens in the store, so every worker knows them and signing
    out ends them; each ends with the key it was opened with, too."""

    def __init__(self, keys: Keys, worker: Worker) -> None:
        self._keys = keys
        self._worker = worker

    async def begin(self, key: str) -> str | None:
        """A session for whoever has this key; None when it is not one."""
        if self._keys.role(key) is None:
            return None
        meaning = {"key": self._keys.fingerprint(key)}
        return await self._worker.tokens.issue("session_", meaning, SECONDS)

    async def role(self, session: str) -> Role | None:
        """What this session may; None when it was not begun here, or has ended."""
        if not session.startswith("session_"):
            return None
        meaning = await self._worker.tokens.read(session)
        return self._keys.role_of(meaning["key"]) if meaning else None

    async def end(self, session: str) -> None:
        await self._worker.tokens.revoke(session)


def router(sign_in: SignIn, keys: Keys, pages: Pages) -> APIRouter:
    """``GET`` and ``POST /sign-in``, ``POST /sign-out``."""
    routes = APIRouter(include_in_schema=False)

    def page(request: Request, next: str, status: int = 200) -> Response:
        wrong = status != 200
        return pages.page(
            request, PAGE, status, next=next, wrong=wrong, signed_in=False, troubled=False
        )

    @routes.get(SIGN_IN)
    async def form(request: Request, next: str = HOME) -> Response:
        if not keys:
            return RedirectResponse(_local(next), status_code=303)
        return page(request, _local(next))

    @routes.post(SIGN_IN)
    async def enter(request: Request) -> Response:
        _refuse_foreign(request)
        form = dict(parse_qsl((await read_body(request, LONGEST)).decode(errors="replace")))
        back = _local(form.get("next", HOME))
        session = await sign_in.begin(form.get("key", "").strip())
        if session is None:
            return page(request, back, 401)
        answer = RedirectResponse(back, status_code=303)
        answer.set_cookie(
            COOKIE,
            session,
            max_age=SECONDS,
            httponly=True,
            samesite="strict",
            secure=_is_safe(request),
        )
        return answer

    @routes.post(SIGN_OUT)
    async def leave(request: Request) -> Response:
        _refuse_foreign(request)
        if session := request.cookies.get(COOKIE):
            await sign_in.end(session)
        answer = RedirectResponse(SIGN_IN, status_code=303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        # What the browser kept of calls is no longer for whoever sits there next.
        answer.headers["Clear-Site-Data"] = '"cache"'
        return answer

    return routes


def _refuse_foreign(request: Request) -> None:
    """Nobody else's page may sign someone in or out."""
    if not from_own_page(request):
        raise ApiError(403, "forbidden_origin", "This form belongs to a page of this server.")


def _is_safe(request: Request) -> bool:
    """Whether the browser came by TLS, to us or to the proxy before us."""
    return request.headers.get("origin", "").startswith("https:")


def _local(target: str) -> str:
    """Where to go after signing in: a page of ours, or the first page."""
    plain = target.startswith("/") and not target.startswith(("//", SIGN_IN, SIGN_OUT))
    return target if plain and target.isprintable() and "\\" not in target else HOME
