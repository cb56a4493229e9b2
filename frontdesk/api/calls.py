"""The conversation of a call, from its log: whole, also after the worker that held it died."""

from typing import Any

from fastapi import APIRouter, HTTPException
from redis.exceptions import RedisError

from frontdesk.call.worker import Worker
from frontdesk.state.errors import StateError


def router(worker: Worker) -> APIRouter:
    """``GET /api/calls/{id}/conversation``."""
    routes = APIRouter()

    @routes.get("/api/calls/{call_id}/conversation")
    async def conversation(call_id: str) -> dict[str, Any]:
        """All items of the call in order; ``hidden`` ones are the team's own tool calls, and
        ``heard`` is what the caller heard of an answer that was cut."""
        try:
            state = await worker.store.load(call_id)
        except ValueError:
            state = None
        except (RedisError, StateError) as error:
            raise HTTPException(503, f"The call cannot be read now: {error}") from error
        if state is None:
            raise HTTPException(404, f"There is no call {call_id!r}.")
        return {
            "call_id": call_id,
            "team": state.team,
            "team_version": state.team_version,
            "agent": state.agent,
            "ended": state.ended,
            "items": [
                {"item": stored.item, "hidden": stored.hidden, "heard": stored.heard}
                for stored in state.items
            ],
        }

    return routes
