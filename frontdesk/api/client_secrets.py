"""``POST /v1/realtime/client_secrets``: short-lived keys for clients that cannot keep one."""

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field, TypeAdapter

from frontdesk.api.body import read_json
from frontdesk.call.worker import Worker
from frontdesk.protocol.errors import invalid_type
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


ASKED: TypeAdapter[Any] = TypeAdapter(Asked)


def router(worker: Worker) -> APIRouter:
    """The secret opens sessions on any worker, with the config it carries, until it expires."""
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
        value = await worker.tokens.issue(PREFIX, config, seconds)
        return {"value": value, "expires_at": expires_at, "session": session}

    return routes
