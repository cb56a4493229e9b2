"""Which role each route needs: the one table. A route that is not in it needs ``full``."""

from starlette.routing import compile_path
from starlette.types import Scope

from frontdesk.roles import Role

ANYONE, VIEW, APPROVE, FULL = Role

NEEDED = {
    "GET /healthz": ANYONE,
    "GET /readyz": ANYONE,
    "GET /sign-in": ANYONE,
    "POST /sign-in": ANYONE,
    "POST /sign-out": ANYONE,
    "GET /static/{version}/{path:path}": ANYONE,
    # The pages
    "GET /": VIEW,
    "GET /talk": FULL,
    "GET /traces": VIEW,
    "GET /traces/calls/{call_id}": VIEW,
    "GET /traces/compare": VIEW,
    "GET /latency": VIEW,
    "GET /errors": VIEW,
    "GET /approvals": VIEW,
    "GET /teams": VIEW,
    "POST /teams/{name}": FULL,
    "GET /docs": VIEW,
    "GET /docs/oauth2-redirect": VIEW,
    "GET /redoc": VIEW,
    "GET /openapi.json": VIEW,
    # What they show
    "GET /api/calls": VIEW,
    "GET /api/calls/{call_id}": VIEW,
    "GET /api/calls/{call_id}/audio": VIEW,
    "GET /api/calls/{call_id}/conversation": VIEW,
    "GET /api/calls/{call_id}/delegations": VIEW,
    "GET /api/calls/{call_id}/approvals": VIEW,
    "GET /api/calls/{call_id}/events": VIEW,
    "GET /api/traces/{trace_id}": VIEW,
    "GET /api/traces/{trace_id}/spans/{span_id}": VIEW,
    "GET /api/traces/{trace_id}/otlp": VIEW,
    "GET /api/audio/{key}": VIEW,
    "GET /api/live": VIEW,
    "GET /api/stats": VIEW,
    "GET /api/errors": VIEW,
    "GET /api/approvals": VIEW,
    "GET /api/teams": VIEW,
    "GET /api/workers": VIEW,
    "GET /api/mcp": VIEW,
    "GET /api/mcp/{name}": VIEW,
    "GET /v1/models": VIEW,
    "GET /v1/models/{model:path}": VIEW,
    "GET /metrics": VIEW,
    # Decisions
    "POST /api/approvals/{approval_id}": APPROVE,
    "POST /api/scores": APPROVE,
    "DELETE /api/scores/{score_id}": APPROVE,
    # Calls, and what changes something for them
    "WEBSOCKET /v1/realtime": FULL,
    "POST /v1/realtime/client_secrets": FULL,
    "POST /v1/audio/speech": FULL,
    "POST /v1/audio/transcriptions": FULL,
    "POST /v1/traces": FULL,
    "* /mcp": FULL,
    "POST /api/calls/{call_id}/delegations/{work_id}/cancel": FULL,
    "POST /api/teams/{name}/version": FULL,
    "POST /api/mcp/{name}/accept": FULL,
    # All that is kept of one person, which is more than one call
    "GET /api/callers/{user}": FULL,
    "GET /api/callers/{user}/export": FULL,
    "DELETE /api/callers/{user}": FULL,
    "PUT /api/callers/{user}/consent": FULL,
}

_PATTERNS = [
    (method, compile_path(path)[0], role)
    for (method, path), role in ((route.split(" "), role) for route, role in NEEDED.items())
]


def needed(scope: Scope) -> Role:
    """The role that a request needs, by its method and path."""
    method = "WEBSOCKET" if scope["type"] == "websocket" else scope["method"]
    method = "GET" if method == "HEAD" else method
    for known, pattern, role in _PATTERNS:
        if known in (method, "*") and pattern.match(scope["path"]):
            return role
    return FULL
