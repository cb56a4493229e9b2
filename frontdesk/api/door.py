"""The one door: who may come in. It costs once a connection and nothing a frame."""

from collections.abc import Callable
from typing import Protocol

from redis.exceptions import RedisError
from starlette.datastructures import URL
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from frontdesk.api.client_secrets import PREFIX
from frontdesk.api.errors import ApiError
from frontdesk.api.health import OPEN
from frontdesk.api.keys import Keys
from frontdesk.api.origins import from_own_page, is_local
from frontdesk.api.rights import needed
from frontdesk.api.sign_in import COOKIE, SIGN_IN, SignIn
from frontdesk.call.given import GIVEN, HEADER
from frontdesk.call.identity import IDENTITY, names_somebody
from frontdesk.call.session import SESSION_CONFIG
from frontdesk.roles import Role, note
from frontdesk.state.tokens import Tokens, looks_issued

IN_SUBPROTOCOL = "openai-insecure-api-key."
"""Browsers cannot set headers on a WebSocket: the key comes as a subprotocol."""

OF_SECRETS = "/v1/realtime"
"""The one place that a client secret opens."""

OF_SPANS = "/v1/traces"
"""The one place that the MCP servers' token opens."""

OF_RUNNING = ("call_id", "resume", "after")
"""What a query has that wants a call which is there already."""

SAFE = ("GET", "HEAD", "OPTIONS")

Page = Callable[[HTTPConnection, str], Response]
"""Makes the page that tells a person why they may not see what they asked for."""


class KnowsCalls(Protocol):
    async def resumes(self, token: str) -> bool:
        """Whether it is a resume token of a call."""
        ...


class HasTokens(Protocol):
    """Once it runs."""

    tokens: Tokens

    @property
    def admission(self) -> KnowsCalls: ...


