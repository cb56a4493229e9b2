"""What a worker takes in while it drains: nothing new."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from frontdesk.api.errors import ApiError
from frontdesk.call.drain import Drain
from frontdesk.call.refusals import DRAINING

RETRY_AFTER = "1"
"""Seconds. By then a proxy has seen that this worker is not ready."""

MCP_SESSION = "mcp-session-id"


class Intake:
    """ASGI middleware. Calls and requests that make work are known to the drain as long as they
    last, and refused once it has begun, with HTTP 503, also on a WebSocket: a proxy may send them
    to another worker. Whoever only reads is answered to the end."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _makes_work(scope):
            await self._app(scope, receive, send)
        elif self._drain.begun and not _belongs_to_other(scope):
            headers = {"retry-after": RETRY_AFTER}
            refusal = ApiError(503, "worker_draining", DRAINING, headers=headers)
            await refusal.response()(scope, receive, send)
        else:
            with self._drain.connection():
                await self._app(scope, receive, send)


def _makes_work(scope: Scope) -> bool:
    if scope["type"] == "http":
        return scope["method"] == "POST" and scope["path"].startswith(("/v1/audio/", "/mcp"))
    return scope["type"] == "websocket"


def _belongs_to_other(scope: Scope) -> bool:
    """Whether a message may be about a request under way: it is of a session that lives here. A
    call of a tool among them is refused in words."""
    return scope["type"] == "http" and MCP_SESSION in Headers(scope=scope)
