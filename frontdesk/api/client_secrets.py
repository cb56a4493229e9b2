"""``POST /v1/realtime/client_secrets``: short-lived keys for clients that cannot keep one."""

import time
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field, TypeAdapter

from frontdesk.api.body import read_json
from frontdesk.call.given import problem_of
from frontdesk.call.identity import Identity
from frontdesk.call.worker import Worker
from frontdesk.protocol.errors import invalid_type, invalid_value
from frontdesk.protocol.ids import new_id
from frontdesk.protocol.schema.base import Closed
from frontdesk.protocol.validation import check

PREFIX = "ek_"
SECONDS = 600


class ExpiresAfter(Closed):
    anchor: Literal["created_at"] | None = None
    seconds: Annotated[int, Field(ge=10, le=7200)] | None = None


class Asked(Closed):
    expires_after: ExpiresAfter | None = None
    session: dict[str, Any] | None = None
    caller: dict[str, str] | None = None
    user: str | None = None
    consent: bool | None = None


ASKED: TypeAdapter[Any] = TypeAdapter(Asked)


def router(worker: Worker) -> APIRouter:
    """The secret opens sessions on any worker, with the config it carries, until it expires.
    ``caller`` is ours: what MCP servers are sent in the caller's name, unseen by the client; so
    are ``user``, the caller's id, and ``consent``, whether they want to be remembered."""
    routes = APIRouter()

    @routes.post("/v1/realtime/client_secrets")
    async def create(request: Request) -> dict[str, Any]:
        asked = await read_json(request)
        check(ASKED, asked)
        config: dict[str, Any] = asked.get("session") or {"type": "realtime"}
        if not isinstance(config.get("model"), str | None):
            raise invalid_type("session.model", "it is the name of a team, or of any model.")
        session = worker.session_config(config, new_id("sess"))
        lifetime: dict[str, Any] = asked.get("expires_after") or {}
        seconds: int = lifetime.get("seconds") or SECONDS
        expires_at = int(time.time()) + seconds
        given: dict[str, str] = asked.get("caller") or {}
        if problem := problem_of(given):
            raise invalid_value(f"caller.{problem[0]}", problem[1])
        identity = Identity(asked.get("user"), asked.get("consent"))
        if problem := identity.problem():
            raise invalid_value(*problem)
        meaning = {"session": config, "caller": given, "identity": asdict(identity)}
        value = await worker.tokens.issue(PREFIX, meaning, seconds)
        return {"value": value, "expires_at": expires_at, "session": session}

    return routes