class Door:
    """ASGI middleware. With keys, every request needs one, a client secret, or the cookie of
    someone signed in, whose role is that of their key (:mod:`frontdesk.api.rights`). Without keys
    it lets in what comes from this machine. The MCP servers, which have no key, may send their
    spans with ``spans_token``. People who may not see a page are shown ``closed``."""

    def __init__(
        self,
        app: ASGIApp,
        keys: Keys,
        sign_in: SignIn,
        worker: HasTokens,
        spans_token: str | None = None,
        closed: Page | None = None,
    ) -> None:
        self._app = app
        self._keys = keys
        self._senders = Keys({spans_token: Role.FULL} if spans_token else {})
        self._sign_in = sign_in
        self._worker = worker
        self._closed = closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"] not in OPEN:
            connection = HTTPConnection(scope)
            try:
                await self._admit(connection)
            except ApiError as refusal:
                await self._refusal(connection, refusal)(scope, receive, send)
                return
            except RedisError:
                error = ApiError(503, "state_unavailable", "The store does not answer. Try again.")
                await error.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _admit(self, connection: HTTPConnection) -> None:
        """Raises :class:`ApiError` when the connection may not go on."""
        if not self._keys and not is_local(connection):
            raise ApiError(
                403,
                "forbidden_origin",
                "This server has no keys, so it only answers programs and pages of its own "
                "machine, under a name like localhost. Configure FRONTDESK_API_KEYS for others.",
            )
        token = _presented(connection)
        if token is not None and looks_issued(PREFIX, token):
            await self._admit_secret(connection, token)
        elif not self._keys or (least := needed(connection.scope)) is Role.ANYONE:
            return
        elif token is None:
            _allow(connection, await self._signed_in(connection), least)
        elif connection.scope["path"] == OF_SPANS and self._senders.role(token):
            return
        elif role := self._keys.role(token):
            _allow(connection, role, least)
        else:
            raise _unauthorized("Incorrect API key provided.")

    async def _admit_secret(self, connection: HTTPConnection, secret: str) -> None:
        """A secret opens new sessions, and goes back to one with the session's resume token: also
        when it has expired meanwhile, as the token alone shows who the caller is."""
        meaning = await self._worker.tokens.read(secret)
        path, asked = connection.scope["path"], connection.query_params
        token = asked.get("resume", "")
        resumes = path == OF_SECRETS and await self._worker.admission.resumes(token)
        if meaning is None and not resumes:
            raise _unauthorized("This client secret has expired. Ask your server for a new one.")
        if path != OF_SECRETS or not (resumes or asked.keys().isdisjoint(OF_RUNNING)):
            raise ApiError(
                403,
                "insufficient_permissions",
                "A client secret only opens new Realtime sessions, or goes back to its own with a "
                "resume token; this needs an API key.",
            )
        if any(name.startswith(HEADER) for name in connection.headers):
            raise ApiError(
                403,
                "insufficient_permissions",
                f"{HEADER}… headers need an API key: whoever makes the client secret says in its "
                "`caller` who is calling.",
            )
        if names_somebody(connection.scope):
            raise ApiError(
                403,
                "insufficient_permissions",
                "Who is calling needs an API key to say: whoever makes the client secret names the "
                "caller in its `user`, and their `consent`.",
            )
        if meaning is not None:
            connection.scope[SESSION_CONFIG] = meaning["session"]
            connection.scope[IDENTITY] = meaning.get("identity", {})
            connection.scope[GIVEN] = meaning["caller"]

    async def _signed_in(self, connection: HTTPConnection) -> Role:
        cookie = connection.cookies.get(COOKIE)
        role = await self._sign_in.role(cookie) if cookie else None
        if role is None:
            raise _unauthorized(
                "No API key provided. Send one in the Authorization header: Bearer YOUR_KEY."
            )
        method = connection.scope.get("method", "WEBSOCKET")
        if method not in SAFE and not from_own_page(connection):
            raise ApiError(
                403, "forbidden_origin", "Another site may not act for someone signed in here."
            )
        return role

    def _refusal(self, connection: HTTPConnection, error: ApiError) -> Response:
        """An error for programs; people who ask for a page are shown where to sign in, or that
        theirs is not the key for it."""
        if not _wants_page(connection):
            return error.response()
        if error.status == 401:
            return _to_sign_in(connection)
        if isinstance(error, _MayNot) and self._closed:
            return self._closed(connection, error.message)
        return error.response()


class _MayNot(ApiError):
    """The key is right, and its role is not."""

    def __init__(self, role: Role, least: Role) -> None:
        message = f"This needs a key with the role {least}; yours has the role {role}."
        super().__init__(403, "insufficient_permissions", message)


def _allow(connection: HTTPConnection, role: Role, least: Role) -> None:
    """Let it go on, with the role known to whoever answers. Raises :class:`ApiError`."""
    note(connection.scope, role)
    if role < least:
        raise _MayNot(role, least)


def _presented(connection: HTTPConnection) -> str | None:
    """The key that comes with a request, in one way or the other."""
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    for offered in connection.scope.get("subprotocols") or ():
        if offered.startswith(IN_SUBPROTOCOL):
            return offered.removeprefix(IN_SUBPROTOCOL)
    return None


def _unauthorized(message: str) -> ApiError:
    headers = {"www-authenticate": "Bearer"}
    return ApiError(401, "invalid_api_key", message, headers=headers)


def _wants_page(connection: HTTPConnection) -> bool:
    scope = connection.scope
    page = scope.get("method") == "GET" and not scope["path"].startswith(("/api/", "/v1/"))
    return page and "text/html" in connection.headers.get("accept", "")


def _to_sign_in(connection: HTTPConnection) -> Response:
    here = URL(scope=connection.scope)
    back = here.path + (f"?{here.query}" if here.query else "")
    to = URL(SIGN_IN).include_query_params(next=back)
    return RedirectResponse(str(to), status_code=303, headers={"cache-control": "no-store"})
