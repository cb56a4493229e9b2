"""Approvals for people at a screen, and the record of all of a call's questions."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, StringConstraints
from redis.exceptions import RedisError

from frontdesk.api.calls import read_call
from frontdesk.call.worker import Worker

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Verdict(BaseModel):
    """What somebody decided. ``who`` stands in the record."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approve", "deny"]
    who: Words = "somebody at the screen"
    reason: Words | None = None


def router(worker: Worker) -> APIRouter:
    """``GET /api/approvals``, ``POST /api/approvals/{id}``, ``GET /api/calls/{id}/approvals``."""
    routes = APIRouter()

    @routes.get("/api/approvals")
    async def pending() -> dict[str, Any]:
        """What waits to be decided at a screen, of all workers, the most urgent first."""
        try:
            return {"data": await worker.approvals.open()}
        except RedisError as error:
            raise HTTPException(503, f"Approvals cannot be read now: {error}") from error

    @routes.post("/api/approvals/{approval_id}")
    async def decide(approval_id: str, verdict: Verdict) -> dict[str, Any]:
        """Approve or deny a tool call. The first decision counts."""
        decision = "approved" if verdict.decision == "approve" else "denied"
        mine = {"decision": decision, "who": verdict.who, "reason": verdict.reason}
        try:
            made = await worker.approvals.decide(approval_id, mine)
        except RedisError as error:
            raise HTTPException(503, f"Approvals cannot be written now: {error}") from error
        if made is None:
            raise HTTPException(404, f"No approval {approval_id!r} waits (any more).")
        if made != mine:
            raise HTTPException(409, f"{made['who']} has {made['decision']} it already.")
        worker.board.look()
        return {"id": approval_id, **made}

    @routes.get("/api/calls/{call_id}/approvals")
    async def of_call(call_id: str) -> dict[str, Any]:
        """Everything in the call that had to be approved or answered: what was asked, of whom,
        what was said to it, and who decided what, how and when (unix seconds)."""
        state = await read_call(worker, call_id)
        private = ("after", "resumed", "given")
        return {
            "call_id": call_id,
            "data": [
                {key: value for key, value in question.items() if key not in private}
                for question in state.questions
            ],
        }

    return routes
