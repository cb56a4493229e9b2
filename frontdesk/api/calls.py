"""A call as its log has it, whole, also after the worker that held it died: the conversation, and
the background work, which can be cancelled."""

import asyncio
from typing import Any

from fastapi import APIRouter, HTTPException
from redis.exceptions import RedisError

from frontdesk.call.delegation import Delegation
from frontdesk.call.worker import Worker
from frontdesk.state.entries import CallState
from frontdesk.state.errors import InOtherRegion, StateError

PATIENCE = 5.0
"""Seconds that a call may take to answer."""


def router(worker: Worker) -> APIRouter:
    """``/api/calls/{id}/conversation`` and ``/api/calls/{id}/delegations``."""
    routes = APIRouter()

    @routes.get("/api/calls/{call_id}/conversation")
    async def conversation(call_id: str) -> dict[str, Any]:
        """All items of the call in order; ``hidden`` ones are the team's own tool calls, and
        ``heard`` is what the caller heard of an answer that was cut."""
        state = await read_call(worker, call_id)
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

    @routes.get("/api/calls/{call_id}/delegations")
    async def delegations(call_id: str) -> dict[str, Any]:
        """The background work of the call, in the order in which it was asked for. Times are unix
        seconds; ``told`` is how the caller got to know of the result, null if not."""
        work = await _work(worker, call_id)
        return {"call_id": call_id, "delegations": [_shown(known) for known in work]}

    @routes.post("/api/calls/{call_id}/delegations/{work_id}/cancel")
    async def cancel(call_id: str, work_id: str) -> dict[str, Any]:
        """Cancel background work. The caller is told, if one is there."""
        found = {known.id: known for known in await _work(worker, call_id)}
        if work_id not in found:
            raise HTTPException(404, f"The call has no background work {work_id!r}.")
        if not await _cancelled(worker, call_id, work_id):
            status = found[work_id].status
            raise HTTPException(409, f"{work_id!r} does not run here: it is {status}.")
        return {"id": work_id, "status": "cancelled"}

    return routes


async def read_call(worker: Worker, call_id: str) -> CallState:
    """The call as it is on record. Raises ``HTTPException`` when it cannot be had, and
    ``InOtherRegion``."""
    try:
        state = await worker.store.load(call_id)
    except ValueError:
        state = None
    except InOtherRegion:
        raise
    except (RedisError, StateError) as error:
        raise HTTPException(503, f"The call cannot be read now: {error}") from error
    if state is None:
        raise HTTPException(404, f"There is no call {call_id!r}.")
    return state


async def _work(worker: Worker, call_id: str) -> list[Delegation]:
    if call := worker.calls.get(call_id):
        return call.background.delegations.all()
    state = await read_call(worker, call_id)
    return [Delegation.stored(fields) for fields in state.delegations.values()]


async def _cancelled(worker: Worker, call_id: str, work_id: str) -> bool:
    """Cancel it where it runs; False when that is not here, or it is over."""
    call = worker.calls.get(call_id)
    if call is None:
        return worker.afterwork.cancel(call_id, work_id)
    try:
        async with asyncio.timeout(PATIENCE):
            return bool((await call.background.cancel(work_id))["cancelled"])
    except TimeoutError:  # it ended in this moment
        return False


def _shown(known: Delegation) -> dict[str, Any]:
    return {**known.entry(), "arguments": known.values}
