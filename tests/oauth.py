"""An authorization server and an MCP server that trusts it, both on real sockets."""

import asyncio
import base64
import hashlib
import secrets
import time
from typing import Any
from urllib.parse import unquote, urlencode

import jwt
import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import Context
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from frontdesk.mcp.config import HttpServer
from tests.ports import hold_port


class Served:
    """An ASGI application on a port of its own."""

    def __init__(self) -> None:
        self.port = hold_port(self)
        self.origin = f"http://127.0.0.1:{self.port}"
        self._task: asyncio.Task[None] | None = None

    async def start(self, app: ASGIApp) -> None:
        config = uvicorn.Config(app, host="127.0.0.1", port=self.port, log_level="critical")
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            assert not self._task.done()
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        if self._task:
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()
            self._server.should_exit = self._server.force_exit = True
            await self._task
            self._task = None


class Authority(Served):
    """Issues tokens: to a person with a browser (with PKCE), to whom it registered, and to the
    client ``desk`` with its secret or a signature by ``public_key``.

    ``answer`` is given instead of a token; ``seconds`` is how long tokens are good for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.issuer = f"{self.origin}/"
        self.secret = f"canary-secret-{secrets.token_hex(8)}"
        self.public_key = ""
        self.seconds = 3600
        self.answer: Response | None = None
        self.grants: list[dict[str, str]] = []
        self.clients: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.refreshes: set[str] = set()
        self.good: dict[str, tuple[str, float]] = {}
        """Access tokens, with their scope and their end."""

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", self._metadata),
                Route("/authorize", self._authorize),
                Route("/register", self._register, methods=["POST"]),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    def revoke_access(self) -> None:
        """No access token is good any more; refresh tokens are."""
        self.good.clear()

    async def _metadata(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.origin}/authorize",
                "token_endpoint": f"{self.origin}/token",
                "registration_endpoint": f"{self.origin}/register",
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _register(self, request: Request) -> Response:
        asked = await request.json()
        client = {**asked, "client_id": f"client-{len(self.clients)}"}
        client["token_endpoint_auth_method"] = "none"
        self.clients[client["client_id"]] = client
        return JSONResponse(client, 201)

    async def _authorize(self, request: Request) -> Response:
        """The person says yes at once."""
        asked = dict(request.query_params)
        code = f"canary-code-{secrets.token_hex(8)}"
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 302)

    async def _token(self, request: Request) -> Response:
        if self.answer is not None:
            return self.answer
        form = {key: str(value) for key, value in (await request.form()).items()}
        self.grants.append(form)
        if error := self._problem(form, request.headers.get("authorization", "")):
            return JSONResponse({"error": error, "error_description": str(form)}, 400)
        token = f"canary-access-{secrets.token_hex(8)}"
        refresh = f"canary-refresh-{secrets.token_hex(8)}"
        scope = form.get("scope", "")
        self.good[token] = (scope, time.time() + self.seconds)
        given: dict[str, Any] = {"access_token": token, "token_type": "bearer"}
        given["expires_in"] = self.seconds
        if form["grant_type"] != "client_credentials":
            self.refreshes = {refresh}  # rotated: the one before is worth nothing
            given["refresh_token"] = refresh
        return JSONResponse(given)

    def _problem(self, form: dict[str, str], authorization: str) -> str | None:
        match form["grant_type"]:
            case "authorization_code":
                asked = self.codes.pop(form["code"], None)
                digest = hashlib.sha256(form["code_verifier"].encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
                same = asked and asked["redirect_uri"] == form["redirect_uri"]
                good = asked and same and asked["code_challenge"] == challenge
                return None if good else "invalid_grant"
            case "refresh_token":
                return None if form["refresh_token"] in self.refreshes else "invalid_grant"
            case "client_credentials" if "client_assertion" in form:
                try:
                    jwt.decode(
                        form["client_assertion"],
                        self.public_key,
                        algorithms=["RS256"],
                        audience=self.issuer,
                        issuer="desk",
                    )
                except jwt.InvalidTokenError:
                    return "invalid_client"
                return None
            case "client_credentials":
                scheme, _, rest = authorization.partition(" ")
                pair = base64.b64decode(rest).decode().split(":", 1) if scheme == "Basic" else []
                known = [unquote(part) for part in pair] == ["desk", self.secret]
                return None if known else "invalid_client"
            case _:
                return "unsupported_grant_type"


class Shop(Served):
    """An MCP server that takes the authority's tokens; ``legacy`` makes it one of 2025.

    ``who`` tells what each of its requests for a tool came with.
    """

    def __init__(self, authority: Authority, *, legacy: bool = False, closed: bool = True) -> None:
        super().__init__()
        self.legacy = legacy
        self._authority = authority
        self._closed = closed
        self.who: list[tuple[str | None, str | None]] = []
        self.sessions = 0
        self.together = asyncio.Event()
        self.waiting = 0
        self.echo_headers = False

    @property
    def url(self) -> str:
        return f"{self.origin}/mcp"

    def config(self, **more: Any) -> HttpServer:
        return HttpServer("shop", self.url, **more)

    async def verify_token(self, token: str) -> AccessToken | None:
        scope, end = self._authority.good.get(token, ("", 0.0))
        if end < time.time():
            return None
        return AccessToken(token=token, client_id="desk", scopes=scope.split())

    def build(self) -> ASGIApp:
        auth = AuthSettings(
            issuer_url=AnyHttpUrl(self._authority.origin),
            resource_server_url=AnyHttpUrl(self.url),
            required_scopes=[],
            validate_token_resource=False,
        )
        closed: dict[str, Any] = {"token_verifier": self, "auth": auth} if self._closed else {}
        server: MCPServer[Any] = MCPServer("shop", log_level="CRITICAL", **closed)

        @server.tool()
        async def whoami(ctx: Context[Any, Any], party: int = 1) -> str:
            """The end of who calls. Waits until ``party`` calls are here together."""
            headers = ctx.headers or {}
            self.who.append((headers.get("authorization"), headers.get("x-customer")))
            self.waiting += 1
            if self.waiting >= party:
                self.together.set()
            await self.together.wait()
            return (headers.get("x-customer") or "nobody").rpartition("-")[2]

        return server.streamable_http_app()

    async def open(self) -> None:
        inner = self.build()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not self.legacy or scope["method"] != "POST":
                await inner(scope, receive, send)
                return
            messages = list[Message]()
            body = b""
            while True:
                message = await receive()
                messages.append(message)
                body += message.get("body", b"")
                if not message.get("more_body"):
                    break
            if b"server/discover" in body:
                await PlainTextResponse("no such method", 404)(scope, receive, send)
                return
            self.sessions += b'"initialize"' in body

            async def replay() -> Message:
                return messages.pop(0) if messages else await receive()

            await inner(scope, replay, send)

        await self.start(app)
